"""Read a pickle of plain data and NumPy arrays without running code from it.

A pickle names the functions that build it, so whoever made the file decides what runs. Here a name leads to
nothing but the few builders below, which are ours and check what they are given. Everything else is refused:
dictionaries, lists, tuples, numbers, texts, bytes and None need no name.
"""

import math
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lst.data.exchange.pickle_scan import check_sizes
from lst.facts.shown import shown, shown_value

_PLAIN_DTYPE = re.compile("b1|[iu][1248]|f[248]|U[0-9]+")
_DAMAGE = (
    *(pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError),
    *(OverflowError, ImportError, RecursionError, BufferError),
)
"""What a damaged pickle raises; the documentation of `pickle` leaves the list open."""
_MOST_LETTERS = 10_000
"""In one text of an array: clip ids have 20, and the whole array is as wide as its longest text."""


class _Refused(Exception):
    """The pickle asks for something that is no plain data."""


def load_plain_pickle(path: str | Path) -> Any:
    """Dictionaries, lists, tuples, numbers, texts and arrays of them, as pickled with NumPy 1 or 2.

    The whole content is in memory afterwards; arrays may be read-only.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no pickle, or damaged, or holds anything else (named in the text).
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. Give a pickle.")
    try:
        with path.open("rb") as file:
            check_sizes(file, path.stat().st_size)
            return _PlainUnpickler(file).load()
    except _Refused as error:
        raise ValueError(
            f"{path}: holds {error}, which is refused, because opening such a pickle can run code. Only "
            "dictionaries, lists, numbers, texts and NumPy arrays of numbers are read. If you trust the "
            "file, write it anew with these alone, in the environment that it was made for."
        ) from None
    except _DAMAGE as error:
        text = (
            f"{path}: cannot be read as pickle, perhaps cut short ({shown(error)}); copy or download it again"
        )
        raise ValueError(text) from error
    except MemoryError:
        raise ValueError(
            f"{path}: there is no memory for its content; the file has {path.stat().st_size / 1e6:,.0f} MB. "
            "Close other programs, or import it on a machine with more memory."
        ) from None


class _Dtype:
    """Stands for a pickled `numpy.dtype`, whose own builder trusts what it is given."""

    def __init__(self, code: str, *_: object) -> None:
        if not isinstance(code, str) or not _PLAIN_DTYPE.fullmatch(code):
            raise _Refused(f"a NumPy array or number of type {shown_value(code)}")
        if code[0] == "U" and (len(code) > 6 or int(code[1:]) > _MOST_LETTERS):
            raise ValueError(f"an array of texts of {shown(code[1:], 30)} letters")
        self.numpy = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.numpy = self.numpy.newbyteorder(state[1])


class _Array(np.ndarray):
    """An array under construction; what it is filled with is checked first."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, is_fortran, content = state
        if not isinstance(content, bytes):
            raise _Refused(f"a NumPy array with a {type(content).__name__} in place of its numbers")
        sizes, numpy_dtype = _checked_shape(shape), _checked(dtype)
        if math.prod(sizes) * numpy_dtype.itemsize != len(content):
            raise ValueError(
                f"an array of shape {shown_value(sizes)} and type {numpy_dtype} with {len(content):,} bytes"
            )
        checked: Any = (1, sizes, numpy_dtype, bool(is_fortran), content)
        super().__setstate__(checked)


def _empty_array(*_: object) -> _Array:
    """`_reconstruct`: an array that `__setstate__` fills."""
    return np.ndarray.__new__(_Array, (0,), "b")


def _array(content: bytes, dtype: object, shape: object, order: object, axes: object = None) -> np.ndarray:
    """`_frombuffer` of protocol 5."""
    array = np.frombuffer(content, _checked(dtype))
    if order == "K" and axes is not None:
        return array.reshape(_checked_shape(shape)).transpose(_checked_shape(axes))
    return array.reshape(_checked_shape(shape), order="F" if order == "F" else "C")


def _number(dtype: object, content: bytes) -> Any:
    """`scalar`: one number or text of NumPy."""
    (number,) = np.frombuffer(content, _checked(dtype))
    return number


def _latin1(text: str, encoding: str) -> bytes:
    """`_codecs.encode`, by which protocol 2 writes bytes."""
    if encoding != "latin1":
        raise _Refused(f"a text in the encoding {shown_value(encoding)}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """`bytes`, by which protocol 2 writes the content of an empty array."""
    return b""


def _checked(dtype: object) -> np.dtype:
    if not isinstance(dtype, _Dtype):
        raise _Refused(f"a NumPy array with a {type(dtype).__name__} as its type")
    return dtype.numpy


def _checked_shape(shape: object) -> tuple[int, ...]:
    if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
        raise _Refused(f"a NumPy array of shape {shown_value(shape)}")
    return shape


_NDARRAY = object()
"""`numpy.ndarray` is only handed to `_reconstruct`, so it need not be the class."""

_CORES = ("numpy.core", "numpy._core")  # NumPy 1 and 2
_BUILDERS: dict[tuple[str, str], Callable[..., Any] | object] = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "memmap"): _NDARRAY,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _latin1,
    ("__builtin__", "bytes"): _no_bytes,
    **{(f"{core}.multiarray", "_reconstruct"): _empty_array for core in _CORES},
    **{(f"{core}.multiarray", "scalar"): _number for core in _CORES},
    **{(f"{core}.numeric", "_frombuffer"): _array for core in _CORES},
}


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (builder := _BUILDERS.get((module_name, global_name))) is None:
            raise _Refused(shown(f"{module_name}.{global_name}"))
        return builder

    def persistent_load(self, pid: Any, /) -> Any:
        raise _Refused("a reference to something outside the file")

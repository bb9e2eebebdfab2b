"""Open the arrays of an `.npz` without reading them, if it is uncompressed."""

import math
import tokenize
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from lst.data.store.unpacked import BAD_ZIP, check_unpacked
from lst.facts.shown import shown

_PIECE = 1 << 24
_MOST_RATIO = 100
"""Compressed arrays of clips take a third to a thirtieth of their numbers; zeros alone take a thousandth."""
_BAD_HEADER = (*BAD_ZIP, TypeError, SyntaxError, tokenize.TokenError, RecursionError)
"""What NumPy raises for a damaged header: it goes through Python's own parser."""


def open_npz(path: Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Read-only arrays by name, memory-mapped if the `.npz` is uncompressed, in memory if not.

    Args:
        names: the arrays that are wanted; others are not looked at. All if not given.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no `.npz`, or damaged, or a wanted array holds Python objects or says that it is
            larger than the file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. Give an npz.")
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: _open(path, archive, entry) for name, entry in _entries(archive, names).items()}
    except (*_BAD_HEADER, MemoryError) as error:
        raise _damaged(path, error) from error


def num_pieces(path: Path, names: Sequence[str] | None = None) -> int:
    """How many pieces `check_npz` reads."""
    with zipfile.ZipFile(path) as archive:
        return sum(-(-entry.file_size // _PIECE) for entry in _entries(archive, names).values())


def check_npz(path: Path, names: Sequence[str] | None = None) -> Iterator[None]:
    """Read the arrays piece by piece and compare them with their checksums; a mapped array is not compared.

    Raises:
        ValueError: it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in _entries(archive, names).values():
                with archive.open(entry) as file:
                    while file.read(_PIECE):  # raises an error at the end of an entry that was changed
                        yield
    except BAD_ZIP as error:
        raise _damaged(path, error) from error


def _entries(archive: zipfile.ZipFile, names: Sequence[str] | None) -> dict[str, zipfile.ZipInfo]:
    found = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
    return {name: entry for name, entry in found.items() if names is None or name in names}


def _damaged(path: Path, error: BaseException) -> ValueError:
    text = shown(error, 300) or "there is no memory for it"
    return ValueError(f"{path}: cannot be read as npz, perhaps cut short ({text}); copy or download it again")


def _open(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    name = shown(entry.filename)
    with archive.open(entry) as file:
        shape, is_fortran, dtype = _header(file)
        if dtype.hasobject:
            raise ValueError(f"{name} holds Python objects, which are not read")
        size = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or file.tell() + size != entry.file_size:
            raise ValueError(
                f"{name} says it is {dtype} {shown(shape)}, {size:,} bytes, but "
                f"{entry.file_size - file.tell():,} follow"
            )
        if entry.compress_type == zipfile.ZIP_STORED and size:
            offset = _data_start(path, entry) + file.tell()
            if offset + size > path.stat().st_size:
                raise ValueError(f"{name} goes beyond the end of the file")
            return np.memmap(path, dtype, "r", offset, shape, "F" if is_fortran else "C")
        check_unpacked(size, entry.compress_size, _MOST_RATIO)
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether the first axis runs fastest, and type; of forms 1.0 and 2.0, as NumPy writes numbers."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(file)
    raise ValueError(f"an array in form {version[0]}.{version[1]} of NumPy, which numbers do not need")


def _data_start(path: Path, entry: zipfile.ZipInfo) -> int:
    """Behind the entry's own header: 30 bytes, a name and extras, whose lengths stand in bytes 26 to 29."""
    with path.open("rb") as file:
        file.seek(entry.header_offset + 26)
        name, extra = (int.from_bytes(file.read(2), "little") for _ in range(2))
    return entry.header_offset + 30 + name + extra

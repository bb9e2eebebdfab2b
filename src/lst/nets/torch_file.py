"""Read the tensors of a file of `torch.save` without running code from it, and without trusting what it says.

torch's own reader does not compare the checksums in the file, so a flipped bit becomes another network, and
it takes the sizes in the pickle for true. Here every byte is checked against its checksum and every tensor
against the bytes that are there. What is no tensor (an optimizer, a configuration) is passed over.
"""

import math
import pickle
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lst.data.exchange.pickle_scan import check_sizes
from lst.facts.shown import shown, shown_value
from lst.nets.foreign_kind import LEGACY, is_zip, refusal

__all__ = ["Foreign", "Odd", "read_torch_file"]

_AGAIN = "copy or download it again"
_PIECE = 1 << 20


@dataclass(frozen=True)
class Odd:
    """A tensor that holds no plain numbers."""

    kind: str


class Foreign:
    """Stands for an object of any class. It takes what the pickle hands it and does nothing."""

    origin = ""

    def __new__(cls, *_: object, **__: object) -> "Foreign":
        return object.__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        self.state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def append(self, value: object) -> None:
        pass

    def extend(self, values: object) -> None:
        pass


def read_torch_file(path: Path) -> Any:
    """What was saved: dictionaries, lists and numbers with `Tensor`s; `Odd` and `Foreign` for all else.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: `torch.save` did not write it, or it is damaged, or its sizes contradict each other.
    """
    if not path.is_file():
        what = "is a folder; give the .pt file inside" if path.is_dir() else "no such checkpoint"
        raise FileNotFoundError(f"{path}: {what}")
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(LEGACY):
        return _read_legacy(path)
    if not is_zip(head):
        raise refusal(path, head)
    try:
        with zipfile.ZipFile(path) as archive:
            pickles = [name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl"]
            if not pickles:
                raise refusal(path, head)
            root = pickles[0].removesuffix("data.pkl")
            _check_entries(path, archive, root)
            return _load(path, archive, root)
    except (ValueError, MemoryError) as error:
        if str(error).startswith(str(path)):
            raise
        raise ValueError(f"{path}: damaged ({shown(error) or 'no memory for it'}); {_AGAIN}") from error
    except Exception as error:  # zipfile and pickle raise many kinds for a damaged file
        text = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path}: damaged or cut short ({shown(text)}); {_AGAIN}") from error


def _read_legacy(path: Path) -> Any:
    """The form without checksums; torch compares the sizes itself."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a foreign or damaged file
        # Its text advises to switch the safety off, so it is not shown.
        raise ValueError(
            f"{path}: an old torch file (before 1.6) that is damaged or holds more than tensors "
            f"({type(error).__name__}). Save `model.state_dict()` alone with torch.save and import that."
        ) from None


def _check_entries(path: Path, archive: zipfile.ZipFile, root: str) -> None:
    """torch stores its entries as they are, each once; every byte of them fits its checksum."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if f"{root}constants.pkl" in names or any(name.startswith(f"{root}code/") for name in names):
        raise ValueError(
            f"{path}: is a program of TorchScript, not a state dict; save `model.state_dict()` instead"
        )
    if len(set(names)) < len(names) or sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise ValueError(f"{path}: damaged (its entries overlap, or one is there twice); {_AGAIN}")
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED:
            raise ValueError(
                f"{path}: its entry {shown(entry.filename)} is compressed, which torch.save does not do; "
                "it was packed by another program or is damaged"
            )
        with archive.open(entry) as file:
            while file.read(_PIECE):  # raises an error at the end of an entry that was changed
                pass
    if f"{root}byteorder" in names and archive.read(f"{root}byteorder") != b"little":
        raise ValueError(f"{path}: was saved on a big-endian machine, whose numbers are not read here")


def _load(path: Path, archive: zipfile.ZipFile, root: str) -> Any:
    content = archive.read(f"{root}data.pkl")
    check_sizes(BytesIO(content), len(content))
    return _Unpickler(BytesIO(content), archive, root).load()


@dataclass(frozen=True, eq=False)
class _Storage:
    numbers: Tensor
    """1-D."""


_DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


def _tensor(storage: object, offset: object, size: object, stride: object, *_: object) -> Tensor | Odd:
    """`torch._utils._rebuild_tensor_v2`, with a look at whether the numbers are there."""
    if isinstance(storage, Odd):
        return storage
    numbers = [offset, *size, *stride] if isinstance(size, tuple) and isinstance(stride, tuple) else [None]
    if not isinstance(storage, _Storage) or not all(type(x) is int and x >= 0 for x in numbers):
        raise ValueError("a tensor is described in another way than torch does")
    assert isinstance(size, tuple)
    assert isinstance(stride, tuple)
    assert isinstance(offset, int)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    held = storage.numbers.numel()
    if math.prod(size) > held or (math.prod(size) and last >= held):
        raise ValueError(f"a tensor of shape {shown_value(size)} in a storage of {held:,} numbers")
    return storage.numbers.as_strided(size, stride, offset) if math.prod(size) else torch.zeros(size)


def _parameter(tensor: object, *_: object) -> object:
    """`torch._utils._rebuild_parameter`."""
    return tensor if isinstance(tensor, Tensor | Odd) else Odd("foreign")


def _ordered(*_: object) -> OrderedDict[Any, Any]:
    return OrderedDict()


_BUILDERS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): _ordered,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _parameter,
    ("torch._utils", "_rebuild_sparse_tensor"): lambda *_: Odd("sparse"),
    ("torch._utils", "_rebuild_meta_tensor_no_storage"): lambda *_: Odd("meta"),
    ("torch._utils", "_rebuild_qtensor"): lambda *_: Odd("quantised"),
    ("torch._utils", "_rebuild_nested_tensor"): lambda *_: Odd("nested"),
    ("torch._utils", "_rebuild_tensor_v3"): lambda *_: Odd("foreign"),
    ("torch._utils", "_rebuild_wrapper_subclass"): lambda *_: Odd("foreign"),
    ("torch._tensor", "_rebuild_from_type_v2"): lambda *_: Odd("foreign"),
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BytesIO, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(file, encoding="utf-8")
        self._archive, self._root = archive, root
        self._storages: dict[str, _Storage | Odd] = {}

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (builder := _BUILDERS.get((module_name, global_name))) is not None:
            return builder
        return type("ForeignOne", (Foreign,), {"origin": f"{module_name}.{global_name}"})

    def persistent_load(self, pid: Any, /) -> _Storage | Odd:
        """("storage", type, key, place, number of its numbers) -> the numbers."""
        if not isinstance(pid, tuple) or len(pid) != 5 or pid[0] != "storage":
            raise ValueError(f"refers to {shown_value(pid)}, which torch.save does not")
        _, kind, key, _, count = pid
        name = getattr(kind, "origin", "").rpartition(".")[2]
        if not isinstance(key, str) or type(count) is not int:
            raise ValueError(f"refers to the storage {shown_value(key)} of {shown_value(count)} numbers")
        if name not in _DTYPES:
            return Odd("complex" if "Complex" in name else "quantised" if name.startswith("Q") else "foreign")
        if key not in self._storages:
            self._storages[key] = _Storage(self._numbers(key, _DTYPES[name], count))
        return self._storages[key]

    def _numbers(self, key: str, dtype: torch.dtype, count: int) -> Tensor:
        content = bytearray(self._archive.read(f"{self._root}data/{key}"))
        if count * dtype.itemsize != len(content):
            raise ValueError(
                f"storage {shown(key)} has {len(content):,} bytes for {shown_value(count)} numbers of "
                f"{dtype.itemsize} bytes"
            )
        return torch.frombuffer(content, dtype=dtype) if content else torch.zeros(0, dtype=dtype)

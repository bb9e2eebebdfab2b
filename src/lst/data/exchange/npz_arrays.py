"""Open the arrays of an `.npz` without reading them, if it is uncompressed."""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from tokenize import TokenError

import numpy as np

_PIECE = 1 << 24
_READ_ERRORS = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, TokenError)


def open_npz(path: Path) -> dict[str, np.ndarray]:
    """Read-only arrays by name, memory-mapped if the `.npz` is uncompressed, in memory if not.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no `.npz`, or damaged, or holds Python objects.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. Give an npz.")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            return {entry.filename.removesuffix(".npy"): _open(path, archive, entry) for entry in entries}
    except _READ_ERRORS as error:
        raise _damaged(path, error) from error


def num_pieces(path: Path) -> int:
    """How many pieces `check_npz` reads."""
    with zipfile.ZipFile(path) as archive:
        return sum(-(-entry.file_size // _PIECE) for entry in archive.infolist())


def check_npz(path: Path) -> Iterator[None]:
    """Read all arrays piece by piece and compare them with their checksums; a mapped array is not compared.

    Raises:
        ValueError: it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as file:
                    while file.read(_PIECE):  # raises an error at the end of an entry that was changed
                        yield
    except _READ_ERRORS as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(
        f"{path}: cannot be read as npz, perhaps cut short ({error}); copy or download it again"
    )


def _open(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(entry) as file:
        if entry.compress_type != zipfile.ZIP_STORED or np.lib.format.read_magic(file) != (1, 0):
            file.seek(0)
            return np.lib.format.read_array(file, allow_pickle=False)
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
        if dtype.hasobject or 0 in shape:  # nothing to map, or an error that `read_array` knows to tell
            file.seek(0)
            return np.lib.format.read_array(file, allow_pickle=False)
        offset = _data_start(path, entry) + file.tell()
    return np.memmap(path, dtype, "r", offset, shape, "F" if is_fortran else "C")


def _data_start(path: Path, entry: zipfile.ZipInfo) -> int:
    """Behind the entry's own header: 30 bytes, a name and extras, whose lengths stand in bytes 26 to 29."""
    with path.open("rb") as file:
        file.seek(entry.header_offset + 26)
        name, extra = (int.from_bytes(file.read(2), "little") for _ in range(2))
    return entry.header_offset + 30 + name + extra

"""How large a file of somebody else may become in memory, and what a damaged zip raises."""

import os
import struct
import zipfile
import zlib

__all__ = ["BAD_ZIP", "DEFAULT_MB", "VARIABLE", "check_unpacked", "read_entry"]

VARIABLE = "LST_MAX_UNPACKED_MB"
"""Environment variable that replaces `DEFAULT_MB`."""
DEFAULT_MB = 256
"""A clip of NTU RGB+D has about 0.3 MB of text, one of 300 frames with six bodies 7 MB; of NW-UCLA 0.1 MB."""

BAD_ZIP = (
    *(zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, ValueError, OSError, EOFError),
    *(OverflowError, IndexError, KeyError),
)
"""RuntimeError: a password, or (as NotImplementedError) a method that zipfile does not know."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def check_unpacked(size: int, packed: int = 0, ratio: int = 0) -> None:
    """Raise a ValueError for a file that takes more memory than any real one.

    Args:
        size: bytes that it takes.
        packed: bytes in the zip; `ratio` times as many are allowed too, for arrays that are large by nature.
    """
    most = _most_megabytes()
    if size > max(most * 1e6, packed * ratio):
        raise ValueError(
            f"has {size / 1e6:,.0f} MB unpacked, more than the {most:,.0f} MB that a real one stays below. "
            f"If it is real, set {VARIABLE}={size // 1_000_000 + 1}"
        )


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The content of a file in a zip. No more is unpacked than the entry says, and that is checked first.

    Raises:
        ValueError: it is too large, or packed by another method than deflate.
        zipfile.BadZipFile and the others of `BAD_ZIP`: it is damaged.
    """
    check_unpacked(entry.file_size)
    if entry.compress_type not in _METHODS:  # their readers unpack without a bound
        raise ValueError(f"is packed by method {entry.compress_type} of zip; pack it again by deflate")
    with archive.open(entry) as file:
        # Told how much, zipfile unpacks no more at a time; `read()` would unpack what the entry hides.
        return file.read(entry.file_size + 1)


def _most_megabytes() -> float:
    text = os.environ.get(VARIABLE, "")
    if not text:
        return DEFAULT_MB
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"{VARIABLE}={text!r}: expected a whole number of megabytes, such as {DEFAULT_MB}")
    return int(text)

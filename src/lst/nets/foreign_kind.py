"""What a file is that was given as a checkpoint and is none, by how it begins."""

import zipfile
from pathlib import Path

from lst.data.store.unpacked import BAD_ZIP
from lst.facts.shown import printable, shown

__all__ = ["LEGACY", "is_zip", "refusal"]

LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How torch.save began before version 1.6: a pickle of a number that says so."""
_AGAIN = "download it again, and look at what the address gives in a browser"
_UNPACK = "unpack it, and give the .pt file inside"
_STARTS: tuple[tuple[bytes, str, str], ...] = (
    (b"version https://git-lfs", "it is a pointer of Git LFS, not the file itself", "run `git lfs pull`"),
    (b"\x1f\x8b", "it is compressed by gzip", _UNPACK),
    (b"BZh", "it is compressed by bzip2", _UNPACK),
    (b"\xfd7zXZ\x00", "it is compressed by xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "it is compressed by zstd", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "it is a 7z archive", _UNPACK),
    (b"Rar!", "it is a rar archive", _UNPACK),
    (b"\x89HDF", "it is an HDF5 file, as Keras writes it", "give the checkpoint of the PyTorch code"),
    (b"\x93NUMPY", "it is an array of NumPy (.npy)", "give the .pt file of the network"),
    (b"%PDF", "it is a PDF", _AGAIN),
    (b"\x89PNG", "it is a picture (PNG)", _AGAIN),
    (b"\xff\xd8\xff", "it is a picture (JPEG)", _AGAIN),
    (b"\x7fELF", "it is a program", _AGAIN),
    (b"\x80", "it is a pickle that torch.save did not write", "save `model.state_dict()` with torch.save"),
)


def is_zip(head: bytes) -> bool:
    """Whether a file begins like a zip, which torch.save writes since version 1.6."""
    return head.startswith(b"PK\x03\x04")


def refusal(path: Path, head: bytes) -> ValueError:
    """The error for a file with these first bytes (512 are enough) that torch.save did not write."""
    what, then = _what_it_is(path, head)
    return ValueError(f"{path}: not a torch file: {what}; {then}")


def _what_it_is(path: Path, head: bytes) -> tuple[str, str]:
    """What it is, and what to do."""
    if not head:
        return "it is empty", "copy or download it again"
    if is_zip(head) or head.startswith(b"PK\x05\x06"):
        return f"it is a zip of something else{_first_entry(path)}", _UNPACK
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:15].lower().startswith((b"<!doctype", b"<html", b"<head", b"<script")):
        return "it starts like HTML, so it is a web page that was saved under this name", _AGAIN
    for start, what, then in _STARTS:
        if head.startswith(start):
            return what, then
    if head[257:262] == b"ustar":
        return "it is a tar archive", _UNPACK
    if _is_safetensors(path, head):
        return "it is a safetensors file", "load it there and save `model.state_dict()` with torch.save"
    first = text.split(b"\n", 1)[0][:60]
    if text and all(byte >= 32 or byte in b"\t\r\n" for byte in head):
        return f"it starts like text: {printable(repr(first.decode('utf-8', 'replace')))}", _AGAIN
    return f"it starts with the bytes {head[:8].hex(' ')}, which no torch.save writes", _AGAIN


def _first_entry(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except BAD_ZIP as error:
        return f" or cut short ({type(error).__name__})"
    return f", with {len(names):,} entries such as {shown(names[0])}" if names else ", and empty"


def _is_safetensors(path: Path, head: bytes) -> bool:
    """A length of 8 bytes, then JSON of that length."""
    return 8 + int.from_bytes(head[:8], "little") <= path.stat().st_size and head[8:9] == b"{"

"""Which format a file has, by looking at its first bytes and keys, and the reader for it."""

import zipfile
from collections.abc import Callable
from typing import Any

from lst.data.own.options import ReadOptions
from lst.data.own.read_arrays import read_npy, read_npz
from lst.data.own.read_azure import read_azure
from lst.data.own.read_bvh import read_bvh
from lst.data.own.read_image_lists import read_alphapose, read_coco
from lst.data.own.read_kinect_text import NUM_JOINTS, read_msr, read_utkinect
from lst.data.own.read_mat import read_mat
from lst.data.own.read_mediapipe import IMAGE, WORLD, read_mediapipe
from lst.data.own.read_mmpose import read_mmpose
from lst.data.own.read_ntu import read_ntu
from lst.data.own.read_openpose import read_openpose
from lst.data.own.read_parquet import read_parquet
from lst.data.own.read_pyskl import read_pyskl
from lst.data.own.read_tables import read_csv
from lst.data.own.recording import ReadError, Recording
from lst.data.own.source import Source, text_of
from lst.facts.choices import choose

Reader = Callable[[Source, ReadOptions], list[Recording]]

FORMATS: dict[str, Reader] = {
    "npy": read_npy,
    "npz": read_npz,
    "csv": read_csv,
    "parquet": read_parquet,
    "openpose": read_openpose,
    "alphapose": read_alphapose,
    "mmpose": read_mmpose,
    "mediapipe": read_mediapipe,
    "azure": read_azure,
    "coco": read_coco,
    "pyskl": read_pyskl,
    "utkinect": read_utkinect,
    "msr": read_msr,
    "mat": read_mat,
    "bvh": read_bvh,
    "ntu": read_ntu,
}
_MAGIC = (
    (b"\x93NUMPY", "npy"),
    (b"PAR1", "parquet"),
    (b"MATLAB ", "mat"),
    (b"\x89HDF", "mat"),
    (b"HIERARCHY", "bvh"),
)
_NOT_READ = (
    ((b"\x89PNG", b"\xff\xd8\xff", b"GIF8"), "a picture: run a pose detector first and give its results"),
    ((b"\x1aE\xdf\xa3", b"RIFF"), "a video: run a pose detector first and give its results"),
    ((b"%PDF",), "a PDF"),
    ((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf"), "a compressed file: unpack it first"),
    ((b"c3d", b"\x02P", b"\x03P"), "C3D: markers, no joints; export BVH or csv of joints"),
)
_POSE_SUFFIX = "a binary .pose file, which is not read; export its points as npz or csv"


def read_source(source: Source, options: ReadOptions) -> list[Recording]:
    """The recordings in a file.

    Raises:
        ReadError: it cannot be used; says why and, if its format was forced, what it looks like.
        ValueError: `options.format` is no format.
    """
    if options.format is None:
        return FORMATS[find_format(source)](source, options)
    reader = choose("format", options.format, FORMATS)
    try:
        return reader(source, options)
    except (ReadError, AttributeError, KeyError, TypeError, IndexError) as error:
        raise ReadError(
            f"is no {options.format} ({_told(error)}); it looks like {looks_like(source)}",
            getattr(error, "line", None),
        ) from None


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, ReadError) else f"{type(error).__name__}: {error}"


def looks_like(source: Source) -> str:
    """For messages."""
    try:
        return find_format(source)
    except ReadError as error:
        return f"nothing known: {error}"


def find_format(source: Source) -> str:
    """Key of FORMATS.

    Raises:
        ReadError: it is none of them; says what it looks like.
    """
    head = source.head
    if not head.strip():
        raise ReadError("is empty")
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head.startswith(b"PK\x03\x04"):
        return _zipped(source)
    if source.suffix in (".pkl", ".pickle") or (head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05"):
        return "pyskl"
    for magics, what in _NOT_READ:
        if head.startswith(magics) or head[4:8] == b"ftyp":
            raise ReadError(
                f"looks like {what if head[4:8] != b'ftyp' else 'a video: run a pose detector first'}"
            )
    if source.suffix == ".pose":
        raise ReadError(f"looks like {_POSE_SUFFIX}")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        return _json_format(source.json)
    return _text_format(source)


def _zipped(source: Source) -> str:
    try:
        with zipfile.ZipFile(source.path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError) as error:
        raise ReadError(f"cannot be read as zip or npz, perhaps cut short ({error})") from None
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    what = (
        "an Excel file: save the sheet as csv" if "[Content_Types].xml" in names else "a zip: unpack it first"
    )
    raise ReadError(f"looks like {what}")


def _json_format(content: Any) -> str:
    first = content[0] if isinstance(content, list) and content else {}
    entry = first if isinstance(first, dict) else {}
    keys = set(content) if isinstance(content, dict) else set()
    if "people" in keys:
        return "openpose"
    if "instance_info" in keys or "instances" in entry:
        return "mmpose"
    if "annotations" in keys and "images" in keys:
        return "coco"
    if {"image_id", "keypoints"} <= set(entry):
        return "alphapose"
    frames = content.get("frames") if isinstance(content, dict) else None
    frame = frames[0] if isinstance(frames, list) and frames and isinstance(frames[0], dict) else {}
    if "joint_names" in keys or "bodies" in frame:
        return "azure"
    if {*WORLD, *IMAGE} & (keys | set(entry) | set(frame)):
        return "mediapipe"
    known = ", ".join(sorted(map(str, keys or set(entry)))[:8]) or "no keys"
    raise ReadError(f"is JSON of no known kind ({known})")


def _text_format(source: Source) -> str:
    head = source.head[: source.head.rfind(b"\n") + 1] or source.head
    lines = [line.split() for line in text_of(head).split("\n") if line.strip()]
    if source.suffix == ".skeleton" or (len(lines) > 3 and [len(x) for x in lines[:4]] == [1, 1, 10, 1]):
        return "ntu"
    if all(_are_numbers(words) for words in lines[:5]):
        widths = {len(words) for words in lines[:5]}
        if widths == {1 + 3 * NUM_JOINTS}:
            return "utkinect"
        if widths <= {3, 4} and len(widths) == 1 and "," not in "".join(lines[0]):
            return "msr"
    if any(sign in line for line in text_of(head).split("\n")[:1] for sign in ",;\t"):
        return "csv"
    raise ReadError(f"is text of no known kind; it begins with {' '.join(lines[0])[:60]!r}")


def _are_numbers(words: list[str]) -> bool:
    try:
        return all(float(word) is not None for word in words)
    except ValueError:
        return False

"""The four files of a store on disk: write them, read them back and check that they fit together.

joints.npy    float32 (rows, V, C); a clip is persons * frames rows: person 0's frames, then person 1's
clips.csv     clip_id,label,frames,persons,offset,<attributes...>; offset is the first of these rows
manifest.json what the folder is, where it comes from, what was found in it, its classes and protocols
problems.csv  file,line,problem of the raw files that were left out

Letters: N clips, M persons, T frames, V joints, C channels. Callers use `lst.data.store.clip_store`.
"""

import csv
import logging
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lst.data.store.manifest import AGAIN, CHECKSUMS, MANIFEST, file_checksum
from lst.facts.shown import shown, shown_json
from lst.files.typed_csv import read_table, whole_number

JOINTS, CLIPS, PROBLEMS = "joints.npy", "clips.csv", "problems.csv"
ALL_FILES = frozenset({JOINTS, CLIPS, MANIFEST, PROBLEMS})
COLUMNS = ("clip_id", "label", "frames", "persons", "offset")
_RANGES = {"label": (0, 10**6), "frames": (1, 10**7), "persons": (1, 1000), "offset": (0, 10**12)}
"""Of the columns; an attribute has any 15 digits."""
_ANY = (-(10**15), 10**15)
_CHUNK = 1 << 24
_PROBLEM_COLUMNS = ["file", "line", "problem"]
_LONGEST_CELL = 2000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Problem:
    """A raw file (`file` as named in its folder or zip) that could not be used, and why."""

    file: str
    line: int | None
    problem: str


@dataclass(frozen=True, eq=False)
class StoredClip:
    """One clip on its way into a store."""

    clip_id: str
    label: int
    """0-based class index."""
    joints_MTVC: np.ndarray
    """(M, T, V, C); kept as float32."""
    attributes: Mapping[str, int | str]
    """What else is known, such as subject and view: the same names for all clips of a store."""


@dataclass(frozen=True)
class ClipLine:
    """A line of clips.csv."""

    clip_id: str
    label: int
    frames: int
    persons: int
    offset: int
    attributes: dict[str, int | str]


def write_joints(
    path: Path,
    clips: Iterable[StoredClip],
    num_joints: int,
    look: Callable[[str, np.ndarray], None],
    num_classes: int | None = None,
) -> tuple[list[ClipLine], int, str]:
    """Write the blocks one after the other -> the lines of clips.csv, the number of channels, the checksum.

    `look` sees each clip id with the joints as they are written. `num_classes` None = not known.

    Raises:
        ValueError: no clip, a clip id twice, joints or a label that do not fit, other attributes than the
            first clip.
    """
    lines: dict[str, ClipLine] = {}
    rows, data_start, first, crc = 0, 0, None, 0
    with path.open("wb") as file:
        for clip in clips:
            if clip.clip_id in lines:
                raise ValueError(f"clip {clip.clip_id!r} comes twice; every clip needs an id of its own")
            _check_clip(clip, first or clip, num_joints, num_classes)
            if first is None:
                first = clip
                data_start = _write_header(file, 0, first.joints_MTVC.shape)
            persons, frames = clip.joints_MTVC.shape[:2]
            joints_MTVC = np.ascontiguousarray(clip.joints_MTVC, dtype="<f4")
            file.write(joints_MTVC.data)
            crc = zlib.crc32(joints_MTVC.data, crc)
            look(clip.clip_id, joints_MTVC)
            lines[clip.clip_id] = ClipLine(
                clip.clip_id, clip.label, frames, persons, rows, dict(clip.attributes)
            )
            rows += persons * frames
        if first is None:
            raise ValueError("there is no clip to store")
        header_end = _write_header(file, rows, first.joints_MTVC.shape)
        assert header_end == data_start, "NumPy leaves room in the header for the first axis to grow"
    return list(lines.values()), first.joints_MTVC.shape[-1], f"{crc:08x}"


def _write_header(file: BinaryIO, rows: int, shape: tuple[int, ...]) -> int:
    """Write or rewrite the header (the number of rows is known only at the end) -> where it ends."""
    file.seek(0)
    np.lib.format.write_array_header_1_0(
        file, {"descr": "<f4", "fortran_order": False, "shape": (rows, *shape[2:])}
    )
    return file.tell()


def _check_clip(clip: StoredClip, first: StoredClip, num_joints: int, num_classes: int | None) -> None:
    shape, first_shape = clip.joints_MTVC.shape, first.joints_MTVC.shape
    if len(shape) != 4 or shape[2:] != (num_joints, first_shape[-1]) or 0 in shape:
        channels = first_shape[-1] if len(first_shape) == 4 else "channels"
        raise ValueError(
            f"clip {clip.clip_id!r}: expected joints of shape (persons, frames, {num_joints}, {channels}), "
            f"none of them 0, got {shape}"
        )
    if clip.label < 0 or (num_classes is not None and clip.label >= num_classes):
        upper = "on" if num_classes is None else f"to {num_classes - 1}, one of the {num_classes} classes"
        raise ValueError(f"clip {clip.clip_id!r}: expected a label from 0 {upper}, got {clip.label}")
    if clip.attributes.keys() != first.attributes.keys() or clip.attributes.keys() & set(COLUMNS):
        raise ValueError(
            f"clip {clip.clip_id!r}: has the attributes {list(clip.attributes)}; expected "
            f"{list(first.attributes)} as in the first clip, and none called {', '.join(COLUMNS)}"
        )


def write_clips(path: Path, lines: Sequence[ClipLine]) -> None:
    names = list(lines[0].attributes)
    rows = [
        [x.clip_id, x.label, x.frames, x.persons, x.offset, *(x.attributes[name] for name in names)]
        for x in lines
    ]
    _write_csv(path, [*COLUMNS, *names], rows)


def text_attributes(lines: Sequence[ClipLine]) -> list[str]:
    """The attributes that are not whole numbers for every clip."""
    return [
        name
        for name in lines[0].attributes
        if not all(isinstance(line.attributes[name], int | np.integer) for line in lines)
    ]


def write_problems(path: Path, problems: Iterable[Problem]) -> None:
    rows = [[_cell(p.file), p.line, _cell(p.problem)] for p in problems]
    _write_csv(path, _PROBLEM_COLUMNS, rows)


def _cell(text: str) -> str:
    """Names from a zip may hold anything; people look at this file on a terminal."""
    return shown(text, _LONGEST_CELL)


def _write_csv(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    # Some file names are not Unicode; they must not stop the run.
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def read_problems(path: Path) -> list[Problem]:
    """The lines of problems.csv."""
    header, rows = read_table(path, AGAIN)
    if header != _PROBLEM_COLUMNS:
        raise ValueError(f"{path}:1: expected the columns {','.join(_PROBLEM_COLUMNS)}. {AGAIN}")
    return [
        Problem(
            file, whole_number(line, f"{path}: {file}", AGAIN, low=0, high=10**12) if line else None, text
        )
        for file, line, text in rows
    ]


def read_clips(path: Path, manifest: dict[str, Any]) -> tuple[list[str], np.ndarray, dict[str, np.ndarray]]:
    """Clip ids, int64 (columns after the first, clips), and the attributes: int64 or text, one per clip."""
    if not path.is_file():
        raise ValueError(f"{path}: missing. {AGAIN}")
    header, rows = read_table(path, AGAIN)
    expected = [*COLUMNS, *manifest["attributes"]]
    if header != expected:
        raise ValueError(
            f"{path}:1: expected the columns {','.join(expected)}, "
            f"got {shown_json(','.join(header))}. {AGAIN}"
        )
    if len(rows) != manifest["clips"]:
        raise ValueError(f"{path}: {len(rows)} clips, but {MANIFEST} says {manifest['clips']}. {AGAIN}")
    _warn_if_changed(path, manifest)
    columns = [_column(path, name, i, rows, manifest) for i, name in enumerate(header)]
    ids = columns[0]
    if len(set(ids)) != len(ids):
        raise ValueError(f"{path}: a clip id stands there more than once. {AGAIN}")
    numbers = np.array(columns[1 : len(COLUMNS)], dtype=np.int64)
    attributes = {
        name: np.array(column, dtype=str if name in manifest["text_attributes"] else np.int64)
        for name, column in zip(manifest["attributes"], columns[len(COLUMNS) :], strict=True)
    }
    return ids, numbers, attributes


def _column(path: Path, name: str, i: int, rows: list[list[str]], manifest: dict[str, Any]) -> list[Any]:
    """A column of clips.csv: text, or whole numbers in their range."""
    cells = [row[i] for row in rows]
    if i == 0 or name in manifest["text_attributes"]:
        return cells
    low, high = _RANGES.get(name, _ANY) if i < len(COLUMNS) else _ANY
    return [
        whole_number(cell, f"{path}: clip {shown_json(row[0])}, {name}", AGAIN, low=low, high=high)
        for cell, row in zip(cells, rows, strict=True)
    ]


def _warn_if_changed(path: Path, manifest: dict[str, Any]) -> None:
    written = manifest[CHECKSUMS].get(path.name)
    if written is not None and file_checksum(path) != written:
        logger.warning(
            "%s: was changed after lst wrote it, or is damaged (its checksum in %s does not match). What it "
            "says is used as it stands.",
            path,
            MANIFEST,
        )


def map_joints(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    if not path.is_file():
        raise ValueError(f"{path}: missing. {AGAIN}")
    try:
        joints = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path}: cannot be read, perhaps cut short ({error}). {AGAIN}") from error
    if joints.shape != shape or joints.dtype != np.float32:
        raise ValueError(f"{path}: expected float32 {shape}, got {joints.dtype} {joints.shape}. {AGAIN}")
    return joints


def check_blocks(path: Path, rows_N: np.ndarray, offsets_N: np.ndarray, rows: int) -> None:
    ends_N = np.cumsum(rows_N)
    if (rows_N < 1).any() or (offsets_N != ends_N - rows_N).any() or ends_N[-1:].sum() != rows:
        raise ValueError(f"{path}: the clips do not fill {JOINTS} ({rows} rows) without gaps. {AGAIN}")


def check_joints(path: Path, joints: np.ndarray, written: str) -> None:
    """Compare the numbers with the CRC-32 of what was written; about a second for every GB."""
    crc, flat = 0, joints.reshape(-1)
    for start in range(0, len(flat), _CHUNK):
        crc = zlib.crc32(np.ascontiguousarray(flat[start : start + _CHUNK]).data, crc)
    if f"{crc:08x}" != written:
        raise ValueError(f"{path}: holds other numbers than were written (checksum {written}). {AGAIN}")


@contextmanager
def names_file(path: Path) -> Iterator[None]:
    """Errors of clip ids say where these stand."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error

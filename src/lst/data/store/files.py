"""The four files of a store on disk: write them, read them back and check that they fit together.

joints.npy    float32 (rows, V, C); a clip is persons * frames rows: person 0's frames, then person 1's
clips.csv     clip_id,label,frames,persons,offset,<attributes...>; offset is the first of these rows
manifest.json what the folder is, where it comes from, what was found in it, its classes and protocols
problems.csv  file,line,problem of the raw files that were left out

Letters: N clips, M persons, T frames, V joints, C channels. Callers use `lst.data.store.clip_store`.
"""

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lst.files import is_unfinished

FORMAT = "lst-store"
VERSION = 2
OLDEST = 1
"""Stores of version 1 knew published data sets only, whose classes and protocols `lst.facts` has."""
JOINTS, CLIPS, MANIFEST, PROBLEMS = "joints.npy", "clips.csv", "manifest.json", "problems.csv"
ALL_FILES = frozenset({JOINTS, CLIPS, MANIFEST, PROBLEMS})
MADE_UP = "made_up_ids_for"
"""Entry in the source of a store whose clips came without names: the benchmarks for which names were made."""
COLUMNS = ("clip_id", "label", "frames", "persons", "offset")
_MANIFEST_KEYS = frozenset(
    {"dataset", "layout", "channels", "clips", "rows"}
    | {"source", "created_by", "attributes", "problems", "defects"}
)
_NEW_KEYS: Mapping[str, Any] = {"text_attributes": [], "benchmark": None, "coordinates": None}
"""What version 2 has beside these, and what stands for it in a store of version 1."""
_AGAIN = "The store is damaged: run `lst prepare` again."


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
) -> tuple[list[ClipLine], int]:
    """Write the blocks one after the other -> the lines of clips.csv and the number of channels.

    `look` sees each clip id with the joints as they are written. `num_classes` None = not known.

    Raises:
        ValueError: no clip, a clip id twice, joints or a label that do not fit, other attributes than the
            first clip.
    """
    lines: dict[str, ClipLine] = {}
    rows, data_start, first = 0, 0, None
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
            look(clip.clip_id, joints_MTVC)
            lines[clip.clip_id] = ClipLine(
                clip.clip_id, clip.label, frames, persons, rows, dict(clip.attributes)
            )
            rows += persons * frames
        if first is None:
            raise ValueError("there is no clip to store")
        header_end = _write_header(file, rows, first.joints_MTVC.shape)
        assert header_end == data_start, "NumPy leaves room in the header for the first axis to grow"
    return list(lines.values()), first.joints_MTVC.shape[-1]


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
    _write_csv(path, ["file", "line", "problem"], [[p.file, p.line, p.problem] for p in problems])


def _write_csv(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    # Some file names are not Unicode; they must not stop the run.
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    assert manifest.keys() == _MANIFEST_KEYS | _NEW_KEYS.keys()
    content = {"format": FORMAT, "version": VERSION, **manifest}
    text = json.dumps(content, indent=1, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def read_problems(path: Path) -> list[Problem]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [Problem(row["file"], int(row["line"]) if row["line"] else None, row["problem"]) for row in rows]


def read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder. Make the store first with `lst prepare`.")
    if is_unfinished(folder):
        raise ValueError(f"{folder}: left behind by a preparation that did not end. Run `lst prepare` again.")
    if not path.is_file():
        raise ValueError(f"{folder}: is not a store (no {MANIFEST}). Make one with `lst prepare`.")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: broken JSON ({error}). {_AGAIN}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValueError(f"{path}: is not the manifest of a store (no format {FORMAT!r}).")
    if manifest.get("version") not in range(OLDEST, VERSION + 1):
        raise ValueError(
            f"{path}: store version {manifest.get('version')!r}, but this lst reads versions {OLDEST} to "
            f"{VERSION}. Update lst, or run `lst prepare` again."
        )
    if isinstance(manifest.get("source", {}).get(MADE_UP), str):
        raise ValueError(f"{path}: imported by an older lst. Run `lst import-data` again.")
    if missing := sorted(_MANIFEST_KEYS - manifest.keys()):
        raise ValueError(f"{path}: lacks {', '.join(missing)}. {_AGAIN}")
    return {**_NEW_KEYS, **manifest}


def read_clips(path: Path, manifest: dict[str, Any]) -> tuple[list[str], np.ndarray, dict[str, np.ndarray]]:
    """Clip ids, int64 (columns after the first, clips), and the attributes: int64 or text, one per clip."""
    if not path.is_file():
        raise ValueError(f"{path}: missing. {_AGAIN}")
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    expected = [*COLUMNS, *manifest["attributes"]]
    if header != expected:
        raise ValueError(
            f"{path}:1: expected the columns {','.join(expected)}, got {','.join(header)}. {_AGAIN}"
        )
    if len(rows) != manifest["clips"]:
        raise ValueError(f"{path}: {len(rows)} clips, but {MANIFEST} says {manifest['clips']}. {_AGAIN}")
    is_text = [name in manifest["text_attributes"] for name in header[len(COLUMNS) :]]
    is_number = [False, *[True] * (len(COLUMNS) - 1), *(not text for text in is_text)]
    try:
        columns = [
            [int(cell) if number else cell for cell in column]
            for number, column in zip(is_number, _columns(header, rows), strict=True)
        ]
    except ValueError as error:
        raise ValueError(
            f"{path}: expected {sum(is_number)} whole numbers after every clip id ({error}). {_AGAIN}"
        ) from error
    numbers = np.array(columns[1 : len(COLUMNS)], dtype=np.int64)
    attributes = {
        name: np.array(column, dtype=str if text else np.int64)
        for name, column, text in zip(manifest["attributes"], columns[len(COLUMNS) :], is_text, strict=True)
    }
    return [row[0] for row in rows], numbers, attributes


def _columns(header: list[str], rows: list[list[str]]) -> list[tuple[str, ...]]:
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"got {len(row)} cells instead of {len(header)} for clip {row[:1]}")
    return list(zip(*rows, strict=True)) or [() for _ in header]


def map_joints(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    if not path.is_file():
        raise ValueError(f"{path}: missing. {_AGAIN}")
    try:
        joints = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path}: cannot be read, perhaps cut short ({error}). {_AGAIN}") from error
    if joints.shape != shape or joints.dtype != np.float32:
        raise ValueError(f"{path}: expected float32 {shape}, got {joints.dtype} {joints.shape}. {_AGAIN}")
    return joints


def check_blocks(path: Path, rows_N: np.ndarray, offsets_N: np.ndarray, rows: int) -> None:
    ends_N = np.cumsum(rows_N)
    if (rows_N < 1).any() or (offsets_N != ends_N - rows_N).any() or ends_N[-1:].sum() != rows:
        raise ValueError(f"{path}: the clips do not fill {JOINTS} ({rows} rows) without gaps. {_AGAIN}")

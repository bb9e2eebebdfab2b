"""Text of Kinect v1, 20 joints in metres: UTKinect-Action3D and MSR-Action3D.

UTKinect: a row per frame, its number and 60 values in the order of kinect_v1_20. `actionLabel.txt` beside the
files or one folder up has the actions: a line with the recording (s01_e01), then `walk: 252 390`.
MSR-Action3D: 20 rows per frame, x y z and a confidence. Its joint order is another one. Left and right were
told by "high arm wave", for which the subjects were asked to use the right arm: joints 9, 11 and 13 move.
"""

import re
from collections import Counter
from pathlib import Path

import numpy as np

from lst.data.own.numbers import float_of_text, whole_of, without_absurd
from lst.data.own.options import ReadOptions
from lst.data.own.persons import Detections, tracks_of
from lst.data.own.recording import Hints, ReadError, Recording, Span
from lst.data.own.source import Source, read_bytes, text_of
from lst.facts.layouts.kinect_v1 import KINECT_V1_20

NUM_JOINTS = KINECT_V1_20.num_joints
MSR_JOINTS = (
    *("ShoulderLeft", "ShoulderRight", "ShoulderCenter", "Spine", "HipLeft", "HipRight", "HipCenter"),
    *("ElbowLeft", "ElbowRight", "WristLeft", "WristRight", "HandLeft", "HandRight"),
    *("KneeLeft", "KneeRight", "AnkleLeft", "AnkleRight", "FootLeft", "FootRight", "Head"),
)
LABELS_FILE = re.compile(r"action_?labels?\.txt$", re.IGNORECASE)
_RECORDING = re.compile(r"s\d+_e\d+")
_ACTION = re.compile(r"(\w+)\s*:\s*(\S+)\s+(\S+)")
_NUMBERS_IN_NAME = re.compile(r"(a\d+)_(s\d+)_[et]\d+", re.IGNORECASE)


def name_hints(stem: str) -> Hints:
    """`a01_s02_e03_skeleton` -> class a01, group s02: names in MSR-Action3D and UTD-MHAD."""
    found = _NUMBERS_IN_NAME.search(stem)
    return Hints(name_label=found[1].lower(), group=found[2].lower()) if found else Hints()


def read_utkinect(source: Source, options: ReadOptions) -> list[Recording]:
    """One recording, with its actions if `actionLabel.txt` has them.

    Raises:
        ReadError: a row is not a frame number and 60 numbers, or the labels are no labels.
    """
    rows, lines = number_rows(source.text)
    for row, line in zip(rows, lines, strict=True):
        if len(row) != 1 + 3 * NUM_JOINTS:
            raise ReadError(f"expected a frame number and {3 * NUM_JOINTS} numbers, got {len(row)}", line)
    numbers = [whole_of(row[0], "frame number", line) for row, line in zip(rows, lines, strict=True)]
    joints_TVC = without_absurd(np.array([row[1:] for row in rows])).reshape(-1, NUM_JOINTS, 3)
    joints_TVC[(joints_TVC == 0).all(axis=(1, 2))] = np.nan
    tracks = tracks_of(
        Detections(np.array(numbers, dtype=np.int64), np.zeros(len(rows), dtype=np.int64), joints_TVC)
    )
    recording = _RECORDING.search(source.path.stem.lower())
    spans, remarks = _spans(source.path, recording[0]) if recording else ((), Counter[str]())
    return [
        Recording(
            name=source.clip,
            joints_MTVC=tracks.joints_MTVC,
            layout=KINECT_V1_20.name,
            numbers_T=tracks.numbers_T,
            unit="m",
            up="y",
            hints=Hints(group=recording[0].partition("_")[0] if recording else "", spans=spans),
            remarks=tracks.remarks + remarks,
        )
    ]


def read_msr(source: Source, options: ReadOptions) -> list[Recording]:
    """One recording. Raises a ReadError if rows are not x y z [confidence], 20 per frame."""
    rows, lines = number_rows(source.text)
    width = len(rows[0])
    for row, line in zip(rows, lines, strict=True):
        if len(row) != width or width not in (3, 4):
            raise ReadError(f"expected x y z and a confidence, got {len(row)} numbers", line)
    if len(rows) % NUM_JOINTS:
        raise ReadError(f"{len(rows)} rows are no multiple of {NUM_JOINTS}, the joints of a frame", lines[-1])
    values = without_absurd(np.array(rows)).reshape(1, -1, NUM_JOINTS, width)
    joints_MTVC, scores_MTV = values[..., :3].copy(), values[..., 3] if width == 4 else None
    if scores_MTV is not None:
        joints_MTVC[(joints_MTVC == 0).all(axis=-1) & (scores_MTV == 0)] = np.nan
    joints_MTVC[(joints_MTVC == 0).all(axis=(2, 3))] = np.nan
    joints_MTVC[np.isnan(joints_MTVC).any(axis=-1)] = np.nan
    return [
        Recording(
            name=source.clip,
            joints_MTVC=joints_MTVC,
            joint_names=MSR_JOINTS,
            scores_MTV=scores_MTV,
            unit="m",
            up="y",
            hints=name_hints(source.path.stem),
        )
    ]


def number_rows(text: str) -> tuple[list[list[float]], list[int]]:
    """The numbers of every line that has some, and its line number.

    Raises:
        ReadError: there is something else than numbers.
    """
    rows, lines = [], []
    for line, content in enumerate(text.split("\n"), 1):
        if words := content.replace(",", " ").split():
            rows.append([float_of_text(word, f"number {i + 1}", line) for i, word in enumerate(words)])
            lines.append(line)
    return rows, lines


def _spans(path: Path, recording: str) -> tuple[tuple[Span, ...], Counter[str]]:
    """The actions of one recording from the labels beside it; one without numbers (NaN) is left out."""
    places = [file for folder in (path.parent, path.parent.parent) for file in sorted(folder.glob("*.txt"))]
    file = next((file for file in places if LABELS_FILE.search(file.name)), None)
    if file is None:
        return (), Counter()
    spans: list[Span] = []
    remarks: Counter[str] = Counter()
    current = ""
    for line, content in enumerate(text_of(read_bytes(file)).split("\n"), 1):
        if not (content := content.strip()):
            continue
        if _RECORDING.fullmatch(content.lower()):
            current = content.lower()
        elif found := _ACTION.fullmatch(content):
            if current != recording:
                continue
            if "nan" in (found[2].lower(), found[3].lower()):
                remarks["actions without start and end left out"] += 1
                continue
            start, end = (whole_of(text, f"{file.name}, {found[1]}", line) for text in (found[2], found[3]))
            if end < start:
                raise ReadError(f"{file.name}, {found[1]}: ends at {end}, before it starts at {start}", line)
            spans.append(Span(found[1], start, end))
        else:
            raise ReadError(
                f"{file.name}: expected s01_e01 or `action: start end`, got {content[:40]!r}", line
            )
    return tuple(spans), remarks

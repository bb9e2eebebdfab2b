"""OpenPose: one JSON per frame, BODY_25 or COCO with 18 points; hands and face are left out."""

import re
from typing import Any

import numpy as np

from lst.data.own.detection_list import DetectionList
from lst.data.own.numbers import floats_of, whole_of
from lst.data.own.options import ReadOptions
from lst.data.own.persons import UNKNOWN
from lst.data.own.points import mask_missing, triples
from lst.data.own.recording import ReadError, Recording
from lst.data.own.source import Source, json_of, read_bytes, text_of
from lst.facts.layouts.coco import COCO_17
from lst.facts.layouts.openpose_body25 import OPENPOSE_BODY25
from lst.facts.layouts.openpose_coco18 import OPENPOSE_COCO18
from lst.facts.shown import shown_json

LAYOUT_OF = {x.num_joints: x.name for x in (OPENPOSE_BODY25, OPENPOSE_COCO18, COCO_17)}
_FRAME = re.compile(r"(\d+)(?:_keypoints)?$")
_EXTRA = ("face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d")


def frame_number(stem: str) -> int | None:
    """`clip_000000000012_keypoints` -> 12."""
    found = _FRAME.search(stem)
    return int(found[1]) if found and len(found[1]) < 16 else None


def sequence_name(stem: str) -> str:
    """`clip_000000000012_keypoints` -> `clip`: the same for all frames of a recording."""
    return _FRAME.sub("", stem).rstrip("_-. ")


def read_openpose(source: Source, options: ReadOptions) -> list[Recording]:
    """All frames of one recording. A frame that cannot be read counts as absent.

    Raises:
        ReadError: no frame can be read (with the first reason), or nobody is seen.
    """
    people = DetectionList()
    first_problem: ReadError | None = None
    for position, path in enumerate(source.files):
        number = frame_number(path.stem)
        try:
            content = json_of(text_of(read_bytes(path)))
            _add_people(content, position if number is None else number, people)
        except ReadError as error:
            first_problem = first_problem or ReadError(f"{path.name}: {error}", error.line)
            people.remarks[f"frames that cannot be read (first: {path.name}: {error})"] += 1
    if not people.joints and first_problem is not None:
        raise first_problem
    layout = "" if options.joints else LAYOUT_OF.get(people.num_joints, "")
    return [people.recording(source.clip, layout=layout, unit="px", up="-y")]


def _add_people(content: Any, frame: int, people: DetectionList) -> None:
    persons = content.get("people") if isinstance(content, dict) else None
    if not isinstance(persons, list):
        raise ReadError("expected an object with the list `people`, as OpenPose writes it")
    for number, person in enumerate(persons):
        what = f"people[{number}]"
        if not isinstance(person, dict):
            raise ReadError(f"{what}: expected an object, got {shown_json(person)}")
        if any(person.get(key) for key in _EXTRA):
            people.remarks["persons whose hands and face are left out"] += 1
        joints_VC, scores_V = _joints(person, what)
        if len(joints_VC) and np.isfinite(joints_VC).any():
            people.add(frame, _person_id(person, what), joints_VC, scores_V, what)


def _joints(person: dict[str, Any], what: str) -> tuple[np.ndarray, np.ndarray]:
    for key in ("pose_keypoints_2d", "pose_keypoints"):
        if person.get(key):
            return triples(person[key], f"{what}.{key}")
    if person.get("pose_keypoints_3d"):
        flat = floats_of(person["pose_keypoints_3d"], f"{what}.pose_keypoints_3d")
        if len(flat) % 4:
            raise ReadError(f"{what}.pose_keypoints_3d: expected x, y, z, score, got {len(flat)} numbers")
        return mask_missing(flat.reshape(-1, 4)[:, :3], flat.reshape(-1, 4)[:, 3])
    return np.empty((0, 2)), np.empty(0)


def _person_id(person: dict[str, Any], what: str) -> int:
    value = person.get("person_id", [UNKNOWN])
    value = value[0] if isinstance(value, list) and value else UNKNOWN if value == [] else value
    number = whole_of(value, f"{what}.person_id")
    return number if number >= 0 else UNKNOWN

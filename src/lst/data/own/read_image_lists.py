"""Key points listed per image: AlphaPose's results, results in COCO's format, and COCO's annotations.

AlphaPose: `[{image_id, category_id, keypoints, score, box, idx}]`; `idx` may be a number or a list.
COCO: `{images, annotations: [{image_id, keypoints, category_id}], categories: [{keypoints: [names]}]}`.
"""

import re
from typing import Any

from lst.data.own.detection_list import DetectionList
from lst.data.own.numbers import whole_of
from lst.data.own.options import ReadOptions
from lst.data.own.persons import UNKNOWN
from lst.data.own.points import BODY, body_only, triples
from lst.data.own.recording import ReadError, Recording
from lst.data.own.source import Source
from lst.facts.layouts.coco import COCO_17
from lst.facts.shown import shown_json

_PERSON = 1
"""COCO's category of persons."""
_NUMBER = re.compile(r"(\d+)$")


def read_alphapose(source: Source, options: ReadOptions) -> list[Recording]:
    """One recording, a frame per image. Raises a ReadError that names the entry."""
    entries = source.json
    if not isinstance(entries, list) or not entries:
        raise ReadError("expected a list of entries with image_id and keypoints, as AlphaPose writes it")
    return [_recording(source.clip, entries, frames_of([_image(e) for e in entries]), (), options)]


def read_coco(source: Source, options: ReadOptions) -> list[Recording]:
    """One recording, a frame per image; image sequences in several folders are several recordings.

    Raises:
        ReadError: it is no file of COCO's key points; names the entry.
    """
    content = source.json
    images, entries = content.get("images"), content.get("annotations")
    if not isinstance(images, list) or not isinstance(entries, list):
        raise ReadError("expected lists `images` and `annotations`, as in COCO's key point files")
    names_of = {_image_id(image): str(image.get("file_name", image["id"])) for image in images}
    categories = content.get("categories") or [{}]
    first = categories[0] if isinstance(categories, list) and isinstance(categories[0], dict) else {}
    joints = first.get("keypoints", [])
    names = tuple(map(str, joints)) if isinstance(joints, list) else ()
    groups: dict[str, list[tuple[dict[str, Any], str]]] = {}
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or entry.get("image_id") not in names_of:
            raise ReadError(f"annotations[{number}]: its image_id is not among the images")
        file = names_of[entry["image_id"]]
        groups.setdefault(file.rpartition("/")[0], []).append((entry, file))
    return [
        _recording(
            source.clip if len(groups) == 1 else f"{source.clip}/{folder}",
            [entry for entry, _ in group],
            frames_of([file for _, file in group]),
            names,
            options,
        )
        for folder, group in groups.items()
    ]


def _image_id(image: Any) -> Any:
    if not isinstance(image, dict) or not isinstance(image.get("id"), int | str):
        raise ReadError("images: expected entries with an id")
    return image["id"]


def _image(entry: Any) -> str:
    if not isinstance(entry, dict) or "image_id" not in entry or "keypoints" not in entry:
        raise ReadError(f"expected entries with image_id and keypoints, got {shown_json(entry)}")
    return str(entry["image_id"])


def frames_of(images: list[str]) -> list[int]:
    """Frame numbers: those in the names if these differ in nothing else, else the order of the images."""
    stems = {image: re.sub(r"\.\w+$", "", image) for image in images}
    numbers = {image: _NUMBER.search(stem) for image, stem in stems.items()}
    prefixes = {_NUMBER.sub("", stem) for stem in stems.values()}
    if len(prefixes) == 1 and all(found and len(found[1]) < 16 for found in numbers.values()):
        return [int(_NUMBER.search(stems[image])[1]) for image in images]  # type: ignore[index]
    order = {image: i for i, image in enumerate(dict.fromkeys(images))}
    return [order[image] for image in images]


def _recording(
    name: str, entries: list[Any], frames: list[int], names: tuple[str, ...], options: ReadOptions
) -> Recording:
    people = DetectionList()
    for number, (entry, frame) in enumerate(zip(entries, frames, strict=True)):
        what = f"entry {number}"
        if entry.get("category_id", _PERSON) != _PERSON:
            people.remarks["entries that are no person dropped"] += 1
            continue
        joints_VC, scores_V = triples(entry.get("keypoints"), f"{what}, keypoints")
        joints_VC, scores_V, remark = body_only(joints_VC, scores_V)
        if remark:
            people.remarks[remark] += 1
        people.add(frame, _track(entry), joints_VC, scores_V, what)
    names = names if len(names) == people.num_joints and not options.joints else ()
    layout = COCO_17.name if people.num_joints == BODY and not names and not options.joints else ""
    return people.recording(name, joint_names=names, layout=layout, unit="px", up="-y")


def _track(entry: dict[str, Any]) -> int:
    """AlphaPose's idx, or COCO's track_id."""
    value = entry.get("idx", entry.get("track_id", UNKNOWN))
    while isinstance(value, list) and value:
        value = value[0]
    try:
        number = whole_of(value, "idx")
    except ReadError:
        return UNKNOWN
    return number if number >= 0 else UNKNOWN

"""MediaPipe's pose landmarker as JSON: per frame `pose_landmarks` and `pose_world_landmarks`.

World landmarks are metres, y down, origin between the hips. Those of the image are shares of its width and
height; they are taken as 2-D. Names in the style of JavaScript (worldLandmarks) are known too.
"""

from typing import Any

import numpy as np

from lst.data.own.detection_list import DetectionList
from lst.data.own.numbers import floats_of, mean_step, whole_of
from lst.data.own.options import ReadOptions
from lst.data.own.persons import UNKNOWN
from lst.data.own.recording import ReadError, Recording
from lst.data.own.source import Source
from lst.facts.layouts.mediapipe import MEDIAPIPE_33
from lst.facts.shown import shown_json

WORLD = ("pose_world_landmarks", "poseWorldLandmarks", "world_landmarks", "worldLandmarks")
IMAGE = ("pose_landmarks", "poseLandmarks", "landmarks")
_FRAME = ("frame", "frame_id", "frame_number", "frame_index")


def read_mediapipe(source: Source, options: ReadOptions) -> list[Recording]:
    """One recording, of the world's landmarks if there are any (and --image-landmarks is not asked for).

    Raises:
        ReadError: no frame has landmarks, or one is not 33 points.
    """
    frames = source.json.get("frames", [source.json]) if isinstance(source.json, dict) else source.json
    if not isinstance(frames, list) or not all(isinstance(frame, dict) for frame in frames):
        raise ReadError("expected a list of frames with pose_landmarks or pose_world_landmarks")
    has_world = any(frame.get(key) for frame in frames for key in WORLD)
    world = has_world and not options.image_landmarks
    people = DetectionList()
    for position, frame in enumerate(frames):
        key = next((key for key in (WORLD if world else IMAGE) if frame.get(key)), None)
        if key is None:
            continue  # nobody was found
        number = next((whole_of(frame[k], k) for k in _FRAME if k in frame), position)
        persons = frame[key] if isinstance(frame[key], list) else [frame[key]]
        if persons and not _is_person(persons[0]):
            persons = [persons]  # the points of one person without the list around it
        for i, person in enumerate(persons):
            what = f"frame {number}, {key}[{i}]"
            joints_VC, scores_V = _points(person, what)
            people.add(number, UNKNOWN, joints_VC if world else joints_VC[:, :2], scores_V, what)
    place = {"unit": "m" if world else "image", "up": "-y"}
    if not world:
        people.remarks["files of image landmarks (shares of width and height)"] += 1
    times = [t / 1000 for f in frames if isinstance(t := f.get("timestamp_ms"), int | float)]
    fps = mean_step(times) if len(times) == len(frames) else None
    return [people.recording(source.clip, layout=MEDIAPIPE_33.name, fps=fps, **place)]


def _is_person(value: Any) -> bool:
    """A list of points, or an object around it; not a point."""
    if isinstance(value, dict):
        return "landmark" in value or "landmarks" in value
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict | list)


def _points(person: Any, what: str) -> tuple[np.ndarray, np.ndarray]:
    """(33, 3) and (33,) visibility."""
    if isinstance(person, dict):
        person = person.get("landmark", person.get("landmarks"))
    if not isinstance(person, list) or len(person) != MEDIAPIPE_33.num_joints:
        raise ReadError(f"{what}: expected {MEDIAPIPE_33.num_joints} points, got {shown_json(person)}")
    rows = [
        [p.get("x"), p.get("y"), p.get("z"), p.get("visibility", 1.0)] if isinstance(p, dict) else p
        for p in person
    ]
    if not all(isinstance(row, list) and len(row) >= 3 for row in rows):
        raise ReadError(f"{what}: expected points with x, y, z")
    values = floats_of([x for row in rows for x in [*row[:4], 1.0][:4]], what).reshape(-1, 4)
    joints_VC = values[:, :3]
    joints_VC[np.isnan(joints_VC).any(axis=1)] = np.nan
    return joints_VC, values[:, 3]

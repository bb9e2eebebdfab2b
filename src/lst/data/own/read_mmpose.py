"""MMPose's results of a video: `[{frame_id, instances: [{keypoints, keypoint_scores}]}]`, bare or wrapped.

Wrapped is `{meta_info, instance_info: [...]}`; the names of the points stand in meta_info then.
"""

from typing import Any

import numpy as np

from lst.data.own.detection_list import DetectionList
from lst.data.own.numbers import floats_of, table_of, whole_of
from lst.data.own.options import ReadOptions
from lst.data.own.persons import UNKNOWN
from lst.data.own.points import BODY, body_only, mask_missing
from lst.data.own.recording import ReadError, Recording
from lst.data.own.source import Source
from lst.facts.layouts.coco import COCO_17
from lst.facts.shown import shown_json


def read_mmpose(source: Source, options: ReadOptions) -> list[Recording]:
    """One recording. Raises a ReadError that names frame and instance."""
    content, names = source.json, ()
    if isinstance(content, dict):
        names = _names(content.get("meta_info"))
        content = content.get("instance_info")
    if not isinstance(content, list) or not content:
        raise ReadError("expected a list of frames with frame_id and instances, as MMPose writes it")
    people = DetectionList()
    for position, frame in enumerate(content):
        if not isinstance(frame, dict) or not isinstance(frame.get("instances"), list):
            raise ReadError(f"frame {position}: expected an object with `instances`, got {shown_json(frame)}")
        number = whole_of(frame.get("frame_id", position), f"frame {position}, frame_id")
        for i, instance in enumerate(frame["instances"]):
            _add(instance, number, people, f"frame {number}, instance {i}")
    names = names if len(names) == people.num_joints and not options.joints else ()
    is_2d = bool(people.joints) and people.joints[0].shape[1] == 2
    is_coco = people.num_joints == BODY and is_2d and not names and not options.joints
    place = {"unit": "px", "up": "-y"} if is_2d else {}
    layout = COCO_17.name if is_coco else ""
    return [people.recording(source.clip, joint_names=names, layout=layout, **place)]


def _names(meta: Any) -> tuple[str, ...]:
    """From `keypoint_id2name`, a table of numbers in text to names."""
    table = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    if not isinstance(table, dict) or not all(str(v) in table for v in range(len(table))):
        return ()
    return tuple(str(table[str(v)]) for v in range(len(table)))


def _add(instance: Any, frame: int, people: DetectionList, what: str) -> None:
    if not isinstance(instance, dict) or "keypoints" not in instance:
        raise ReadError(f"{what}: expected an object with `keypoints`, got {shown_json(instance)}")
    joints_VC = table_of(instance["keypoints"], None, f"{what}, keypoints")
    if joints_VC.shape[1] not in (2, 3):
        raise ReadError(f"{what}, keypoints: expected 2 or 3 numbers per point, got {joints_VC.shape[1]}")
    scores = instance.get("keypoint_scores")
    scores_V = np.ones(len(joints_VC)) if scores is None else floats_of(scores, f"{what}, keypoint_scores")
    if len(scores_V) != len(joints_VC):
        raise ReadError(f"{what}: {len(scores_V)} keypoint_scores for {len(joints_VC)} keypoints")
    joints_VC, scores_V, remark = body_only(*mask_missing(joints_VC, scores_V))
    if remark:
        people.remarks[remark] += 1
    track = instance.get("track_id", UNKNOWN)
    people.add(frame, whole_of(track, f"{what}, track_id"), joints_VC, scores_V, what)

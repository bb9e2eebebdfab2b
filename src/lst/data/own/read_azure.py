"""Azure Kinect, JSON of its offline processor: millimetres, y down, a body id that is kept over time."""

import numpy as np

from lst.data.own.detection_list import DetectionList
from lst.data.own.numbers import mean_step, table_of, whole_of
from lst.data.own.options import ReadOptions
from lst.data.own.recording import ReadError, Recording
from lst.data.own.source import Source
from lst.facts.layouts.azure_kinect import AZURE_KINECT_32
from lst.facts.shown import shown_json


def read_azure(source: Source, options: ReadOptions) -> list[Recording]:
    """One recording. Raises a ReadError that names frame and body."""
    content = source.json
    frames = content.get("frames")
    if not isinstance(frames, list) or not frames:
        raise ReadError("expected a list `frames`, as Azure Kinect's offline_processor writes it")
    joint_names = content.get("joint_names", [])
    names = tuple(map(str, joint_names)) if isinstance(joint_names, list) else ()
    people = DetectionList()
    times: list[float] = []
    for position, frame in enumerate(frames):
        if not isinstance(frame, dict) or not isinstance(frame.get("bodies", []), list):
            raise ReadError(f"frame {position}: expected an object with `bodies`, got {shown_json(frame)}")
        number = whole_of(frame.get("frame_id", position), f"frame {position}, frame_id")
        if isinstance(time := frame.get("timestamp_usec"), int | float):
            times.append(time / 1e6)
        for i, body in enumerate(frame.get("bodies", [])):
            what = f"frame {number}, body {i}"
            if not isinstance(body, dict) or "joint_positions" not in body:
                raise ReadError(f"{what}: expected an object with `joint_positions`, got {shown_json(body)}")
            joints_VC = table_of(body["joint_positions"], 3, f"{what}, joint_positions")
            joints_VC[np.isnan(joints_VC).any(axis=1)] = np.nan
            people.add(number, whole_of(body.get("body_id", i), f"{what}, body_id"), joints_VC, None, what)
    names = names if len(names) == people.num_joints else ()
    layout = AZURE_KINECT_32.name if people.num_joints == AZURE_KINECT_32.num_joints and not names else ""
    fps = mean_step(times)
    return [
        people.recording(source.clip, joint_names=names, layout=layout, unit="mm", up="-y", fps=fps),
    ]

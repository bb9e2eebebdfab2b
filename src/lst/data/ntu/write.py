"""Write the `.skeleton` text of NTU RGB+D (data.md 1.1) for generated bodies; `ntu_raw` reads it.

Letters: T frames, B bodies over all frames, V joints, C channels (x, y, z).
"""

import numpy as np

from lst.data.ntu.raw_fast import NUM_JOINTS, RawBodies
from lst.facts.skeleton import get_layout

LAYOUT = "kinect_v2_25"
_JOINT = " ".join(["%.7g"] * 11) + " 2\n"  # seven digits as in the recordings; 2: the joint is tracked
_BODY = f"%s 0 1 1 0 0 0 0.0391 -0.2461 2\n{NUM_JOINTS}\n" + NUM_JOINTS * _JOINT
_DEPTH, _COLOUR = (366.0, 256.0, 212.0), (1081.0, 960.0, 540.0)
"""Of the depth and the colour camera: focal length and the middle of the image, pixels."""


def as_written(joints: np.ndarray) -> np.ndarray:
    """Metres with seven decimals below 1 m and six from there on, as float32: what a file can hold."""
    metres = joints.astype(np.float64)
    parts = np.where(np.abs(metres) < 1, 1e7, 1e6)
    return (np.round(metres * parts) / parts).astype(np.float32)


def write_bodies(raw: RawBodies) -> bytes:
    """The text of a file. `read_bodies` gives the same bodies for joints from `as_written`, below 10 m.

    What nobody uses is plain: image positions are those of a simple camera, a joint's orientation takes the
    y axis to its bone, all joints are tracked, hand states are unknown.
    """
    fields = _fields(raw.joints_BVC.astype(np.float64)).reshape(len(raw.ids), -1).tolist()
    values = [
        value
        for body_id, numbers in zip(raw.ids, fields, strict=True)
        for value in (body_id.decode(), *numbers)
    ]
    # One format for the whole file: a call per line would take three times as long.
    form = f"{len(raw.bodies_T)}\n" + "".join(f"{count}\n" + _BODY * count for count in raw.bodies_T.tolist())
    return (form % tuple(values)).encode()


def _fields(joints_BVC: np.ndarray) -> np.ndarray:
    """(B, V, 11): x, y, z, depth image x, y, colour image x, y, orientation w, x, y, z."""
    places = [_project(joints_BVC, *camera) for camera in (_DEPTH, _COLOUR)]
    return np.concatenate([joints_BVC, *places, _orientations(joints_BVC)], axis=-1)


def _project(joints_BVC: np.ndarray, focal: float, x: float, y: float) -> np.ndarray:
    depth = np.maximum(joints_BVC[..., 2:], 0.1)
    return np.array([x, y]) + np.array([focal, -focal]) * joints_BVC[..., :2] / depth


def _orientations(joints_BVC: np.ndarray) -> np.ndarray:
    """(B, V, 4) unit quaternions; 0 for joints without a child, as the sensor has it."""
    skeleton = get_layout(LAYOUT)
    parents = skeleton.parent_index()
    bones = joints_BVC - joints_BVC[:, parents]
    bones /= np.maximum(np.linalg.norm(bones, axis=-1, keepdims=True), 1e-9)
    x, y, z = np.moveaxis(bones, -1, 0)
    c, s = np.cos(0.5), np.sin(0.5)  # first some turn about the y axis, or one number would always be 0
    turns = np.stack([(1 + y) * c, z * c + x * s, (1 + y) * s, z * s - x * c], axis=-1)
    turns /= np.maximum(np.linalg.norm(turns, axis=-1, keepdims=True), 1e-9)
    turns[:, [joint for joint in range(NUM_JOINTS) if joint not in parents]] = 0
    return turns

"""A jointed figure: bone lengths and a pose over time in, named joints out. NumPy only.

Axes of the figure: x to the subject's right, y up, z to the subject's back; the floor is y = 0. A figure
that faces a Kinect has just these axes: the subject's left has the smaller x there (reference data.md 4.1).
Lengths are metres, angles radians. Letters: T frames, S sides (left, right), C the axes x, y, z,
A the angles pitch (forward), roll (to the right), turn (to the left).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

LEFT, RIGHT = 0, 1
SIGNS = (-1.0, 1.0)
"""Sign of x on the left and on the right side."""

_SIDE_NAMES = ("Left", "Right")
_ANKLE_HEIGHT = 0.08
_FLAT_FOOT = 0.5  # angle of the bone from ankle to foot below the horizontal when the sole is on the floor
_COLLAR_DROP, _HIP_DROP = 0.38, 0.62  # angle of these bones below the horizontal, as in NW-UCLA
_PELVIS_SHARE, _SPINE_SHARE = 0.35, 0.6  # how much of the torso's angles the lower trunk takes on


@dataclass(frozen=True)
class Body:
    """Bone lengths of one person in metres; the defaults fit 1.75 m and the medians of NW-UCLA."""

    pelvis: float = 0.07
    spine: float = 0.36
    neck: float = 0.19
    collar: float = 0.185
    upper_arm: float = 0.27
    forearm: float = 0.24
    hand: float = 0.085
    hip: float = 0.09
    thigh: float = 0.47
    shank: float = 0.39
    foot: float = 0.095

    @property
    def arm(self) -> float:
        return self.upper_arm + self.forearm

    @property
    def leg(self) -> float:
        return self.thigh + self.shank

    def from_shoulder(self, side: int, point_TC: ArrayLike) -> Array:
        """A point seen from ShoulderCenter (metres, torso axes) -> seen from the shoulder in arm lengths."""
        shoulder = self.collar * _aside(SIGNS[side], _COLLAR_DROP)
        return (np.asarray(point_TC, dtype=np.float64) - shoulder) / self.arm


@dataclass
class Pose:
    """What a figure does in every frame. Motions change the arrays in place, one after the other."""

    pelvis_TC: Array
    """Offset of the hip centre from upright standing."""
    torso_TA: Array
    head_TA: Array
    """On top of the torso's angles."""
    hands_TSC: Array
    """Wrist seen from its shoulder, torso axes, in arm lengths."""
    elbows_TSC: Array
    """Direction the elbow points to, torso axes."""
    palms_TSC: Array
    """Added to the forearm's direction to give the hand's, torso axes."""
    stance_SC: Array
    """Where the ankles stand: x and z on the floor, y = toes turned outwards by this angle."""
    feet_TSC: Array
    """Offset of the ankle from its stand; y = 0 means that the foot is on the floor."""
    toes_TS: Array
    """How far the toes point down, compared with a flat foot."""

    def reach(self, side: int, hand_TC: Array, weight_T: Array, elbow: ArrayLike) -> None:
        """Move a hand on an arc: weight 0 leaves it, weight 1 puts the wrist at `hand_TC` (arm lengths)."""
        weight_T1 = weight_T[:, None]
        self.hands_TSC[:, side] = _along_arc(self.hands_TSC[:, side], hand_TC, weight_T1)
        self.elbows_TSC[:, side] += weight_T1 * (np.asarray(elbow) - self.elbows_TSC[:, side])

    def hang(self, share: float) -> None:
        """Let the arms follow gravity when the torso leans: share 0 stays along it, 1 hangs straight."""
        angles_TA = np.zeros_like(self.torso_TA)
        angles_TA[:, 0] = -share * self.torso_TA[:, 0]
        turned = rotation(angles_TA)[:, None] @ self.hands_TSC[..., None]
        self.hands_TSC[:] = turned[..., 0]


def place_joints(body: Body, pose: Pose) -> dict[str, Array]:
    """Joint name of `kinect_v1_20` -> (T, 3) metres in the figure's axes.

    Every bone keeps its length in every frame; a target out of reach is reached for, not reached.
    Feet on the floor stay where they stand: the hips give way.
    """
    torso, pelvis = rotation(pose.torso_TA), rotation(_PELVIS_SHARE * pose.torso_TA)
    ankles_TSC = _ankles(pose)
    hips = [body.hip * _turn(pelvis, _aside(sign, _HIP_DROP)) for sign in SIGNS]
    centre = _settle(body, pose, np.stack(hips, axis=1), ankles_TSC)
    joints = {"HipCenter": centre}
    joints["Spine"] = centre + _turn(rotation(_SPINE_SHARE * pose.torso_TA), [0, body.pelvis, 0])
    joints["ShoulderCenter"] = joints["Spine"] + _turn(torso, [0, body.spine, 0])
    joints["Head"] = joints["ShoulderCenter"] + _turn(torso @ rotation(pose.head_TA), [0, body.neck, 0])
    for side in (LEFT, RIGHT):
        joints |= _arm(body, pose, side, torso, joints["ShoulderCenter"])
        joints |= _leg(body, pose, side, centre + hips[side], ankles_TSC[:, side])
    return joints


def rotation(angles_TA: Array) -> Array:
    """Pitch forward, roll to the right, turn to the left -> (T, 3, 3): first roll, then pitch, then turn."""
    pitch, roll, turn = -angles_TA[:, 0], -angles_TA[:, 1], angles_TA[:, 2]
    return _about_axis(turn, 1) @ _about_axis(pitch, 0) @ _about_axis(roll, 2)


def _about_axis(angle_T: Array, axis: int) -> Array:
    """Right-handed rotation about one axis, (T, 3, 3)."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    turned = np.zeros((len(angle_T), 3, 3))
    turned[:, axis, axis] = 1
    turned[:, first, first] = turned[:, second, second] = np.cos(angle_T)
    turned[:, second, first] = np.sin(angle_T)
    turned[:, first, second] = -turned[:, second, first]
    return turned


def _arm(body: Body, pose: Pose, side: int, torso_TCC: Array, neck_TC: Array) -> dict[str, Array]:
    hand_TC = pose.hands_TSC[:, side]
    drop = _COLLAR_DROP - 0.4 * np.clip(hand_TC[:, 1], 0, 1)  # a raised arm lifts the shoulder
    shoulder = neck_TC + body.collar * _turn(torso_TCC, _aside(SIGNS[side], drop))
    target = shoulder + body.arm * _turn(torso_TCC, hand_TC)
    pole = _turn(torso_TCC, pose.elbows_TSC[:, side])
    elbow, wrist = _two_bones(shoulder, target, pole, body.upper_arm, body.forearm)
    forearm = _unit(wrist - elbow)
    hand = wrist + body.hand * _unit(forearm + _turn(torso_TCC, pose.palms_TSC[:, side]))
    return _named(side, Shoulder=shoulder, Elbow=elbow, Wrist=wrist, Hand=hand)


def _leg(body: Body, pose: Pose, side: int, hip_TC: Array, ankle_TC: Array) -> dict[str, Array]:
    outward = SIGNS[side] * pose.stance_SC[side, 1]
    # The knee points forward under a standing body and up when the leg is raised in front of it.
    pole = np.broadcast_to([0.5 * np.sin(outward), 0.5, -1.0], hip_TC.shape)
    knee, ankle = _two_bones(hip_TC, ankle_TC, pole, body.thigh, body.shank)
    toes = _ahead(outward, _FLAT_FOOT + pose.toes_TS[:, side])
    return _named(side, Hip=hip_TC, Knee=knee, Ankle=ankle, Foot=ankle + body.foot * toes)


def _named(side: int, **joints: Array) -> dict[str, Array]:
    return {name + _SIDE_NAMES[side]: joint for name, joint in joints.items()}


def _ankles(pose: Pose) -> Array:
    ankles_TSC = pose.feet_TSC + pose.stance_SC * [1.0, 0.0, 1.0]
    ankles_TSC[..., 1] += _ANKLE_HEIGHT
    return ankles_TSC


def _settle(body: Body, pose: Pose, hips_TSC: Array, ankles_TSC: Array) -> Array:
    """Hip centre (T, 3), lowered where a foot on the floor would otherwise be out of the leg's reach."""
    centre = pose.pelvis_TC.copy()
    centre[:, 1] += _ANKLE_HEIGHT + 0.992 * body.leg + body.hip * np.sin(_HIP_DROP)
    aside_TSC = centre[:, None] + hips_TSC - ankles_TSC
    aside2 = aside_TSC[..., 0] ** 2 + aside_TSC[..., 2] ** 2
    highest = ankles_TSC[..., 1] + np.sqrt(np.maximum((0.998 * body.leg) ** 2 - aside2, 0)) - hips_TSC[..., 1]
    on_floor = pose.feet_TSC[..., 1] == 0
    centre[:, 1] = np.minimum(centre[:, 1], np.where(on_floor, highest, np.inf).min(axis=1))
    return centre


def _two_bones(root: Array, target: Array, pole: Array, first: float, second: float) -> tuple[Array, Array]:
    """Middle and end joint of two bones from `root` towards `target`, bent towards `pole`; all (T, 3)."""
    line = target - root
    length = np.linalg.norm(line, axis=-1, keepdims=True)
    line = line / np.maximum(length, 1e-9)
    length = np.clip(length, abs(first - second) + 0.02, 0.999 * (first + second))
    along = (length**2 + first**2 - second**2) / (2 * length)
    out = _unit(pole - (pole * line).sum(axis=-1, keepdims=True) * line)
    middle = root + along * line + np.sqrt(np.maximum(first**2 - along**2, 0)) * out
    return middle, root + length * line


def _along_arc(start: Array, end: Array, weight_T1: Array) -> Array:
    """From `start` to `end` around the origin: directions turn, lengths change linearly."""
    lengths = [np.linalg.norm(x, axis=-1, keepdims=True) for x in (start, end)]
    a, b = start / lengths[0], end / lengths[1]
    angle = np.arccos(np.clip((a * b).sum(axis=-1, keepdims=True), -0.9999, 0.9999))
    between = np.sin((1 - weight_T1) * angle) * a + np.sin(weight_T1 * angle) * b
    return _unit(between) * ((1 - weight_T1) * lengths[0] + weight_T1 * lengths[1])


def _aside(sign: float, below: ArrayLike) -> Array:
    """Unit vector to one side, `below` the horizontal."""
    x, y = np.broadcast_arrays(sign * np.cos(below), -np.sin(below))
    return np.stack([x, y, np.zeros_like(x)], axis=-1)


def _ahead(turn: float, below_T: Array) -> Array:
    """Unit vectors to the front, turned to the right, `below` the horizontal."""
    across = np.cos(below_T)
    return np.stack([np.sin(turn) * across, -np.sin(below_T), -np.cos(turn) * across], axis=-1)


def _turn(rotation_TCC: Array, vector: ArrayLike) -> Array:
    return (rotation_TCC @ np.asarray(vector, dtype=np.float64)[..., None])[..., 0]


def _unit(x: Array) -> Array:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)

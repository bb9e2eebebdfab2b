"""Motion capture in BVH: Euler angles along a tree -> positions of its joints (forward kinematics).

Position of a joint: that of its parent, plus the parent's rotation times the joint's offset. Rotations of a
joint are multiplied in the order of its channels, as the format asks for. Units are those of the file.
"""

from dataclasses import dataclass, field

import numpy as np

from lst.data.own.numbers import MAX_JOINTS, check_joints, float_of_text, without_absurd
from lst.data.own.options import ReadOptions
from lst.data.own.recording import ReadError, Recording
from lst.data.own.source import Source

_AXES = {"X": 0, "Y": 1, "Z": 2}
_MAX_CHANNELS = 6 * MAX_JOINTS


@dataclass
class _Joint:
    name: str
    parent: int
    offset: np.ndarray = field(default_factory=lambda: np.zeros(3))
    channels: list[str] = field(default_factory=list)
    first: int = 0
    """Number of its first channel."""


def read_bvh(source: Source, options: ReadOptions) -> list[Recording]:
    """One recording; the ends of limbs (End Site) are left out, as they have no name.

    Raises:
        ReadError: the hierarchy or the motion is not as the format asks for; names the line.
    """
    lines = [(number, line.split()) for number, line in enumerate(source.text.split("\n"), 1) if line.split()]
    joints, at = _hierarchy(lines)
    check_joints(len(joints), "the hierarchy")
    num_channels = sum(len(joint.channels) for joint in joints)
    motion_TD, fps = _motion(lines[at:], num_channels)
    joints_TVC = positions(joints, motion_TD)
    return [
        Recording(
            name=source.clip,
            joints_MTVC=without_absurd(joints_TVC)[None],
            joint_names=tuple(joint.name for joint in joints),
            fps=fps,
            up="y",
        )
    ]


def positions(joints: list[_Joint], motion_TD: np.ndarray) -> np.ndarray:
    """(T, V, 3) from (T, D) channels, degrees and lengths."""
    count = len(motion_TD)
    places = np.zeros((count, len(joints), 3))
    turns = np.zeros((count, len(joints), 3, 3))
    for v, joint in enumerate(joints):
        shift = np.tile(joint.offset, (count, 1))
        turn = np.tile(np.eye(3), (count, 1, 1))
        for c, channel in enumerate(joint.channels, joint.first):
            axis = _AXES[channel[0]]
            if channel.endswith("position"):
                shift[:, axis] += motion_TD[:, c]
            else:
                turn = turn @ _rotations(axis, motion_TD[:, c])
        if joint.parent >= 0:
            places[:, v] = places[:, joint.parent] + np.einsum("tij,tj->ti", turns[:, joint.parent], shift)
            turns[:, v] = turns[:, joint.parent] @ turn
        else:
            places[:, v], turns[:, v] = shift, turn
    return places


def _rotations(axis: int, degrees_T: np.ndarray) -> np.ndarray:
    """(T, 3, 3), right-handed about one axis."""
    cos, sin = np.cos(np.radians(degrees_T)), np.sin(np.radians(degrees_T))
    turn = np.tile(np.eye(3), (len(degrees_T), 1, 1))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    turn[:, i, i], turn[:, i, j], turn[:, j, i], turn[:, j, j] = cos, -sin, sin, cos
    return turn


def _hierarchy(lines: list[tuple[int, list[str]]]) -> tuple[list[_Joint], int]:
    """The joints, parents first, and the position of the line MOTION."""
    joints: list[_Joint] = []
    stack: list[int] = []  # open brackets; -1 = of an End Site
    opening = -1
    channels = 0
    for at, (number, words) in enumerate(lines):
        word = words[0].upper()
        if word == "MOTION":
            if stack or not joints:
                raise ReadError("the hierarchy is not closed before MOTION", number)
            return joints, at
        if word in ("ROOT", "JOINT") and len(words) > 1:
            if (word == "ROOT") != (not stack):
                raise ReadError(f"{words[0]} at this place; one skeleton is expected", number)
            joints.append(_Joint(" ".join(words[1:]), stack[-1] if stack else -1))
            opening = len(joints) - 1
        elif word == "END":
            opening = -1
        elif word == "{":
            stack.append(opening)
        elif word == "}" and stack:
            stack.pop()
        elif word == "OFFSET" and stack:
            if stack[-1] >= 0:
                joints[stack[-1]].offset = np.array(_numbers(words[1:], 3, number))
        elif word == "CHANNELS" and stack and stack[-1] >= 0:
            joints[stack[-1]].first = channels
            joints[stack[-1]].channels = _channels(words[1:], number)
            channels += len(words) - 2
        elif word != "HIERARCHY":
            raise ReadError(
                f"expected ROOT, JOINT, OFFSET, CHANNELS or a bracket, got {words[0][:20]!r}", number
            )
        if len(joints) > MAX_JOINTS or channels > _MAX_CHANNELS:
            raise ReadError(f"has more than {MAX_JOINTS} joints", number)
    raise ReadError("has no MOTION: it is cut short", lines[-1][0])


def _channels(words: list[str], line: int) -> list[str]:
    names = [f"{word[:1].upper()}{word[1:].lower()}" for word in words[1:]]
    good = all(name[:1] in _AXES and name[1:] in ("position", "rotation") for name in names)
    if not words or not good or words[0] != str(len(names)):
        raise ReadError("CHANNELS: expected their number and names such as Xrotation", line)
    return names


def _motion(lines: list[tuple[int, list[str]]], num_channels: int) -> tuple[np.ndarray, float | None]:
    """(T, D) numbers and the frame rate."""
    if len(lines) < 4 or lines[1][1][0].lower() != "frames:" or lines[2][1][:2] != ["Frame", "Time:"]:
        raise ReadError("MOTION: expected `Frames:`, `Frame Time:` and a line per frame", lines[0][0])
    (said,) = _numbers(lines[1][1][1:], 1, lines[1][0])
    (step,) = _numbers(lines[2][1][2:], 1, lines[2][0])
    rows = lines[3:]
    if said != len(rows):
        raise ReadError(f"says Frames: {said:g}, but {len(rows)} lines follow", lines[1][0])
    values = [_numbers(words, num_channels, line) for line, words in rows]
    return np.array(values), round(1 / step, 3) if step > 0 else None


def _numbers(words: list[str], count: int, line: int) -> list[float]:
    if len(words) != count:
        raise ReadError(f"expected {count} numbers, got {len(words)}", line)
    return [float_of_text(word, f"number {i + 1}", line) for i, word in enumerate(words)]

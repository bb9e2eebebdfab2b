"""What the joints of any layout are, by their names: hips, shoulders, head, feet, left and right.

ShoulderLeft, left_shoulder, LShoulder and SHOULDER_LEFT are the same joint.
"""

import re
from dataclasses import dataclass

from lst.facts.skeleton_type import Skeleton

HIPS = "hips"
"""The word for the middle of the hips in place of a joint's name."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SIDES = {"left": "l", "l": "l", "right": "r", "r": "r"}
_MIDDLE_HIPS = ("spinebase", "hipcenter", "midhip", "pelvis", "hips", "hip", "root")
_MIDDLE_SHOULDERS = ("spineshoulder", "shouldercenter", "neck", "thorax", "spinechest", "midshoulder")
_HEAD = ("head", "headtop", "nose", "ear", "eye")
_FEET = ("foot", "ankle", "footindex", "bigtoe", "toe", "heel")


@dataclass(frozen=True)
class JointRoles:
    """Indices of joints; the mean of several is meant. Empty = the layout has none with such a name."""

    hips: tuple[int, ...]
    shoulders: tuple[int, ...]
    head: tuple[int, ...]
    feet: tuple[int, ...]
    sides: tuple[tuple[int, int], ...]
    """(left, right) joints of the same part of the body."""

    @property
    def has_torso(self) -> bool:
        """Whether hips and shoulders are known and are not the same joint."""
        return bool(self.hips and self.shoulders) and self.hips != self.shoulders


def joint_roles(skeleton: Skeleton) -> JointRoles:
    """Found by the words in the names of the joints."""
    parts = [_part_and_side(joint) for joint in skeleton.joints]
    return JointRoles(
        hips=_middle_or_pair(parts, _MIDDLE_HIPS, "hip"),
        shoulders=_middle_or_pair(parts, _MIDDLE_SHOULDERS, "shoulder"),
        head=_first_found(parts, _HEAD),
        feet=_first_found(parts, _FEET),
        sides=_sides(parts),
    )


def hip_joints(skeleton: Skeleton) -> tuple[int, ...]:
    """Indices of the joints whose mean is the middle of the hips; the root where no name says so."""
    return joint_roles(skeleton).hips or (skeleton.joints.index(skeleton.root),)


def mirrored_order(skeleton: Skeleton) -> list[int]:
    """For each joint the index of its partner on the other side; its own if it has none."""
    order = list(range(skeleton.num_joints))
    for left, right in joint_roles(skeleton).sides:
        order[left], order[right] = right, left
    return order


def _part_and_side(joint: str) -> tuple[str, str]:
    """`LShoulder` -> ("shoulder", "l"); `SpineBase` -> ("spinebase", "")."""
    words = [word.lower() for word in _WORDS.findall(joint)]
    sides = [_SIDES[word] for word in words if word in _SIDES]
    part = "".join(word for word in words if word not in _SIDES)
    return (part, sides[0]) if len(sides) == 1 and part else (part, "")


def _middle_or_pair(parts: list[tuple[str, str]], middles: tuple[str, ...], paired: str) -> tuple[int, ...]:
    for middle in middles:
        if (middle, "") in parts:
            return (parts.index((middle, "")),)
    if (paired, "l") in parts and (paired, "r") in parts:
        return (parts.index((paired, "l")), parts.index((paired, "r")))
    return ()


def _first_found(parts: list[tuple[str, str]], names: tuple[str, ...]) -> tuple[int, ...]:
    for name in names:
        if found := tuple(i for i, (part, _) in enumerate(parts) if part == name):
            return found
    return ()


def _sides(parts: list[tuple[str, str]]) -> tuple[tuple[int, int], ...]:
    pairs = [(i, (part, "r")) for i, (part, side) in enumerate(parts) if side == "l"]
    return tuple((left, parts.index(right)) for left, right in pairs if right in parts)

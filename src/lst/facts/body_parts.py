"""The six body parts that texts tell of, and which joints of a layout belong to each.

A layout has four parts (method.md 6.3). Two of them are pairs: its "hand" is hand and arm, its "foot" is
leg and foot. Words in the names of the joints tell the two apart, in every layout alike.
"""

from collections.abc import Collection, Mapping
from typing import Literal, get_args

PartName = Literal["head", "hand", "arm", "hip", "leg", "foot"]
PARTS: tuple[PartName, ...] = get_args(PartName)
PROMPT_PARTS: dict[str, tuple[PartName, ...]] = {
    "head": ("head",),
    "hand": ("hand", "arm"),
    "hip": ("hip",),
    "foot": ("leg", "foot"),
}
"""The four parts of a layout, and which of the six each one holds; in the order of the part heads."""

JOINT_WORDS: dict[PartName, tuple[str, ...]] = {
    "hand": ("wrist", "hand", "thumb", "finger", "index", "pinky"),
    "arm": ("clavicle", "shoulder", "elbow"),
    "leg": ("hip", "knee"),
    "foot": ("ankle", "foot", "heel", "toe"),
}
"""Words, in lower case, that joint names of the halves of a pair hold."""


def joints_of(parts: Collection[PartName], layout_parts: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """The joints of some of the six parts, taken together. `layout_parts` are the four of a layout.

    A pair that is wanted as a whole is the layout's own part, whatever its joints are called.

    Raises:
        ValueError: the layout lacks one of the four, a joint's name does not tell its half, or none is left.
    """
    joints: set[str] = set()
    for pooled, pair in PROMPT_PARTS.items():
        wanted = [part for part in pair if part in parts]
        if wanted and pooled not in layout_parts:
            raise ValueError(f"there is no part {pooled!r}, only {', '.join(layout_parts)}")
        if len(wanted) == len(pair):
            joints.update(layout_parts[pooled])
        elif wanted:
            joints.update(joint for joint in layout_parts[pooled] if _half(joint, pair) in wanted)
    if not joints:
        raise ValueError(f"no joint belongs to {' and '.join(parts)}; choose prompts with fewer parts")
    return frozenset(joints)


def _half(joint: str, pair: tuple[PartName, ...]) -> PartName:
    told: list[PartName] = [p for p in pair if any(word in joint.lower() for word in JOINT_WORDS[p])]
    if len(told) != 1:
        words = "; ".join(f"{part}: {', '.join(JOINT_WORDS[part])}" for part in pair)
        raise ValueError(
            f"the name of joint {joint!r} does not tell whether it belongs to {' or '.join(pair)} ({words})"
        )
    return told[0]

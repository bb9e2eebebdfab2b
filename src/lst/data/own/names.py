"""Joint names: the same joint under the names that programs give it, and one layout mapped onto another.

left_shoulder, LShoulder, ShoulderLeft, L_Shoulder and SHOULDER_LEFT are one joint. Motion capture files (BVH)
call the shoulder LeftArm and the hip LeftUpLeg; they are known by that. Letters: V joints.
"""

import re
from collections.abc import Sequence

from lst.facts.skeleton import LAYOUTS, Skeleton

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SIDES = {"left": "l", "l": "l", "right": "r", "r": "r"}

_SAME = {
    "hipcenter": "hips",
    "spinebase": "hips",
    "pelvis": "hips",
    "midhip": "hips",
    "hip": "hips",
    "root": "hips",
    "waist": "hips",
    "shouldercenter": "spineshoulder",
    "thorax": "spineshoulder",
    "spinechest": "spineshoulder",
    "spinemid": "spine",
    "spinenavel": "spine",
    "torso": "spine",
    "eye": "eye",
    "bigtoe": "footindex",
    "toe": "footindex",
    "toebase": "footindex",
    "handtip": "index",
    "clavicle": "collar",
}
"""Parts of the body under their other names, without the side. "hip" has a side where a leg begins."""
_MOTION_CAPTURE = {
    "shoulder": "collar",
    "arm": "shoulder",
    "upperarm": "shoulder",
    "forearm": "elbow",
    "lowerarm": "elbow",
    "hand": "wrist",
    "upleg": "hip",
    "upperleg": "hip",
    "thigh": "hip",
    "leg": "knee",
    "lowerleg": "knee",
    "shin": "knee",
    "foot": "ankle",
    "toe": "foot",
    "toebase": "foot",
}
"""Names by the bone that begins at the joint, where a file has a forearm."""
_FOREARMS = frozenset({"forearm", "lowerarm"})


def plain_names(names: Sequence[str]) -> list[str]:
    """A name per joint that is the same for all spellings: the part of the body, then "_l" or "_r"."""
    split = [_split(name) for name in names]
    by_bones = any(part in _FOREARMS for part, _ in split)
    plain = []
    for part, side in split:
        if by_bones:
            part = _MOTION_CAPTURE.get(part, part)
        if not (side and part == "hip"):
            part = _SAME.get(part, part)
        plain.append(f"{part}_{side}" if side else part)
    return plain


def _split(name: str) -> tuple[str, str]:
    """`LShoulder` -> ("shoulder", "l")."""
    name = re.sub(r"^(?:mixamorig|bip\d*|body)[\s:_.]*", "", name.strip(), flags=re.IGNORECASE)
    words = [word.lower() for word in _WORDS.findall(name)]
    sides = [_SIDES[word] for word in words if word in _SIDES]
    if not sides and len(words) == 1 and words[0][:1] in "lr":  # lshoulder, all in small letters
        rest = words[0][1:]
        if rest in _SIDED:
            return rest, words[0][0]
    part = "".join(word for word in words if word not in _SIDES)
    return part, sides[0] if sides else ""


_SIDED = frozenset(
    {"shoulder", "elbow", "wrist", "hand", "hip", "knee", "ankle", "foot", "eye", "ear", "heel", "bigtoe"}
    | {"smalltoe", "thumb", "handtip"}
)


def match(names: Sequence[str], target: Skeleton) -> list[int | None]:
    """For every joint of `target` the position in `names` of the same joint, or None."""
    exact = {name: v for v, name in reversed(list(enumerate(names)))}
    plain = {name: v for v, name in reversed(list(enumerate(plain_names(names))))}
    return [
        exact.get(joint, plain.get(same))
        for joint, same in zip(target.joints, plain_names(target.joints), strict=True)
    ]


def layout_of_names(names: Sequence[str]) -> Skeleton | None:
    """The layout that has exactly these joints, in any order; None if there is no such layout."""
    plain = sorted(plain_names(names))
    fits = [x for x in LAYOUTS.values() if sorted(plain_names(x.joints)) == plain]
    return fits[0] if len(fits) == 1 else None


_MEANS: dict[str, tuple[str, ...]] = {
    "hips": ("hip_l", "hip_r"),
    "spineshoulder": ("shoulder_l", "shoulder_r"),
    "neck": ("shoulder_l", "shoulder_r"),
    "spine": ("shoulder_l", "shoulder_r", "hip_l", "hip_r"),
    "head": ("ear_l", "ear_r"),
}
"""Joints in the middle that follow from those at the sides."""
_NEAR: dict[str, tuple[str, ...]] = {
    "spineshoulder": ("neck",),
    "neck": ("spineshoulder",),
    "head": ("headtop", "nose"),
    "nose": ("head",),
    "hand": ("wrist",),
    "wrist": ("hand",),
    "index": ("hand", "wrist"),
    "thumb": ("hand", "wrist"),
    "pinky": ("hand", "wrist"),
    "foot": ("footindex", "ankle"),
    "ankle": ("foot",),
    "footindex": ("foot", "ankle"),
}
"""Stand-ins for joints that a file does not have, the nearest first; they keep their side."""


def sources_of(names: Sequence[str], target: Skeleton) -> tuple[list[tuple[int, ...]], list[str]]:
    """For every joint of `target` the positions in `names` whose mean it is, and the joints with a stand-in.

    Empty = the file has nothing for this joint.
    """
    known = {name: v for v, name in reversed(list(enumerate(plain_names(names))))}
    sources: list[tuple[int, ...]] = []
    stand_ins: list[str] = []
    for joint, same, found in zip(
        target.joints, plain_names(target.joints), match(names, target), strict=True
    ):
        if found is not None:
            sources.append((found,))
            continue
        sources.append(_stand_in(same, known))
        if sources[-1]:
            stand_ins.append(joint)
    return sources, stand_ins


def _stand_in(joint: str, known: dict[str, int]) -> tuple[int, ...]:
    part, _, side = joint.partition("_")
    for near in _NEAR.get(part, ()):
        if (v := known.get(f"{near}_{side}" if side else near)) is not None:
            return (v,)
    if not side and part in _MEANS and all(name in known for name in _MEANS[part]):
        return tuple(known[name] for name in _MEANS[part])
    return ()

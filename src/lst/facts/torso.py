"""Which joints of a layout are its hips, found by name."""

from lst.facts.skeleton_type import Skeleton

HIPS = "hips"
"""The word for the middle of the hips in place of a joint's name."""

_MIDDLE = ("spinebase", "hipcenter", "midhip", "pelvis", "hips", "hip", "root")


def hip_joints(skeleton: Skeleton) -> tuple[int, ...]:
    """Indices of the joints whose mean is the middle of the hips: one, or left and right; else the root."""
    names = [joint.lower().replace("_", "") for joint in skeleton.joints]
    for middle in _MIDDLE:
        if middle in names:
            return (names.index(middle),)
    pair = [
        i
        for i, name in enumerate(names)
        if name in ("lefthip", "righthip", "hipleft", "hipright", "lhip", "rhip")
    ]
    if len(pair) == 2:
        return tuple(pair)
    return (skeleton.joints.index(skeleton.root),)

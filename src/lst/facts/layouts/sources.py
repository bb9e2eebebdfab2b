"""How the layout files write the joints that stand in for Kinect v2's."""

from collections.abc import Mapping

from lst.facts.skeleton_type import KINECT_V2_JOINTS


def in_kinect_v2_order(sources: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """`{"SpineBase": "left_hip right_hip", ...}` -> the 25 entries of `Skeleton.to_kinect_v2`."""
    assert sources.keys() == set(KINECT_V2_JOINTS), sorted(sources.keys() ^ set(KINECT_V2_JOINTS))
    return tuple(tuple(sources[joint].split()) for joint in KINECT_V2_JOINTS)

"""Kinect v2, 25 joints: NTU RGB+D. Mirrored image: a subject facing the camera has the left at smaller x."""

from lst.facts.gap_tables import GapTables
from lst.facts.skeleton_type import KINECT_V2_JOINTS, Skeleton
from lst.facts.trees import chains

_ARMS = (
    *("ShoulderLeft", "ElbowLeft", "WristLeft", "HandLeft"),
    *("ShoulderRight", "ElbowRight", "WristRight", "HandRight"),
)
_FINGERS = ("HandTipLeft", "ThumbLeft", "HandTipRight", "ThumbRight")
_LEGS = (
    *("HipLeft", "KneeLeft", "AnkleLeft", "FootLeft"),
    *("HipRight", "KneeRight", "AnkleRight", "FootRight"),
)
_HIP = ("SpineBase", "SpineMid", "HipLeft", "HipRight")

# The limbs hang on the spine alike in all three trees; hands and root differ.
_LIMBS = (
    "SpineShoulder Neck Head",
    "SpineShoulder ShoulderLeft ElbowLeft WristLeft HandLeft",
    "SpineShoulder ShoulderRight ElbowRight WristRight HandRight",
    "SpineMid SpineBase HipLeft KneeLeft AnkleLeft FootLeft",
    "SpineBase HipRight KneeRight AnkleRight FootRight",
)
_ANATOMICAL_HANDS = (
    "HandLeft HandTipLeft",
    "HandLeft ThumbLeft",
    "HandRight HandTipRight",
    "HandRight ThumbRight",
)
_CHAINED_HANDS = ("HandLeft ThumbLeft HandTipLeft", "HandRight ThumbRight HandTipRight")

KINECT_V2_25 = Skeleton(
    name="kinect_v2_25",
    joints=KINECT_V2_JOINTS,
    parents=chains("SpineShoulder SpineMid", *_LIMBS, *_ANATOMICAL_HANDS),
    graph_parents=chains("SpineShoulder SpineMid", *_LIMBS, *_CHAINED_HANDS),
    bone_parents=chains("SpineMid SpineShoulder", *_LIMBS, *_CHAINED_HANDS),
    parts={
        "head": ("Neck", "Head", "SpineShoulder"),
        "hand": (*_ARMS, *_FINGERS),
        "hip": _HIP,
        "foot": _LEGS,
    },
    to_kinect_v2=tuple((joint,) for joint in KINECT_V2_JOINTS),
    gap=GapTables(
        joint_k=8,
        bone_k=1,
        edges="to_parent",
        joint_parts={
            "head": ("Neck", "Head", "SpineShoulder"),
            "hand": (*_ARMS, *_FINGERS),
            "hip": ("SpineBase", "SpineMid", "Neck", "HipLeft", "HipRight"),  # Q4: Neck
            "foot": _LEGS,
        },
        bone_parts={
            "head": ("Neck", "Head"),
            "hand": (*_ARMS, "SpineShoulder", *_FINGERS[1:]),  # Q5: SpineShoulder in place of HandTipLeft
            "hip": _HIP,
            "foot": _LEGS,
        },
    ),
    source="data.md 4.3 (anatomical parents as in pyskl), method.md 3.1 and 6.2 (GAP ca17b54)",
)

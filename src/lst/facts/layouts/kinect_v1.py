"""Kinect v1, 20 joints: NW-UCLA, mirrored as Kinect v2. MSR-Action3D has 20 joints in another order."""

from lst.facts.gap_tables import GapTables
from lst.facts.layouts.sources import in_kinect_v2_order
from lst.facts.skeleton_type import Skeleton
from lst.facts.trees import chains

_LEFT_ARM = ("ShoulderLeft", "ElbowLeft", "WristLeft", "HandLeft")
_RIGHT_ARM = ("ShoulderRight", "ElbowRight", "WristRight", "HandRight")
_LEFT_LEG = ("HipLeft", "KneeLeft", "AnkleLeft", "FootLeft")
_RIGHT_LEG = ("HipRight", "KneeRight", "AnkleRight", "FootRight")

# Kinect v2 has the same names but for the spine, which has one joint more there, and the fingers.
_SAME_NAMES = ("Head", *_LEFT_ARM, *_RIGHT_ARM, *_LEFT_LEG, *_RIGHT_LEG)

_PARTS = {
    "head": ("ShoulderCenter", "Head"),
    "hand": (*_LEFT_ARM, *_RIGHT_ARM),
    "hip": ("HipCenter", "Spine", "HipLeft", "HipRight"),
    "foot": (*_LEFT_LEG, *_RIGHT_LEG),
}

KINECT_V1_20 = Skeleton(
    name="kinect_v1_20",
    joints=("HipCenter", "Spine", "ShoulderCenter", "Head", *_LEFT_ARM, *_RIGHT_ARM, *_LEFT_LEG, *_RIGHT_LEG),
    parents=chains(
        "ShoulderCenter Head",
        "ShoulderCenter ShoulderLeft ElbowLeft WristLeft HandLeft",
        "ShoulderCenter ShoulderRight ElbowRight WristRight HandRight",
        "ShoulderCenter Spine HipCenter HipLeft KneeLeft AnkleLeft FootLeft",
        "HipCenter HipRight KneeRight AnkleRight FootRight",
    ),
    parts=_PARTS,
    to_kinect_v2=in_kinect_v2_order(
        {joint: joint for joint in _SAME_NAMES}
        | {
            "SpineBase": "HipCenter",
            "SpineMid": "Spine",
            "SpineShoulder": "ShoulderCenter",
            "Neck": "ShoulderCenter",
            "HandTipLeft": "HandLeft",
            "ThumbLeft": "HandLeft",
            "HandTipRight": "HandRight",
            "ThumbRight": "HandRight",
        }
    ),
    substitutes=frozenset({"Neck", "HandTipLeft", "ThumbLeft", "HandTipRight", "ThumbRight"}),
    gap=GapTables(
        joint_k=6,
        bone_k=1,
        edges="to_children",  # Q3
        joint_parts=_PARTS,
        bone_parts={  # Q6: written for 19 joints, so from Head on everything is shifted by one
            "head": ("ShoulderCenter",),
            "hand": ("Head", *_LEFT_ARM, *_RIGHT_ARM[:-1]),
            "hip": ("HipCenter", "Spine", "HandRight", "FootLeft"),
            "foot": ("HandRight", *_LEFT_LEG, *_RIGHT_LEG[:-1]),
        },
    ),
    source="data.md 4.3 and 4.4, method.md 3.2 and 6.2 (GAP ca17b54)",
)

"""OpenPose BODY_25, right side first. y down; a missing key point is (0, 0, 0)."""

from lst.facts.layouts.sources import in_kinect_v2_order
from lst.facts.skeleton_type import Skeleton
from lst.facts.trees import chains

_ARMS = ("RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist")
_LEGS = ("RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle")
_FACE = ("REye", "LEye", "REar", "LEar")
_FEET = ("LBigToe", "LSmallToe", "LHeel", "RBigToe", "RSmallToe", "RHeel")

OPENPOSE_BODY25 = Skeleton(
    name="openpose_body25",
    joints=("Nose", "Neck", *_ARMS, "MidHip", *_LEGS, *_FACE, *_FEET),
    parents=chains(
        "Neck Nose REye REar",
        "Nose LEye LEar",
        "Neck RShoulder RElbow RWrist",
        "Neck LShoulder LElbow LWrist",
        "Neck MidHip",
        "MidHip RHip RKnee RAnkle RBigToe RSmallToe",
        "MidHip LHip LKnee LAnkle LBigToe LSmallToe",
        "RAnkle RHeel",
        "LAnkle LHeel",
    ),
    parts={
        "head": ("Nose", "Neck", *_FACE),
        "hand": _ARMS,
        "hip": ("MidHip", "RHip", "LHip"),
        "foot": (*_LEGS, *_FEET),
    },
    to_kinect_v2=in_kinect_v2_order(
        {
            "SpineBase": "MidHip",
            "SpineMid": "Neck MidHip",
            "SpineShoulder": "Neck",
            "Neck": "Neck",
            "Head": "REar LEar",
            "ShoulderLeft": "LShoulder",
            "ElbowLeft": "LElbow",
            "WristLeft": "LWrist",
            "HandLeft": "LWrist",
            "HandTipLeft": "LWrist",
            "ThumbLeft": "LWrist",
            "ShoulderRight": "RShoulder",
            "ElbowRight": "RElbow",
            "WristRight": "RWrist",
            "HandRight": "RWrist",
            "HandTipRight": "RWrist",
            "ThumbRight": "RWrist",
            "HipLeft": "LHip",
            "KneeLeft": "LKnee",
            "AnkleLeft": "LAnkle",
            "FootLeft": "LBigToe",
            "HipRight": "RHip",
            "KneeRight": "RKnee",
            "AnkleRight": "RAnkle",
            "FootRight": "RBigToe",
        }
    ),
    substitutes=frozenset(
        {"SpineMid", "Neck"}
        | {"HandLeft", "HandTipLeft", "ThumbLeft", "HandRight", "HandTipRight", "ThumbRight"}
    ),
    unit="pixels",
    up="-y",
    dims=2,
    source="data.md 4.3 and 4.4",
)

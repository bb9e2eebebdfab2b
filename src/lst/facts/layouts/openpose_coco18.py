"""OpenPose's COCO model, 18 joints: Kinetics-skeleton of ST-GCN. y down; a missing key point is (0, 0, 0)."""

from lst.facts.layouts.sources import in_kinect_v2_order
from lst.facts.skeleton_type import Skeleton
from lst.facts.trees import chains

_ARMS = ("RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist")
_LEGS = ("RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle")
_FACE = ("REye", "LEye", "REar", "LEar")

OPENPOSE_COCO18 = Skeleton(
    name="openpose_coco18",
    joints=("Nose", "Neck", *_ARMS, *_LEGS, *_FACE),
    parents=chains(
        "Neck Nose REye REar",
        "Nose LEye LEar",
        "Neck RShoulder RElbow RWrist",
        "Neck LShoulder LElbow LWrist",
        "RShoulder RHip RKnee RAnkle",
        "LShoulder LHip LKnee LAnkle",
    ),
    parts={
        "head": ("Nose", "Neck", *_FACE),
        "hand": _ARMS,
        "hip": ("RHip", "LHip"),
        "foot": _LEGS,
    },
    to_kinect_v2=in_kinect_v2_order(
        {
            "SpineBase": "RHip LHip",
            "SpineMid": "Neck RHip LHip",
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
            "FootLeft": "LAnkle",
            "HipRight": "RHip",
            "KneeRight": "RKnee",
            "AnkleRight": "RAnkle",
            "FootRight": "RAnkle",
        }
    ),
    substitutes=frozenset(
        {"SpineMid", "Neck", "FootLeft", "FootRight"}
        | {"HandLeft", "HandTipLeft", "ThumbLeft", "HandRight", "HandTipRight", "ThumbRight"}
    ),
    unit="pixels",
    up="-y",
    dims=2,
    source="data.md 4.3 and 4.4 (parents as in pyskl's openpose layout)",
)

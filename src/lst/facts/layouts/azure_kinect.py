"""Azure Kinect, 32 joints. Millimetres, x right, y down, z forward."""

from lst.facts.layouts.sources import in_kinect_v2_order
from lst.facts.skeleton_type import Skeleton
from lst.facts.trees import chains

_LEFT_ARM = (
    *("CLAVICLE_LEFT", "SHOULDER_LEFT", "ELBOW_LEFT", "WRIST_LEFT"),
    *("HAND_LEFT", "HANDTIP_LEFT", "THUMB_LEFT"),
)
_RIGHT_ARM = (
    *("CLAVICLE_RIGHT", "SHOULDER_RIGHT", "ELBOW_RIGHT", "WRIST_RIGHT"),
    *("HAND_RIGHT", "HANDTIP_RIGHT", "THUMB_RIGHT"),
)
_LEGS = (
    *("HIP_LEFT", "KNEE_LEFT", "ANKLE_LEFT", "FOOT_LEFT"),
    *("HIP_RIGHT", "KNEE_RIGHT", "ANKLE_RIGHT", "FOOT_RIGHT"),
)
_FACE = ("HEAD", "NOSE", "EYE_LEFT", "EAR_LEFT", "EYE_RIGHT", "EAR_RIGHT")

AZURE_KINECT_32 = Skeleton(
    name="azure_kinect_32",
    joints=("PELVIS", "SPINE_NAVEL", "SPINE_CHEST", "NECK", *_LEFT_ARM, *_RIGHT_ARM, *_LEGS, *_FACE),
    parents=chains(
        "PELVIS SPINE_NAVEL SPINE_CHEST NECK HEAD NOSE",
        "HEAD EYE_LEFT",
        "HEAD EAR_LEFT",
        "HEAD EYE_RIGHT",
        "HEAD EAR_RIGHT",
        "SPINE_CHEST CLAVICLE_LEFT SHOULDER_LEFT ELBOW_LEFT WRIST_LEFT HAND_LEFT HANDTIP_LEFT",
        "WRIST_LEFT THUMB_LEFT",
        "SPINE_CHEST CLAVICLE_RIGHT SHOULDER_RIGHT ELBOW_RIGHT WRIST_RIGHT HAND_RIGHT HANDTIP_RIGHT",
        "WRIST_RIGHT THUMB_RIGHT",
        "PELVIS HIP_LEFT KNEE_LEFT ANKLE_LEFT FOOT_LEFT",
        "PELVIS HIP_RIGHT KNEE_RIGHT ANKLE_RIGHT FOOT_RIGHT",
    ),
    parts={
        "head": ("SPINE_CHEST", "NECK", *_FACE),  # SPINE_CHEST as SpineShoulder is for NTU
        "hand": (*_LEFT_ARM, *_RIGHT_ARM),
        "hip": ("PELVIS", "SPINE_NAVEL", "HIP_LEFT", "HIP_RIGHT"),
        "foot": _LEGS,
    },
    to_kinect_v2=in_kinect_v2_order(
        {
            "SpineBase": "PELVIS",
            "SpineMid": "SPINE_NAVEL",
            "SpineShoulder": "SPINE_CHEST",
            "Neck": "NECK",
            "Head": "HEAD",
            "ShoulderLeft": "SHOULDER_LEFT",
            "ElbowLeft": "ELBOW_LEFT",
            "WristLeft": "WRIST_LEFT",
            "HandLeft": "HAND_LEFT",
            "HandTipLeft": "HANDTIP_LEFT",
            "ThumbLeft": "THUMB_LEFT",
            "ShoulderRight": "SHOULDER_RIGHT",
            "ElbowRight": "ELBOW_RIGHT",
            "WristRight": "WRIST_RIGHT",
            "HandRight": "HAND_RIGHT",
            "HandTipRight": "HANDTIP_RIGHT",
            "ThumbRight": "THUMB_RIGHT",
            "HipLeft": "HIP_LEFT",
            "KneeLeft": "KNEE_LEFT",
            "AnkleLeft": "ANKLE_LEFT",
            "FootLeft": "FOOT_LEFT",
            "HipRight": "HIP_RIGHT",
            "KneeRight": "KNEE_RIGHT",
            "AnkleRight": "ANKLE_RIGHT",
            "FootRight": "FOOT_RIGHT",
        }
    ),
    unit="millimetres",
    up="-y",
    source="data.md 4.3 and 4.4",
)

"""COCO, 17 key points: 2-D poses of pyskl and mmaction2. x right, y down; a missing key point has score 0."""

from lst.facts.layouts.sources import in_kinect_v2_order
from lst.facts.skeleton_type import Skeleton
from lst.facts.trees import chains

COCO_17 = Skeleton(
    name="coco_17",
    joints=(
        *("nose", "left_eye", "right_eye", "left_ear", "right_ear"),
        *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"),
        *("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
    ),
    parents=chains(
        "nose left_eye left_ear",
        "nose right_eye right_ear",
        "nose left_shoulder left_elbow left_wrist",
        "nose right_shoulder right_elbow right_wrist",
        "left_shoulder left_hip left_knee left_ankle",
        "right_shoulder right_hip right_knee right_ankle",
    ),
    parts={
        "head": ("nose", "left_eye", "right_eye", "left_ear", "right_ear"),
        "hand": ("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"),
        "hip": ("left_hip", "right_hip"),
        "foot": ("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
    },
    to_kinect_v2=in_kinect_v2_order(
        {
            "SpineBase": "left_hip right_hip",
            "SpineMid": "left_shoulder right_shoulder left_hip right_hip",
            "SpineShoulder": "left_shoulder right_shoulder",
            "Neck": "left_shoulder right_shoulder",
            "Head": "left_ear right_ear",  # the nose where the ears are missing
            "ShoulderLeft": "left_shoulder",
            "ElbowLeft": "left_elbow",
            "WristLeft": "left_wrist",
            "HandLeft": "left_wrist",
            "HandTipLeft": "left_wrist",
            "ThumbLeft": "left_wrist",
            "ShoulderRight": "right_shoulder",
            "ElbowRight": "right_elbow",
            "WristRight": "right_wrist",
            "HandRight": "right_wrist",
            "HandTipRight": "right_wrist",
            "ThumbRight": "right_wrist",
            "HipLeft": "left_hip",
            "KneeLeft": "left_knee",
            "AnkleLeft": "left_ankle",
            "FootLeft": "left_ankle",
            "HipRight": "right_hip",
            "KneeRight": "right_knee",
            "AnkleRight": "right_ankle",
            "FootRight": "right_ankle",
        }
    ),
    substitutes=frozenset(
        {"SpineMid", "Neck", "FootLeft", "FootRight"}
        | {"HandLeft", "HandTipLeft", "ThumbLeft", "HandRight", "HandTipRight", "ThumbRight"}
    ),
    unit="pixels",
    up="-y",
    dims=2,
    source="data.md 4.3 and 4.4 (parents as in pyskl)",
)

"""MediaPipe Pose, 33 landmarks; from left_ear on, odd indices are left.

World landmarks: metres from the middle of the hips, y down. (Image landmarks have x and y relative to the
image and z relative to the hips.) There is no neck landmark, so the links nose to shoulders are virtual.
"""

from lst.facts.layouts.sources import in_kinect_v2_order
from lst.facts.skeleton_type import Skeleton
from lst.facts.trees import chains

_HEAD = (
    *(
        "nose",
        "left_eye_inner",
        "left_eye",
        "left_eye_outer",
        "right_eye_inner",
        "right_eye",
        "right_eye_outer",
    ),
    *("left_ear", "right_ear", "mouth_left", "mouth_right"),
)
_ARMS = (
    *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"),
    *("left_pinky", "right_pinky", "left_index", "right_index", "left_thumb", "right_thumb"),
)
_LEGS = (
    *("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
    *("left_heel", "right_heel", "left_foot_index", "right_foot_index"),
)

MEDIAPIPE_33 = Skeleton(
    name="mediapipe_33",
    joints=(*_HEAD, *_ARMS, *_LEGS),
    parents=chains(
        "nose left_eye_inner left_eye left_eye_outer left_ear",
        "nose right_eye_inner right_eye right_eye_outer right_ear",
        "nose mouth_left",
        "nose mouth_right",
        "nose left_shoulder left_elbow left_wrist left_pinky",
        "left_wrist left_index",
        "left_wrist left_thumb",
        "nose right_shoulder right_elbow right_wrist right_pinky",
        "right_wrist right_index",
        "right_wrist right_thumb",
        "left_shoulder left_hip left_knee left_ankle left_heel",
        "left_ankle left_foot_index",
        "right_shoulder right_hip right_knee right_ankle right_heel",
        "right_ankle right_foot_index",
    ),
    parts={
        "head": _HEAD,
        "hand": _ARMS,
        "hip": ("left_hip", "right_hip"),
        "foot": _LEGS,
    },
    to_kinect_v2=in_kinect_v2_order(
        {
            "SpineBase": "left_hip right_hip",
            "SpineMid": "left_shoulder right_shoulder left_hip right_hip",
            "SpineShoulder": "left_shoulder right_shoulder",
            "Neck": "left_shoulder right_shoulder",
            "Head": "left_ear right_ear",
            "ShoulderLeft": "left_shoulder",
            "ElbowLeft": "left_elbow",
            "WristLeft": "left_wrist",
            "HandLeft": "left_wrist left_pinky left_index",
            "HandTipLeft": "left_index",
            "ThumbLeft": "left_thumb",
            "ShoulderRight": "right_shoulder",
            "ElbowRight": "right_elbow",
            "WristRight": "right_wrist",
            "HandRight": "right_wrist right_pinky right_index",
            "HandTipRight": "right_index",
            "ThumbRight": "right_thumb",
            "HipLeft": "left_hip",
            "KneeLeft": "left_knee",
            "AnkleLeft": "left_ankle",
            "FootLeft": "left_foot_index",
            "HipRight": "right_hip",
            "KneeRight": "right_knee",
            "AnkleRight": "right_ankle",
            "FootRight": "right_foot_index",
        }
    ),
    substitutes=frozenset({"SpineMid", "Neck"}),
    unit="metres",
    up="-y",
    source="data.md 4.3 and 4.4",
)

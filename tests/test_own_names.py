"""Joints by name, layouts of one's own, units and axes."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import own_files
from lst.data.own.discover import joint_names_in
from lst.data.own.fit import Wanted, fitted, turned, unit_of, up_of
from lst.data.own.layout_file import find_layout
from lst.data.own.names import layout_of_names, match, plain_names
from lst.data.own.read_kinect_text import MSR_JOINTS
from lst.data.own.read_mat import UTD_JOINTS
from lst.data.own.recording import ReadError, Recording
from lst.facts.layouts.kinect_v1 import KINECT_V1_20
from lst.facts.skeleton import LAYOUTS, get_layout

SAME = [
    (
        "left_shoulder",
        "LShoulder",
        "ShoulderLeft",
        "L_Shoulder",
        "SHOULDER_LEFT",
        "leftShoulder",
        "lshoulder",
    ),
    ("HipCenter", "SpineBase", "PELVIS", "MidHip", "mid_hip", "Hips"),
    ("right_wrist", "RWrist", "WristRight", "WRIST_RIGHT"),
    ("SpineShoulder", "ShoulderCenter", "shoulder_center", "SPINE_CHEST"),
    ("LHip", "left_hip", "HipLeft"),
]


@pytest.mark.parametrize("names", SAME, ids=lambda names: names[0])
def test_one_joint_under_many_names(names: tuple[str, ...]):
    assert len(set(plain_names(names))) == 1


def test_the_joints_of_a_layout_are_different_joints():
    for layout in LAYOUTS.values():
        assert len(set(plain_names(layout.joints))) == layout.num_joints, layout.name
        assert match(layout.joints, layout) == list(range(layout.num_joints))
        assert layout_of_names(layout.joints[::-1]) == layout


def test_left_is_never_right():
    for layout in LAYOUTS.values():
        for joint, plain in zip(layout.joints, plain_names(layout.joints), strict=True):
            short = joint[0] if len(joint) > 1 and joint[0] in "LR" and joint[1:] != joint[1:].upper() else ""
            side = "l" if "left" in joint.lower() else "r" if "right" in joint.lower() else short.lower()
            assert plain[-2:] == f"_{side}" if side else "_" not in plain, joint


def test_motion_capture_names_the_bone():
    """LeftArm begins at the shoulder, and LeftShoulder is the collar there."""
    names = ("Hips", "LeftUpLeg", "LeftLeg", "LeftFoot", "LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand")
    layout = get_layout("kinect_v1_20")
    found = dict(zip(layout.joints, match(names, layout), strict=True))
    assert [found[x] for x in ("HipCenter", "HipLeft", "KneeLeft", "AnkleLeft")] == [0, 1, 2, 3]
    assert [found[x] for x in ("ShoulderLeft", "ElbowLeft", "WristLeft", "HandLeft")] == [5, 6, 7, None]


@pytest.mark.parametrize("order", [MSR_JOINTS, UTD_JOINTS])
def test_other_orders_of_kinect_v1_are_put_right(order: tuple[str, ...]):
    layout = get_layout("kinect_v1_20")
    joints_MTVC = own_files.walk("kinect_v1_20")
    shuffled = joints_MTVC[:, :, [layout.joints.index(joint) for joint in order]]
    fitting, found = fitted(Recording("a", shuffled, joint_names=order), Wanted())
    assert found == layout
    assert_allclose(fitting.joints_MTVC, joints_MTVC)


def test_azure_kinect_onto_kinect_v2_by_name():
    azure, layout = get_layout("azure_kinect_32"), get_layout("kinect_v2_25")
    recording = Recording("a", own_files.walk("azure_kinect_32"), layout=azure.name)
    fitting, _ = fitted(recording, Wanted(layout))
    for joint, source in (("SpineBase", "PELVIS"), ("Head", "HEAD"), ("FootRight", "FOOT_RIGHT")):
        place = fitting.joints_MTVC[:, :, layout.joints.index(joint)]
        assert_allclose(place, recording.joints_MTVC[:, :, azure.joints.index(source)])


def test_stand_ins_are_told():
    coco, layout = get_layout("coco_17"), get_layout("openpose_coco18")
    fitting, _ = fitted(Recording("a", own_files.walk("coco_17"), layout=coco.name), Wanted(layout, up="y"))
    shoulders = [coco.joints.index("left_shoulder"), coco.joints.index("right_shoulder")]
    neck = fitting.joints_MTVC[:, :, layout.joints.index("Neck")]
    assert_allclose(neck, own_files.walk("coco_17")[:, :, shoulders].mean(axis=2))
    assert fitting.remarks["recordings with stand-ins for Neck"] == 1


def test_what_is_not_known_is_asked_for():
    with pytest.raises(ReadError, match="--layout"):
        fitted(Recording("a", np.zeros((1, 2, 13, 3))), Wanted())
    with pytest.raises(ReadError, match=r"are those of no known layout.*--layout"):
        fitted(Recording("a", np.zeros((1, 2, 2, 3)), joint_names=("tail", "ear")), Wanted())
    with pytest.raises(ReadError, match="has 13 joints without names, but kinect_v1_20 has 20"):
        fitted(Recording("a", np.zeros((1, 2, 13, 3))), Wanted(get_layout("kinect_v1_20")))
    names = ("Head", "HandLeft", "tail", "fin")
    with pytest.raises(ReadError, match="only 2 of the 20 joints of kinect_v1_20"):
        fitted(Recording("a", np.zeros((1, 2, 4, 3)), joint_names=names), Wanted(get_layout("kinect_v1_20")))


def test_an_assumed_order_is_told():
    fitting, layout = fitted(Recording("a", own_files.walk("coco_17")), Wanted())
    assert layout.name == "coco_17"
    assert fitting.remarks["recordings assumed to have the joint order of coco_17"] == 1


@pytest.mark.parametrize("up", ["y", "-y", "z", "-z", "x", "-x"])
def test_turning_makes_up_y_and_keeps_left_left(up: str):
    axis = "xyz".index(up[-1])
    head = np.zeros(3)
    head[axis] = -1 if up[0] == "-" else 1
    matrix = np.stack([turned(row, up) for row in np.eye(3)], axis=1)
    assert_allclose(matrix @ head, [0, 1, 0])
    assert np.linalg.det(matrix) == pytest.approx(1)  # a mirror would swap left and right


def test_units_become_metres():
    joints_MTVC = own_files.walk("kinect_v1_20")
    recording = Recording("a", joints_MTVC * 1000, layout="kinect_v1_20", unit="mm", up="-y")
    fitting, _ = fitted(recording, Wanted())
    assert_allclose(fitting.joints_MTVC, joints_MTVC * [-1, -1, 1])
    assert (fitting.unit, fitting.up) == ("m", "y")
    assert unit_of("millimetres") == "mm"
    assert up_of("+y") == "y"
    with pytest.raises(ValueError, match="mm"):
        unit_of("mmm")


OWN = """
name = "stick_6"
joints = ["pelvis", "neck", "head", "left_hand", "right_hand", "left_foot"]
[parents]
neck = "pelvis"
head = "neck"
left_hand = "neck"
right_hand = "neck"
left_foot = "pelvis"
"""


def test_a_layout_of_ones_own(tmp_path: Path):
    (tmp_path / "stick.toml").write_text(OWN)
    layout = find_layout(str(tmp_path / "stick.toml"))
    assert layout.num_joints == 6
    assert layout.root == "pelvis"
    assert dict(layout.parts) == {
        "head": ("neck", "head"),
        "hand": ("left_hand", "right_hand"),
        "hip": ("pelvis",),
        "foot": ("left_foot",),
    }
    content = {"joints": list(layout.joints), "parents": dict(layout.parents)}
    (tmp_path / "stick_6.json").write_text(json.dumps(content))
    assert find_layout(str(tmp_path / "stick_6.json")) == layout


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('joints = ["a", "b"]', "lacks parents"),
        (OWN.replace('neck = "pelvis"', 'neck = "hips"'), "hips"),
        (OWN.replace('neck = "pelvis"', 'neck = "head"'), "cycle"),
        (OWN + 'tail = "pelvis"\n', "tail"),
        (OWN.replace("stick_6", "coco_17"), "no layout of lst has"),
        (OWN.replace("[parents]", "dims = 4\n[parents]"), "expected 2 or 3"),
        (OWN.replace("[parents]", "bones = 4\n[parents]"), "unknown keys bones"),
        (OWN.replace("left_foot", "tail"), "give .parts."),
        ("joints = [", "stick.toml"),
    ],
)
def test_a_layout_file_with_a_mistake(text: str, reason: str, tmp_path: Path):
    (tmp_path / "stick.toml").write_text(text)
    with pytest.raises(ValueError, match=reason):
        find_layout(str(tmp_path / "stick.toml"))


def test_a_missing_layout_file_is_told(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="coco_17"):
        find_layout(str(tmp_path / "no.toml"))
    with pytest.raises(ValueError, match="kinect_v1_20"):
        find_layout("kinect_v1")


def test_joint_names_from_a_file(tmp_path: Path):
    """Lines such as those of UTD-MHAD: a number, a name, a semicolon."""
    (tmp_path / "names.txt").write_text("1. head; \n2. shoulder_center;\n\n3. spine;\n")
    assert joint_names_in(tmp_path / "names.txt") == ("head", "shoulder_center", "spine")
    (tmp_path / "names.txt").write_text("head\nhead\n")
    with pytest.raises(ValueError, match="each once"):
        joint_names_in(tmp_path / "names.txt")


def test_joints_of_msr_action_3d_are_those_of_kinect_v1_in_another_order():
    assert sorted(plain_names(MSR_JOINTS)) == sorted(plain_names(KINECT_V1_20.joints))
    assert KINECT_V1_20.joints != MSR_JOINTS

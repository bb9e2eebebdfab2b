"""Skeletons are checked when they are made."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lst.facts.skeleton import Skeleton, get_layout
from lst.facts.trees import chains
from skeletons_by_hand import STICK, skeletons

UCLA = get_layout("kinect_v1_20")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joints": (*STICK.joints, "hip")}, r"\['hip'\] stand there more than once"),
        ({"parents": {**STICK.parents, "tail": "hip"}}, r"parents: \['tail'\] are not among its joints"),
        ({"parents": {**STICK.parents, "neck": "spine"}}, r"parents: \['spine'\] are not among its joints"),
        (
            {"parents": {"neck": "hip", "head": "neck", "left_hand": "neck"}},
            r"exactly one joint must have no parent \(the root\), found \['hip', 'right_hand'\]",
        ),
        ({"parents": {**STICK.parents, "hip": "neck"}}, r"found \[\]"),
        (
            {"parents": {**STICK.parents, "head": "left_hand", "left_hand": "head"}},
            r"parents: \['head', 'left_hand'\] lead into a cycle",
        ),
        ({"parents": {**STICK.parents, "head": "head"}}, r"\['head'\] lead into a cycle"),
        ({"joints": (), "parents": {}, "parts": {}}, r"found \[\]"),
        ({"graph_parents": {"neck": "hip"}}, r"graph_parents: exactly one joint must have no parent"),
        ({"bone_parents": {**STICK.parents, "tail": "hip"}}, r"bone_parents: \['tail'\] are not among"),
        ({"parts": {**STICK.parts, "wings": ("left_wing",)}}, r"parts: \['left_wing'\] are not among"),
        ({"parts": {**STICK.parts, "tail": ()}}, r"parts: 'tail' is empty"),
        ({"parts": {"top": ("head",)}}, r"\['hip', 'neck', 'left_hand', 'right_hand'\] are in no part"),
        ({"to_kinect_v2": (("hip",),)}, r"to_kinect_v2: expected 25 entries .* got sizes \[1\]"),
        ({"to_kinect_v2": (("hip",),) * 24 + ((),)}, r"to_kinect_v2: expected 25 entries"),
        ({"to_kinect_v2": (("wing",),) * 25}, r"to_kinect_v2: \['wing'\] are not among"),
        ({"substitutes": frozenset({"Nose"})}, r"substitutes: \['Nose'\] are not Kinect v2 joints"),
        ({"gap": UCLA.gap}, r"GAP parts: \['AnkleLeft', .* are not among its joints"),
    ],
)
def test_wrong_table_is_refused(changes, message):
    with pytest.raises(ValueError, match=rf"skeleton 'stick': .*{message}"):
        replace(STICK, **changes)


def test_all_problems_are_told_at_once():
    with pytest.raises(ValueError, match=r"\['tail'\] are not among its joints; .*'none' is empty"):
        replace(STICK, parents={**STICK.parents, "tail": "hip"}, parts={**STICK.parts, "none": ()})


@given(skeletons(), st.data())
def test_closing_a_loop_is_refused(skeleton, data):
    below = data.draw(st.sampled_from(skeleton.joints))
    with pytest.raises(ValueError, match="lead into a cycle"):
        replace(skeleton, parents={**skeleton.parents, skeleton.root: below})


def test_one_joint_is_a_skeleton():
    point = Skeleton(name="point", joints=("p",), parents={}, parts={"all": ("p",)})
    np.testing.assert_array_equal(point.graph_matrices(), [[[1]], [[0]], [[0]]])
    np.testing.assert_array_equal(point.bone_matrix(), [[0]])


def test_chains_run_outward():
    assert chains("a b c", "a d") == {"b": "a", "c": "b", "d": "a"}
    with pytest.raises(ValueError, match="joint 'c' has two parents: 'b' and 'a'"):
        chains("a b c", "a c")

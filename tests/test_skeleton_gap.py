"""GAP's tables (method.md 4.2 and 6.2)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lst.facts.skeleton import get_layout
from skeletons_by_hand import NTU_BONE

NTU = get_layout("kinect_v2_25")
UCLA = get_layout("kinect_v1_20")


def power(layout, k):
    """B^k, from J = Id - B^k."""
    return np.eye(layout.num_joints) - layout.gap_joint_matrix(k)


def test_gap_matrix_of_ntu():
    assert power(NTU, 7).any()
    np.testing.assert_array_equal(power(NTU, 8), 0)
    np.testing.assert_array_equal(NTU.gap_joint_matrix(8), np.eye(25))
    bone = NTU.gap_joint_matrix(1)
    expected = np.eye(25)
    for joint, parent in enumerate(NTU_BONE):
        if joint != parent:
            expected[joint, parent] = -1
    np.testing.assert_array_equal(bone, expected)
    np.testing.assert_array_equal(bone[1], np.eye(25)[1])  # Q2: SpineMid stays absolute
    assert bone.dtype == np.float32


def test_gap_and_corrected_bones_of_ntu_differ_in_root_and_hand_tips_only():
    differ = np.flatnonzero((NTU.gap_joint_matrix(1) != NTU.bone_matrix()).any(axis=1))
    assert differ.tolist() == [1, 20, 21, 23]


def test_gap_matrix_of_ucla_points_the_other_way():
    bone = UCLA.gap_joint_matrix(1)
    expected = np.eye(20)
    for joint, parent in enumerate(UCLA.parent_index()):
        if joint != parent:
            expected[parent, joint] = -1
    np.testing.assert_array_equal(bone, expected)
    assert np.flatnonzero(bone[0] == -1).tolist() == [12, 16]
    assert np.flatnonzero(bone[2] == -1).tolist() == [1, 3, 4, 8]
    absolute = [j for j in range(20) if (bone[j] == np.eye(20)[j]).all()]
    assert absolute == [3, 7, 11, 15, 19]
    assert bone[0].sum() == -1
    assert bone[2].sum() == -3


def test_gap_matrix_of_ucla_joint_changes_one_row():
    assert np.argwhere(power(UCLA, 6)).tolist() == [[2, 15], [2, 19]]
    assert power(UCLA, 6).sum() == 2
    np.testing.assert_array_equal(power(UCLA, 7), 0)


@pytest.mark.parametrize("layout", [NTU, UCLA], ids=["ntu", "ucla"])
def test_gap_matrix_of_power_zero_is_the_identity(layout):
    np.testing.assert_array_equal(layout.gap_joint_matrix(0), np.eye(layout.num_joints))
    with pytest.raises(ValueError, match="k must be 0 or more, got -1"):
        layout.gap_joint_matrix(-1)


@given(st.sampled_from([NTU, UCLA]), st.integers(1, 9))
def test_gap_powers_chain(layout, k):
    np.testing.assert_array_equal(power(layout, 1) @ power(layout, k), power(layout, k + 1))


def joints_from(text):
    """ "2, 4-6" -> {2, 4, 5, 6}"""
    ends = [[int(number) for number in span.split("-")] for span in text.split(", ")]
    return {joint for span in ends for joint in range(span[0], span[-1] + 1)}


@pytest.mark.parametrize(
    ("layout", "modality", "k", "head", "hand", "hip", "foot"),
    [
        (NTU, "joint", 8, "2, 3, 20", "4-11, 21-24", "0, 1, 2, 12, 16", "12-19"),
        (NTU, "bone", 1, "2, 3", "4-11, 20, 22, 23, 24", "0, 1, 12, 16", "12-19"),
        (UCLA, "joint", 6, "2, 3", "4-11", "0, 1, 12, 16", "12-19"),
        (UCLA, "bone", 1, "2", "3-10", "0, 1, 11, 15", "11-18"),
    ],
)
def test_gap_classes(layout, modality, k, head, hand, hip, foot):
    for variant in (modality, f"{modality}_motion"):
        parts = layout.gap_parts(variant)
        assert list(parts) == ["head", "hand", "hip", "foot"]
        assert all(len(set(index)) == len(index) for index in parts.values())
        assert [set(index) for index in parts.values()] == [joints_from(t) for t in (head, hand, hip, foot)]
        assert layout.gap_k(variant) == k
    assert layout.part_weights(layout.gap_parts(modality)).shape == (4, layout.num_joints)


def test_what_gap_leaves_out():
    covered = {j for index in NTU.gap_parts("bone").values() for j in index}
    assert set(range(25)) - covered == {NTU.joints.index("HandTipLeft")}
    covered = {j for index in UCLA.gap_parts("bone").values() for j in index}
    assert set(range(20)) - covered == {UCLA.joints.index("FootRight")}


def test_gap_has_no_code_for_other_layouts():
    coco = get_layout("coco_17")
    for ask in (
        lambda: coco.gap_parts("joint"),
        lambda: coco.gap_k("joint"),
        lambda: coco.gap_joint_matrix(1),
    ):
        with pytest.raises(ValueError, match="'coco_17': GAP has no code for this layout"):
            ask()


def test_unknown_modality():
    with pytest.raises(ValueError, match=r"unknown modality 'bones'. Did you mean 'bone'\?"):
        NTU.gap_parts("bones")  # pyright: ignore[reportArgumentType]

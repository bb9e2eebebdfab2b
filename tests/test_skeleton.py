"""Skeletons: the layouts, their trees and the matrices derived from them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lst.facts.skeleton import KINECT_V2_JOINTS, LAYOUTS, get_layout
from skeletons_by_hand import NTU_BONE, NTU_GRAPH, STICK, skeletons

NTU = get_layout("kinect_v2_25")
UCLA = get_layout("kinect_v1_20")


# ---- the layouts ----


@pytest.fixture(scope="module")
def tables(shared):
    return json.loads((shared / "data" / "skeleton_layouts.json").read_text())


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_layout_equals_the_reference_table(name, tables):
    layout, table = LAYOUTS[name], tables[name]
    assert layout.name == name
    assert list(layout.joints) == table["joints"]
    assert layout.num_joints == table["num_joints"]
    assert layout.parent_index() == table["parents"]
    assert {part: sorted(index) for part, index in layout.part_index().items()} == table["parts"]
    to_kinect_v2 = [sorted(layout.joints.index(j) for j in names) for names in layout.to_kinect_v2]
    assert to_kinect_v2 == table["to_kinect_v2_25"]


def test_there_are_no_other_layouts(tables):
    assert set(LAYOUTS) == set(tables)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_layout_has_the_four_parts_in_the_order_of_their_texts(layout):
    assert layout.part_names == ("head", "hand", "hip", "foot")
    assert layout.num_parts == 4
    assert layout.source


@pytest.mark.parametrize(
    ("name", "index"),
    [  # the "~" of data.md 4.4
        ("kinect_v2_25", []),
        ("kinect_v1_20", [2, 21, 22, 23, 24]),
        ("coco_17", [1, 2, 7, 11, 15, 19, 21, 22, 23, 24]),
        ("openpose_body25", [1, 2, 7, 11, 21, 22, 23, 24]),
        ("openpose_coco18", [1, 2, 7, 11, 15, 19, 21, 22, 23, 24]),
        ("mediapipe_33", [1, 2]),
        ("azure_kinect_32", []),
    ],
)
def test_substitutes(name, index):
    assert sorted(map(KINECT_V2_JOINTS.index, LAYOUTS[name].substitutes)) == index


@pytest.mark.parametrize(
    ("name", "unit", "up", "dims"),
    [
        ("kinect_v2_25", "metres", "+y", 3),
        ("kinect_v1_20", "metres", "+y", 3),
        ("coco_17", "pixels", "-y", 2),
        ("openpose_body25", "pixels", "-y", 2),
        ("openpose_coco18", "pixels", "-y", 2),
        ("mediapipe_33", "metres", "-y", 3),
        ("azure_kinect_32", "millimetres", "-y", 3),
    ],
)
def test_units_and_axes(name, unit, up, dims):
    layout = LAYOUTS[name]
    assert (layout.unit, layout.up, layout.dims) == (unit, up, dims)


def test_unknown_layout():
    with pytest.raises(ValueError, match=r"unknown layout 'kinect_v2'. Did you mean 'kinect_v2_25'\?"):
        get_layout("kinect_v2")


def test_kinect_v1_shoulder_centre_is_spine_shoulder_and_not_neck():
    assert UCLA.to_kinect_v2[KINECT_V2_JOINTS.index("SpineShoulder")] == ("ShoulderCenter",)
    assert "SpineShoulder" not in UCLA.substitutes
    assert "Neck" in UCLA.substitutes


# ---- the three trees of NTU (method.md 3.1, both columns) ----


def test_trees_of_ntu():
    assert NTU.parent_index("graph") == NTU_GRAPH
    assert NTU.parent_index("bone") == NTU_BONE
    assert NTU.root == "SpineShoulder"


def test_graph_and_bone_tree_of_ntu_have_the_same_undirected_edges():
    graph, bone = (
        {frozenset(edge) for edge in enumerate(parents) if edge[0] != edge[1]}
        for parents in (NTU_GRAPH, NTU.parent_index("bone"))
    )
    assert len(graph) == 24
    assert graph == bone


@pytest.mark.parametrize("tree", ["graph", "bone"])
def test_trees_that_do_not_differ_are_the_anatomical_one(tree):
    assert UCLA.parent_index(tree) == UCLA.parent_index()


def test_unknown_tree():
    with pytest.raises(ValueError, match="unknown tree 'bones'"):
        STICK.parent_index("bones")  # pyright: ignore[reportArgumentType]


# ---- derived matrices ----


def test_matrices_of_the_stick_by_hand():
    assert STICK.parent_index() == [0, 0, 1, 1, 1]
    identity, inward, outward = STICK.graph_matrices()
    np.testing.assert_array_equal(identity, np.eye(5))
    np.testing.assert_array_equal(
        inward, [[0, 1, 0, 0, 0], [0, 0, 1, 1, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
    )
    third = np.float32(1 / 3)
    np.testing.assert_array_equal(
        outward,
        [[0, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, third, 0, 0, 0], [0, third, 0, 0, 0], [0, third, 0, 0, 0]],
    )
    np.testing.assert_array_equal(
        STICK.bone_matrix(),
        [[0, 0, 0, 0, 0], [-1, 1, 0, 0, 0], [0, -1, 1, 0, 0], [0, -1, 0, 1, 0], [0, -1, 0, 0, 1]],
    )
    np.testing.assert_array_equal(
        STICK.part_weights(), [[0, 0.5, 0.5, 0, 0], [0, 0, 0, 0.5, 0.5], [1, 0, 0, 0, 0]]
    )
    assert {m.dtype for m in (STICK.graph_matrices(), STICK.bone_matrix(), STICK.part_weights())} == {
        np.dtype(np.float32)
    }


@pytest.mark.parametrize(
    ("layout", "graph_parents", "quarter", "half"),
    [
        (NTU, NTU_GRAPH, {(1, 20), (2, 20), (4, 20), (8, 20)}, {(12, 0), (16, 0)}),
        (UCLA, UCLA.parent_index(), {(1, 2), (3, 2), (4, 2), (8, 2)}, {(12, 0), (16, 0)}),
    ],
    ids=["ntu", "ucla"],
)
def test_spatial_graph_as_method_4_1(layout, graph_parents, quarter, half):
    A = layout.graph_matrices()
    V = layout.num_joints
    assert A.shape == (3, V, V)
    np.testing.assert_array_equal(A[0], np.eye(V))
    edges = {(child, parent) for child, parent in enumerate(graph_parents) if child != parent}
    assert {tuple(map(int, e)) for e in np.argwhere(A[1])} == {(parent, child) for child, parent in edges}
    assert set(A[1][A[1] > 0]) == {1}
    assert {tuple(map(int, e)) for e in np.argwhere(A[2])} == edges
    assert {tuple(map(int, e)) for e in np.argwhere(A[2] == 0.25)} == quarter
    assert {tuple(map(int, e)) for e in np.argwhere(A[2] == 0.5)} == half
    assert set(A[2][A[2] > 0]) == {0.25, 0.5, 1}


@given(skeletons())
def test_graph_columns_sum_to_one_or_zero(skeleton):
    A = skeleton.graph_matrices()
    parents = skeleton.parent_index()
    roots = [j for j, parent in enumerate(parents) if j == parent]
    assert [skeleton.joints[j] for j in roots] == [skeleton.root]
    has_parent = [float(j not in roots) for j in range(skeleton.num_joints)]
    has_child = [float(any(p == j and c != j for c, p in enumerate(parents))) for j in range(len(parents))]
    np.testing.assert_allclose(A[1].sum(axis=0), has_parent, atol=1e-6)
    np.testing.assert_allclose(A[2].sum(axis=0), has_child, atol=1e-6)
    np.testing.assert_array_equal(A[1] > 0, (A[2] > 0).T)


@given(skeletons(), st.integers(0, 2**32 - 1))
def test_bones_do_not_see_a_shift_and_give_the_joints_back(skeleton, seed):
    rng = np.random.default_rng(seed)
    joints_VC = rng.normal(size=(skeleton.num_joints, 3))
    bones_VC = skeleton.bone_matrix() @ joints_VC
    np.testing.assert_allclose(
        skeleton.bone_matrix() @ (joints_VC + np.array([1, -2, 3])), bones_VC, atol=1e-12
    )
    root = skeleton.joints.index(skeleton.root)
    np.testing.assert_array_equal(bones_VC[root], 0)

    parents = skeleton.parent_index()
    for joint in range(skeleton.num_joints):
        position, at = bones_VC[joint].copy(), joint
        while at != root:
            at = parents[at]
            position += bones_VC[at]
        np.testing.assert_allclose(position, joints_VC[joint] - joints_VC[root], atol=1e-12)


@given(skeletons())
def test_part_weights_average_exactly_the_joints_of_the_part(skeleton):
    weights_PV = skeleton.part_weights()
    assert weights_PV.shape == (skeleton.num_parts, skeleton.num_joints)
    np.testing.assert_allclose(weights_PV.sum(axis=1), 1, rtol=1e-6)
    for row, names in zip(weights_PV, skeleton.parts.values(), strict=True):
        assert {skeleton.joints[j] for j in np.flatnonzero(row)} == set(names)
        assert len(set(row[row > 0])) == 1


def test_part_weights_of_other_lists():
    weights = STICK.part_weights({"whole": range(5), "ends": (0, 2)})
    np.testing.assert_allclose(weights, [[0.2] * 5, [0.5, 0, 0.5, 0, 0]], rtol=1e-6)


@pytest.mark.parametrize("index", [(), (0, 5), (-1,)])
def test_part_weights_of_wrong_lists(index):
    with pytest.raises(ValueError, match=r"'stick': part 'odd' has joints .*each from 0 to 4"):
        STICK.part_weights({"odd": index})

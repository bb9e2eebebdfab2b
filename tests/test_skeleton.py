import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lst.facts.skeleton import KINECT_V2_JOINTS, LAYOUTS, Skeleton, get_layout
from lst.facts.trees import chains

NTU = get_layout("kinect_v2_25")
UCLA = get_layout("kinect_v1_20")

STICK = Skeleton(
    name="stick",
    joints=("hip", "neck", "head", "left_hand", "right_hand"),
    parents={"neck": "hip", "head": "neck", "left_hand": "neck", "right_hand": "neck"},
    parts={"top": ("head", "neck"), "arms": ("left_hand", "right_hand"), "low": ("hip",)},
)


@st.composite
def skeletons(draw):
    """A random tree of 1 to 12 joints whose joints stand in random order."""
    count = draw(st.integers(1, 12))
    joints = tuple(draw(st.permutations([f"j{i}" for i in range(count)])))
    parents = {f"j{i}": f"j{draw(st.integers(0, i - 1))}" for i in range(1, count)}
    first = draw(st.integers(1, count))
    parts = {"first": joints[:first], "last": joints[first - 1 :]}
    return Skeleton(name="random", joints=joints, parents=parents, parts=parts)


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

NTU_GRAPH = [1, 20, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, 20, 22, 7, 24, 11]
NTU_BONE = [1, 1, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, 1, 22, 7, 24, 11]


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


# ---- GAP's tables (method.md 4.2 and 6.2) ----


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


# ---- checks on construction ----


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

"""The synthetic figures: bodies that hold together, actions that show, clips that depend on their id only."""

from functools import cache
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lst.data.store.clip_store import StoredClip
from lst.data.synthetic.actor import hold, keyed, smooth
from lst.data.synthetic.clips import LONGEST, SHORTEST, act, make_person, synthetic_clips
from lst.data.synthetic.figure import Body, Pose, place_joints, rotation
from lst.data.synthetic.motions import MOTIONS
from lst.facts.benchmarks import get_benchmark
from lst.facts.skeleton import get_layout

SKELETON = get_layout("kinect_v1_20")
BONES = {
    "Spine": "pelvis",
    "ShoulderCenter": "spine",
    "Head": "neck",
    "Shoulder": "collar",
    "Elbow": "upper_arm",
}
BONES |= {"Wrist": "forearm", "Hand": "hand", "Hip": "hip", "Knee": "thigh", "Ankle": "shank", "Foot": "foot"}
FEET_LEAVE = ("kick forward", "march in place", "jump")
seeds = st.integers(0, 2**32 - 1)


def perform(name: str, seed: int) -> dict[str, np.ndarray]:
    """Joint name -> (T, 3) of one clean performance."""
    joints_TVC = act(MOTIONS[name], make_person(seed, 1), np.random.default_rng(seed))
    return dict(zip(SKELETON.joints, np.moveaxis(joints_TVC, 1, 0), strict=True))


def travel(x_TC: np.ndarray) -> float:
    """Diagonal of the box that a joint stays in, metres."""
    return float(np.linalg.norm(np.ptp(x_TC, axis=0)))


def upright(frames: int = 1) -> Pose:
    """Standing to attention: arms straight down, feet 0.2 m apart."""
    still = np.zeros((frames, 3))
    both = np.zeros((frames, 2, 3))
    stance = np.array([[-0.1, 0.0, 0.0], [0.1, 0.0, 0.0]])
    hands, elbows = both + np.array([0.0, -1.0, 0.0]), both + np.array([0.0, 0.0, 1.0])
    zeros = (still.copy(), still.copy(), still.copy())
    return Pose(*zeros, hands, elbows, both.copy(), stance, both.copy(), np.zeros((frames, 2)))


@cache
def all_clips() -> tuple[StoredClip, ...]:
    return tuple(synthetic_clips())


# --- the figure ---


def test_upright_figure_stands_where_the_bone_lengths_put_it():
    joints = place_joints(Body(), upright())
    hips = joints["HipCenter"][0, 1]
    assert joints["Spine"][0] == pytest.approx([0, hips + 0.07, 0])
    assert joints["Head"][0] == pytest.approx([0, hips + 0.07 + 0.36 + 0.19, 0])
    for side, sign in (("Left", -1), ("Right", 1)):
        assert np.sign(joints["Shoulder" + side][0, 0]) == sign
        assert joints["Ankle" + side][0] == pytest.approx([0.1 * sign, 0.08, 0])
        hang = joints["Shoulder" + side] - joints["Wrist" + side]
        assert hang[0] == pytest.approx([0, 0.999 * (0.27 + 0.24), 0])  # straight but for a thousandth
    # Legs: 0.992 of their 0.86 m, hips 0.09 sin(0.62) below the hip centre, ankles 0.08 above the floor.
    assert hips == pytest.approx(0.08 + 0.992 * 0.86 + 0.09 * np.sin(0.62), abs=1e-3)


@pytest.mark.parametrize(
    ("angles", "top", "front"),
    [
        ((np.pi / 2, 0, 0), (0, 0, -1), (0, -1, 0)),  # bowing: the top of the body goes to the front
        ((0, np.pi / 2, 0), (1, 0, 0), (0, 0, -1)),  # leaning over to the right
        ((0, 0, np.pi / 2), (0, 1, 0), (-1, 0, 0)),  # turning to the left
    ],
)
def test_rotation_turns_as_its_names_say(angles, top, front):
    turned = rotation(np.array([angles], dtype=float))[0]
    assert turned @ [0, 1, 0] == pytest.approx(top, abs=1e-12)
    assert turned @ [0, 0, -1] == pytest.approx(front, abs=1e-12)


def test_hands_reach_a_point_within_the_arm_and_only_point_at_one_beyond():
    pose = upright(2)
    pose.hands_TSC[:, 1] = [[0.0, 0.0, -0.7], [0.0, 0.0, -3.0]]
    joints = place_joints(Body(), pose)
    reach = joints["WristRight"] - joints["ShoulderRight"]
    assert reach[0] == pytest.approx([0, 0, -0.7 * 0.51])
    assert reach[1] == pytest.approx([0, 0, -0.999 * 0.51])


def test_hips_give_way_so_that_feet_far_apart_stay_on_the_floor():
    pose = upright()
    pose.stance_SC = np.array([[-0.5, 0.0, 0.0], [0.5, 0.0, 0.0]])
    joints = place_joints(Body(), pose)
    assert joints["AnkleLeft"][0] == pytest.approx([-0.5, 0.08, 0])
    assert joints["HipCenter"][0, 1] < place_joints(Body(), upright())["HipCenter"][0, 1] - 0.05


def test_reach_keeps_to_an_arc_half_way():
    pose = upright()
    pose.reach(0, np.array([[0.0, 0.0, -0.5]]), np.array([0.5]), elbow=(0.0, -1.0, 0.0))
    # From length 1 straight down to length 0.5 straight ahead: half way, length 0.75 at 45 degrees.
    assert pose.hands_TSC[0, 0] == pytest.approx([0, -0.75 * np.sqrt(0.5), -0.75 * np.sqrt(0.5)])
    assert pose.elbows_TSC[0, 0] == pytest.approx([0, -0.5, 0.5])


def test_curves():
    assert smooth(np.array([-1.0, 0.25, 0.5, 2.0])) == pytest.approx([0, 0.15625, 0.5, 1])
    assert hold(np.array([0.0, 0.1, 0.5, 0.9, 1.0]), 0.2) == pytest.approx([0, 0.5, 1, 0.5, 0])
    keys = [(0.0, (0.0, 1.0)), (0.5, (2.0, 1.0)), (1.0, (0.0, 0.0))]
    got = keyed(np.array([0.0, 0.25, 0.5, 0.75, 1.0]), keys)
    assert got == pytest.approx(np.array([[0, 1], [1, 1], [2, 1], [1, 0.5], [0, 0]]))


# --- the motions ---


@settings(max_examples=5, deadline=None)
@given(seeds)
@pytest.mark.parametrize("name", MOTIONS)
def test_every_bone_keeps_its_persons_length(name, seed):
    joints, body = perform(name, seed), make_person(seed, 1).body
    parents = dict(SKELETON.parents) | {"ShoulderCenter": "Spine"}
    for joint, parent in parents.items():
        if joint in ("HipCenter", "Spine"):  # these bones are named by their upper end below
            continue
        length = np.linalg.norm(joints[joint] - joints[parent], axis=1)
        name_of_bone = BONES[joint.removesuffix("Left").removesuffix("Right")]
        assert length == pytest.approx(getattr(body, name_of_bone), abs=1e-6), joint
    pelvis = np.linalg.norm(joints["Spine"] - joints["HipCenter"], axis=1)
    assert pelvis == pytest.approx(body.pelvis, abs=1e-6)


@settings(max_examples=8, deadline=None)
@given(seeds)
@pytest.mark.parametrize("name", [name for name in MOTIONS if name not in FEET_LEAVE])
def test_feet_stay_where_they_stand(name, seed):
    joints = perform(name, seed)
    for joint in ("AnkleLeft", "AnkleRight", "FootLeft", "FootRight"):
        assert travel(joints[joint]) < 1e-6, joint
    assert joints["AnkleLeft"][:, 1] == pytest.approx(0.08)
    assert (joints["FootLeft"][:, 1] > 0).all()


@settings(max_examples=8, deadline=None)
@given(seeds)
@pytest.mark.parametrize("name", FEET_LEAVE)
def test_a_foot_leaves_the_floor_where_the_action_says_so(name, seed):
    joints = perform(name, seed)
    left, right = (joints["Ankle" + side][:, 1] - 0.08 for side in ("Left", "Right"))
    assert max(left.max(), right.max()) > 0.05
    assert min(left.min(), right.min()) > -1e-6
    together = np.minimum(left, right).max()
    assert together > 0.05 if name == "jump" else together < 1e-6
    if name == "kick forward":
        kicking = "Right" if right.max() > left.max() else "Left"
        assert np.ptp(joints["Foot" + kicking][:, 2]) > 0.35


@settings(max_examples=8, deadline=None)
@given(seeds)
def test_actions_show_what_their_names_say(seed):
    clap = perform("clap", seed)
    gap = np.linalg.norm(clap["HandLeft"] - clap["HandRight"], axis=1)
    assert gap.min() < 0.14
    waving = perform("wave right hand", seed)
    assert waving["HandRight"][:, 1].max() > waving["ShoulderRight"][:, 1].mean() - 0.1
    raised = perform("raise both arms", seed)
    for side in ("Left", "Right"):
        assert (raised["Hand" + side] - raised["Shoulder" + side])[:, 1].max() > -0.1
    drinking = perform("drink from cup", seed)
    to_head = [
        np.linalg.norm(drinking["Hand" + s] - drinking["Head"], axis=1).min() for s in ("Left", "Right")
    ]
    assert min(to_head) < 0.26
    punching = perform("punch forward", seed)
    reach = [(punching["Shoulder" + s] - punching["Hand" + s])[:, 2].max() for s in ("Left", "Right")]
    assert max(reach) > 0.7 * make_person(seed, 1).body.arm
    assert np.ptp(perform("squat", seed)["HipCenter"][:, 1]) > 0.05
    bowing = perform("bow", seed)
    assert np.ptp((bowing["ShoulderCenter"] - bowing["HipCenter"])[:, 2]) > 0.1
    nodding = perform("nod head", seed)
    assert np.ptp((nodding["Head"] - nodding["ShoulderCenter"])[:, 2]) > 0.03


def test_only_the_right_hand_waves_whoever_waves():
    for seed in range(20):
        joints = perform("wave right hand", seed)
        assert joints["HandLeft"][:, 1].max() < joints["ShoulderLeft"][:, 1].max() + 0.05


def test_persons_differ_from_each_other_but_not_from_clip_to_clip():
    assert make_person(0, 1) == make_person(0, 1)
    heights = [make_person(0, subject).body.leg for subject in range(1, 13)]
    assert len(set(heights)) == 12
    assert make_person(0, 1) != make_person(1, 1)


# --- the clips ---


def test_clips_are_complete_in_order_and_of_the_promised_form():
    clips, benchmark = all_clips(), get_benchmark("synthetic")
    ids = [clip.clip_id for clip in clips]
    assert ids == sorted(set(ids))
    assert ids[0] == "a01_s01_e00_v01"
    assert ids[-1] == "a12_s12_e01_v03"
    splits = [benchmark.rule(i) for i in ids]
    assert {split: splits.count(split) for split in ("train", "test")} == benchmark.expected
    assert [clip.label for clip in clips] == [benchmark.label_of(i) for i in ids]
    assert tuple(MOTIONS) == benchmark.class_names
    for clip in clips:
        people, frames, joints, channels = clip.joints_MTVC.shape
        assert (people, joints, channels) == (1, 20, 3)
        assert SHORTEST <= frames <= LONGEST
        assert clip.joints_MTVC.dtype == np.float32
        assert np.isfinite(clip.joints_MTVC).all()
    assert dict(clips[-1].attributes) == {"action": 12, "subject": 12, "episode": 1, "view": 3}
    assert all(type(value) is int for value in clips[0].attributes.values())


def test_a_clip_depends_on_seed_and_id_alone():
    few = list(synthetic_clips(subjects=2, episodes=1, views=2))
    known = {clip.clip_id: clip.joints_MTVC for clip in all_clips()}
    assert len(few) == 12 * 2 * 1 * 2
    for clip in few:
        np.testing.assert_array_equal(clip.joints_MTVC, known[clip.clip_id])
    other = next(synthetic_clips(seed=1))
    assert other.clip_id == few[0].clip_id
    assert (
        other.joints_MTVC.shape != few[0].joints_MTVC.shape or (other.joints_MTVC != few[0].joints_MTVC).any()
    )


def test_the_subject_faces_the_camera_mirrored_as_in_kinect_space():
    index = {joint: i for i, joint in enumerate(SKELETON.joints)}
    yaw = {1: [], 2: [], 3: []}
    for clip in all_clips():
        # Medians: a glitch or a turn of the shoulders for a moment must not count.
        x, _, z = np.median(
            clip.joints_MTVC[0][:, index["HipRight"]] - clip.joints_MTVC[0][:, index["HipLeft"]], axis=0
        )
        yaw[clip.attributes["view"]].append(np.degrees(np.arctan2(-z, x)))
        joints = np.median(clip.joints_MTVC[0], axis=0)
        assert joints[index["Head"], 1] > joints[index["HipCenter"], 1] > joints[index["AnkleLeft"], 1]
        assert 1.5 < joints[:, 2].mean() < 4.2
    assert [np.mean(yaw[view]) for view in (1, 2, 3)] == pytest.approx([-45, 0, 45], abs=4)
    front = [clip.joints_MTVC[0] for clip in all_clips() if clip.attributes["view"] == 2]
    toes = [np.median(clip[:, index["FootLeft"], 2] - clip[:, index["AnkleLeft"], 2]) for clip in front]
    assert np.mean(np.array(toes) < 0) > 0.95  # towards the camera


def test_noise_is_there_but_small():
    index = SKELETON.joints.index("Spine")
    shake = [np.median(np.abs(np.diff(clip.joints_MTVC[0, :, index], n=2, axis=0))) for clip in all_clips()]
    assert 0.005 < np.median(shake) < 0.03


def test_nearest_neighbour_is_well_above_chance_and_well_below_a_network():
    clips = all_clips()
    rows_ND = np.stack([_resampled(clip.joints_MTVC[0].astype(np.float64)) for clip in clips])
    labels = np.array([clip.label for clip in clips])
    train = np.array([clip.attributes["subject"] <= 8 for clip in clips])
    a, b = rows_ND[~train], rows_ND[train]
    distance = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    accuracy = (labels[train][distance.argmin(axis=1)] == labels[~train]).mean()
    assert 0.45 < accuracy < 0.75  # chance is 0.083


def _resampled(x_TVC: np.ndarray) -> np.ndarray:
    """32 frames, seen from the hip centre, in torso lengths."""
    hips, neck = SKELETON.joints.index("HipCenter"), SKELETON.joints.index("ShoulderCenter")
    at = np.linspace(0, len(x_TVC) - 1, 32)
    low = np.floor(at).astype(int)
    share = (at - low)[:, None, None]
    x = (1 - share) * x_TVC[low] + share * x_TVC[np.minimum(low + 1, len(x_TVC) - 1)]
    x = x - x[:, [hips]]
    return (x / np.median(np.linalg.norm(x[:, neck], axis=-1))).ravel()


@pytest.mark.parametrize("wrong", [{"subjects": 0}, {"subjects": 100}, {"episodes": -1}, {"views": 4}])
def test_impossible_counts_are_refused_at_once(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be between 1 and"):
        synthetic_clips(**wrong)


def test_clips_are_made_one_by_one():
    assert [clip.clip_id for clip in islice(synthetic_clips(subjects=99, episodes=100), 2)] == [
        "a01_s01_e00_v01",
        "a01_s01_e00_v02",
    ]

"""Steps for recordings of one's own: centre, size, missing joints, mirror, 2-D with and without scores."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from lst.data.input.batches import prepare_arrays
from lst.data.input.pipeline import InputPipeline
from lst.data.input.pipeline_card import pipeline_from_json, pipeline_json
from lst.data.input.presets import own_pipeline
from lst.data.input.steps.frames import CropResize, Resize
from lst.data.input.steps.missing import FillMissing, FindMissing
from lst.data.input.steps.space import Centre, ScaleBody
from lst.data.input.steps.step import Clips
from lst.data.input.steps.stream import Stream
from lst.data.input.steps.turns import Mirror, Rotate
from lst.data.store.clip_store import ClipStore, StoredClip, write_store
from lst.facts.coordinates import Channels, Coordinates
from lst.facts.joint_roles import joint_roles, mirrored_order
from lst.facts.skeleton import LAYOUTS, Skeleton, get_layout
from lst.facts.trees import chains
from random_clips import MODALITIES, batches_of, by_clip

pytestmark = pytest.mark.usefixtures("one_thread")
V1, COCO = get_layout("kinect_v1_20"), get_layout("coco_17")
STICK = Skeleton(
    name="stick_5",
    joints=("A", "B", "C", "D", "E"),
    parents=chains("A B C", "B D", "A E"),
    parts={"head": ("B", "C"), "hand": ("D",), "hip": ("A",), "foot": ("E",)},
)


def clips(x_NCTVM: np.ndarray, skeleton: Skeleton = V1, channels: Channels = "xyz") -> Clips:
    x = torch.from_numpy(np.asarray(x_NCTVM, dtype=np.float32))
    return Clips(x, torch.ones(len(x), dtype=torch.int64), skeleton, channels)


def noise(channels: int, joints: int, persons: int = 1, frames: int = 6) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(2, channels, frames, joints, persons)).astype(np.float32)


# ---- joints by their names -----------------------------------------------------------------


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_has_hips_shoulders_head_feet_and_sides(name: str):
    skeleton = get_layout(name)
    roles = joint_roles(skeleton)
    assert roles.has_torso
    assert roles.head
    assert len(roles.feet) >= 2
    order = mirrored_order(skeleton)
    assert sorted(order) == list(range(skeleton.num_joints))
    for joint, partner in zip(skeleton.joints, (skeleton.joints[i] for i in order), strict=True):
        sided = "left" in joint.lower() or "right" in joint.lower() or joint[:2] in ("LS", "RS", "LH", "RA")
        assert (joint != partner) == (sided or (joint[0] in "LR" and joint[1].isupper())), joint


def test_roles_of_a_layout():
    roles = joint_roles(COCO)
    assert [COCO.joints[i] for i in roles.hips] == ["left_hip", "right_hip"]
    assert [COCO.joints[i] for i in roles.shoulders] == ["left_shoulder", "right_shoulder"]
    assert [COCO.joints[i] for i in roles.head] == ["nose"]
    assert [V1.joints[i] for i in joint_roles(V1).hips] == ["HipCenter"]
    assert joint_roles(STICK) == joint_roles(replace(STICK, name="other"))
    assert not joint_roles(STICK).has_torso


# ---- centre --------------------------------------------------------------------------------


def test_centre_takes_the_first_frame_that_shows_the_hips():
    x = noise(3, 17, persons=2)
    x[0, :, :2, 11, 0] = np.nan  # the left hip is missing in two frames
    got = Centre().apply(clips(x, COCO), None).x_NCTVM.numpy()
    for clip, first in ((0, 2), (1, 0)):
        origin = x[clip, :, first, [11, 12], 0].mean(axis=0)
        np.testing.assert_allclose(got[clip], x[clip] - origin[:, None, None, None], atol=1e-6)


def test_centre_of_each_frame_falls_back_on_the_first():
    x = noise(3, 20)
    x[0, :, 3, 2] = np.nan
    got = Centre("ShoulderCenter", each_frame=True).apply(clips(x), None).x_NCTVM.numpy()
    origin = x[0, :, :, 2, 0].copy()
    origin[:, 3] = origin[:, 0]
    np.testing.assert_allclose(got[0], x[0] - origin[:, :, None, None], atol=1e-6)
    with pytest.raises(ValueError, match="unknown joint of kinect_v1_20 'Neck'"):
        Centre("Neck").check(V1, "xyz")


def test_a_score_is_neither_centred_nor_scaled_nor_turned():
    x = noise(3, 17)
    start = clips(x, COCO, "xyc")
    turn = torch.linalg.qr(torch.randn(2, 3, 3))[0]
    for step, drawn in ((Centre(), None), (ScaleBody(), None), (Rotate(0.3, "z"), turn)):
        assert torch.equal(step.apply(start, drawn).x_NCTVM[:, 2], start.x_NCTVM[:, 2])
        assert not torch.equal(step.apply(start, drawn).x_NCTVM[:, :2], start.x_NCTVM[:, :2])


# ---- size ----------------------------------------------------------------------------------


def test_the_torso_of_the_median_frame_becomes_1():
    x = noise(3, 20, frames=5)
    x[..., 0, :] = 0  # HipCenter
    x[:, :, :, 2] = 0
    x[:, 1, :, 2, 0] = [1.0, 3.0, 2.0, np.nan, 9.0]  # ShoulderCenter above it; of four the lower median
    got = ScaleBody().apply(clips(x), None).x_NCTVM.numpy()
    np.testing.assert_allclose(got, x / 2, rtol=1e-6)


def test_the_box_serves_where_no_name_says_torso():
    x = np.zeros((1, 2, 3, 5, 1), dtype=np.float32)
    x[0, 0, :, 1, 0], x[0, 1, :, 2, 0] = 3, 4
    got = ScaleBody("box").apply(clips(x, STICK, "xy"), None).x_NCTVM.numpy()
    np.testing.assert_allclose(got, x / 5)
    with pytest.raises(ValueError, match="no joint of stick_5 is called hips or shoulders"):
        ScaleBody().check(STICK, "xy")


@pytest.mark.parametrize("size", ["torso", "box"])
def test_nobody_has_size_1(size: Any):
    x = np.full((1, 3, 4, 20, 1), np.nan, dtype=np.float32)
    assert ScaleBody(size).apply(clips(x), None).x_NCTVM.isnan().all()
    still = np.zeros((1, 3, 4, 20, 1), dtype=np.float32)
    assert (ScaleBody(size).apply(clips(still), None).x_NCTVM == 0).all()


# ---- mirror --------------------------------------------------------------------------------


def test_a_mirrored_clip_waves_with_the_other_hand():
    x = noise(3, 20)
    got = Mirror(1.0).apply(clips(x), torch.tensor([1, 0])).x_NCTVM.numpy()
    left, right = V1.joints.index("HandLeft"), V1.joints.index("HandRight")
    np.testing.assert_array_equal(got[0, :, :, left], x[0, :, :, right] * np.array([-1, 1, 1])[:, None, None])
    np.testing.assert_array_equal(got[0, 1:, :, 0], x[0, 1:, :, 0])
    np.testing.assert_array_equal(got[1], x[1])
    with pytest.raises(ValueError, match="no joints of stick_5 are called left and right"):
        Mirror().check(STICK, "xyz")


# ---- missing joints and 2-D ----------------------------------------------------------------


def test_missing_joints_are_found_and_filled():
    x = noise(3, 17, persons=2)
    x[0, :, 2, :, 1] = 0  # nobody
    x[0, 2, 0, 5, 0] = 0  # a score of 0
    x[:, 2] = np.abs(x[:, 2])
    found = FindMissing().apply(clips(x, COCO, "xyc"), None)
    assert found.x_NCTVM[0, :, 2, :, 1].isnan().all()
    assert found.x_NCTVM[0, :, 0, 5, 0].isnan().all()
    assert found.x_NCTVM.isnan().sum() == 3 * 17 + 3
    filled = FillMissing().apply(found, None).x_NCTVM
    assert torch.equal(filled, found.x_NCTVM.nan_to_num(0.0))


def test_pictures_without_scores_say_which_joints_were_seen():
    x = noise(2, 17)
    x[1, 0, 3, 7] = np.nan
    assert FillMissing().channels_after("xy") == "xyc"
    filled = FillMissing().apply(clips(x, COCO, "xy"), None).x_NCTVM
    assert filled.shape[1] == 3
    assert (filled[:, 2] == 0).nonzero().tolist() == [[1, 3, 7, 0]]
    assert (filled[1, :, 3, 7] == 0).all()


@pytest.mark.parametrize("modality", MODALITIES)
def test_scores_follow_the_joints_that_are_combined(modality: Any):
    x = noise(3, 17)
    x[:, 2] = np.abs(x[:, 2])
    apply = Stream(modality).ready(COCO, torch.device("cpu"))
    got = apply(clips(x, COCO, "xyc"), None).x_NCTVM.numpy()
    parents = COCO.parent_index()
    expected = x[:, 2] if "bone" not in modality else (x[:, 2] + x[:, 2][:, :, parents]) / 2
    if "motion" in modality:
        expected = (expected + np.concatenate([expected[:, 1:], expected[:, -1:]], axis=1)) / 2
    np.testing.assert_allclose(got[:, 2], expected, atol=1e-6)
    plain = Stream(modality).ready(COCO, torch.device("cpu"))(clips(x[:, :2], COCO, "xy"), None).x_NCTVM
    np.testing.assert_array_equal(got[:, :2], plain.numpy())


# ---- the path for own recordings -----------------------------------------------------------


def own_store(folder: Any, skeleton: Skeleton, channels: Channels) -> ClipStore:
    """Random clips with missing joints, a second person who comes late, and lengths from 1 to 90 frames."""
    rng = np.random.default_rng(3)
    made = []
    for i, (persons, frames) in enumerate([(1, 1), (2, 40), (1, 7), (1, 90), (2, 20)]):
        x = rng.normal(size=(persons, frames, skeleton.num_joints, len(channels))).astype(np.float32)
        if channels == "xyc":
            x[..., 2] = rng.uniform(0.1, 1, x.shape[:3])
        x[rng.random(x.shape[:3]) < 0.2] = np.nan
        x[1:, : frames // 2] = np.nan
        made.append(StoredClip(f"clip{i}", i % 2, x, {}))
    return write_store(
        folder,
        made,
        dataset="mine",
        layout=skeleton,
        source={},
        problems=[],
        class_names=["a", "b"],
        coordinates=Coordinates(channels=channels),
    )


CASES = [("kinect_v1_20", "xyz"), ("coco_17", "xy"), ("coco_17", "xyc"), (STICK, "xyz"), (STICK, "xy")]


@pytest.mark.parametrize("modality", ["joint", "bone_motion"])
@pytest.mark.parametrize(("layout", "channels"), CASES)
def test_own_recordings_become_finite_input(layout: Any, channels: Any, modality: Any, tmp_path: Any):
    skeleton = layout if isinstance(layout, Skeleton) else get_layout(layout)
    store = own_store(tmp_path / "s", skeleton, channels)
    pipeline = own_pipeline(skeleton, Coordinates(channels=channels), modality, 16, 2)
    assert pipeline.net_channels == 3
    assert not pipeline.needs_every_frame
    assert pipeline_from_json(pipeline_json(pipeline)) == pipeline
    alone, together = batches_of(store, pipeline, 1, repeat=2), batches_of(store, pipeline, 5, repeat=2)
    for run in (lambda b: b.train(1, 2), lambda b: b.test()):
        one, all_ = by_clip(alone, run(alone)), by_clip(together, run(together))
        for clip_id, xs in one.items():
            assert [x.tobytes() for x in xs] == [x.tobytes() for x in all_[clip_id]]
            assert all(np.isfinite(x).all() and x.shape == (3, 16, skeleton.num_joints, 2) for x in xs)
    loose = prepare_arrays([store.clip(i) for i in range(len(store))], pipeline)
    (batch,) = together.test()
    assert torch.equal(loose.x_NCTVM, batch.x_NCTVM)
    assert loose.present_B is not None
    assert batch.present_B is not None
    assert torch.equal(loose.present_B, batch.present_B)
    assert batch.present_B.tolist() == [0, 2, 3, 4, 6, 8, 9]


def test_a_joint_missing_in_one_of_two_blended_frames_is_taken_from_the_other(tmp_path: Any):
    x = np.ones((1, 4, 20, 3), dtype=np.float32)
    x[0, 1:3, 5] = np.nan
    steps = (Resize(4), FillMissing())
    pipeline = InputPipeline(skeleton=V1, num_persons=1, steps=steps)
    (got, _) = prepare_arrays([x], pipeline)
    assert (got[0, :, :, 5] == torch.tensor([1.0, 0, 1, 1])[None, :, None]).all()
    assert (got[0, :, :, 6] == 1).all()


def test_short_clips_are_cropped_too():
    """The published rule keeps at least 64 frames; own recordings are often shorter."""
    step = own_pipeline(V1, Coordinates(), "joint", 32, 1).find(CropResize)
    assert (step.min_share, step.shortest) == (0.6, 16)


def test_pictures_cannot_turn_out_of_their_plane():
    with pytest.raises(ValueError, match="clips of xy can turn about z only"):
        own_pipeline(COCO, Coordinates(channels="xy"), "joint", 16, 1).changing(Rotate, axes="y")

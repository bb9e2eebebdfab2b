"""Batched tensor functions against the formulas of method.md 13, written out per clip in float64 NumPy."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lst.data.input import transforms
from lst.facts.choices import Modality

SEEDS = st.integers(0, 2**32 - 1)


def random_clips(seed: int, *shape: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 2, shape).astype(np.float32))


def rx(a: float) -> np.ndarray:
    return np.array([[1, 0, 0], [0, math.cos(a), math.sin(a)], [0, -math.sin(a), math.cos(a)]])


def ry(b: float) -> np.ndarray:
    return np.array([[math.cos(b), 0, -math.sin(b)], [0, 1, 0], [math.sin(b), 0, math.cos(b)]])


def rz(c: float) -> np.ndarray:
    return np.array([[math.cos(c), math.sin(c), 0], [-math.sin(c), math.cos(c), 0], [0, 0, 1]])


# ---- frames --------------------------------------------------------------------------------


def test_even_frames_equal_the_written_rule_for_every_length() -> None:
    got = transforms.even_frames(torch.arange(1, 400), 52)
    assert got.dtype == torch.int64
    for length, frames in zip(range(1, 400), got.tolist(), strict=True):
        step = (length - 1) / 51
        assert frames == [math.trunc(j * step) for j in range(51)] + [length - 1]


def test_even_frames_equal_the_integer_form_except_for_222_frames() -> None:
    length = torch.arange(1, 400)
    integer_form = torch.arange(52) * (length[:, None] - 1) // 51
    differs = (transforms.even_frames(length, 52) != integer_form).any(dim=1)
    assert length[differs].tolist() == [222]
    frames = transforms.even_frames(torch.tensor([222]), 52)[0]
    assert (integer_form[221] - frames).sum() == 1  # one frame, one too early


@pytest.mark.parametrize(
    ("length", "count", "frames"),
    [
        (1, 4, [0, 0, 0, 0]),
        (2, 4, [0, 0, 0, 1]),
        (4, 4, [0, 1, 2, 3]),
        (7, 4, [0, 2, 4, 6]),
        (5, 1, [4]),
    ],
)
def test_even_frames_by_hand(length: int, count: int, frames: list[int]) -> None:
    assert transforms.even_frames(torch.tensor([length]), count)[0].tolist() == frames


def test_centre_crop() -> None:
    # method.md 13.1: clips under 40 frames keep all; 300 frames keep 286 from frame 7
    start, length = transforms.centre_crop(torch.tensor([1, 39, 40, 79, 80, 300]))
    assert start.tolist() == [0, 0, 1, 1, 2, 7]
    assert length.tolist() == [1, 39, 38, 77, 76, 286]


@pytest.mark.parametrize(
    ("length", "p", "u", "start", "kept"),
    [
        (1, 0.0, 0.99, 0, 1),
        (64, 0.0, 0.99, 0, 64),  # never shorter than 64 frames
        (65, 0.0, 0.0, 0, 64),
        (65, 0.0, 0.5, 1, 64),
        (100, 0.0, 0.999, 36, 64),
        (200, 0.0, 0.0, 0, 100),  # draw 0 = half of the clip
        (200, 0.0, 0.9999, 100, 100),
        (300, 0.5, 0.0, 0, 225),  # draw 0.5 = three quarters
        (300, 0.999999, 0.5, 1, 299),
    ],
)
def test_train_crop_by_hand(length: int, p: float, u: float, start: int, kept: int) -> None:
    draws = torch.tensor([[p, u]], dtype=torch.float64)
    got = transforms.train_crop(torch.tensor([length]), draws)
    assert [part.item() for part in got] == [start, kept]


@settings(deadline=None)
@given(st.integers(1, 400), SEEDS)
def test_train_crop_stays_in_the_clip(length: int, seed: int) -> None:
    draws = torch.from_numpy(np.random.default_rng(seed).random((200, 2)))
    start, kept = transforms.train_crop(torch.full((200,), length), draws)
    assert (kept >= min(length, 64)).all()
    assert (kept >= length // 2).all()
    assert (start >= 0).all()
    assert (start + kept <= length).all()


def test_train_crop_uses_every_start() -> None:
    draws = torch.from_numpy(np.random.default_rng(0).random((4000, 2)))
    start, kept = transforms.train_crop(torch.full((4000,), 70), draws)
    assert set(kept.tolist()) == set(range(64, 70))
    assert set(start.tolist()) == set(range(7))


@pytest.mark.parametrize(("count", "tolerance"), [(64, 1e-6), (52, 1e-4), (20, 1e-4)])
def test_resize_equals_interpolate(count: int, tolerance: float) -> None:
    # positions are exact in float32 for 64 frames only; elsewhere they are rounded, by about 1e-5 of a frame
    lengths = torch.tensor([1, 2, 63, 64, 65, 101, 286, 300])
    starts = torch.tensor([5, 0, 1, 2, 0, 9, 7, 0])
    x = random_clips(0, 8, 3, 310, 4, 2)
    got = transforms.resize_frames(x, starts, lengths, count)
    for i, (start, length) in enumerate(zip(starts.tolist(), lengths.tolist(), strict=True)):
        rows = x[i, :, start : start + length].permute(0, 2, 3, 1).reshape(1, 24, length)
        resized = torch.nn.functional.interpolate(rows, count, mode="linear", align_corners=False)
        expected = resized.view(3, 4, 2, count).permute(0, 3, 1, 2)
        assert (got[i] - expected).abs().max() < tolerance


def test_resize_by_hand() -> None:
    # 2 frames to 4: positions -0.25 (clamped to 0), 0.25, 0.75, 1.25 (beyond the last frame)
    x = torch.tensor([9.0, 0.0, 1.0, 9.0]).view(1, 1, 4, 1, 1)
    got = transforms.resize_frames(x, torch.tensor([1]), torch.tensor([2]), 4)
    assert got.flatten().tolist() == [0.0, 0.25, 0.75, 1.0]


def test_resize_to_the_same_length_changes_nothing() -> None:
    x = random_clips(1, 2, 3, 64, 5, 2)
    same = transforms.resize_frames(x, torch.zeros(2, dtype=torch.int64), torch.full((2,), 64), 64)
    assert torch.equal(same, x)


def test_pick_frames() -> None:
    x = random_clips(2, 2, 3, 6, 4, 2)
    frames = torch.tensor([[0, 5, 5], [3, 1, 0]])
    got = transforms.pick_frames(x, frames)
    assert torch.equal(got, torch.stack([x[0][:, [0, 5, 5]], x[1][:, [3, 1, 0]]]))


# ---- space ---------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.floats(-4, 4), min_size=3, max_size=3))
def test_rotation_matrices_equal_the_product_of_three(angles: list[float]) -> None:
    a, b, c = angles
    got = transforms.rotation_matrices(torch.tensor([angles], dtype=torch.float64))[0].numpy()
    np.testing.assert_allclose(got, rz(c) @ ry(b) @ rx(a), atol=1e-14)


@pytest.mark.parametrize(
    ("angles", "point"),
    [
        ((math.pi / 2, 0, 0), (1, 3, -2)),  # x stays; y' = z, z' = -y
        ((0, math.pi / 2, 0), (-3, 2, 1)),  # y stays; x' = -z, z' = x
        ((0, 0, math.pi / 2), (2, -1, 3)),  # z stays; x' = y, y' = -x
        ((math.pi / 2, math.pi / 2, 0), (2, 3, 1)),  # first x, then y
    ],
)
def test_quarter_turns_by_hand(angles: tuple[float, ...], point: tuple[float, ...]) -> None:
    matrices = transforms.rotation_matrices(torch.tensor([angles], dtype=torch.float64)).float()
    x = torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1, 1)
    assert transforms.rotate(x, matrices).flatten().tolist() == pytest.approx(point, abs=1e-6)


@settings(deadline=None, max_examples=20)
@given(SEEDS)
def test_rotation_keeps_distances(seed: int) -> None:
    x = random_clips(seed, 4, 3, 5, 6, 2)
    angles = torch.from_numpy(np.random.default_rng(seed).uniform(-3, 3, (4, 3)))
    turned = transforms.rotate(x, transforms.rotation_matrices(angles).float())

    def distances(clips: Tensor) -> Tensor:
        points = clips.permute(0, 2, 3, 4, 1).flatten(1, 3)
        return (points[:, :, None] - points[:, None]).norm(dim=-1)

    torch.testing.assert_close(distances(turned), distances(x), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(turned, x)


def test_every_clip_turns_by_its_own_matrix() -> None:
    x = random_clips(3, 3, 3, 5, 6, 2)
    angles = torch.from_numpy(np.random.default_rng(3).uniform(-0.3, 0.3, (3, 3)))
    got = transforms.rotate(x, transforms.rotation_matrices(angles).float()).numpy()
    for i in range(3):
        a, b, c = angles[i].tolist()
        expected = np.einsum("ij,jtvm->itvm", rz(c) @ ry(b) @ rx(a), x[i].numpy().astype(np.float64))
        np.testing.assert_allclose(got[i], expected, atol=3e-6)


@settings(deadline=None)
@given(SEEDS)
def test_view_change_and_min_max_equal_the_formula(seed: int) -> None:
    """method.md 13.4 steps 1 to 3 with their scale, per clip, in float64 and with row vectors."""
    rng = np.random.default_rng(seed)
    x = random_clips(seed, 3, 3, 7, 5, 1)
    degrees = rng.integers(-60, 61, (3, 2))
    view = transforms.view_matrices(torch.from_numpy(np.radians(degrees))).float()
    turned = transforms.rotate(x, view)
    got = transforms.min_max(turned, *transforms.axis_range(turned)).numpy()
    for i in range(3):
        a, b = np.radians(degrees[i])
        clip = x[i, ..., 0].permute(1, 2, 0).numpy().astype(np.float64)
        rows = (clip - clip[0, 1]) @ (ry(b) @ (rx(a) @ (rng.uniform(0.5, 1.5) * np.eye(3))))
        low, high = rows.min(axis=(0, 1)), rows.max(axis=(0, 1))
        expected = 2 * (rows - low) / (high - low) - 1
        np.testing.assert_allclose(got[i, ..., 0].transpose(1, 2, 0), expected, atol=3e-6)


def test_view_matrix_is_the_transposed_product() -> None:
    got = transforms.view_matrices(torch.tensor([[0.5, -0.9]], dtype=torch.float64))[0].numpy()
    np.testing.assert_allclose(got, (ry(-0.9) @ rx(0.5)).T, atol=1e-15)


@settings(deadline=None)
@given(SEEDS)
def test_min_max_range(seed: int) -> None:
    x = random_clips(seed, 3, 3, 6, 4, 2)
    got = transforms.min_max(x, *transforms.axis_range(x))
    assert (got.amin(dim=(2, 3, 4)) == -1).all()
    assert (got.amax(dim=(2, 3, 4)) == 1).all()


def test_min_max_by_hand() -> None:
    x = torch.tensor([[[1.0, 2.0, 5.0], [7.0, 7.0, 7.0], [-1.0, 0.0, 1.0]]]).view(1, 3, 3, 1, 1)
    got = transforms.min_max(x, *transforms.axis_range(x))
    assert got.flatten(2).tolist() == [[[-1.0, -0.5, 1.0], [0.0, 0.0, 0.0], [-1.0, 0.0, 1.0]]]


def test_min_max_of_one_clip_is_not_that_of_another() -> None:
    x = torch.stack([random_clips(4, 3, 5, 4, 1), 100 * random_clips(5, 3, 5, 4, 1)])
    got = transforms.min_max(x, *transforms.axis_range(x))
    assert torch.equal(got[:1], transforms.min_max(x[:1], *transforms.axis_range(x[:1])))


# ---- modality ------------------------------------------------------------------------------

# joint 1 is the root; 0 and 2 hang on it, 3 hangs on 2
BONES = np.array([[1, -1, 0, 0], [0, 0, 0, 0], [0, -1, 1, 0], [0, 0, -1, 1]], dtype=np.float32)
CPU = torch.device("cpu")


def test_bones_by_hand() -> None:
    x = torch.tensor([1.0, 10.0, 30.0, 60.0]).view(1, 1, 1, 4, 1)
    got = transforms.to_modality(x, "bone", transforms.joint_sum(BONES, CPU))
    assert got.flatten().tolist() == [-9.0, 0.0, 20.0, 30.0]


@settings(deadline=None)
@given(SEEDS)
def test_joint_sums_equal_the_matrix_product(seed: int) -> None:
    matrix = np.random.default_rng(seed).integers(-2, 3, (6, 6)).astype(np.float32)
    x = random_clips(seed, 2, 3, 4, 6, 2)
    got = transforms.add_joints(x, transforms.joint_sum(matrix, CPU)).numpy()
    expected = np.einsum("ij,nctjm->nctim", matrix.astype(np.float64), x.numpy().astype(np.float64))
    np.testing.assert_allclose(got, expected, atol=2e-5)


def test_a_zero_matrix_gives_zeros() -> None:
    x = random_clips(6, 2, 3, 4, 5, 1)
    sums = transforms.joint_sum(np.zeros((5, 5), np.float32), CPU)
    assert (transforms.add_joints(x, sums) == 0).all()


def test_motion_by_hand() -> None:
    x = torch.tensor([1.0, 4.0, 9.0]).view(1, 1, 3, 1, 1)
    assert transforms.to_motion(x).flatten().tolist() == [3.0, 5.0, 0.0]


def test_motion_of_one_frame_is_zero() -> None:
    x = random_clips(7, 2, 3, 1, 4, 2)
    assert torch.equal(transforms.to_motion(x), torch.zeros_like(x))
    still = x.expand(2, 3, 5, 4, 2)
    assert torch.equal(transforms.to_motion(still), torch.zeros_like(still))


@pytest.mark.parametrize("modality", ["joint", "bone", "joint_motion", "bone_motion"])
def test_modalities(modality: Modality) -> None:
    x = random_clips(8, 2, 3, 5, 4, 2)
    sums = transforms.joint_sum(BONES, CPU) if modality.startswith("bone") else None
    expected = x.numpy().copy()
    if modality.startswith("bone"):
        expected = expected - expected[:, :, :, [1, 1, 1, 2]]
    if modality.endswith("motion"):
        expected = np.diff(expected, axis=2, append=expected[:, :, -1:])
    got = transforms.to_modality(x, modality, sums)
    assert got.shape == x.shape
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-6)

"""The NTU pipeline against the formula in NumPy."""

import math

import numpy as np
import pytest

from lst.data.input import draws
from lst.data.store.clip_store import ClipStore
from random_clips import NTU, batches_of, rotation

pytestmark = pytest.mark.usefixtures("one_thread")


def ntu_by_hand(clip_MTVC: np.ndarray, start: int, length: int, matrix: np.ndarray) -> np.ndarray:
    """method.md 13.1 and 13.2 in float64 -> (2, 64, V, C)."""
    clip = np.zeros((2, length, 25, 3))
    clip[: len(clip_MTVC)] = clip_MTVC[:2, start : start + length]
    position = np.maximum((np.arange(64) + 0.5) * length / 64 - 0.5, 0)
    first = np.floor(position).astype(int)
    second = np.minimum(first + 1, length - 1)
    share = (position - first)[:, None, None]
    return ((1 - share) * clip[:, first] + share * clip[:, second]) @ matrix.T


def test_crop_resize_test_clips_equal_the_formula(ntu: ClipStore) -> None:
    (batch,) = batches_of(ntu, NTU, batch_size=9).test()
    for row, x_CTVM in enumerate(batch.x_NCTVM.numpy()):
        bias = math.trunc((1 - 0.95) * ntu.frames[row] / 2)
        expected = ntu_by_hand(ntu.clip(row), bias, ntu.frames[row] - 2 * bias, np.eye(3))
        np.testing.assert_allclose(x_CTVM.transpose(3, 1, 2, 0), expected, atol=2e-6)


def test_crop_resize_training_clips_equal_the_formula(ntu: ClipStore) -> None:
    batches = batches_of(ntu, NTU, batch_size=9)
    (batch,) = batches.train(seed=0, epoch=5)
    keys = draws.clip_keys(batches.clip_ids)
    crop = draws.uniform(0, 5, keys, "crop", 2)
    angles = 0.3 * (2 * draws.uniform(0, 5, keys, "rotation", 3) - 1)
    for x_CTVM, row in zip(batch.x_NCTVM.numpy(), batch.clips_N.tolist(), strict=True):
        frames = int(ntu.frames[row])
        kept = min(max(math.floor(frames * (0.5 + 0.5 * crop[row, 0])), 64), frames)
        start = math.floor(crop[row, 1] * (frames - kept + 1))
        expected = ntu_by_hand(ntu.clip(row), start, kept, rotation(*angles[row]))
        np.testing.assert_allclose(x_CTVM.transpose(3, 1, 2, 0), expected, atol=3e-6)

"""The NW-UCLA pipeline: golden clips, the formula in NumPy, flat and very short clips."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lst.data.input import draws
from lst.data.input.batches import prepare_arrays
from lst.data.store.clip_store import ClipStore, StoredClip, write_store
from lst.facts.choices import Modality
from random_clips import MODALITIES, UCLA, batches_of, rotation, ucla_pipeline

pytestmark = pytest.mark.usefixtures("one_thread")


# ---- golden numbers ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, np.ndarray]:
    with np.load(shared / "golden" / "nw_ucla_test_clips.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


@pytest.fixture(scope="module")
def golden_store(
    shared: Path, golden: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> ClipStore:
    with zipfile.ZipFile(shared / "data" / "nw_ucla_all_sqe.zip") as archive:
        members = {Path(name).stem: name for name in archive.namelist()}
        clips = []
        for clip_id, label in sorted(zip(golden["clip_id"].tolist(), golden["label"].tolist(), strict=True)):
            joints_TVC = np.asarray(json.loads(archive.read(members[clip_id]))["skeletons"])
            clips.append(StoredClip(clip_id, label, joints_TVC[None].astype(np.float32), {}))
    folder = tmp_path_factory.mktemp("golden") / "store"
    write_store(folder, clips, dataset="nw-ucla", layout="kinect_v1_20", source={"name": "x"}, problems=[])
    return ClipStore.open(folder)


@pytest.mark.parametrize("modality", MODALITIES)
def test_golden_clips(golden: dict[str, np.ndarray], golden_store: ClipStore, modality: Modality) -> None:
    """The golden bones are child minus parent with a zero root (data.md 2.5), not the gap joint matrix."""
    clips = [golden_store.index_of(clip_id) for clip_id in golden["clip_id"]]
    batches = batches_of(golden_store, ucla_pipeline(modality=modality), batch_size=8, clips=clips)
    seen = list(batches.test())
    assert [len(batch.x_NCTVM) for batch in seen] == [8, 8, 8, 3]
    x_NCTVM = torch.cat([batch.x_NCTVM for batch in seen]).numpy()
    assert x_NCTVM.shape == (27, 3, 52, 20, 1)
    assert np.abs(x_NCTVM - golden[modality]).max() < 1e-5
    assert batches.clip_ids == golden["clip_id"].tolist()
    assert torch.cat([batch.labels_N for batch in seen]).tolist() == golden["label"].tolist()


# ---- the pipeline against NumPy ------------------------------------------------------------


def ucla_by_hand(clip_TVC: np.ndarray, degrees: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """method.md 13.4 with row vectors, float64 -> (T, V, C)."""
    a, b = np.radians(degrees)
    x = clip_TVC.astype(np.float64)
    x = (x - x[0, 1]) @ rotation(a, b, 0)
    low, high = x.min(axis=(0, 1)), x.max(axis=(0, 1))
    return (2 * (x - low) / (high - low) - 1)[frames]


def test_random_frames_training_clips_equal_the_formula(ucla: ClipStore) -> None:
    batches = batches_of(ucla, UCLA, batch_size=13)
    (batch,) = batches.train(seed=3, epoch=2)
    keys = draws.clip_keys(batches.clip_ids)
    degrees = draws.integers(3, 2, keys, "view", 2, low=-60, high_N=61)
    frames = draws.frames_without_replacement(3, 2, keys, ucla.frames, 52)
    assert sorted(batch.clips_N.tolist()) == list(range(13))
    for x_CTVM, row in zip(batch.x_NCTVM.numpy(), batch.clips_N.tolist(), strict=True):
        expected = ucla_by_hand(ucla.clip(row)[0], degrees[row], frames[row])
        np.testing.assert_allclose(x_CTVM[..., 0].transpose(1, 2, 0), expected, atol=2e-6)


def test_a_clip_far_from_the_camera_keeps_its_precision(ucla: ClipStore) -> None:
    """Min-max cancels the centring of step 1 on paper; in float32 it is what keeps a distant figure sharp."""
    far = replace(ucla, joints=np.asarray(ucla.joints) + np.float32(1000))
    (batch,) = batches_of(far, UCLA, batch_size=13).train(3, 2)
    keys = draws.clip_keys(far.clip_ids)
    degrees = draws.integers(3, 2, keys, "view", 2, low=-60, high_N=61)
    frames = draws.frames_without_replacement(3, 2, keys, far.frames, 52)
    for x_CTVM, row in zip(batch.x_NCTVM.numpy(), batch.clips_N.tolist(), strict=True):
        expected = ucla_by_hand(far.clip(row)[0], degrees[row], frames[row])
        np.testing.assert_allclose(x_CTVM[..., 0].transpose(1, 2, 0), expected, atol=2e-6)


# ---- flat and short clips ------------------------------------------------------------------


def test_a_flat_clip_becomes_zeros_not_nan() -> None:
    assert (prepare_arrays([np.ones((1, 4, 20, 3))], UCLA).x_NCTVM == 0).all()
    flat_z = np.random.default_rng(0).normal(size=(1, 9, 20, 3))
    flat_z[..., 2] = 2.5
    x_NCTVM, _ = prepare_arrays([flat_z], UCLA)
    assert (x_NCTVM[:, 2] == 0).all()
    assert x_NCTVM[:, :2].std() > 0.1


def test_more_frames_than_copies_still_work() -> None:
    """A clip of one frame fills any clip length, also above the 100 copies of the official list."""
    pipeline = ucla_pipeline(clip_length=128)
    x_NCTVM, _ = prepare_arrays([np.random.default_rng(0).normal(size=(1, 1, 20, 3))], pipeline)
    assert x_NCTVM.shape[2] == 128


def test_training_with_more_frames_than_copies(ucla: ClipStore) -> None:
    (batch,) = batches_of(ucla, ucla_pipeline(clip_length=128), batch_size=13).train(0, 0)
    assert batch.x_NCTVM.shape == (13, 3, 128, 20, 1)
    assert batch.x_NCTVM.isfinite().all()

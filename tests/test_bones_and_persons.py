"""Bones of both kinds, and persons who are missing or too many, in both pipelines."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from lst.data.input.batches import prepare_arrays
from lst.data.store.clip_store import ClipStore
from lst.facts.choices import Modality
from lst.facts.skeleton import get_layout
from random_clips import MODALITIES, NTU, batches_of, ntu_pipeline, ucla_pipeline

pytestmark = pytest.mark.usefixtures("one_thread")


# ---- bones ---------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize(("layout", "powers"), [("kinect_v2_25", (8, 1)), ("kinect_v1_20", (6, 1))])
def test_gap_bones_apply_the_official_matrix(
    ucla: ClipStore, ntu: ClipStore, layout: str, powers: tuple[int, int], modality: Modality
) -> None:
    store, pipeline = (ntu, ntu_pipeline) if layout == "kinect_v2_25" else (ucla, ucla_pipeline)
    base: Modality = "joint_motion" if modality.endswith("motion") else "joint"
    (plain,) = batches_of(store, pipeline(modality=base), batch_size=20).test()
    (got,) = batches_of(store, pipeline(modality=modality, bones="gap"), batch_size=20).test()
    matrix = get_layout(layout).gap_joint_matrix(powers[modality.startswith("bone")])
    expected = np.einsum("ij,nctjm->nctim", matrix, plain.x_NCTVM.numpy())
    np.testing.assert_allclose(got.x_NCTVM.numpy(), expected, atol=1e-5)
    same = np.allclose(expected, plain.x_NCTVM.numpy(), atol=1e-5)
    assert same == (layout == "kinect_v2_25" and modality.startswith("joint"))  # quirks Q1 and Q3


def test_parent_bones_leave_the_root_at_zero(ntu: ClipStore) -> None:
    (joint,) = batches_of(ntu, NTU, batch_size=20).test()
    (bone,) = batches_of(ntu, ntu_pipeline(modality="bone"), batch_size=20).test()
    parents = get_layout("kinect_v2_25").parent_index()
    torch.testing.assert_close(bone.x_NCTVM, joint.x_NCTVM - joint.x_NCTVM[:, :, :, parents])


# ---- persons -------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", ["joint", "bone_motion"])
@pytest.mark.parametrize("fields", [{}, {"frames": "random_frames", "clip_length": 52}])
@pytest.mark.parametrize("bones", ["parent", "gap"])
def test_a_missing_person_is_zeros(
    ntu: ClipStore, fields: dict[str, Any], bones: Any, modality: Modality
) -> None:
    batches = batches_of(ntu, ntu_pipeline(**fields, modality=modality, bones=bones), batch_size=20)
    for batch in (*batches.train(0, 0), *batches.test()):
        present = torch.from_numpy(ntu.persons)[batch.clips_N] > 1
        assert (batch.x_NCTVM[~present][..., 1] == 0).all()
        moving = torch.from_numpy(ntu.frames)[batch.clips_N] > 1
        assert (batch.x_NCTVM[present & moving][..., 1] != 0).any(dim=(1, 2, 3)).all()
        assert (batch.x_NCTVM[moving][..., 0] != 0).any(dim=(1, 2, 3)).all()


@pytest.mark.parametrize("frames", ["random_frames", "crop_resize"])
def test_a_missing_person_does_not_change_the_first(ntu: ClipStore, frames: Any) -> None:
    single = [0, 2, 5, 8]
    two = ntu_pipeline(frames=frames)
    (with_slot,) = batches_of(ntu, two, clips=single).test()
    (without,) = batches_of(ntu, replace(two, num_persons=1), clips=single).test()
    assert torch.equal(with_slot.x_NCTVM[..., :1], without.x_NCTVM)


def test_further_persons_are_left_out(ntu: ClipStore) -> None:
    three = ntu.clip(6)
    assert len(three) == 3
    for pipeline in (NTU, ntu_pipeline(frames="random_frames")):
        assert torch.equal(prepare_arrays([three], pipeline)[0], prepare_arrays([three[:2]], pipeline)[0])


def test_min_max_covers_both_persons(ntu: ClipStore) -> None:
    x_NCTVM, _ = prepare_arrays([ntu.clip(7)], ntu_pipeline(frames="random_frames", clip_length=5))
    assert torch.equal(x_NCTVM.amin(dim=(2, 3, 4)), torch.full((1, 3), -1.0))
    assert torch.equal(x_NCTVM.amax(dim=(2, 3, 4)), torch.full((1, 3), 1.0))
    assert (x_NCTVM.amax(dim=(2, 3)) - x_NCTVM.amin(dim=(2, 3)) < 2).any()

"""Pipelines, splits and loose arrays that cannot be used are refused."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lst.data.input.batches import prepare_arrays
from lst.data.input.pipeline_card import pipeline_from_json, pipeline_json
from lst.data.store.clip_store import ClipStore
from random_clips import NTU, UCLA, batches_of, ntu_pipeline, ucla_pipeline

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"modality": "bones"}, "unknown modality 'bones'. Did you mean 'bone'?"),
        ({"frames": "crop"}, "unknown frames rule 'crop'"),
        ({"bones": "child"}, "unknown bones rule 'child'"),
        ({"layout": "kinect_v1"}, "Did you mean 'kinect_v1_20'"),
        ({"layout": "coco_17", "bones": "gap"}, "coco_17"),
        ({"clip_length": 0}, "clip_length must be at least 1, got 0"),
        ({"num_persons": 0}, "num_persons must be at least 1"),
        ({"frames": "crop_resize", "min_crop": 0.0}, r"min_share is a share in \(0, 1\], got 0.0"),
        ({"frames": "crop_resize", "test_crop": 1.5}, "test_share is a share"),
        ({"frames": "crop_resize", "max_rotation": -0.1}, "max_radians must not be negative"),
        ({"max_view_degrees": -1}, "max_degrees must not be negative"),
    ],
)
def test_pipeline_is_checked(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ucla_pipeline(**change)


def test_pipeline_survives_json() -> None:
    for pipeline in (UCLA, ntu_pipeline(modality="bone_motion", bones="gap", max_rotation=0.1)):
        assert pipeline_from_json(json.loads(json.dumps(pipeline_json(pipeline)))) == pipeline


def test_splits_are_checked(ucla: ClipStore) -> None:
    with pytest.raises(
        ValueError, match="holds kinect_v1_20 skeletons, but the pipeline expects kinect_v2_25"
    ):
        batches_of(ucla, NTU)
    with pytest.raises(ValueError, match="no clip to load"):
        batches_of(ucla, UCLA, clips=np.empty(0, dtype=np.int64))
    with pytest.raises(ValueError, match="batch_size and repeat must be at least 1, got 0 and 1"):
        batches_of(ucla, UCLA, batch_size=0)
    with pytest.raises(ValueError, match="got 4 and 0"):
        batches_of(ucla, UCLA, repeat=0)
    frames = ucla.frames.copy()
    frames[3] = 0
    with pytest.raises(ValueError, match=r"1 clips have no frames \(clip03\)"):
        batches_of(replace(ucla, frames=frames), UCLA)
    with pytest.raises(ValueError, match="has 2 channels; the pipeline needs x, y, z"):
        batches_of(replace(ucla, joints=ucla.joints[..., :2]), UCLA)


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        ([], "empty list"),
        ([np.zeros((1, 5, 25, 3))], r"clip 0: expected \(persons, frames, 20, 3\) .* got \(1, 5, 25, 3\)"),
        ([np.zeros((1, 5, 20, 3)), np.zeros((5, 20, 3))], r"clip 1: .* got \(5, 20, 3\)"),
        ([np.zeros((1, 0, 20, 3))], r"got \(1, 0, 20, 3\)"),
        ([np.zeros((0, 4, 20, 3))], r"got \(0, 4, 20, 3\)"),
        ([np.zeros((1, 4, 20, 2))], r"got \(1, 4, 20, 2\)"),
        ([np.full((1, 4, 20, 3), np.nan)], "clip 0 holds NaN"),
        ([np.full((1, 4, 20, 3), np.inf)], "clip 0 holds NaN, infinite"),
        ([np.full((1, 4, 20, 3), 1e300)], "huge"),
    ],
)
def test_loose_arrays_are_checked(clips: list[np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prepare_arrays(clips, UCLA)

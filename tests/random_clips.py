"""Stores of random clips, the two input pipelines, and batches of them."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lst.data.input.batches import Batch, ClipBatches
from lst.data.input.pipeline import InputPipeline
from lst.data.input.presets import published_pipeline
from lst.data.store.clip_store import ClipStore, StoredClip, write_store
from lst.facts.choices import Modality
from lst.facts.skeleton import get_layout

CPU = torch.device("cpu")
MODALITIES: tuple[Modality, ...] = ("joint", "bone", "joint_motion", "bone_motion")


def ucla_pipeline(**changed: Any) -> InputPipeline:
    """The path of NW-UCLA; arguments as of `published_pipeline`."""
    standard = {"layout": "kinect_v1_20", "modality": "joint", "clip_length": 52, "num_persons": 1}
    return published_pipeline(**{**standard, "frames": "random_frames", **changed})


def ntu_pipeline(**changed: Any) -> InputPipeline:
    """The path of NTU RGB+D."""
    standard = {"layout": "kinect_v2_25", "modality": "joint", "clip_length": 64, "num_persons": 2}
    return published_pipeline(**{**standard, "frames": "crop_resize", **changed})


UCLA, NTU = ucla_pipeline(), ntu_pipeline()


def make_store(folder: Path, layout: str, shapes: list[tuple[int, int]], seed: int = 0) -> ClipStore:
    """A store of random clips of the given (persons, frames)."""
    rng = np.random.default_rng(seed)
    v = get_layout(layout).num_joints
    clips = [
        StoredClip(f"clip{i:02d}", i % 7, rng.normal(0, 1, (*shape, v, 3)).astype(np.float32), {"subject": i})
        for i, shape in enumerate(shapes)
    ]
    return write_store(folder, clips, dataset="toy", layout=layout, source={"name": "toy"}, problems=[])


def ntu_clip(setup: int, camera: int, subject: int, action: int) -> StoredClip:
    """A clip named as one of NTU: two persons from action 50 on, of whom the second comes late."""
    rng = np.random.default_rng([setup, camera, subject, action])
    numbers = {"setup": setup, "camera": camera, "subject": subject, "replication": 1, "action": action}
    persons = 2 if action in (50, 112) else 1
    joints_MTVC = rng.normal(size=(persons, 10 + action % 7, 25, 3)).cumsum(axis=1).astype(np.float32)
    joints_MTVC[1:, :5] = 0
    name = "S{setup:03d}C{camera:03d}P{subject:03d}R{replication:03d}A{action:03d}".format(**numbers)
    return StoredClip(name, action - 1, joints_MTVC, numbers)


def batches_of(store: ClipStore, pipeline: InputPipeline, batch_size: int = 4, **options: Any) -> ClipBatches:
    clips = options.pop("clips", np.arange(len(store)))
    return ClipBatches(store, np.asarray(clips), pipeline, batch_size=batch_size, device=CPU, **options)


def by_clip(batches: ClipBatches, run: Iterator[Batch]) -> dict[str, list[np.ndarray]]:
    """Every clip's inputs; those of several repeats in an order that does not depend on the epoch's."""
    found: dict[str, list[np.ndarray]] = {}
    for batch in run:
        for i, row in enumerate(batch.clips_N.tolist()):
            found.setdefault(batches.clip_ids[row], []).append(batch.x_NCTVM[i].numpy())
    return {clip_id: sorted(shown, key=lambda x: x.tobytes()) for clip_id, shown in found.items()}


def rotation(a: float, b: float, c: float) -> np.ndarray:
    """Rz(c) Ry(b) Rx(a) of method.md 13.2."""
    rx = np.array([[1, 0, 0], [0, math.cos(a), math.sin(a)], [0, -math.sin(a), math.cos(a)]])
    ry = np.array([[math.cos(b), 0, -math.sin(b)], [0, 1, 0], [math.sin(b), 0, math.cos(b)]])
    rz = np.array([[math.cos(c), math.sin(c), 0], [-math.sin(c), math.cos(c), 0], [0, 0, 1]])
    return rz @ ry @ rx

"""Fixtures that several test files need."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lst.data.store import ClipStore, StoredClip, write_store
from lst.data.synthetic import LAYOUT, synthetic_clips
from lst.facts.benchmarks import NW_UCLA_ACTIONS

# Before torch is imported: tensors here are tiny, and a second thread only waits for a core.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` (data, golden numbers) beside the checkout, or the one that LST_SHARED names."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = beside if beside.is_dir() else Path(os.environ.get("LST_SHARED", ""))
    if folder == Path() or not folder.is_dir():
        pytest.skip(f"needs the folder `shared`: there is none at {beside}, and LST_SHARED does not name one")
    return folder


@pytest.fixture(scope="session")
def tiny_store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    """36 synthetic clips: twelve actions by subjects 1 and 2 (training) and subject 9 (test), one view."""
    clips = [
        clip
        for clip in synthetic_clips(subjects=9, episodes=1, views=1)
        if clip.attributes["subject"] in (1, 2, 9)
    ]
    return write_store(
        tmp_path_factory.mktemp("tiny") / "store",
        clips,
        dataset="synthetic",
        layout=LAYOUT,
        source={"name": "lst.data.synthetic", "seed": 0},
        problems=[],
    )


@pytest.fixture(scope="session")
def nw_ucla_store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    """A stand-in with names and shapes of NW-UCLA: ten classes, three views, joints that walk at random."""

    def clip(label: int, action: int, view: int) -> StoredClip:
        rng = np.random.default_rng([action, view])
        joints_MTVC = rng.normal(size=(1, 5 + label, 20, 3)).cumsum(axis=1).astype(np.float32)
        numbers = {"action": action, "subject": 1, "episode": 0, "view": view}
        return StoredClip(f"a{action:02d}_s01_e00_v{view:02d}", label, joints_MTVC, numbers)

    clips = [clip(label, action, v) for label, action in enumerate(NW_UCLA_ACTIONS) for v in (1, 2, 3)]
    folder = tmp_path_factory.mktemp("nw-ucla") / "store"
    source = {"name": "random"}
    return write_store(folder, clips, dataset="nw-ucla", layout="kinect_v1_20", source=source, problems=[])


@pytest.fixture
def tiny_recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every recipe shrunk, so that a whole family takes seconds: width 8, clips of 8 frames, one epoch."""
    from lst.training.recipes import RECIPES

    for name, config in RECIPES.items():
        small = replace(config, encoder_width=8, clip_length=8, batch_size=24, repeat=1, precision="fp32")
        monkeypatch.setitem(RECIPES, name, replace(small, optim=replace(config.optim, epochs=1)))


@pytest.fixture
def quick_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are composed but not drawn, for tests of what is not in them."""

    def save(figure: object, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a picture")

    monkeypatch.setattr("lst.evaluation.plots._save", save)

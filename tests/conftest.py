"""Fixtures that several test files need."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lst.data.store.clip_store import ClipStore, StoredClip, write_store
from lst.data.synthetic.clips import LAYOUT, synthetic_clips
from lst.facts.benchmarks import NW_UCLA_ACTIONS

# Before torch is imported: tensors here are tiny, and a second thread only waits for a core.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "20000")  # as the command sets it (lst.waiting)

# Its asserts are those of many tests: pytest should show both sides of them too.
pytest.register_assert_rewrite("command_line")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` (data, golden numbers) beside the checkout, or the one that LST_SHARED names."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = beside if beside.is_dir() else Path(os.environ.get("LST_SHARED", ""))
    if folder == Path() or not folder.is_dir():
        pytest.skip(f"needs the folder `shared`: there is none at {beside}, and LST_SHARED does not name one")
    return folder


SLOW = (
    "api_examples",
    "averaging",
    "bench",
    "bench_encoders",
    "bench_prepare",
    "bench_texts",
    "by_text",
    "checkpoint",
    "cli_runs",
    "ctrgcn",
    "demo",
    "describe",
    "embed",
    "encoder_units",
    "encoders",
    "fuzz",
    "import_official",
    "interleaved",
    "language",
    "measure",
    "models",
    "ntu_end_to_end",
    "ntu_fuzz",
    "ntu_import",
    "ntu_raw",
    "ntu_restart",
    "own_runs",
    "parity",
    "plausibility",
    "plots",
    "predict",
    "prepare",
    "prepare_ntu",
    "prepare_own",
    "recipes",
    "recognizer",
    "reproduce",
    "resume",
    "sampled_test",
    "small_faults",
    "start_from",
    "study",
    "synthetic_ntu",
    "train",
    "train_card",
    "train_folders",
    "trouble",
    "tuned_texts",
    "unseen",
    "zero_shot",
)
"""Files that train or start processes: seconds each, left out by `make test-fast`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.stem.removeprefix("test_") in SLOW:
            item.add_marker(pytest.mark.slow)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tests that vanish are said, in one loud line."""
    skipped = terminalreporter.stats.get("skipped", [])
    lost = [report for report in skipped if "needs the folder `shared`" in str(report.longrepr)]
    if lost:
        terminalreporter.write_line(
            f"{len(lost)} TESTS AGAINST REFERENCE NUMBERS AND RECORDINGS DID NOT RUN: there is no folder "
            "`shared` beside the checkout (docs/method.md, 17)",
            yellow=True,
            bold=True,
        )


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
        source={"name": "lst.data.synthetic.clips", "seed": 0, "synthetic": True},
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


@pytest.fixture(scope="session")
def ntu_stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ClipStore]:
    """Stand-ins with names and shapes of "ntu60" and "ntu120": joints that walk at random, one person or two.

    In every protocol both splits have clips.
    """
    from random_clips import ntu_clip

    subjects, cameras = (1, 3), (1, 2)  # one of each trains in X-Sub and X-View
    old = [(5, c, p, a) for c in cameras for p in subjects for a in (1, 2, 50)]
    new = [(s, c, p, a) for s in (18, 19) for c in cameras for p in subjects for a in (61, 112)]
    made = {"ntu60": old, "ntu120": sorted(old + new)}
    return {
        name: write_store(
            tmp_path_factory.mktemp(name) / "store",
            [ntu_clip(*numbers) for numbers in clips],
            dataset=name,
            layout="kinect_v2_25",
            source={"name": "random"},
            problems=[],
        )
        for name, clips in made.items()
    }


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


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Tensors here are tiny: a second thread only waits for a core on a busy machine.

    And as in the processes that are killed: with more threads a sum has another order and other last bits.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture and no TensorBoard files but in the tests that are about them."""
    monkeypatch.setattr("lst.training.train.plot_training", lambda rows, path: path.touch())
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)


@pytest.fixture(scope="session")
def unbroken(tiny_store: ClipStore, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Folder of a run of three epochs that nothing disturbed, made once for each config.

    For tests with `one_thread` and `quick`; nobody may change what is in it.
    """
    from short_runs import run, tiny

    made: dict[object, Path] = {}

    def folder(**changed: Any) -> Path:
        config = tiny(3, **changed)
        if config not in made:
            made[config] = tmp_path_factory.mktemp("unbroken") / "run"
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("lst.training.train.plot_training", lambda rows, path: path.touch())
                run(tiny_store, made[config], config)
        return made[config]

    return folder


@pytest.fixture(scope="session")
def ucla(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    """Random clips of one person in the layout of NW-UCLA, of 1 to 222 frames."""
    from random_clips import make_store

    lengths = [1, 2, 6, 21, 26, 31, 52, 53, 86, 165, 201, 222, 40]
    return make_store(tmp_path_factory.mktemp("ucla") / "s", "kinect_v1_20", [(1, n) for n in lengths])


@pytest.fixture(scope="session")
def ntu(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    """Random clips of one to three persons in the layout of NTU, of 1 to 300 frames."""
    from random_clips import make_store

    shapes = [(1, 1), (2, 30), (1, 64), (2, 65), (2, 300), (1, 101), (3, 20), (2, 5), (1, 137)]
    return make_store(tmp_path_factory.mktemp("ntu") / "s", "kinect_v2_25", shapes)

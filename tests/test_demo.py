"""The demo, shrunk: all of it once, nothing twice, and a stopped one goes on."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from lst.cli.main import main
from lst.data import prepare
from lst.data.input.batches import Batch, ClipBatches
from lst.data.store.clip_store import ClipStore, StoredClip
from lst.evaluation.results import read_results
from lst.training.recipes import TrainOptions
from lst.workflows import reproduce
from lst.workflows.demo import run_demo

OPTIONS = TrainOptions(device="cpu", progress=False)


class Reached(Exception):
    """The step that a test looks at."""


@pytest.fixture(autouse=True)
def small(tiny_recipes: None, quick_pictures: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two subjects to train and two to test, one clip of each action."""
    full = prepare.synthetic_clips

    def few(*, seed: int) -> Iterator[StoredClip]:
        clips = full(seed=seed, subjects=10, episodes=1, views=1)
        return (clip for clip in clips if clip.attributes["subject"] in (1, 2, 9, 10))

    monkeypatch.setattr(prepare, "synthetic_clips", few)


def test_the_whole_path_then_only_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lines = list(run_demo(tmp_path, OPTIONS, overwrite=False))
    assert lines[0].startswith("48 synthetic clips of 12 actions (no recordings) in ")
    found = {result["name"]: result for result in read_results([tmp_path / "results"])}
    streams = ["joint", "bone", "joint_motion", "bone_motion"]
    for line, modality in zip(lines[1:5], streams, strict=True):
        top1 = found[f"demo-{modality.replace('_', '-')}-seed1"]["top1"]
        assert line.split() == [modality, "top-1", f"{100 * top1:.1f}", "%"]
    total = found["demo-ensemble-seed1"]
    assert lines[5].split() == [
        "ensemble",
        "top-1",
        f"{100 * total['top1']:.1f}",
        "%",
        "(chance",
        "8.3",
        "%)",
    ]
    assert set(total["weights"].values()) == {0.8, 0.2}
    assert total["clips"] == 24
    assert any(line.startswith("demo-") and "a clip of" in line and " %" in line for line in lines)
    assert any("was described to it as: " in line for line in lines)
    place = lines.index("next, without any download:")
    assert [line.split()[1] for line in lines[place + 1 : -1]] == ["info", "classify-by-text", "train"]
    assert lines[-1].startswith("with recordings: lst prepare nw-ucla")
    for name in ("clip.png", "data/manifest.json", "runs/demo-bone-seed1/test/confusion.png"):
        assert (tmp_path / name).stat().st_size > 0

    trained = (tmp_path / "runs" / "demo-bone-seed1" / "model.safetensors").stat().st_mtime_ns
    made = (tmp_path / "data" / "joints.npy").stat().st_mtime_ns

    def nothing(*args: object, **options: object) -> None:
        raise AssertionError("nothing was left to do")

    monkeypatch.setattr(ClipBatches, "train", nothing)
    monkeypatch.setattr(reproduce, "measure_run", nothing)
    again = list(run_demo(tmp_path, OPTIONS, overwrite=False))
    assert again[:6] == lines[:6]
    assert (tmp_path / "runs" / "demo-bone-seed1" / "model.safetensors").stat().st_mtime_ns == trained
    assert (tmp_path / "data" / "joints.npy").stat().st_mtime_ns == made


def test_a_stopped_demo_goes_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
):
    """Ctrl-C while the third stream trains, through the command line."""
    original, calls = ClipBatches.train, list[int]()

    def stopping(self: ClipBatches, seed: int, epoch: int) -> Iterator[Batch]:
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(epoch)
        return original(self, seed, epoch)

    words = ["demo", "--out", str(tmp_path / "demo"), "--device", "cpu"]
    monkeypatch.setattr(ClipBatches, "train", stopping)
    assert main(words) == 130
    printed = capsys.readouterr()
    assert "48 synthetic clips" in printed.out
    assert "What is finished is kept; continue with the same command: lst demo --out" in printed.err
    finished = sorted(path.parent.name for path in (tmp_path / "demo" / "runs").glob("*/card.json"))
    assert finished == ["demo-bone-seed1", "demo-joint-seed1"]

    monkeypatch.setattr(ClipBatches, "train", original)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert main(words) == 0
    assert len([m for m in caplog.messages if m.startswith("epoch ")]) == 2  # one for each stream left
    assert "ensemble" in capsys.readouterr().out


def test_overwrite_starts_from_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls: list[tuple[Path, bool]] = []

    def fake(*args: object, **options: object) -> None:
        store, runs = args[1], args[2]
        assert isinstance(store, ClipStore)
        assert isinstance(runs, Path)
        calls.append((runs, runs.exists()))
        raise Reached

    monkeypatch.setattr("lst.workflows.demo.reproduce", fake)
    for overwrite in (False, False, True):
        with pytest.raises(Reached):
            list(run_demo(tmp_path, OPTIONS, overwrite=overwrite))
        assert overwrite is False or not (tmp_path / "runs" / "demo-joint-seed1").exists()
        for name in ("demo-joint-seed1", "nw-ucla-joint"):
            (tmp_path / "runs" / name).mkdir(parents=True, exist_ok=True)
            (tmp_path / "runs" / name / "recipe.json").write_text("{}")
    assert [there for _, there in calls] == [False, True, True]
    assert (tmp_path / "runs" / "nw-ucla-joint" / "recipe.json").is_file()  # somebody's own run

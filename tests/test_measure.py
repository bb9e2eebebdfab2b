"""Testing a run and adding up runs: the scores are the net's own, held-out clips are no training clips."""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lst.data.input.batches import prepare_arrays
from lst.data.store.clip_store import ClipStore
from lst.evaluation.scores import load_scores, save_scores
from lst.facts.benchmarks import get_benchmark
from lst.files.whole import write_json
from lst.nets.checkpoint import load_checkpoint
from lst.training.build import training_clips
from lst.training.recipes import RunConfig, TrainOptions, get_recipe
from lst.training.train import train
from lst.workflows.measure import HELD_OUT, SCORES, ensemble_runs, measure_run

OPTIONS = TrainOptions(device="cpu", progress=False)


def tiny(recipe: str, **changes: object) -> RunConfig:
    config = get_recipe(recipe)
    small = {"encoder_width": 8, "clip_length": 8, "batch_size": 24, "precision": "fp32"}
    return replace(config, **{**small, "optim": replace(config.optim, epochs=1), **changes})


@pytest.fixture(scope="module")
def runs(tiny_store: ClipStore, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Two tested runs; clips were held out of both."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("bone", "joint-motion"):
        config = tiny(f"demo-{name}", hold_out=0.3)
        train(f"demo-{name}", config, tiny_store, folder / name, OPTIONS)
        measure_run(folder / name, tiny_store, "cpu")
    return {name: folder / name for name in ("bone", "joint-motion")}


@pytest.fixture
def copied(runs: Mapping[str, Path], tmp_path: Path) -> list[Path]:
    """The two runs again, to be changed."""
    return [Path(shutil.copytree(run, tmp_path / name)) for name, run in runs.items()]


def test_scores_are_what_the_checkpoint_says_of_every_test_clip(
    runs: Mapping[str, Path], tiny_store: ClipStore
):
    """Oracle: each clip of subject 9, alone, through the loaded checkpoint."""
    checkpoint = load_checkpoint(runs["bone"])
    scores = load_scores(runs["bone"] / SCORES)
    wanted = [clip for clip in tiny_store.clip_ids if "_s09_" in clip]
    assert list(scores.clip_ids) == wanted
    with torch.inference_mode():
        for row, clip_id in enumerate(wanted):
            joints = np.array(tiny_store.clip(tiny_store.index_of(clip_id)))
            logits = checkpoint.classifier(*prepare_arrays([joints], checkpoint.pipeline))[0]
            np.testing.assert_allclose(scores.logits_NK[row], logits, rtol=1e-4, atol=1e-5)
    assert scores.labels_N.tolist() == list(range(12))
    expected = {"run": "bone", "benchmark": "synthetic", "modality": "bone", "split": "test"}
    assert scores.info == {**expected, "synthetic_clips": True}


def test_report_and_result_say_the_same(runs: Mapping[str, Path], tiny_store: ClipStore):
    run = runs["bone"]
    measured = measure_run(run, tiny_store, "cpu")
    assert measured.folder == run / "test"
    assert measured.report == json.loads((run / "test" / "report.json").read_text())
    result = json.loads((run / "result.json").read_text())
    scores = load_scores(run / SCORES)
    hits = int((scores.logits_NK.argmax(1) == scores.labels_N).sum())
    assert result["top1"] == measured.report["top1"] == hits / 12
    assert (result["name"], result["kind"], result["modality"]) == ("bone", "stream", "bone")
    assert (result["seed"], result["language"], result["parity"]) == (1, True, "corrected")
    assert result["config"]["hold_out"] == 0.3
    assert result["clips"] == 12


def test_testing_again_writes_the_same_bytes(runs: Mapping[str, Path], tiny_store: ClipStore):
    files = [runs["bone"] / name for name in ("test/report.json", "test/per_class.csv", "result.json")]
    before = [path.read_bytes() for path in files]
    logits = load_scores(runs["bone"] / SCORES).logits_NK
    measure_run(runs["bone"], tiny_store, "cpu")
    assert [path.read_bytes() for path in files] == before
    np.testing.assert_array_equal(load_scores(runs["bone"] / SCORES).logits_NK, logits)


def test_held_out_clips_are_training_clips_that_no_stream_saw(
    runs: Mapping[str, Path], tiny_store: ClipStore
):
    held = {name: load_scores(run / HELD_OUT) for name, run in runs.items()}
    ids = set(held["bone"].clip_ids)
    assert ids == set(held["joint-motion"].clip_ids)
    assert 2 <= len(ids) <= 14  # 0.3 of 24
    assert all("_s01_" in clip or "_s02_" in clip for clip in ids)
    trained, _ = training_clips(tiny_store, get_benchmark("synthetic"), 0.3)
    assert ids | {tiny_store.clip_ids[i] for i in trained} == {
        clip for clip in tiny_store.clip_ids if "_s09_" not in clip
    }
    assert len(trained) + len(ids) == 24
    assert held["bone"].info["split"] == "val"


def test_without_hold_out_there_are_no_held_out_scores(tiny_store: ClipStore, tmp_path: Path):
    runs = [tmp_path / name for name in ("a", "b")]
    train("demo-joint", tiny("demo-joint"), tiny_store, runs[0], OPTIONS)
    measure_run(runs[0], tiny_store, "cpu")
    assert (runs[0] / SCORES).is_file()
    assert not (runs[0] / HELD_OUT).exists()
    shutil.copytree(runs[0], runs[1])
    with pytest.raises(FileNotFoundError, match=r"held_out.*trained with --hold-out 0\.1, and tested\?"):
        ensemble_runs(runs, tmp_path / "e", fit=True)


def test_what_cannot_be_tested(copied: list[Path], tiny_store: ClipStore, nw_ucla_store: ClipStore):
    run = copied[0]
    with pytest.raises(ValueError, match=r"holds 'nw-ucla', but the benchmark 'synthetic' needs 'synthetic'"):
        measure_run(run, nw_ucla_store, "cpu")
    with pytest.raises(ValueError, match="cannot be used here"):
        measure_run(run, tiny_store, "quantum")
    (run / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(ValueError, match=r"model\.safetensors: does not fit its card"):
        measure_run(run, tiny_store, "cpu")
    (run / "card.json").unlink()
    with pytest.raises(FileNotFoundError, match="no finished checkpoint there"):
        measure_run(run, tiny_store, "cpu")


def test_a_run_is_called_by_its_folder_also_from_inside(
    copied: list[Path], tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(copied[0])
    measure_run(Path("."), tiny_store, "cpu")
    assert json.loads((copied[0] / "result.json").read_text())["name"] == "bone"


# --- several runs ------------------------------------------------------------------------------------------


def logits_of(folder: Path) -> dict[str, np.ndarray]:
    scores = load_scores(folder / SCORES)
    return dict(zip(scores.clip_ids, scores.logits_NK, strict=True))


@pytest.mark.parametrize(
    ("weights", "expected", "how"),
    [
        (None, (0.6, 0.4), "fixed, published by GAP"),  # one position and one motion: method.md 14
        ([2.0, 0.5], (2.0, 0.5), "given by hand"),
    ],
)
def test_ensemble_is_the_weighted_sum_by_clip(
    runs: Mapping[str, Path],
    tmp_path: Path,
    weights: list[float] | None,
    expected: tuple[float, float],
    how: str,
):
    measured = ensemble_runs(list(runs.values()), tmp_path / "e", weights=weights)
    bone, motion, total = (logits_of(folder) for folder in (*runs.values(), tmp_path / "e"))
    assert len(total) == 12
    for clip, row in total.items():
        np.testing.assert_allclose(row, expected[0] * bone[clip] + expected[1] * motion[clip], atol=1e-5)
    result = json.loads((tmp_path / "e" / "result.json").read_text())
    assert result["weights"] == dict(zip(runs, expected, strict=True))
    assert result["weights_from"] == how
    assert (result["kind"], result["name"]) == ("ensemble", "e")
    assert [member["name"] for member in result["members"]] == ["bone", "joint-motion"]
    assert result["top1"] == measured.report["top1"]
    assert result["seed"] == 1


def test_weights_are_fitted_on_held_out_clips_only(copied: list[Path], tmp_path: Path):
    """A motion stream that knows every held-out clip and a bone stream that knows none: motion gets all."""
    for run, sign in zip(copied, (-50.0, 50.0), strict=True):
        scores = load_scores(run / HELD_OUT)
        save_scores(run / HELD_OUT, replace(scores, logits_NK=sign * np.eye(12)[scores.labels_N]))
    measured = ensemble_runs(copied, tmp_path / "e", fit=True)
    weights = {name: m["weight"] for name, m in measured.report["info"]["ensemble"].items()}
    assert weights["joint-motion"] > weights["bone"] >= 0
    assert weights["joint-motion"] > 0.5  # the fixed weights give it 0.4
    result = json.loads((tmp_path / "e" / "result.json").read_text())
    assert result["weights_from"] == "fitted on clips held out of training"
    assert result["weights"] == weights


def test_what_cannot_be_added_up(runs: Mapping[str, Path], copied: list[Path], tmp_path: Path):
    bone = runs["bone"]
    for few in ([], [bone]):
        with pytest.raises(ValueError, match=f"at least two runs, got {len(few)}"):
            ensemble_runs(few, tmp_path / "e")
    with pytest.raises(ValueError, match="runs must have different names"):
        ensemble_runs([bone, copied[0]], tmp_path / "e")
    with pytest.raises(ValueError, match="got 3 weights for 2 runs"):
        ensemble_runs(copied, tmp_path / "e", weights=[1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="not both"):
        ensemble_runs(copied, tmp_path / "e", weights=[1.0, 1.0], fit=True)
    with pytest.raises(ValueError, match=r"bone: is a run of its own; choose another --out"):
        ensemble_runs(copied, bone)
    result = json.loads((copied[1] / "result.json").read_text())
    write_json(copied[1] / "result.json", {**result, "benchmark": "nw-ucla"})
    with pytest.raises(ValueError, match=r"one benchmark, got bone: synthetic, joint-motion: nw-ucla"):
        ensemble_runs(copied, tmp_path / "e")
    (copied[1] / "result.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"result\.json: no result there; run `lst test "):
        ensemble_runs(copied, tmp_path / "e")
    (copied[1] / SCORES).unlink()
    with pytest.raises(FileNotFoundError, match=re.escape(f"run `lst test {copied[1]}`")):
        ensemble_runs(copied, tmp_path / "e")
    assert not (tmp_path / "e").exists()


def test_a_store_of_other_clips_is_told_of(tiny_store: ClipStore, tmp_path: Path, caplog: Any):
    """A run trained on one store and tested on another says so in its result and row."""
    from lst.data.store.clip_store import StoredClip, write_store
    from lst.evaluation.results import read_result, results_table
    from short_runs import run, tiny

    out = tmp_path / "run"
    run(tiny_store, out, tiny(1))
    clips = [
        StoredClip(tiny_store.clip_ids[i], int(tiny_store.labels[i]), tiny_store.clip(i) * 2, {})
        for i in range(len(tiny_store))
    ]
    how = {"dataset": "synthetic", "layout": tiny_store.skeleton.name, "problems": []}
    other = write_store(tmp_path / "other", clips, source={"pipeline": "clean"}, **how)
    for store, said in ((tiny_store, False), (other, True)):
        caplog.clear()
        measure_run(out, store, "cpu")
        result = read_result(out / "result.json")
        assert result.get("other_clips", False) == said
        assert ("holds other clips than" in caplog.text) == said
        assert ("; tested on other clips" in results_table([result], "synthetic")) == said

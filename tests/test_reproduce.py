"""A family of recipes in one call: finished work is left alone, stopped work goes on, results are kept."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lst.cli.main import main
from lst.data.input.batches import Batch, ClipBatches
from lst.data.store.clip_store import ClipStore
from lst.evaluation.results import read_results
from lst.training.recipes import RECIPES, STREAMS, TrainOptions, get_recipe
from lst.workflows import reproduce as module
from lst.workflows.reproduce import Plan, reproduce

pytestmark = pytest.mark.usefixtures("tiny_recipes", "quick_pictures")

OPTIONS = TrainOptions(device="cpu", progress=False)
TWO = ("joint", "bone")


def no_training(*args: object, **options: object) -> None:
    raise AssertionError("nothing was left to do")


def times(folder: Path, pattern: str) -> dict[str, int]:
    files = [path for path in folder.glob(pattern) if path.is_file()]
    assert files
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in files}


# --- the plan ----------------------------------------------------------------------------------------------


def test_a_plan_is_the_four_recipes_with_a_seed():
    runs = list(Plan("nw-ucla", seeds=3).runs(2, language=True))
    assert [name for name, _, _ in runs] == [
        "nw-ucla-joint-seed2",
        "nw-ucla-bone-seed2",
        "nw-ucla-joint-motion-seed2",
        "nw-ucla-bone-motion-seed2",
    ]
    assert [recipe for _, recipe, _ in runs] == [name.removesuffix("-seed2") for name, _, _ in runs]
    for _, recipe, config in runs:
        assert config.seed == 2
        assert config.optim == get_recipe(recipe).optim
        assert config.text.weight == get_recipe(recipe).text.weight > 0
    assert [config.modality for _, _, config in runs] == list(STREAMS)


def test_a_plan_without_language_or_with_another_length():
    (name, _, config), *_ = Plan("nw-ucla", epochs=30).runs(1, language=False)
    assert name == "nw-ucla-joint-plain-30epochs-seed1"
    assert config.text.weight == 0.0
    assert (config.optim.epochs, config.optim.planned_epochs) == (30, 110)


def test_a_plan_of_some_streams_keeps_the_usual_order():
    runs = Plan("demo", streams=("bone_motion", "joint")).runs(1, language=True)
    assert [config.modality for _, _, config in runs] == ["joint", "bone_motion"]


def test_numbers_below_one_are_refused():
    with pytest.raises(ValueError, match=r"optim\.epochs must be at least 1, got 0"):
        list(Plan("demo", epochs=0).runs(1, language=True))
    with pytest.raises(ValueError, match="seeds must be at least 1, got 0"):
        Plan("demo", seeds=0)


def test_an_ensemble_of_some_streams_has_a_name_of_its_own():
    assert Plan("demo").ensemble_name == "demo-ensemble"
    assert (
        Plan("demo", streams=("bone_motion", "joint")).ensemble_name == "demo-ensemble-of-joint+bone-motion"
    )


def test_an_unknown_family_names_the_nearest():
    with pytest.raises(ValueError, match=r"unknown family of recipes 'nw-ulca'\. Did you mean 'nw-ucla'\?"):
        list(Plan("nw-ulca").runs(1, language=True))


# --- running it --------------------------------------------------------------------------------------------


def test_everything_once_then_nothing_again(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    runs, results = tmp_path / "runs", tmp_path / "results"
    plan = Plan("demo", plain=True, streams=TWO)
    done = reproduce(plan, tiny_store, runs, results, OPTIONS)
    names = [
        f"demo-{what}{plain}-seed1"
        for plain in ("", "-plain")
        for what in ("joint", "bone", "ensemble-of-joint+bone")
    ]
    assert [run.name for run in done] == names
    assert sorted(path.name for path in results.iterdir()) == sorted(f"{name}.json" for name in names)
    for run in done:
        kept = json.loads((results / f"{run.name}.json").read_text())
        assert kept == json.loads((run / "result.json").read_text())
        assert kept["name"] == run.name
        assert kept["language"] is ("plain" not in run.name)
    total = json.loads((results / "demo-ensemble-of-joint+bone-seed1.json").read_text())
    assert [member["name"] for member in total["members"]] == ["demo-joint-seed1", "demo-bone-seed1"]
    assert total["weights"] == {"demo-joint-seed1": 1.0, "demo-bone-seed1": 1.0}

    before = times(runs, "demo-joint*/**/*") | times(runs, "demo-bone*/**/*")
    kept = {path.name: path.read_bytes() for path in results.iterdir()}
    monkeypatch.setattr(ClipBatches, "train", no_training)
    monkeypatch.setattr(module, "measure_run", no_training)
    assert reproduce(plan, tiny_store, runs, results, OPTIONS) == done
    assert times(runs, "demo-joint*/**/*") | times(runs, "demo-bone*/**/*") == before
    assert {path.name: path.read_bytes() for path in results.iterdir()} == kept


def test_a_trained_run_without_result_is_only_tested(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    plan = Plan("demo", streams=("joint",))
    (run,) = reproduce(
        plan, tiny_store, tmp_path / "runs", tmp_path / "results", OPTIONS
    )  # no ensemble of one
    result = (run / "result.json").read_bytes()
    (run / "result.json").unlink()
    (tmp_path / "results" / f"{run.name}.json").unlink()
    monkeypatch.setattr(ClipBatches, "train", no_training)
    assert reproduce(plan, tiny_store, tmp_path / "runs", tmp_path / "results", OPTIONS) == [run]
    assert (run / "result.json").read_bytes() == result
    assert [r["name"] for r in read_results([tmp_path / "results"])] == [run.name]


def test_a_stopped_call_goes_on_and_ends_like_an_unbroken_one(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Stopped in the second epoch of the second stream: that epoch is all that the next call trains."""
    plan = Plan("demo", streams=TWO, epochs=2)
    original, trained = ClipBatches.train, list[int]()

    def stop_at(most: int) -> None:
        def train(self: ClipBatches, seed: int, epoch: int) -> Iterator[Batch]:
            if len(trained) == most:
                raise KeyboardInterrupt
            trained.append(epoch)
            return original(self, seed, epoch)

        trained.clear()
        monkeypatch.setattr(ClipBatches, "train", train)

    def go(name: str) -> list[Path]:
        return reproduce(plan, tiny_store, tmp_path / name, tmp_path / f"{name}-results", OPTIONS)

    stop_at(3)
    with pytest.raises(KeyboardInterrupt):
        go("broken")
    assert trained == [0, 1, 0]
    first = times(tmp_path / "broken", "demo-joint-2epochs-seed1/**/*")
    assert not (tmp_path / "broken" / "demo-bone-2epochs-seed1" / "card.json").exists()

    stop_at(99)
    broken = go("broken")
    assert trained == [1]
    assert times(tmp_path / "broken", "demo-joint-2epochs-seed1/**/*") == first

    stop_at(99)
    whole = go("whole")
    assert trained == [0, 1, 0, 1]
    for ours, theirs in zip(broken[:2], whole[:2], strict=True):
        model = "model.safetensors"
        assert (ours / model).read_bytes() == (theirs / model).read_bytes()
    found = [read_results([tmp_path / f"{name}-results"]) for name in ("broken", "whole")]
    assert [r["top1"] for r in found[0]] == [r["top1"] for r in found[1]]
    assert len(found[0]) == 3


def test_another_length_is_another_run_with_a_result_of_its_own(tiny_store: ClipStore, tmp_path: Path):
    runs, results = tmp_path / "runs", tmp_path / "results"
    for epochs in (None, 2):
        reproduce(Plan("demo", streams=("joint",), epochs=epochs), tiny_store, runs, results, OPTIONS)
    found = {result["name"]: result["epochs"] for result in read_results([results])}
    assert found == {"demo-joint-seed1": 1, "demo-joint-2epochs-seed1": 2}


def test_a_run_of_another_recipe_is_not_continued(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    plan = Plan("demo", streams=("joint",))
    reproduce(plan, tiny_store, tmp_path / "runs", tmp_path / "results", OPTIONS)
    changed = RECIPES["demo-joint"].with_text(weight=0.5)
    monkeypatch.setitem(RECIPES, "demo-joint", changed)
    with pytest.raises(ValueError, match=r"another recipe.* \(text\.weight: 1\.0 -> 0\.5\)"):
        reproduce(plan, tiny_store, tmp_path / "runs", tmp_path / "results", OPTIONS)


def test_seeds_count_from_one_and_make_different_runs(tiny_store: ClipStore, tmp_path: Path):
    plan = Plan("demo", seeds=2, streams=("joint",))
    done = reproduce(plan, tiny_store, tmp_path / "runs", tmp_path / "results", OPTIONS)
    assert [run.name for run in done] == ["demo-joint-seed1", "demo-joint-seed2"]
    models = [(run / "model.safetensors").read_bytes() for run in done]
    assert models[0] != models[1]
    assert [r["seed"] for r in read_results([tmp_path / "results"])] == [1, 2]


# --- the command -------------------------------------------------------------------------------------------


def test_the_command_prints_the_table_with_published_figures(
    nw_ucla_store: ClipStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    runs, results = tmp_path / "runs", tmp_path / "results"
    words = ["--streams", "joint", "--device", "cpu", "--data", str(nw_ucla_store.folder)]
    folders = ["--runs", str(runs), "--results", str(results)]
    assert main(["reproduce", "nw-ucla", *words, *folders]) == 0
    lines = capsys.readouterr().out.splitlines()
    notes, printed = [x for x in lines if x.startswith("note: ")], [x for x in lines if x.startswith("|")]
    (result,) = read_results([results])
    assert result["name"] == "nw-ucla-joint-seed1"
    assert "expected 1,020 train clips, found 20" in notes[0]
    assert notes[-1].startswith("note: nw-ucla: 95 of its 464 test clips")  # once, after the numbers
    assert sum("95 of its 464" in note for note in notes) == 1
    assert printed[0].startswith("| what | stream |")
    top1, unseen = 100 * result["top1"], 100 * result["top1_unseen"]
    assert printed[2].startswith("| lst, LST; incomplete data | joint | ")
    assert f" | {top1:.1f} | {unseen:.1f} | " in printed[2]
    assert "| 1 of 110 | 1 | CPU" in printed[2]
    assert printed[3].startswith("| GAP (LST), 4 streams (")
    assert "| 97.2 |" in printed[3]


def test_the_command_passes_what_was_asked(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    seen: list[Any] = []
    monkeypatch.setattr(module, "reproduce", lambda *args: seen.extend(args))
    monkeypatch.chdir(tmp_path)
    words = [
        "demo",
        "--data",
        str(tiny_store.folder),
        "--seeds",
        "2",
        "--plain",
        "--epochs",
        "3",
        "--compile",
    ]
    assert main(["reproduce", *words, "--streams", "bone", "joint", "--device", "cpu"]) == 0
    plan, store, runs, results, options = seen
    assert plan == Plan("demo", 2, True, 3, ("bone", "joint"))
    assert store.folder == tiny_store.folder
    assert (runs, results) == (Path("runs"), Path("results"))
    assert options == TrainOptions(device="cpu", compile=True)
    assert "\n| what | stream |" in capsys.readouterr().out

"""Zero-shot: measures by hand, class sets, and the study from training to results."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lst.training.train as train_module
import lst.workflows.zero_shot as zero_shot_module
from command_line import lst_call, refused
from lst.data.store.clip_store import ClipStore
from lst.evaluation.scores import Scores
from lst.evaluation.zero_shot import among, harmonic_mean, zero_shot_report
from lst.evaluation.zero_shot_table import read_zero_shot
from lst.facts.benchmarks import get_benchmark
from lst.training.recipes import TrainOptions
from lst.training.training_run import TrainingRun
from lst.workflows.by_text import measure_zero_shot
from lst.workflows.zero_shot import run_zero_shot
from lst.workflows.zero_shot_plan import ZeroShotPlan, unseen_sets
from short_runs import log_of, run, stop_after, tiny

pytestmark = pytest.mark.usefixtures("one_thread", "quick")
NAMES = get_benchmark("synthetic").class_names
OPTIONS = TrainOptions(device="cpu", progress=False)

# Classes a and c are seen, b and d are not. What each clip is nearest to: of all, and of b and d.
COSINES = [
    [0.9, 0.1, 0.2, 0.3],  # an a: right
    [0.4, 0.5, 0.2, 0.3],  # an a: taken for b
    [0.1, 0.2, 0.8, 0.3],  # a c: right
    [0.2, 0.3, 0.6, 0.1],  # a c: right
    [0.7, 0.6, 0.1, 0.2],  # a b: taken for a; among b and d right
    [0.1, 0.2, 0.3, 0.4],  # a b: taken for d; among b and d too
    [0.8, 0.1, 0.2, 0.5],  # a d: taken for a; among b and d right
    [0.1, 0.2, 0.3, 0.9],  # a d: right
]
BY_HAND = Scores(
    tuple("stuvwxyz"), np.array(COSINES), np.array([0, 0, 2, 2, 1, 1, 3, 3]), tuple("abcd"), {"run": "r"}
)


# --- by hand ---


def test_both_protocols():
    report = zero_shot_report(BY_HAND, (1, 3))
    assert report["unseen"] == ["b", "d"]
    closed, general = report["zero_shot"], report["generalised"]
    assert (closed["clips"], closed["top1"], closed["chance"]) == (4, 3 / 4, 1 / 2)
    assert [(row["name"], row["accuracy"]) for row in closed["per_class"]] == [("b", 1 / 2), ("d", 1.0)]
    assert closed["mean_class_accuracy"] == 3 / 4
    assert (general["seen_clips"], general["seen_top1"]) == (4, 3 / 4)
    assert (general["unseen_clips"], general["unseen_top1"]) == (4, 1 / 4)
    assert general["harmonic_mean"] == pytest.approx(2 * (3 / 4) * (1 / 4) / (3 / 4 + 1 / 4)) == 3 / 8
    assert [row["accuracy"] for row in general["per_class"]] == [1 / 2, 0.0, 1.0, 1 / 2]
    assert report["info"] == {"run": "r"}


def test_clips_count_the_same_whatever_their_class():
    """Without one d: two b, one right, and one d, right. Over clips 2 of 3, over classes 3 of 4."""
    closed = zero_shot_report(BY_HAND.select([0, 2, 4, 5, 7]), (1, 3))["zero_shot"]
    assert closed["top1"] == pytest.approx(2 / 3)
    assert closed["mean_class_accuracy"] == pytest.approx(3 / 4)


def test_a_tie_counts_against_the_run():
    tied = replace(BY_HAND, logits_NK=np.zeros((8, 4)))
    report = zero_shot_report(tied, (1, 3))
    assert report["zero_shot"]["top1"] == report["generalised"]["harmonic_mean"] == 0


@pytest.mark.parametrize(
    ("seen", "unseen", "mean"), [(0.5, 0.5, 0.5), (0.9, 0.1, 0.18), (1.0, 0.0, 0.0), (0.0, 0.0, 0.0)]
)
def test_harmonic_mean(seen: float, unseen: float, mean: float):
    assert harmonic_mean(seen, unseen) == harmonic_mean(unseen, seen) == pytest.approx(mean)


def test_labels_follow_the_classes_that_are_left():
    few = among(BY_HAND.select([4, 7]), (3, 1))
    assert few.class_names == ("d", "b")
    assert few.labels_N.tolist() == [1, 0]
    np.testing.assert_allclose(few.logits_NK, [[0.2, 0.6], [0.9, 0.2]], rtol=1e-6)


@pytest.mark.parametrize(("unseen", "kind"), [((), "unseen"), ((0, 1, 2, 3), "seen")])
def test_both_kinds_of_clips_are_needed(unseen: tuple[int, ...], kind: str):
    with pytest.raises(ValueError, match=f"no clip of the {kind} classes"):
        zero_shot_report(BY_HAND, unseen)


# --- class sets ---


def test_class_sets_differ_and_more_of_them_begin_with_the_same():
    five = unseen_sets(NAMES, 3, 5, 0)
    assert all(len(set(labels)) == 3 and labels == tuple(sorted(labels)) for labels in five)
    assert all(0 <= label < 12 for labels in five for label in labels)
    assert len(set(five)) == 5
    assert unseen_sets(NAMES, 3, 2, 0) == five[:2]
    assert unseen_sets(NAMES, 3, 5, 1) != five


def test_every_set_is_found_in_the_end():
    every = unseen_sets("abcd", 2, math.comb(4, 2), 0)
    assert sorted(every) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


def test_every_class_is_drawn_about_as_often():
    counts = np.bincount(np.concatenate(unseen_sets(NAMES, 2, 66, 0)), minlength=12)
    assert counts.tolist() == [11] * 12  # all 66 pairs
    first = np.bincount(np.concatenate([unseen_sets(NAMES, 3, 1, seed)[0] for seed in range(400)]))
    assert first.min() > 70  # expected 100, standard deviation below 9
    assert first.max() < 130


def test_both_benchmarks_of_a_data_set_share_the_sets():
    plans = (ZeroShotPlan(family=family) for family in ("nw-ucla", "nw-ucla-clean"))
    one, other = (plan.class_sets() for plan in plans)
    assert one == other


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"unseen": 1}, "--unseen must be between 2 and 10 of the 12 classes of synthetic, got 1"),
        ({"unseen": 11}, "got 11"),
        ({"unseen": 10, "splits": 67}, "--splits 67: there are 66 different sets of 10 classes"),
        ({"splits": 0}, "must be at least 1"),
        ({"family": "demos"}, "unknown recipe 'demos-joint'. Did you mean"),
    ],
)
def test_plans_are_checked(options: dict[str, Any], says: str):
    with pytest.raises(ValueError, match=says):
        ZeroShotPlan(**{"family": "demo", **options})


def test_every_different_run_has_a_name_of_its_own():
    changes: list[dict[str, Any]] = [
        *({}, {"epochs": 3}, {"repeat": 3}, {"encoder_width": 3}, {"class_seed": 3}, {"modality": "bone"}),
        *({"prompts": "parts2"}, {"unseen": 2}),
    ]
    plans = [ZeroShotPlan(family="demo", splits=2, seeds=2, **change) for change in changes]
    names = [name for plan in plans for name, _, _ in plan.runs()]
    assert len(set(names)) == len(names) == 4 * len(changes)
    assert names[0] == "demo-joint-3unseen-split1-seed1"


# --- the study ---


def plan(**changed: Any) -> ZeroShotPlan:
    return ZeroShotPlan(**{"family": "demo", "splits": 2, "unseen": 2, **changed})


@pytest.mark.usefixtures("tiny_recipes")
def test_from_training_to_results(tiny_store: ClipStore, tmp_path: Path):
    files = run_zero_shot(plan(seeds=2), tiny_store, tmp_path / "runs", tmp_path / "results", OPTIONS)
    assert len(files) == 4
    results = read_zero_shot(tmp_path / "results")
    assert [(r["split"], r["seed"]) for r in results] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    for result, labels in zip(results, [s for s in plan().class_sets() for _ in range(2)], strict=True):
        assert result["unseen"] == [NAMES[label] for label in labels]
        assert result["config"]["unseen"] == list(labels)
        assert result["inputs"]["clips"] == {"train": 20, "test": 12}
        assert result["zero_shot"]["clips"] == result["generalised"]["unseen_clips"] == 2
        assert result["generalised"]["seen_clips"] == 10
        assert result["selected_on"] == "nothing: the last epoch"
        assert "best_on_test" not in result
        assert result == {
            **result,
            **measure_zero_shot(tmp_path / "runs" / result["name"], tiny_store, "cpu"),
        }
        assert [row["epoch"] for row in log_of(tmp_path / "runs" / result["name"])] == [1]


@pytest.mark.usefixtures("tiny_recipes")
def test_what_is_finished_is_not_done_again(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Stopped in the second split after its first epoch; then everything once more; then with no run left."""
    folders = (tiny_store, tmp_path / "runs", tmp_path / "results")
    epochs: list[int] = []
    real = TrainingRun.one_epoch

    def counted(self: Any, epoch: int, bar: Any) -> Any:
        epochs.append(epoch)
        return real(self, epoch, bar)

    monkeypatch.setattr(TrainingRun, "one_epoch", counted)
    with monkeypatch.context() as patch:
        seen: list[int] = []

        def line(row: dict[str, Any], total: int) -> str:
            seen.append(row["epoch"])
            return stop_after(1)(row, total) if len(seen) == 3 else ""

        patch.setattr(train_module, "epoch_line", line)
        with pytest.raises(KeyboardInterrupt):
            run_zero_shot(plan(epochs=2), *folders, OPTIONS)
    assert epochs == [0, 1, 0]
    assert len(read_zero_shot(tmp_path / "results")) == 1
    run_zero_shot(plan(epochs=2), *folders, OPTIONS)
    assert epochs == [0, 1, 0, 1]
    before = {path.name: path.read_bytes() for path in (tmp_path / "results").iterdir()}
    (tmp_path / "runs").rename(tmp_path / "elsewhere")
    assert len(run_zero_shot(plan(epochs=2), *folders, OPTIONS)) == 2
    assert epochs == [0, 1, 0, 1]
    assert {path.name: path.read_bytes() for path in (tmp_path / "results").iterdir()} == before


@pytest.mark.usefixtures("tiny_recipes")
def test_a_result_of_another_recipe_is_not_taken_for_this_one(tiny_store: ClipStore, tmp_path: Path):
    (name, _, _) = next(plan().runs())
    kept = min((Path(__file__).parents[1] / "results" / "zero-shot").glob("*.json"))  # of another recipe
    other = json.loads(kept.read_text(encoding="utf-8"))
    (tmp_path / f"{name}.json").write_text(json.dumps(other))
    with pytest.raises(ValueError, match=r"seed1\.json: was made with another recipe"):
        run_zero_shot(plan(), tiny_store, tmp_path / "runs", tmp_path, OPTIONS)
    (tmp_path / f"{name}.json").write_text("{")
    with pytest.raises(ValueError, match=r"seed1\.json:1:2: broken JSON"):
        run_zero_shot(plan(), tiny_store, tmp_path / "runs", tmp_path, OPTIONS)
    assert not (tmp_path / "runs").exists()


def test_a_run_that_saw_everything_is_refused(tiny_store: ClipStore, tmp_path: Path):
    run(tiny_store, tmp_path / "run", tiny(1))
    with pytest.raises(ValueError, match="was trained on all classes"):
        measure_zero_shot(tmp_path / "run", tiny_store, "cpu")


@pytest.mark.usefixtures("tiny_recipes")
def test_the_command(tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(zero_shot_module.logger, "info", lambda line: None)
    done = lst_call(
        *("study", "zero-shot", "demo", "--splits", "1", "--unseen", "2", "--device", "cpu"),
        *("--data", tiny_store.folder, "--runs", tmp_path / "runs", "--results", tmp_path / "results"),
    )
    assert done.status == 0, done.err
    (labels,) = ZeroShotPlan(family="demo", splits=1, unseen=2).class_sets()
    names = ", ".join(NAMES[label] for label in labels)
    assert f"split 1: unseen {names}\n" in done.out
    assert f"| 1 | {names} | 1 |" in done.out
    assert "unknown subject of a study 'zero-shots'. Did you mean 'zero-shot'?" in refused(
        "study", "zero-shots"
    )
    assert lst_call("study").out.startswith("usage: lst study SUBJECT")

"""Classes that training never sees: checked, left out, and visible wherever a run is described."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from command_line import TINY, lst_call, refused
from lst.data.store.clip_store import ClipStore
from lst.evaluation.results import read_result, results_table
from lst.facts.benchmarks import get_benchmark
from lst.training.build import assemble, training_clips
from lst.training.recipes import RunConfig, get_recipe, overrides
from short_runs import run, tiny

CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("one_thread", "quick")


@pytest.mark.parametrize(
    ("unseen", "says"),
    [
        ((12,), "12 is no label of synthetic, whose labels are 0 to 11"),
        ((-1, 2), "-1 is no label of synthetic"),
        ((3, 5, 3), r"a class is named twice in \(3, 3, 5\)"),
        (tuple(range(11)), "11 of the 12 classes of synthetic leave 1 to train on; at least two are needed"),
    ],
)
def test_labels_are_checked_when_a_recipe_is_made(unseen: tuple[int, ...], says: str):
    with pytest.raises(ValueError, match=says):
        RunConfig(benchmark="synthetic", unseen=unseen)


def test_two_seen_classes_are_enough_and_order_does_not_matter():
    assert len(RunConfig(benchmark="synthetic", unseen=tuple(range(10))).unseen) == 10
    assert RunConfig(benchmark="synthetic", unseen=(5, 2)) == RunConfig(benchmark="synthetic", unseen=(2, 5))


def test_their_training_clips_are_left_out_and_nothing_else(tiny_store: ClipStore):
    every, few = (assemble(tiny(unseen=unseen), tiny_store, CPU) for unseen in ((), (0, 7)))
    left_out = {
        tiny_store.clip_ids[i]
        for i in tiny_store.select(get_benchmark("synthetic"), "train")
        if tiny_store.labels[i] in (0, 7)
    }
    assert set(every.train.clip_ids) - set(few.train.clip_ids) == left_out
    assert len(left_out) == 4
    assert few.train.clip_ids == [clip for clip in every.train.clip_ids if clip not in left_out]
    assert few.test.clip_ids == every.test.clip_ids, "the test split keeps all classes"
    assert few.classifier.head.out_features == 12, "labels keep their places"
    shown = {label for batch in few.train.train(1, 0) for label in batch.labels_N.tolist()}
    assert shown == set(range(12)) - {0, 7}


def test_held_out_clips_are_of_seen_classes(tiny_store: ClipStore):
    benchmark = get_benchmark("synthetic")
    _, everything = training_clips(tiny_store, benchmark, 0.4)
    _, held = training_clips(tiny_store, benchmark, 0.4, (0, 7))
    assert held.tolist() == [i for i in everything if tiny_store.labels[i] not in (0, 7)]


def test_the_copies_in_nw_ucla_leave_training_with_their_class(nw_ucla_store: ClipStore):
    """Test clips of pick up with two hands and drop trash lie in training, too: a02 and a03 of view 2."""
    benchmark = get_benchmark("nw-ucla")
    labels = [benchmark.class_names.index(name) for name in ("pick up with two hands", "drop trash")]
    clips, _ = training_clips(nw_ucla_store, benchmark, 0.0, labels)
    left = {nw_ucla_store.clip_ids[i][:3] for i in clips}
    assert left == {f"a{action:02d}" for action in (1, 4, 5, 6, 8, 9, 11, 12)}


def test_a_run_without_some_classes_is_never_taken_for_a_full_one(tiny_store: ClipStore, tmp_path: Path):
    config = tiny(1, unseen=(0, 7))
    assert overrides("demo-joint", config)["unseen"] == (0, 7)
    card = run(tiny_store, tmp_path / "run", config)
    assert json.loads(json.dumps(card))["config"]["unseen"] == [0, 7]
    assert card["inputs"]["clips"] == {"train": 20, "test": 12}
    with pytest.raises(ValueError, match=r"\(unseen: \[0, 7\] -> \[\], clips\.train: 20 -> 24\)"):
        run(tiny_store, tmp_path / "run", tiny(1), resume=True)


def test_options_and_results_say_so(tiny_store: ClipStore, tmp_path: Path):
    data, out = ("--data", tiny_store.folder), tmp_path / "run"
    assert lst_call("train", "demo-joint", *TINY, *data, "--out", out, "--unseen", "7", "0").status == 0
    assert "unseen [0, 7]" in lst_call("info", out).out
    assert lst_call("test", out, *data).status == 0
    result: dict[str, Any] = read_result(out / "result.json")
    assert result["overrides"]["unseen"] == [0, 7]
    assert "; unseen [0, 7]" in results_table([result], "synthetic")
    assert "no label of synthetic" in refused("train", "demo-joint", *TINY, *data, "--unseen", "12")


def test_recipes_see_every_class():
    assert get_recipe("nw-ucla-joint").unseen == ()

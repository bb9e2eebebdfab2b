"""NTU RGB+D from raw files to an ensemble, on synthetic files in its format (nobody was recorded)."""

import json
from pathlib import Path

import pytest

from lst.data.ntu.prepare import prepare_ntu
from lst.data.store.clip_store import ClipStore
from lst.data.synthetic.raw_folder import synthesize_ntu
from lst.evaluation.results import read_results, results_table
from lst.evaluation.scores import load_scores
from lst.facts.benchmarks import get_benchmark
from lst.training.recipes import TrainOptions
from lst.workflows.reproduce import Plan, reproduce

TWO_PERSONS = 49
"""Labels from here on are two-person classes in NTU60."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    folder = tmp_path_factory.mktemp("ntu")
    synthesize_ntu("ntu60", folder / "raw", clips=60, seed=3, mean_frames=30)
    return prepare_ntu("ntu60", folder / "raw", folder / "store").store


def test_the_store_has_what_training_needs(store: ClipStore):
    assert store.manifest["source"]["synthetic"] is True
    two = store.labels >= TWO_PERSONS
    assert (store.persons[two] == 2).mean() > 0.9  # an accident of the sensor may take one away
    assert set(store.persons.tolist()) == {1, 2}
    for name in ("ntu60-xsub", "ntu60-xview"):
        splits = [store.select(get_benchmark(name), split) for split in ("train", "test")]
        assert all(two[rows].any() and not two[rows].all() for rows in splits)


@pytest.mark.parametrize("family", ["ntu60-xsub", "gap-ntu60-xview"])
@pytest.mark.usefixtures("tiny_recipes", "quick_pictures", "quick", "one_thread")
def test_four_streams_and_their_ensemble(store: ClipStore, tmp_path: Path, family: str):
    runs, results = tmp_path / "runs", tmp_path / "results"
    done = reproduce(Plan(family), store, runs, results, TrainOptions(device="cpu", progress=False))
    names = [folder.name for folder in done]
    streams = ("joint", "bone", "joint-motion", "bone-motion")
    assert names == [f"{family}-{s}-seed1" for s in (*streams, "ensemble")]
    benchmark = get_benchmark(family.removeprefix("gap-"))
    tested = [store.clip_ids[i] for i in store.select(benchmark, "test")]
    for folder in done:
        assert sorted(load_scores(folder / "test" / "scores.npz").clip_ids) == tested
    card = json.loads((done[0] / "card.json").read_text())
    assert card["build"]["persons"] == ("every_slot" if family.startswith("gap") else "present")
    assert card["build"]["num_classes"] == 60
    table = results_table(read_results([results]), benchmark.name)
    ours = [line for line in table.splitlines() if "of 110" in line]
    assert len(ours) == 5
    assert all("synthetic clips" in line and "incomplete data" in line for line in ours)
    assert "GAP (LST), 4 streams" in table


@pytest.mark.usefixtures("tiny_recipes", "quick_pictures", "quick", "one_thread")
def test_clips_from_disk_train_the_same_bits(store: ClipStore, tmp_path: Path):
    weights = []
    for place in ("device", "disk"):
        options = TrainOptions(device="cpu", progress=False, place=place)
        plan = Plan("ntu60-xview", streams=("bone_motion",))
        (run,) = reproduce(plan, store, tmp_path / place, tmp_path / "results", options)
        weights.append((run / "model.safetensors").read_bytes())
        assert json.loads((run / "result.json").read_text())["clips"] > 0
    assert weights[0] == weights[1]

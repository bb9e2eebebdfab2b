"""lst bench input: the store it makes, what it prints and keeps."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lst.facts.benchmarks import get_benchmark
from lst.training.recipes import RECIPES
from lst.workflows.bench_input import RECIPE, bench_input, random_store

pytestmark = pytest.mark.usefixtures("one_thread")


def test_random_clips_have_the_shape_of_ntu(tmp_path: Path):
    store = random_store(tmp_path / "store", 400)
    assert store.manifest["source"]["synthetic"] is True
    assert store.frames.mean() == pytest.approx(84, abs=3)
    assert store.persons.mean() == pytest.approx(1.2)
    benchmark = get_benchmark("ntu60-xsub")
    assert [len(store.select(benchmark, split)) for split in ("train", "test")] == [399, 1]


def test_lines_and_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    small = replace(RECIPES[RECIPE], encoder_width=8, clip_length=8, precision="fp32")
    monkeypatch.setitem(RECIPES, RECIPE, small)
    out = tmp_path / "out.json"
    lines = list(bench_input("cpu", clips=24, batch=8, steps=1, repeats=1, out=out))
    assert lines[1] == f"24 random clips, recipe {RECIPE}, 8 clips per batch, training in fp32"
    names = ["training step", "the same, every slot", "input from device", "input from disk"]
    assert [line[:24].strip() for line in lines[2:6]] == names
    assert all("at least 5x" in line for line in lines[4:6])
    record = json.loads(out.read_text())
    assert [row["name"] for row in record["rows"]] == names
    assert all(row["clips_per_second"] > 0 for row in record["rows"])


def test_fewer_clips_than_a_batch_are_refused():
    with pytest.raises(ValueError, match="--clips must be at least --batch, got 4 and 8"):
        next(bench_input("cpu", clips=4, batch=8, steps=1, repeats=1))

"""Killed or stopped and resumed: the same bits as without, and nothing else is continued."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

import killed_training
import lst.training.run_texts as texts_module
import lst.training.train as train_module
from lst.data.store.clip_store import ClipStore
from lst.nets.card import read_card
from lst.training.text_config import TextConfig
from short_runs import log_of, model_bytes, run, stop_after, tiny, without_clock

pytestmark = pytest.mark.usefixtures("one_thread", "quick")
MOMENTS = [
    ["before recipe.json", 1],  # nothing but a temporary file
    ["step", 2],  # in the middle of epoch 1
    ["before state.pt", 1],  # epoch 1 is done, its state not yet in place
    ["after state.pt", 1],  # its state is there, its log line is not
    ["step", 2],  # in the middle of epoch 2
    ["after log.jsonl", 1],
    ["after state.pt", 1],  # the last epoch: only its log line is missing
    ["before model.safetensors", 1],
    ["before card.json", 1],  # numbers without a card are no checkpoint
]
MID_EPOCH = [["step", 2], ["after state.pt", 1], ["step", 2]]  # of epochs 1, 1 and 2
KINDS: dict[str, tuple[dict[str, Any], list[list[Any]]]] = {
    "text": ({}, MOMENTS),
    "random": ({}, [["any", random.Random(seed).randint(2, 7)] for seed in range(3)]),  # noqa: S311
    "plain": ({"text": TextConfig(weight=0.0)}, MID_EPOCH),
    "bf16": ({"precision": "bf16"}, MID_EPOCH),
    "averaged": ({"optim": {"ema": 0.7, "label_smoothing": 0.1}}, MID_EPOCH),
}


def plain(changed: dict[str, Any]) -> dict[str, Any]:
    """As JSON has it."""
    return {key: asdict(value) if key == "text" else value for key, value in changed.items()}


@pytest.fixture(scope="module")
def killed(tiny_store: ClipStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run for each of KINDS, killed again and again."""
    folder = tmp_path_factory.mktemp("killed")
    base = {"store": str(tiny_store.folder), "epochs": 3}
    jobs = [
        {**base, "out": str(folder / kind), "changed": plain(changed), "moments": moments}
        for kind, (changed, moments) in KINDS.items()
    ]
    (folder / "jobs.json").write_text(json.dumps(jobs))
    script = [sys.executable, killed_training.__file__, str(folder / "jobs.json")]
    # Threads and a GPU in use do not survive a fork.
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(script, capture_output=True, text=True, timeout=300, env=env)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_killed_and_resumed_ends_with_the_same_bits(kind: str, killed: Path, unbroken: Callable[..., Path]):
    whole, broken = unbroken(**KINDS[kind][0]), killed / kind
    assert model_bytes(broken) == model_bytes(whole)
    assert [without_clock(row) for row in log_of(broken)] == [without_clock(row) for row in log_of(whole)]
    ours, theirs = (json.loads((folder / "card.json").read_text()) for folder in (broken, whole))
    assert without_clock(ours) == without_clock(theirs)
    assert [session["first_epoch"] for session in theirs["sessions"]] == [1]
    starts = [session["first_epoch"] for session in ours["sessions"]]
    assert starts == sorted(starts)
    assert 1 <= len(starts) <= 1 + len(KINDS[kind][1])
    assert ours["epochs"] == 3


def test_bf16_is_another_run_than_float32(unbroken: Callable[..., Path]):
    folder = unbroken(precision="bf16")
    assert model_bytes(folder) != model_bytes(unbroken())
    assert json.loads((folder / "card.json").read_text())["precision"] == "bf16 autocast"


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_unfinished_is_left_after_a_resume(kind: str, killed: Path):
    assert [path.name for path in (killed / kind).iterdir() if ".tmp" in path.name] == []


def test_resuming_a_finished_run_changes_nothing(
    tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path]
):
    out = Path(shutil.copytree(unbroken(), tmp_path / "run"))
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    run(tiny_store, out, tiny(3), resume=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_resume_before_any_run_starts_one(
    tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path]
):
    run(tiny_store, tmp_path / "run", tiny(3), resume=True)
    assert model_bytes(tmp_path / "run") == model_bytes(unbroken())


def test_resuming_with_other_code_is_written_down(
    tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(train_module, "epoch_line", stop_after(2))
        with pytest.raises(KeyboardInterrupt):
            run(tiny_store, tmp_path / "run", tiny(3))
    other = {"lst": "9", "torch": "9", "commit": "f" * 40}
    monkeypatch.setattr("lst.training.training_run.code_facts", lambda: other)
    first, second = run(tiny_store, tmp_path / "run", tiny(3), resume=True)["sessions"]
    assert (first["first_epoch"], second["first_epoch"]) == (1, 3)
    assert first["commit"] != second["commit"] == "f" * 40
    assert model_bytes(tmp_path / "run") == model_bytes(unbroken())


def test_a_finished_run_keeps_its_card(tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path]):
    """Not even the device of a later `--resume` gets into it: nothing was computed there."""
    out = Path(shutil.copytree(unbroken(), tmp_path / "run"))
    card = run(tiny_store, out, tiny(3), resume=True, compile=False)
    assert card == read_card(unbroken())


@pytest.mark.parametrize("what", ["seed of the clips", "text"])
def test_other_data_or_text_is_not_continued(
    what: str, tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(train_module, "epoch_line", stop_after(1))
        with pytest.raises(KeyboardInterrupt):
            run(tiny_store, tmp_path / "run", tiny(3))
    if what == "text":
        meta = {**texts_module.default_vectors("synthetic").meta, "descriptions_sha256": "other"}
        vectors = replace(texts_module.default_vectors("synthetic"), meta=meta)
        monkeypatch.setattr(texts_module, "default_vectors", lambda dataset: vectors)
    else:
        monkeypatch.setitem(tiny_store.manifest, "source", {"name": "lst.data.synthetic.clips", "seed": 1})
    with pytest.raises(ValueError, match=r"another recipe, .*\((source\.seed: 0 -> 1|text\.desc)"):
        run(tiny_store, tmp_path / "run", tiny(3), resume=True)


def test_a_mistake_in_the_options_costs_no_older_run(
    tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path]
):
    out = Path(shutil.copytree(unbroken(), tmp_path / "run"))
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(ValueError, match="unknown encoder"):
        run(tiny_store, out, tiny(3, encoder="ctr-gcn"), overwrite=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_damaged_state_is_named(tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path]):
    out = Path(shutil.copytree(unbroken(), tmp_path / "run"))
    (out / "card.json").unlink()  # not finished yet
    (out / "state.pt").write_bytes((out / "state.pt").read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"state\.pt: .*--overwrite"):
        run(tiny_store, out, tiny(3), resume=True)

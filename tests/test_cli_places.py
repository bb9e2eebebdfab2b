"""Wrong places on the command line: what is not there, or is something else, is named."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from command_line import TINY, Done, lst_call, refused
from lst.data.store.clip_store import ClipStore
from lst.training.recipes import get_recipe


@pytest.mark.parametrize("verb", ["train", "reproduce"])
def test_a_missing_store_names_the_command_that_makes_it(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    message = refused(verb, "nw-ucla-joint" if verb == "train" else "nw-ucla")
    assert "data/nw-ucla: no store there" in message
    assert "`lst prepare nw-ucla ...`" in message
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_store(tmp_path: Path):
    (tmp_path / "notes").mkdir()
    assert "is not a store" in refused("info", tmp_path / "notes")
    assert "no such folder" in refused("info", tmp_path / "nowhere")
    assert "is not a store" in refused("train", "demo-joint", "--data", tmp_path / "notes")


def test_a_store_of_another_data_set(tiny_store: ClipStore, tmp_path: Path):
    done = lst_call("train", "nw-ucla-joint", "--data", tiny_store.folder, "--out", tmp_path / "run", *TINY)
    assert done.status == 2
    assert "holds 'synthetic', but the benchmark 'nw-ucla' needs 'nw-ucla'" in done.err
    assert done.out == ""  # no notice on its clips where nothing is done with them


def test_runs_that_are_not_there_or_not_finished(tmp_path: Path):
    (tmp_path / "stopped").mkdir()
    (tmp_path / "stopped" / "recipe.json").write_text("{}")
    message = refused("test", tmp_path / "stopped")
    assert "no finished checkpoint there" in message
    assert "--resume" in message
    assert f"{tmp_path / 'nowhere'}: no such folder" in refused("test", tmp_path / "nowhere")
    assert "name the runs to add up" in refused("ensemble")
    (tmp_path / "other").mkdir()
    message = refused("ensemble", tmp_path / "stopped", tmp_path / "other")
    assert f"run `lst test {tmp_path / 'stopped'}`" in message
    assert not (tmp_path / "ensemble-of-stopped+other").exists()


def test_other_files_that_are_not_there(tmp_path: Path):
    assert "no such file or folder" in refused("prepare", "nw-ucla", tmp_path / "all_sqe.zip")
    assert "needs its source" in refused("prepare", "nw-ucla")
    assert "got 2 sources" in refused("prepare", "nw-ucla", tmp_path, tmp_path)
    assert "got 1 sources" in refused("prepare", "synthetic", tmp_path)
    assert "no such description file" in refused("embed", tmp_path / "texts.json")
    imported = ("--benchmark", "nw-ucla", "--modality", "bone")
    assert "no such checkpoint" in refused("import-checkpoint", tmp_path / "official.pt", *imported)


def test_a_device_that_is_not_there():
    message = refused("bench", "--device", "quantum")
    assert "device 'quantum'" in message
    assert "cpu" in message


def test_results_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    done = lst_call("results")
    assert done == Done(0, "no tested runs under runs or results; `lst test RUN` makes one\n", "")


def test_info_of_a_run_that_is_not_finished(tmp_path: Path):
    base = get_recipe("nw-ucla-bone")
    config = asdict(replace(base, seed=2, optim=replace(base.optim, epochs=6)))
    recipe = {"name": "nw-ucla-bone", "config": config, "inputs": {}}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    assert f"{tmp_path}: nw-ucla-bone, bone of nw-ucla, not finished" in lst_call("info", tmp_path).out
    row = {"lr": 0.1, "loss": 1.0, "loss_classes": 1.0, "train_top1": 0.5, "seconds": 1.0}
    rows = [
        {**row, "epoch": e, **more}
        for e, more in ((1, {"test_top1": 0.25}), (2, {"test_top1": 0.5}), (3, {}))
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = lst_call("info", tmp_path).out.splitlines()
    assert lines[1].split() == ["epochs", "3", "of", "6", "done,", "seed", "2"]
    assert lines[2].split()[:3] == ["test", "50.0", "%"]
    assert "--resume" in lines[3]
    (tmp_path / "recipe.json").write_text("{}")
    assert f"{tmp_path / 'recipe.json'}: " in refused("info", tmp_path)


def test_results_for_a_file_that_is_not_there(tmp_path: Path):
    done = lst_call("results", "--runs", tmp_path, "--results", tmp_path, "--write", tmp_path / "X.md")
    assert done.status == 2
    assert f"{tmp_path / 'X.md'}: left as it is" in done.err

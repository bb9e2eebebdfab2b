"""`lst train`, `test`, `ensemble`, `results` and `info` on the runs of one folder."""

import json
import logging
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from command_line import TINY, lst_call, refused
from lst.data.input.batches import ClipBatches
from lst.data.store.clip_store import ClipStore
from lst.evaluation.scores import load_scores, top_k_accuracy


@dataclass(frozen=True)
class Flow:
    """A folder with two trained, tested and ensembled runs, and what was printed on the way."""

    runs: Path
    printed: dict[str, str]


@pytest.fixture(scope="module")
def flow(tiny_store: ClipStore, tmp_path_factory: pytest.TempPathFactory) -> Flow:
    runs = tmp_path_factory.mktemp("flow") / "runs"
    data = ("--data", tiny_store.folder)
    calls = {
        "train joint": ("train", "demo-joint", "--out", runs / "a", *data, *TINY),
        "train bone": ("train", "demo-bone", "--out", runs / "b", *data, *TINY, "--optim.lr", "0.01"),
        "test joint": ("test", runs / "a", *data, "--device", "cpu"),
        "test bone": ("test", runs / "b", *data, "--device", "cpu"),
        "ensemble": ("ensemble", runs / "a", runs / "b"),
    }
    printed: dict[str, str] = {}
    for name, words in calls.items():
        done = lst_call(*words)
        assert done.status == 0, done.err
        printed[name] = done.out
    return Flow(runs, printed)


def test_train_writes_the_run_and_says_what_comes_next(flow: Flow):
    run = flow.runs / "a"
    card = json.loads((run / "card.json").read_text())
    assert card["recipe"] == "demo-joint"
    assert card["config"]["encoder_width"] == 8
    assert card["config"]["optim"]["epochs"] == 1
    assert json.loads((flow.runs / "b" / "card.json").read_text())["config"]["optim"]["lr"] == 0.01
    assert (run / "model.safetensors").is_file()
    assert "note: synthetic: expected 576 train clips, found 24" in flow.printed["train joint"]
    lines = flow.printed["train joint"].splitlines()
    assert lines[-2].startswith(f"{run}: 1 epoch, last top-1 {100 * card['last_test_top1']:.1f} %")
    assert lines[-1].startswith(f"next: lst test {run} --data ")


def test_test_measures_the_last_epoch_on_every_test_clip(flow: Flow, tiny_store: ClipStore):
    run = flow.runs / "a"
    scores = load_scores(run / "test" / "scores.npz")
    assert sorted(scores.clip_ids) == [f"a{action:02d}_s09_e00_v01" for action in range(1, 13)]
    top1 = top_k_accuracy(scores.logits_NK, scores.labels_N, 1)
    assert top1 == json.loads((run / "card.json").read_text())["last_test_top1"]
    assert f"top-1 {100 * top1:.1f} %" in flow.printed["test joint"]
    for name in ("scores.npz", "report.json", "per_class.csv", "confusion.png"):
        assert name in flow.printed["test joint"]
        assert (run / "test" / name).stat().st_size > 0


def test_ensemble_adds_up_the_runs(flow: Flow):
    a, b, total = (
        load_scores(flow.runs / name / "test" / "scores.npz") for name in ("a", "b", "ensemble-of-a+b")
    )
    assert total.clip_ids == tuple(sorted(a.clip_ids))
    row = a.clip_ids.index(total.clip_ids[3])
    assert total.logits_NK[3] == pytest.approx(a.logits_NK[row] + b.logits_NK[row], abs=1e-5)
    assert "weights a 1, b 1\n" in flow.printed["ensemble"]


def test_ensemble_takes_weights_in_the_order_of_the_runs(flow: Flow, tmp_path: Path):
    runs = (flow.runs / "b", flow.runs / "a")
    done = lst_call("ensemble", *runs, "--weights", "0.25", "2", "--out", tmp_path / "e")
    assert done.status == 0, done.err
    assert "weights b 0.25, a 2\n" in done.out
    assert "got 1 weights for 2 runs" in refused("ensemble", *runs, "--weights", "1")
    both = ("--weights", "1", "1", "--fit-weights")
    assert "not both" in refused("ensemble", *runs, *both)
    assert "--hold-out" in refused("ensemble", *runs, "--fit-weights")


def test_results_shows_every_tested_run_once(flow: Flow, tmp_path: Path):
    done = lst_call("results", "--runs", flow.runs, "--results", tmp_path)
    assert done.status == 0
    names = [line.split()[0] for line in done.out.splitlines() if line[0] not in " "]
    assert names[0] == "run"
    assert sorted(names[1:-1]) == ["a", "b", "ensemble-of-a+b"]


def test_results_write_fills_a_file_from_kept_results_only(flow: Flow, tmp_path: Path):
    readme = tmp_path / "README.md"
    readme.write_text(
        "# Title\n<!-- results: begin (lst results --write) -->\nold\n<!-- results: end -->\nend\n"
    )
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "a.json").write_bytes((flow.runs / "a" / "result.json").read_bytes())
    words = ("results", "--runs", flow.runs, "--results", tmp_path / "results", "--write", readme)
    assert lst_call(*words).status == 0
    text = readme.read_text()
    assert text.startswith("# Title\n")
    assert text.endswith("<!-- results: end -->\nend\n")
    assert "old" not in text
    assert re.search(r"^\| lst, LST; .*batch_size 24; .*\| joint \|", text, flags=re.MULTILINE)
    assert "| bone |" not in text  # b is in runs/ only


def test_info_of_a_run(flow: Flow):
    done = lst_call("info", flow.runs / "a")
    assert done.status == 0
    assert done.out.startswith(f"{flow.runs / 'a'}: demo-joint, joint of synthetic\n")
    assert "12 classes" in done.out
    assert "after the last epoch, which is the result of the run" in done.out


def test_info_of_an_ensemble(flow: "Flow"):
    done = lst_call("info", flow.runs / "ensemble-of-a+b")
    assert done.status == 0
    assert done.out.startswith("ensemble-of-a+b ")


def test_a_reader_that_has_enough_is_no_error(flow: "Flow"):
    """`lst results | head -1` with more lines than a pipe holds."""
    code = "from lst.cli.main import main; import sys; sys.exit(main(['results', '--runs', sys.argv[1]]))"
    words = [sys.executable, "-u", "-c", code, str(flow.runs)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_train_refuses_a_folder_that_holds_something(flow: Flow, tiny_store: ClipStore, tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("mine")
    for out, expected in ((flow.runs / "a", "holds a run already"), (tmp_path, "is not a run of lst")):
        done = lst_call("train", "demo-joint", "--out", out, "--data", tiny_store.folder, *TINY)
        assert done.status == 2
        assert expected in done.err
    done = lst_call(
        "train", "demo-joint", "--out", flow.runs / "a", "--data", tiny_store.folder, *TINY, "--resume",
        "--seed", "7",
    )  # fmt: skip
    assert done.status == 2
    assert "seed: 1 -> 7" in done.err


def test_a_stopped_run_says_so_and_goes_on(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """Ctrl-C in the second of three epochs; --resume runs the last two and the log has each epoch once."""
    run = tmp_path / "run"
    words = ("train", "demo-joint", "--out", run, "--data", tiny_store.folder, *TINY, "--optim.epochs", "3")
    original = ClipBatches.train

    def interrupted(self: ClipBatches, seed: int, epoch: int) -> Any:
        if epoch == 1:
            raise KeyboardInterrupt
        return original(self, seed, epoch)

    monkeypatch.setattr(ClipBatches, "train", interrupted)
    assert lst_call(*words).status == 130
    assert not (run / "card.json").exists()
    assert "no finished checkpoint" in refused("test", run)
    assert "--resume" in lst_call(*words).err

    monkeypatch.setattr(ClipBatches, "train", original)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        done = lst_call(*words, "--resume")
    assert done.status == 0, done.err
    assert f"{run}: resuming after epoch 1 of 3" in caplog.messages
    assert [m[:11] for m in caplog.messages if m.startswith("epoch")] == ["epoch   2/3", "epoch   3/3"]
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in log] == [1, 2, 3]

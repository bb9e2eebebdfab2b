"""What a run writes: its folder, its card, its checkpoint, TensorBoard files and lines for people."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import lst.training.train as train_module
from lst.data.input.batches import ClipBatches
from lst.data.store.clip_store import ClipStore
from lst.evaluation.evaluate import score_clips
from lst.evaluation.scores import top_k_accuracy
from lst.facts.benchmarks import get_benchmark
from lst.nets.card import read_card
from lst.nets.checkpoint import load_checkpoint
from lst.nets.classifier import build_classifier
from lst.training.recipes import TrainOptions
from lst.training.text_config import TextConfig
from lst.training.train import epoch_line, train
from lst.training.training_run import TrainingRun
from short_runs import log_of, model_bytes, run, stop_after, tiny

CPU = torch.device("cpu")
REAL_PLOT = train_module.plot_training
pytestmark = pytest.mark.usefixtures("one_thread", "quick")


# --- folder and card ---


def test_the_folder_of_a_run(tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(train_module, "plot_training", REAL_PLOT)
    out = tmp_path / "deep" / "run"
    card = run(tiny_store, out, tiny(2))
    assert {path.name for path in out.iterdir()} == {
        *("recipe.json", "state.pt", "log.jsonl", "training.png", "model.safetensors", "card.json"),
        *("language.safetensors", "texts.safetensors"),
    }
    assert (out / "training.png").read_bytes().startswith(b"\x89PNG")
    recipe = json.loads((out / "recipe.json").read_text())
    assert recipe["name"] == "tiny"
    assert recipe["config"]["encoder_width"] == 8
    assert recipe["config"]["optim"]["epochs"] == 2
    rows = log_of(out)
    assert [row["epoch"] for row in rows] == [1, 2]
    keys = {
        "epoch",
        "lr",
        "loss",
        "loss_classes",
        "loss_text",
        "loss_parts",
        "train_top1",
        "test_top1",
        "seconds",
    }
    assert all(row.keys() == keys for row in rows)
    for row in rows:
        assert row["loss"] == pytest.approx(row["loss_classes"] + sum(row["loss_parts"]) / 5, rel=1e-5)
        assert len(row["loss_parts"]) == 5
        assert row["loss_text"] == pytest.approx(sum(row["loss_parts"]) / 5)
    assert read_card(out) == json.loads(json.dumps(card))


def test_the_card_says_what_the_numbers_are(tiny_store: ClipStore, unbroken: Callable[..., Path]):
    card = json.loads((unbroken() / "card.json").read_text())
    assert (card["format"], card["version"]) == ("lst-checkpoint", 2)
    assert card["build"] == {
        **{"encoder": "ctrgcn", "layout": "kinect_v1_20", "num_persons": 1, "num_classes": 12, "width": 8},
        "persons": "every_slot",
    }
    assert card["class_names"] == list(get_benchmark("synthetic").class_names)
    assert card["input"]["steps"][-1]["modality"] == card["modality"] == "joint"
    assert {"step": "RandomFrames", "clip_length": 8} in card["input"]["steps"]
    assert (card["recipe"], card["benchmark"], card["epochs"]) == ("tiny", "synthetic", 3)
    assert card["config"]["optim"]["epochs"] == 3
    assert card["inputs"]["source"] == {"seed": 0, "synthetic": True}
    assert card["inputs"]["clips"] == {"train": 24, "test": 12}
    assert card["complete_data"] is False  # the tiny store has fewer clips than the benchmark expects
    assert card["overrides"]["encoder_width"] == 8
    assert card["text"]["dimension"] == 384
    assert card["precision"] == card["inputs"]["precision"] == "fp32"
    (session,) = card["sessions"]
    assert session["device"].startswith("CPU ")
    assert (session["first_epoch"], session["compiled"]) == (1, False)
    assert {"lst", "torch", "commit"} < set(session)
    assert card["seconds"] == pytest.approx(sum(row["seconds"] for row in log_of(unbroken())), abs=0.06)
    assert card["selected_on"] == "nothing: the last epoch"


def test_without_text_neither_log_nor_card_has_any(unbroken: Callable[..., Path]):
    folder = unbroken(text=TextConfig(weight=0.0))
    assert all("loss_parts" not in row and row["loss"] == row["loss_classes"] for row in log_of(folder))
    assert json.loads((folder / "card.json").read_text())["text"] == {}


@pytest.mark.parametrize("text_weight", [1.0, 0.0])
def test_the_checkpoint_is_the_last_epoch_and_holds_no_supervision(
    text_weight: float, tiny_store: ClipStore, unbroken: Callable[..., Path]
):
    folder = unbroken(text=TextConfig(weight=text_weight))
    tensors = load_file(folder / "model.safetensors")
    checkpoint = load_checkpoint(folder)
    plain = build_classifier(**checkpoint.card["build"])
    assert tensors.keys() == plain.state_dict().keys()
    state = torch.load(folder / "state.pt", weights_only=True)["net"]
    assert all(torch.equal(value, state[f"classifier.{key}"]) for key, value in tensors.items())
    assert any(key.startswith("project.") for key in state) == (text_weight > 0)
    # What the log says about the last epoch is what the checkpoint scores.
    clips = tiny_store.select(get_benchmark("synthetic"), "test")
    batches = ClipBatches(tiny_store, clips, checkpoint.pipeline, batch_size=5, device=CPU)
    scores = score_clips(checkpoint.classifier, batches, checkpoint.class_names, {})
    top1 = top_k_accuracy(scores.logits_NK, scores.labels_N, 1)
    assert log_of(folder)[-1]["test_top1"] == checkpoint.card["last_test_top1"] == top1


CURVES = [  # test every n epochs, epochs that were measured, best of them
    (1, [1, 2, 3, 4, 5], (2, 0.9)),
    (2, [2, 4, 5], (2, 0.9)),
    (3, [3, 5], (3, 0.6)),
    (0, [5], (5, 0.4)),
]


@pytest.mark.parametrize(("every", "tested", "best"), CURVES)
def test_last_epoch_and_best_on_test_are_told_apart(
    every: int,
    tested: list[int],
    best: tuple[int, float],
    tiny_store: ClipStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """Top-1 of the five epochs: 0.2, 0.9, 0.6, 0.6, 0.4."""
    top1 = iter([t for epoch, t in enumerate([0.2, 0.9, 0.6, 0.6, 0.4], start=1) if epoch in tested])
    monkeypatch.setattr(TrainingRun, "test_top1", lambda self: next(top1))
    card = run(
        tiny_store, tmp_path / "run", tiny(5, text=TextConfig(weight=0.0), batch_size=24), test_every=every
    )
    assert [row["epoch"] for row in log_of(tmp_path / "run") if "test_top1" in row] == tested
    assert card["last_test_top1"] == 0.4
    assert card["best_on_test"] == {"epoch": best[0], "top1": best[1], "epochs_tested": len(tested)}


# --- TensorBoard and progress ---


def test_tensorboard_is_written_when_it_is_installed(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard")
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config, out = tiny(2, text=TextConfig(weight=0.0)), tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(train_module, "epoch_line", stop_after(1))
        with pytest.raises(KeyboardInterrupt):
            run(tiny_store, out, config)
    run(tiny_store, out, config, resume=True)  # every epoch once, also after a stop
    events = EventAccumulator(str(out / "tensorboard")).Reload()
    assert set(events.Tags()["scalars"]) == {
        *("lr", "loss", "loss_classes", "train_top1", "test_top1", "seconds")
    }
    got = [(event.step, event.value) for event in events.Scalars("loss")]
    assert got == [(r["epoch"], pytest.approx(r["loss"], rel=1e-6)) for r in log_of(out)]


def test_without_tensorboard_nothing_is_missing(tiny_store: ClipStore, tmp_path: Path):
    run(tiny_store, tmp_path / "run", tiny(1, text=TextConfig(weight=0.0)))  # `quick` hides it
    assert not (tmp_path / "run" / "tensorboard").exists()
    assert (tmp_path / "run" / "card.json").is_file()


def test_progress_changes_no_bit(
    tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path], capsys: pytest.CaptureFixture[str]
):
    options = TrainOptions(device="cpu", progress=True)
    train("tiny", tiny(3), tiny_store, tmp_path / "run", options)
    assert model_bytes(tmp_path / "run") == model_bytes(unbroken())
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""  # no bar where nobody looks: this is not a terminal


def test_epoch_line_for_people():
    row = {"epoch": 9, "loss_classes": 1.2345, "train_top1": 0.5, "seconds": 30.0}
    assert epoch_line(row, 11) == "epoch   9/11  loss classes 1.234  train 50.0 %  30.0 s, 1 min left"
    row |= {"loss_text": 1.5, "test_top1": 0.25}
    line = "epoch   9/11  loss classes 1.234 + text 1.500  train 50.0 %  test 25.0 %  30.0 s, 1 min left"
    assert epoch_line(row, 11) == line

"""The loop: it learns, writes what it says, survives being killed, and nothing in it is left to chance."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import killed_training
import lst.training.build as build_module
import lst.training.train as train_module
from lst.data.batches import ClipBatches
from lst.data.store import ClipStore, StoredClip, write_store
from lst.evaluation.evaluate import score_clips
from lst.evaluation.scores import top_k_accuracy
from lst.facts.benchmarks import get_benchmark
from lst.nets.checkpoint import load_checkpoint
from lst.nets.classifier import build_classifier
from lst.training.build import assemble, training_clips
from lst.training.recipes import STREAMS, RunConfig, TrainOptions
from lst.training.schedule import learning_rate
from lst.training.train import epoch_line, train

CPU = torch.device("cpu")
REAL_PLOT = train_module.plot_training


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """As in the processes that are killed: with more threads a sum has another order and other last bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture and no TensorBoard files but in the tests that are about them."""
    monkeypatch.setattr(train_module, "plot_training", lambda rows, path: path.touch())
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)


def tiny(epochs: int = 2, **changed: Any) -> RunConfig:
    """Three steps per epoch on the tiny store."""
    return killed_training.config_of(changed, epochs)


def run(store: ClipStore, out: Path, config: RunConfig, **options: Any) -> dict[str, Any]:
    return train("tiny", config, store, out, TrainOptions(device="cpu", progress=False, **options))


def model_bytes(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def log_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def without_clock(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in ("seconds", "sessions")}


@pytest.fixture(scope="module")
def unbroken(tiny_store: ClipStore, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Folder of a run of three epochs that nothing disturbed, made once for each config."""
    made: dict[RunConfig, Path] = {}

    def folder(**changed: Any) -> Path:
        config = tiny(3, **changed)
        if config not in made:
            made[config] = tmp_path_factory.mktemp("unbroken") / "run"
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(train_module, "plot_training", lambda rows, path: path.touch())
                run(tiny_store, made[config], config)
        return made[config]

    return folder


# --- learning ---


@pytest.fixture(scope="module")
def handful(tiny_store: ClipStore, tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    """Three classes, two clips each to train on and one to test."""
    clips = [
        StoredClip(clip_id, int(tiny_store.labels[i]), tiny_store.clip(i), {"action": 0})
        for i, clip_id in enumerate(tiny_store.clip_ids)
        if tiny_store.labels[i] in (0, 7, 11)
    ]
    folder = tmp_path_factory.mktemp("handful") / "store"
    kind = {"dataset": "synthetic", "layout": "kinect_v1_20", "source": {"name": "tiny"}}
    return write_store(folder, clips, problems=[], **kind)


@pytest.mark.parametrize("text_weight", [1.0, 0.0])
def test_overfits_a_handful_of_clips(
    text_weight: float, handful: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The same six inputs and so the same batch in every epoch: no crop, no turn. Sure by epoch 10 to 16."""
    still = replace(build_module.input_pipeline(tiny()), frames="crop_resize", max_rotation=0.0, min_crop=1.0)
    monkeypatch.setattr(build_module, "input_pipeline", lambda config: still)
    config = tiny(24, batch_size=6, text_weight=text_weight)
    run(handful, tmp_path / "run", config, test_every=0)
    rows = log_of(tmp_path / "run")
    assert rows[-1]["train_top1"] == 1.0
    assert rows[-1]["loss_classes"] < 0.05 * rows[0]["loss_classes"]
    assert rows[-1]["loss"] < 0.3 * rows[0]["loss"]
    if text_weight:
        first, last = (np.array(rows[i]["loss_parts"]) for i in (0, -1))
        assert (last < 0.7 * first).all(), "every text's term falls"


def test_a_step_is_nesterov_sgd_on_the_weighted_loss(tiny_store: ClipStore, tmp_path: Path):
    """One epoch of one step, done again by the formula of the first step."""
    config = tiny(1, batch_size=24, text_weight=0.5)
    card = run(tiny_store, tmp_path / "run", config)
    parts = assemble(config, tiny_store, CPU)
    (batch,) = parts.train.train(config.seed, 0)
    terms = parts.supervision(batch.x_NCTVM, batch.labels_N, batch.text_draws_N)
    loss = terms.classes + 0.5 * sum(terms.parts_P) / 5
    loss.backward()
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)["net"]
    rate, decay, momentum = learning_rate(config.optim, 0), config.optim.weight_decay, config.optim.momentum
    for key, value in parts.supervision.named_parameters():
        assert value.grad is not None
        slope = value.grad + decay * value.detach()  # decay on every parameter: biases, BN, alpha, scales
        expected = value.detach() - rate * (1 + momentum) * slope
        torch.testing.assert_close(state[key], expected, rtol=1e-5, atol=1e-7)
    (row,) = log_of(tmp_path / "run")
    assert row["loss"] == pytest.approx(float(loss.detach()))
    assert row["loss_classes"] == pytest.approx(float(terms.classes.detach()))
    assert row["loss_parts"] == pytest.approx(terms.parts_P.tolist())
    hits = (terms.logits_NK.argmax(1) == batch.labels_N).float().mean()
    assert row["train_top1"] == pytest.approx(float(hits))
    assert row["lr"] == rate
    assert card["config"]["text_weight"] == 0.5


def test_epochs_are_the_batches_of_their_number_and_rows_are_means(
    unbroken: Callable[..., Path], tiny_store: ClipStore
):
    """The run of three epochs, three steps each, as a plain loop."""
    config = tiny(3)
    parts = assemble(config, tiny_store, CPU)
    net, optim = parts.supervision.train(), config.optim
    sgd = torch.optim.SGD(net.parameters(), momentum=0.9, nesterov=True, weight_decay=optim.weight_decay)
    for epoch, row in enumerate(log_of(unbroken())):
        sgd.param_groups[0]["lr"] = learning_rate(optim, epoch)
        losses, parts_P = [], torch.zeros(5)
        for batch in parts.train.train(config.seed, epoch):
            terms = net(batch.x_NCTVM, batch.labels_N, batch.text_draws_N)
            loss = terms.classes + terms.parts_P.mean()
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            losses.append(loss.item())
            parts_P += terms.parts_P.detach() / 3
        assert len(losses) == 3
        assert row["loss"] == pytest.approx(sum(losses) / 3, rel=1e-5)
        assert row["loss_parts"] == pytest.approx(parts_P.tolist(), rel=1e-5)
    state = torch.load(unbroken() / "state.pt", weights_only=True)["net"]
    for key, value in net.state_dict().items():
        torch.testing.assert_close(state[key], value, rtol=1e-5, atol=1e-7)


def test_rates_follow_the_schedule_for_every_parameter(unbroken: Callable[..., Path]):
    config, folder = tiny(3), unbroken()
    assert [row["lr"] for row in log_of(folder)] == [learning_rate(config.optim, e) for e in range(3)]
    groups = torch.load(folder / "state.pt", weights_only=True)["optimizer"]["param_groups"]
    (group,) = groups
    assert group["lr"] == learning_rate(config.optim, 2)
    assert (group["momentum"], group["nesterov"], group["weight_decay"]) == (0.9, True, 5e-4)


# --- what is written ---


def test_the_folder_of_a_run(tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(train_module, "plot_training", REAL_PLOT)
    out = tmp_path / "deep" / "run"
    card = run(tiny_store, out, tiny(2))
    assert {path.name for path in out.iterdir()} == {
        *("recipe.json", "state.pt", "log.jsonl", "training.png", "model.safetensors", "card.json")
    }
    assert (out / "training.png").read_bytes().startswith(b"\x89PNG")
    recipe = json.loads((out / "recipe.json").read_text())
    assert recipe["name"] == "tiny"
    assert recipe["config"]["encoder_width"] == 8
    assert recipe["config"]["optim"]["epochs"] == 2
    rows = log_of(out)
    assert [row["epoch"] for row in rows] == [1, 2]
    keys = {"epoch", "lr", "loss", "loss_classes", "loss_parts", "train_top1", "test_top1", "seconds"}
    assert all(row.keys() == keys for row in rows)
    for row in rows:
        assert row["loss"] == pytest.approx(row["loss_classes"] + sum(row["loss_parts"]) / 5, rel=1e-5)
        assert len(row["loss_parts"]) == 5
    assert json.loads((out / "card.json").read_text()) == json.loads(json.dumps(card))


def test_the_card_says_what_the_numbers_are(tiny_store: ClipStore, unbroken: Callable[..., Path]):
    card = json.loads((unbroken() / "card.json").read_text())
    assert (card["format"], card["version"]) == ("lst-checkpoint", 1)
    assert card["build"] == {
        **{"encoder": "ctrgcn", "layout": "kinect_v1_20", "num_persons": 1, "num_classes": 12, "width": 8}
    }
    assert card["class_names"] == list(get_benchmark("synthetic").class_names)
    assert card["input"]["modality"] == card["modality"] == "joint"
    assert card["input"]["clip_length"] == 8
    assert (card["recipe"], card["benchmark"], card["epochs"]) == ("tiny", "synthetic", 3)
    assert card["config"]["optim"]["epochs"] == 3
    assert card["inputs"]["source"] == {"seed": 0}
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
    folder = unbroken(text_weight=0.0)
    assert all("loss_parts" not in row and row["loss"] == row["loss_classes"] for row in log_of(folder))
    assert json.loads((folder / "card.json").read_text())["text"] == {}


@pytest.mark.parametrize("text_weight", [1.0, 0.0])
def test_the_checkpoint_is_the_last_epoch_and_holds_no_supervision(
    text_weight: float, tiny_store: ClipStore, unbroken: Callable[..., Path]
):
    folder = unbroken(text_weight=text_weight)
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
    monkeypatch.setattr(train_module._Run, "test_top1", lambda self: next(top1))
    card = run(tiny_store, tmp_path / "run", tiny(5, text_weight=0.0, batch_size=24), test_every=every)
    assert [row["epoch"] for row in log_of(tmp_path / "run") if "test_top1" in row] == tested
    assert card["last_test_top1"] == 0.4
    assert card["best_on_test"] == {"epoch": best[0], "top1": best[1], "epochs_tested": len(tested)}


# --- killed and resumed ---

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
    "plain": ({"text_weight": 0.0}, MID_EPOCH),
    "bf16": ({"precision": "bf16"}, MID_EPOCH),
}


@pytest.fixture(scope="module")
def killed(tiny_store: ClipStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run for each of KINDS, killed again and again."""
    folder = tmp_path_factory.mktemp("killed")
    base = {"store": str(tiny_store.folder), "epochs": 3}
    jobs = [
        {**base, "out": str(folder / kind), "changed": changed, "moments": moments}
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
    monkeypatch.setattr(train_module, "code_facts", lambda: other)
    first, second = run(tiny_store, tmp_path / "run", tiny(3), resume=True)["sessions"]
    assert (first["first_epoch"], second["first_epoch"]) == (1, 3)
    assert first["commit"] != second["commit"] == "f" * 40
    assert model_bytes(tmp_path / "run") == model_bytes(unbroken())


def stop_after(epoch: int) -> Callable[..., str]:
    """Ctrl-C when this epoch is reported, which is after it was saved."""

    def line(row: dict[str, Any], epochs: int) -> str:
        if row["epoch"] == epoch:
            raise KeyboardInterrupt
        return ""

    return line


def test_a_finished_run_keeps_its_card(tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path]):
    """Not even the device of a later `--resume` gets into it: nothing was computed there."""
    out = Path(shutil.copytree(unbroken(), tmp_path / "run"))
    card = run(tiny_store, out, tiny(3), resume=True, compile=False)
    assert card == json.loads((unbroken() / "card.json").read_text())


@pytest.mark.parametrize("what", ["seed of the clips", "text"])
def test_other_data_or_text_is_not_continued(
    what: str, tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(train_module, "epoch_line", stop_after(1))
        with pytest.raises(KeyboardInterrupt):
            run(tiny_store, tmp_path / "run", tiny(3))
    if what == "text":
        meta = {**build_module.default_vectors("synthetic").meta, "descriptions_sha256": "other"}
        vectors = replace(build_module.default_vectors("synthetic"), meta=meta)
        monkeypatch.setattr(build_module, "default_vectors", lambda dataset: vectors)
    else:
        monkeypatch.setitem(tiny_store.manifest, "source", {"name": "lst.data.synthetic", "seed": 1})
    with pytest.raises(ValueError, match=r"another recipe, data or text \((source\.seed: 0 -> 1|text\.desc)"):
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
    with pytest.raises(ValueError, match=r"state\.pt: cannot be read .*--overwrite"):
        run(tiny_store, out, tiny(3), resume=True)


# --- folders ---


def test_an_existing_run_is_refused(tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path]):
    out = Path(shutil.copytree(unbroken(), tmp_path / "run"))
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(ValueError, match=r"holds a run already\. .*--resume.*--overwrite.*--out"):
        run(tiny_store, out, tiny(3))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_overwrite_starts_from_nothing(tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path]):
    out = Path(shutil.copytree(unbroken(seed=2), tmp_path / "run"))
    (out / "test").mkdir()  # results of the old numbers
    run(tiny_store, out, tiny(3), overwrite=True)
    assert model_bytes(out) == model_bytes(unbroken())
    assert not (out / "test").exists()


@pytest.mark.parametrize("options", [{}, {"resume": True}, {"overwrite": True}])
def test_a_folder_that_is_no_run_is_never_touched(
    options: dict[str, bool], tiny_store: ClipStore, tmp_path: Path
):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("a cat")
    (tmp_path / "file").write_text("a file")
    for name in ("photos", "file"):
        with pytest.raises(ValueError, match=rf"{name}: exists and is not a run of lst.*--out"):
            run(tiny_store, tmp_path / name, tiny(), **options)
    assert (tmp_path / "photos" / "cat.jpg").read_text() == "a cat"
    assert (tmp_path / "file").read_text() == "a file"


def test_an_empty_folder_may_be_used(tiny_store: ClipStore, tmp_path: Path):
    (tmp_path / "run").mkdir()
    run(tiny_store, tmp_path / "run", tiny(1, text_weight=0.0))


def test_another_recipe_is_refused_with_its_differences(
    tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path]
):
    out = Path(shutil.copytree(unbroken(), tmp_path / "run"))
    other = tiny(4, seed=7, modality="bone")
    with pytest.raises(ValueError, match="cannot be resumed with another recipe, data or text") as error:
        run(tiny_store, out, other, resume=True)
    assert "modality: joint -> bone, optim.epochs: 3 -> 4, seed: 1 -> 7)" in str(error.value)
    assert model_bytes(out) == model_bytes(unbroken())


CANNOT_START: list[dict[str, Any]] = [{"device": "cuda:77"}, {"benchmark": "nw-ucla"}, {"hold_out": 0.9999}]


@pytest.mark.parametrize("wrong", CANNOT_START)
def test_a_run_that_cannot_start_leaves_no_folder(
    wrong: dict[str, Any], tiny_store: ClipStore, tmp_path: Path
):
    """Otherwise the corrected command would be refused: "holds a run already"."""
    config = tiny(**{key: value for key, value in wrong.items() if key != "device"})
    options = TrainOptions(device=wrong.get("device", "cpu"), progress=False)
    with pytest.raises(ValueError, match=r"cannot be used|needs 'nw-ucla'|no clips"):
        train("tiny", config, tiny_store, tmp_path / "run", options)
    assert not (tmp_path / "run").exists()


# --- a loss that is no number ---


@pytest.mark.parametrize("batch_size", [8, 24])  # 24: one step per epoch
@pytest.mark.parametrize("test_every", [0, 1])
def test_divergence_raises_with_advice_and_keeps_the_last_good_state(
    batch_size: int,
    test_every: int,
    tiny_store: ClipStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    config, out = tiny(3, batch_size=batch_size), tmp_path / "run"
    with monkeypatch.context() as patch:
        rates = [0.05, 1e38, 1e38]
        patch.setattr(train_module, "learning_rate", lambda optim, epoch: rates[epoch])
        with pytest.raises(FloatingPointError, match=r"epoch 2: .*lower --optim\.lr \(now 0\.05\)") as error:
            run(tiny_store, out, config, test_every=test_every)
    assert "--precision fp32" in str(error.value)
    state = torch.load(out / "state.pt", weights_only=True)
    assert len(state["log"]) == len(log_of(out)) == 1
    assert all(value.isfinite().all() for value in state["net"].values())
    assert not (out / "card.json").exists()
    run(tiny_store, out, config, resume=True, test_every=test_every)
    assert [row["epoch"] for row in log_of(out)] == [1, 2, 3]


# --- chance ---


def test_two_runs_are_equal_whatever_the_global_random_state(
    tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path]
):
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    run(tiny_store, tmp_path / "run", tiny(3))
    assert model_bytes(tmp_path / "run") == model_bytes(unbroken())
    after = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


@pytest.mark.parametrize("change", [{"seed": 2}, {"modality": "bone"}, {"text_target": "same_class"}])
def test_the_recipe_decides(change: dict[str, Any], unbroken: Callable[..., Path]):
    assert model_bytes(unbroken(**change)) != model_bytes(unbroken())


def test_how_often_is_tested_changes_no_bit(
    tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path]
):
    run(tiny_store, tmp_path / "run", tiny(3), test_every=0)
    assert model_bytes(tmp_path / "run") == model_bytes(unbroken())


def test_plain_and_language_runs_start_from_the_same_encoder(tiny_store: ClipStore):
    plain, language = (assemble(tiny(text_weight=w), tiny_store, CPU).classifier for w in (0.0, 1.0))
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), language.parameters(), strict=True))
    other = assemble(tiny(seed=2), tiny_store, CPU).classifier
    assert not torch.equal(plain.head.weight, other.head.weight)


# --- clips held out ---


def test_held_out_performances_are_whole_and_chosen_by_name(nw_ucla_store: ClipStore, tiny_store: ClipStore):
    benchmark = get_benchmark("nw-ucla")
    kept, held = training_clips(nw_ucla_store, benchmark, 0.4)
    assert sorted([*kept, *held]) == nw_ucla_store.select(benchmark, "train").tolist()

    def performances(clips: np.ndarray) -> set[str]:
        return {benchmark.performance_of(nw_ucla_store.clip_ids[i]) for i in clips}

    assert held.size
    assert kept.size
    assert not performances(kept) & performances(held)  # both cameras, or a twin would be trained on
    smaller = training_clips(nw_ucla_store, benchmark, 0.2)[1]
    assert set(smaller.tolist()) < set(held.tolist())
    # By name alone: a benchmark without some of the clips holds out the same of those it has.
    clean = get_benchmark("nw-ucla-clean")
    left = set(nw_ucla_store.select(clean, "train").tolist())
    assert training_clips(nw_ucla_store, clean, 0.4)[1].tolist() == [i for i in held if i in left]
    assert len(training_clips(tiny_store, get_benchmark("synthetic"), 0.0)[1]) == 0


def test_held_out_clips_are_never_trained_on_and_the_same_for_all(tiny_store: ClipStore):
    benchmark = get_benchmark("synthetic")
    kept, held = training_clips(tiny_store, benchmark, 0.25)
    for modality in STREAMS:
        parts = assemble(tiny(hold_out=0.25, batch_size=4, modality=modality, seed=7), tiny_store, CPU)
        assert parts.train.clip_ids == [tiny_store.clip_ids[i] for i in kept]
        shown = [i for epoch in range(3) for b in parts.train.train(1, epoch) for i in b.clips_N.tolist()]
        ids = {parts.train.clip_ids[i] for i in shown}
        assert not ids & {tiny_store.clip_ids[i] for i in held}
    everything = assemble(tiny(), tiny_store, CPU)
    assert everything.test.clip_ids == parts.test.clip_ids  # the test split is not thinned
    assert len(everything.test.clip_ids) == 12


# --- TensorBoard, compile, progress ---


def test_tensorboard_is_written_when_it_is_installed(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard")
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config, out = tiny(2, text_weight=0.0), tmp_path / "run"
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
    run(tiny_store, tmp_path / "run", tiny(1, text_weight=0.0))  # `quick` hides it
    assert not (tmp_path / "run" / "tensorboard").exists()
    assert (tmp_path / "run" / "card.json").is_file()


def test_compile_wraps_the_training_step_only(
    tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    compiled: list[nn.Module] = []
    monkeypatch.setattr(nn.Module, "compile", lambda self: compiled.append(self))
    card = run(tiny_store, tmp_path / "run", tiny(3), compile=True)
    assert [type(net).__name__ for net in compiled] == ["LanguageSupervision"]
    assert card["sessions"][0]["compiled"] is True
    assert model_bytes(tmp_path / "run") == model_bytes(unbroken())


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
    row |= {"loss_parts": [1.0, 2.0], "test_top1": 0.25}
    line = "epoch   9/11  loss classes 1.234 + text 1.500  train 50.0 %  test 25.0 %  30.0 s, 1 min left"
    assert epoch_line(row, 11) == line


def test_the_number_of_steps_is_what_the_repeats_give(tiny_store: ClipStore):
    parts = assemble(replace(tiny(), repeat=2, batch_size=9), tiny_store, CPU)
    assert parts.train.num_train_batches == len(list(parts.train.train(1, 0))) == 48 // 9

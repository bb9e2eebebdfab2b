"""The loop: it learns, nothing in it is left to chance, and held-out clips stay out of it."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import lst.training.build as build_module
from lst.data.input.presets import crop_resize
from lst.data.store.clip_store import ClipStore, StoredClip, write_store
from lst.facts.benchmarks import get_benchmark
from lst.facts.skeleton import get_layout
from lst.training.build import assemble, training_clips
from lst.training.recipes import STREAMS
from lst.training.schedule import learning_rate
from lst.training.text_config import TextConfig
from short_runs import log_of, model_bytes, run, tiny

CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("one_thread", "quick")


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
    still = crop_resize(
        get_layout("kinect_v1_20"),
        modality=tiny().modality,
        clip_length=build_module.input_pipeline(tiny()).clip_length,
        num_persons=1,
        max_rotation=0.0,
        min_crop=1.0,
    )
    monkeypatch.setattr(build_module, "input_pipeline", lambda config, benchmark: still)
    config = tiny(24, batch_size=6, text=TextConfig(weight=text_weight))
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
    config = tiny(1, batch_size=24, text=TextConfig(weight=0.5))
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
    assert card["config"]["text"]["weight"] == 0.5


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
    # Too short for an epoch of warm-up; a half cosine from 0.05 at 0, 60 and 120 degrees.
    folder = unbroken()
    assert [row["lr"] for row in log_of(folder)] == pytest.approx([0.05, 0.0375, 0.0125])
    groups = torch.load(folder / "state.pt", weights_only=True)["optimizer"]["param_groups"]
    (group,) = groups
    assert group["lr"] == pytest.approx(0.0125)
    assert (group["momentum"], group["nesterov"], group["weight_decay"]) == (0.9, True, 5e-4)


def test_compile_wraps_the_training_step_only(
    tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    compiled: list[nn.Module] = []
    monkeypatch.setattr(nn.Module, "compile", lambda self: compiled.append(self))
    card = run(tiny_store, tmp_path / "run", tiny(3), compile=True)
    assert [type(net).__name__ for net in compiled] == ["LanguageSupervision"]
    assert card["sessions"][0]["compiled"] is True
    assert model_bytes(tmp_path / "run") == model_bytes(unbroken())


def test_the_number_of_steps_is_what_the_repeats_give(tiny_store: ClipStore):
    parts = assemble(replace(tiny(), repeat=2, batch_size=9), tiny_store, CPU)
    assert parts.train.num_train_batches == len(list(parts.train.train(1, 0))) == 48 // 9


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
        patch.setattr("lst.training.training_run.step_rate", lambda optim, epoch, step, steps: rates[epoch])
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


@pytest.mark.parametrize(
    "change", [{"seed": 2}, {"modality": "bone"}, {"text": TextConfig(target="same_class")}]
)
def test_the_recipe_decides(change: dict[str, Any], unbroken: Callable[..., Path]):
    assert model_bytes(unbroken(**change)) != model_bytes(unbroken())


def test_how_often_is_tested_changes_no_bit(
    tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path]
):
    run(tiny_store, tmp_path / "run", tiny(3), test_every=0)
    assert model_bytes(tmp_path / "run") == model_bytes(unbroken())


def test_plain_and_language_runs_start_from_the_same_encoder(tiny_store: ClipStore):
    plain, language = (
        assemble(tiny(text=TextConfig(weight=w)), tiny_store, CPU).classifier for w in (0.0, 1.0)
    )
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


def test_nothing_is_held_out_by_made_up_names(tiny_store: ClipStore):
    source = {**tiny_store.manifest["source"], "made_up_ids_for": ["synthetic"]}
    nameless = replace(tiny_store, manifest={**tiny_store.manifest, "source": source})
    with pytest.raises(ValueError, match=r"its clip ids are made up, .* Leave --hold-out out"):
        assemble(tiny(hold_out=0.25), nameless, CPU)
    assert assemble(tiny(), nameless, CPU).test.clip_ids

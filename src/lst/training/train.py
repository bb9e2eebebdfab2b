"""The loop. One run = one recipe, one store, one device; the last epoch is the result.

Nothing random is left to chance: start values come from the seed, order and looks of the clips from (seed,
epoch, clip). So a run that was killed and resumed after any epoch ends with the same bits on the same CPU.
"""

import logging
import sys
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from lst.data.input.batches import Batch
from lst.data.store.clip_store import ClipStore
from lst.evaluation.evaluate import score_clips
from lst.evaluation.plots import plot_training
from lst.evaluation.scores import top_k_accuracy
from lst.facts.duration import Pace, in_words, worth_saying
from lst.facts.wording import plural
from lst.files.locks import locked
from lst.nets.checkpoint import make_card, read_card, save_checkpoint
from lst.nets.language import TEXT_ENCODER, save_language
from lst.nets.losses import LossTerms
from lst.nets.text_encoder import save_text_encoder
from lst.nets.tuned_texts import TunedTexts
from lst.training.averaging import WeightAverage
from lst.training.body import told_at_training
from lst.training.build import Assembly, assemble, language_side
from lst.training.device import choose_device, choose_place, describe_device, keep_freed_memory, uses_bf16
from lst.training.own_recipe import OWN, own_recipe
from lst.training.provenance import code_facts
from lst.training.recipes import RunConfig, TrainOptions, overrides
from lst.training.run_folder import PICTURE, STATE, RunFolder
from lst.training.run_state import restore
from lst.training.schedule import step_rate
from lst.training.start_from import freeze_trunk
from lst.training.tensorboard_curves import TensorBoardCurves

TEXT_FACTS = ("encoder", "weights_sha256", "descriptions_sha256")
"""What of the text vectors' provenance decides the result."""

logger = logging.getLogger(__name__)


def train(
    name: str, config: RunConfig, store: ClipStore, out: Path, options: TrainOptions, *, later: int = 0
) -> dict[str, Any]:
    """Train one stream and write its folder; returns the card. A finished run is left as it is.

    `later`: how many runs of this kind the caller has still to do; for the estimate of the time only.

    Raises:
        FolderBusy: another process works in the folder.
        ValueError: a folder or store that does not fit.
        FloatingPointError: the loss is no number.
    """
    with locked(out):
        return _train(name, config, store, out, options, later)


def _train(
    name: str, config: RunConfig, store: ClipStore, out: Path, options: TrainOptions, later: int
) -> dict[str, Any]:
    folder = RunFolder(out)
    device = choose_device(options.device)
    keep_freed_memory()
    store.verify()
    # Built before the folder is touched: a mistake in the options must not cost an older run.
    place = choose_place(options.place, device, store.joints.nbytes)
    run = _Run(config, assemble(config, store, device, place), device, compiled=options.compile)
    started_here = {"data": str(store.folder.resolve()), "test_every": options.test_every}
    folder.prepare(
        name,
        config,
        run.inputs(store),
        how=started_here | {"compile": options.compile, "place": options.place, "device": options.device},
        resume=options.resume,
        overwrite=options.overwrite,
    )
    if folder.finished:
        logger.info("%s: finished already, nothing to do", out)
        return read_card(out)
    shown = len(run.parts.train.clip_ids) * config.repeat
    if config.batch_size > shown:
        logger.warning(
            "%s: batch_size %d is more than the %d clips of an epoch, so every step has %d",
            *(out, config.batch_size, shown, shown),
        )
    run.body = told_at_training(store, run.parts.train.clip_ids, run.parts.pipeline)
    rows, sessions = _resume(run, folder)
    logger.info("%s: %s", out, run.summary())
    curves = TensorBoardCurves(out, first_epoch=len(rows) + 1)
    if len(rows) < config.optim.epochs:
        session = {"first_epoch": len(rows) + 1, **run.session()}
        _tell_what_changed(out, sessions, session)
        sessions.append(session)
    run.pace = _pace(run, len(rows), later)
    bar = run.bar(len(rows), shown=options.progress)
    for epoch in range(len(rows), config.optim.epochs):
        row = _epoch(run, epoch, options.test_every, bar)
        rows.append(row)
        folder.save_state({**run.state(), "log": rows, "sessions": sessions})
        folder.write_log(rows)
        curves.add(row)
        with bar.external_write_mode(file=sys.stderr):
            logger.info(epoch_line(row, config.optim.epochs))
    bar.close()
    curves.close()
    if run.average is not None:
        run.average.keep()
    card = run.card(name, store, rows, sessions)
    plot_training(rows, out / PICTURE)
    if run.tuned_texts is not None:
        save_text_encoder(run.tuned_texts.encoder, out / TEXT_ENCODER)
    if (language := language_side(config, run.parts)) is not None:
        save_language(out, language)
    return save_checkpoint(out, run.parts.classifier, card)


def _resume(run: "_Run", folder: RunFolder) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Log rows and sessions so far; the run's net and optimiser are as after the last finished epoch."""
    state = folder.load_state()
    if state is None:
        return [], []
    run.restore(state, folder.path / STATE)
    folder.write_log(state["log"])  # a kill between the two writes left it one line short
    logger.info("%s: resuming after epoch %d of %d", folder.path, len(state["log"]), run.config.optim.epochs)
    return state["log"], state["sessions"]


def _tell_what_changed(out: Path, sessions: list[dict[str, Any]], now: dict[str, Any]) -> None:
    """Another device, or another number of threads, adds up in another order."""
    for key in ("device", "compiled"):
        if sessions and sessions[-1][key] != now[key]:
            logger.warning(
                "%s: went on with %s %s, before %s: the last bits differ from those of an unbroken run",
                out,
                key,
                now[key],
                sessions[-1][key],
            )


def _pace(run: "_Run", epochs_done: int, later: int) -> Pace:
    """Says after the first steps how long this run will take, and all those after it."""
    steps, epochs = run.parts.train.num_train_batches, run.config.optim.epochs

    def say(seconds: float) -> None:
        one, rest = steps * epochs * seconds, steps * (epochs - epochs_done) * seconds
        if not worth_saying(rest + later * one):
            return
        more = f"; with the {plural(later, 'run')} after it {in_words(rest + later * one)}" if later else ""
        left = plural(epochs - epochs_done, "epoch")
        logger.info("%s for %s of training on this machine%s", in_words(rest), left, more)

    settle = torch.cuda.synchronize if run.device.type == "cuda" else lambda: None
    return Pace(say, settle=settle)


def _epoch(run: "_Run", epoch: int, test_every: int, bar: tqdm) -> dict[str, Any]:
    """Train one epoch, and measure the test split if it is its turn."""
    started = time.perf_counter()
    row = run.one_epoch(epoch, bar)
    last = epoch + 1 == run.config.optim.epochs
    if last or (test_every and (epoch + 1) % test_every == 0):
        row["test_top1"] = run.test_top1()
    return {**row, "seconds": round(time.perf_counter() - started, 3)}


class _Run:
    """Net, optimiser and counters of one run on its device."""

    def __init__(self, config: RunConfig, parts: Assembly, device: torch.device, *, compiled: bool) -> None:
        self.config, self.parts, self.device, self.compiled = config, parts, device, compiled
        self.bf16 = uses_bf16(config.precision, device)
        self.part_weights_P = torch.tensor(config.text.part_weights, device=device)
        optim = config.optim
        groups, self.rates = self._groups()
        self.pace: Pace | None = None
        self.average = WeightAverage(parts.supervision, optim.ema) if optim.ema else None
        self.body: dict[str, Any] = {}
        self.optimizer = torch.optim.SGD(
            groups,
            lr=optim.lr,
            momentum=optim.momentum,
            nesterov=True,
            weight_decay=optim.weight_decay,
        )
        if compiled:
            parts.supervision.compile()

    def summary(self) -> str:
        """What is about to be computed, in a line."""
        parts, config = self.parts, self.config
        numbers = sum(p.numel() for p in parts.classifier.parameters())
        texts = parts.text["encoder"] if parts.text else "none"
        return (
            f"{config.modality} of {config.benchmark}, {plural(len(parts.train.clip_ids), 'training clip')}, "
            f"{plural(config.optim.epochs, 'epoch')} of {plural(parts.train.num_train_batches, 'step')}, "
            f"{numbers:,} parameters, texts: {texts}; {describe_device(self.device)}, {self.precision}"
        )

    def _groups(self) -> tuple[list[dict[str, Any]], list[float]]:
        """Parameters of the optimiser and the share of the learning rate that each group has."""
        bank, supervision = self.tuned_texts, self.parts.supervision
        if bank is None:
            return [{"params": list(supervision.parameters())}], [1.0]
        own = {id(p) for p in bank.parameters()}
        others = [p for p in supervision.parameters() if id(p) not in own]
        return [{"params": others}, {"params": list(bank.parameters())}], [1.0, self.config.tune_rate]

    @property
    def tuned_texts(self) -> TunedTexts | None:
        """The texts whose encoder is trained along, if there is one."""
        bank = getattr(self.parts.supervision, "bank", None)
        return bank if isinstance(bank, TunedTexts) else None

    @property
    def precision(self) -> str:
        return "bf16 autocast" if self.bf16 else "fp32"

    def inputs(self, store: ClipStore) -> dict[str, Any]:
        """What decides the result beside the recipe: a run is resumed with the same only."""
        source = {key: value for key, value in store.manifest["source"].items() if key != "name"}
        text = {key: self.parts.text.get(key) for key in TEXT_FACTS}
        clips = {"train": len(self.parts.train.clip_ids), "test": len(self.parts.test.clip_ids)}
        inputs = {"source": source, "clips": clips, "text": text, "precision": self.precision}
        reused = self.parts.reused
        return inputs if reused is None else {**inputs, "start_from": reused.sha256}

    def session(self) -> dict[str, Any]:
        """Where and with which code epochs are computed."""
        return {"device": describe_device(self.device), "compiled": self.compiled, **code_facts()}

    def bar(self, epochs_done: int, *, shown: bool) -> tqdm:
        """One bar over all steps of the run; on a terminal only, so that log files stay readable."""
        steps = self.parts.train.num_train_batches
        return tqdm(
            total=steps * self.config.optim.epochs,
            initial=steps * epochs_done,
            disable=None if shown else True,
            unit="step",
            leave=False,
        )

    def state(self) -> dict[str, Any]:
        state = {"net": self.parts.supervision.state_dict(), "optimizer": self.optimizer.state_dict()}
        return state if self.average is None else {**state, "average": self.average.state()}

    def restore(self, state: Mapping[str, Any], path: Path) -> None:
        restore(state, path, self.parts.supervision, self.optimizer)
        if self.average is not None:
            self.average.restore(state.get("average"), path)

    def one_epoch(self, epoch: int, bar: tqdm) -> dict[str, Any]:
        """All steps of one epoch; the sums stay on the device until its end."""
        config, batches = self.config, self.parts.train
        steps = batches.num_train_batches
        tuned, last = self.tuned_texts, config.text.tune_epochs
        if tuned is not None and last is not None and epoch >= last:
            tuned.freeze()
        self.parts.supervision.train()
        if config.freeze_epochs:
            freeze_trunk(self.parts.classifier, frozen=epoch < config.freeze_epochs)
        bar.set_description(f"epoch {epoch + 1}/{config.optim.epochs}", refresh=False)
        sums: Tensor | None = None
        for step, batch in enumerate(batches.train(config.seed, epoch)):
            self._set_rate(step_rate(config.optim, epoch, step, steps))
            row = self.one_step(batch)
            sums = row if sums is None else sums + row
            self._show(bar, sums, step + 1)
            if self.pace is not None:
                self.pace.step()
        assert sums is not None
        return self._epoch_row(epoch, step_rate(config.optim, epoch, 0, steps), sums / steps)

    def _set_rate(self, rate: float) -> None:
        for group, share in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = share * rate

    def one_step(self, batch: Batch) -> Tensor:
        """Forward, backward, update; returns loss, its class term, hit rate and text terms on the device."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            terms: LossTerms = self.parts.supervision(
                batch.x_NCTVM, batch.labels_N, batch.text_draws_N, batch.present_B
            )
        loss = terms.classes
        if len(terms.parts_P):
            loss = loss + self.config.text.weight * self.text_term(terms.parts_P)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        if self.average is not None:
            self.average.update()
        hits = (terms.logits_NK.argmax(1) == batch.labels_N).float().mean()
        return torch.cat([torch.stack([loss, terms.classes, hits]), terms.parts_P]).detach()

    def text_term(self, parts_P: Tensor) -> Tensor:
        """Mean of the heads' terms, with the recipe's weights if it has any."""
        if not len(self.part_weights_P):
            return parts_P.mean()
        return parts_P @ self.part_weights_P / self.part_weights_P.sum()

    def _show(self, bar: tqdm, sums: Tensor, done: int) -> None:
        """Reading a number waits for the device, so a GPU is asked at every twentieth step only."""
        if not bar.disable and (self.device.type == "cpu" or done % 20 == 0):
            mean = (sums[:3] / done).tolist()
            bar.set_postfix(loss=f"{mean[0]:.3f}", top1=f"{100 * mean[2]:.1f}%", refresh=False)
        bar.update()

    def _epoch_row(self, epoch: int, rate: float, means: Tensor) -> dict[str, Any]:
        loss, classes, top1, *parts = means.tolist()
        # The last step's damage shows in the weights before it shows in a loss.
        finite = torch.stack([v.isfinite().all() for v in self.parts.supervision.state_dict().values()])
        if not (means.isfinite().all() and finite.all()):
            raise FloatingPointError(
                f"epoch {epoch + 1}: the loss is {loss}. The run diverged: start again in a new --out with a "
                f"lower --optim.lr (now {self.config.optim.lr}) or with --precision fp32."
            )
        row = {"epoch": epoch + 1, "lr": rate, "loss": loss, "loss_classes": classes, "train_top1": top1}
        if not parts:
            return row
        return {**row, "loss_text": self.text_term(means[3:]).item(), "loss_parts": parts}

    def test_top1(self) -> float:
        with nullcontext() if self.average is None else self.average.in_place():
            scores = score_clips(self.parts.classifier, self.parts.test, self.parts.benchmark.class_names, {})
        return top_k_accuracy(scores.logits_NK, scores.labels_N, 1)

    def _own_recipe(self, name: str, store: ClipStore) -> RunConfig | None:
        return own_recipe(store, self.parts.benchmark) if name == OWN else None

    def card(
        self, name: str, store: ClipStore, rows: list[dict[str, Any]], sessions: list[dict[str, Any]]
    ) -> dict[str, Any]:
        tested = [row for row in rows if "test_top1" in row]
        best = max(tested, key=lambda row: row["test_top1"])
        inputs = self.inputs(store)
        return make_card(
            build=self.parts.build,
            pipeline=self.parts.pipeline,
            class_names=self.parts.benchmark.class_names,
            facts={
                "recipe": name,
                "overrides": overrides(name, self.config, self._own_recipe(name, store)),
                "config": asdict(self.config),
                "benchmark": self.parts.benchmark.name,
                "dataset": self.parts.benchmark.dataset,
                "coordinates": None if store.coordinates is None else asdict(store.coordinates),
                "modality": self.config.modality,
                "inputs": inputs,
                **({} if self.parts.reused is None else {"reused": self.parts.reused.as_json()}),
                "body": self.body,
                "complete_data": not self.parts.benchmark.check_counts(
                    {split: len(store.select(self.parts.benchmark, split)) for split in ("train", "test")}
                ),
                "text": self.parts.text,
                "epochs": len(rows),
                "selected_on": "nothing: the last epoch",
                "last_test_top1": rows[-1]["test_top1"],
                "best_on_test": {
                    "epoch": best["epoch"],
                    "top1": best["test_top1"],
                    "epochs_tested": len(tested),
                },
                "seconds": round(sum(row["seconds"] for row in rows), 1),
                "precision": self.precision,
                "sessions": sessions,
            },
        )


def epoch_line(row: dict[str, Any], epochs: int) -> str:
    """One epoch for people: losses, accuracies, seconds and the time left at this pace."""
    text = f" + text {row['loss_text']:.3f}" if "loss_text" in row else ""
    test = f"  test {100 * row['test_top1']:.1f} %" if "test_top1" in row else ""
    left = row["seconds"] * (epochs - row["epoch"])
    return (
        f"epoch {row['epoch']:>3}/{epochs}  loss classes {row['loss_classes']:.3f}{text}"
        f"  train {100 * row['train_top1']:.1f} %{test}  {row['seconds']:.1f} s, {left / 60:.0f} min left"
    )

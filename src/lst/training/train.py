"""The loop. One run = one recipe, one store, one device; the last epoch is the result.

Nothing random is left to chance: start values come from the seed, order and looks of the clips from (seed,
epoch, clip). So a run that was killed and resumed after any epoch ends with the same bits on the same CPU.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from lst.data.store import ClipStore
from lst.evaluation.evaluate import score_clips
from lst.evaluation.plots import plot_training
from lst.evaluation.scores import top_k_accuracy
from lst.nets.checkpoint import make_card, save_checkpoint
from lst.training.build import Parts, build_parts
from lst.training.device import choose_device, code_facts, describe_device, keep_freed_memory, uses_bf16
from lst.training.recipes import RunConfig
from lst.training.run_folder import PICTURE, RunFolder
from lst.training.schedule import learning_rate

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainOptions:
    """How to run, as opposed to what: none of this changes what the recipe means."""

    device: str = "auto"
    resume: bool = False
    overwrite: bool = False
    compile: bool = False
    test_every: int = 1
    """Measure the test split after every n-th epoch, for the curve only; 0 = after the last one only."""
    progress: bool = True


def train(name: str, config: RunConfig, store: ClipStore, out: Path, options: TrainOptions) -> dict[str, Any]:
    """Train one stream and write its folder; returns the card.

    Raises ValueError for a folder or store that does not fit, FloatingPointError when the loss is no number.
    """
    folder = RunFolder(out)
    folder.prepare(name, config, resume=options.resume, overwrite=options.overwrite)
    device = choose_device(options.device)
    keep_freed_memory()
    run = _Run(config, build_parts(config, store, device), device, compiled=options.compile)
    state = folder.load_state(device)
    rows: list[dict[str, Any]] = []
    codes = [code_facts()]
    if state is not None:
        run.restore(state)
        rows, codes = state["log"], _appended(state["codes"], codes[0])
        logger.info("%s: resuming after epoch %d of %d", out, len(rows), config.optim.epochs)
    curves = _TensorBoard(out, first_epoch=len(rows) + 1)
    started = time.perf_counter()
    for epoch in range(len(rows), config.optim.epochs):
        row = run.one_epoch(epoch, progress=options.progress)
        last = epoch + 1 == config.optim.epochs
        if last or (options.test_every and (epoch + 1) % options.test_every == 0):
            row["test_top1"] = run.test_top1()
        row["seconds"] = round(time.perf_counter() - started, 3)
        started = time.perf_counter()
        rows.append(row)
        folder.save_state({**run.state(), "log": rows, "codes": codes})
        folder.write_log(rows)
        curves.add(row)
        logger.info(epoch_line(row, config.optim.epochs))
    curves.close()
    card = run.card(name, store, rows, codes)
    plot_training(rows, out / PICTURE)
    save_checkpoint(out, run.parts.classifier, card)
    return card


class _Run:
    """Net, optimiser and counters of one run on its device."""

    def __init__(self, config: RunConfig, parts: Parts, device: torch.device, *, compiled: bool) -> None:
        self.config, self.parts, self.device = config, parts, device
        self.bf16 = uses_bf16(config.precision, device)
        optim = config.optim
        self.optimizer = torch.optim.SGD(
            parts.supervision.parameters(),
            lr=optim.lr,
            momentum=optim.momentum,
            nesterov=True,
            weight_decay=optim.weight_decay,
        )
        self.step: Callable[..., Any] = parts.step
        self.compiled = compiled
        if compiled:
            parts.supervision.compile()

    def state(self) -> dict[str, Any]:
        return {"net": self.parts.supervision.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        self.parts.supervision.load_state_dict(state["net"], strict=True)
        self.optimizer.load_state_dict(state["optimizer"])

    def one_epoch(self, epoch: int, *, progress: bool) -> dict[str, Any]:
        """All steps of one epoch; the sums stay on the device until its end."""
        config, batches = self.config, self.parts.train
        rate = learning_rate(config.optim, epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.parts.supervision.train()
        sums: Tensor | None = None
        title = f"epoch {epoch + 1}/{config.optim.epochs}"
        bar = tqdm(total=batches.num_train_batches, desc=title, disable=not progress, leave=False)
        for done, batch in enumerate(batches.train(config.seed, epoch), start=1):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                terms = self.step(batch)
            loss = terms.classes + (config.text_weight * terms.parts_P.mean() if len(terms.parts_P) else 0)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            hits = (terms.logits_NK.argmax(1) == batch.labels_N).float().mean()
            row = torch.cat([torch.stack([loss, terms.classes, hits]), terms.parts_P]).detach()
            sums = row if sums is None else sums + row
            self._show(bar, sums, done)
        bar.close()
        assert sums is not None
        return self._epoch_row(epoch, rate, sums / batches.num_train_batches)

    def _show(self, bar: tqdm, sums: Tensor, done: int) -> None:
        """Reading a number from the device waits for it, so only every twentieth step does."""
        if not bar.disable and done % 20 == 0:
            mean = (sums[:3] / done).tolist()
            bar.set_postfix(loss=f"{mean[0]:.3f}", top1=f"{100 * mean[2]:.1f}%", refresh=False)
        bar.update()

    def _epoch_row(self, epoch: int, rate: float, means: Tensor) -> dict[str, Any]:
        loss, classes, top1, *parts = means.tolist()
        if not torch.isfinite(means).all():
            raise FloatingPointError(
                f"epoch {epoch + 1}: the loss is {loss}. The run diverged: lower --optim.lr (now "
                f"{self.config.optim.lr}) or use --precision fp32; --resume continues from the epoch before."
            )
        row = {"epoch": epoch + 1, "lr": rate, "loss": loss, "loss_classes": classes, "train_top1": top1}
        return {**row, "loss_parts": parts} if parts else row

    def test_top1(self) -> float:
        scores = score_clips(self.parts.classifier, self.parts.test, self.parts.benchmark.class_names, {})
        return top_k_accuracy(scores.logits_NK, scores.labels_N, 1)

    def card(
        self, name: str, store: ClipStore, rows: list[dict[str, Any]], codes: list[dict[str, Any]]
    ) -> dict[str, Any]:
        tested = [row for row in rows if "test_top1" in row]
        best = max(tested, key=lambda row: row["test_top1"])
        return make_card(
            build=self.parts.build,
            pipeline=self.parts.pipeline,
            class_names=self.parts.benchmark.class_names,
            facts={
                "recipe": name,
                "config": asdict(self.config),
                "benchmark": self.parts.benchmark.name,
                "modality": self.config.modality,
                "store": store.manifest["source"],
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
                "device": describe_device(self.device),
                "precision": "bf16 autocast" if self.bf16 else "fp32",
                "compiled": self.compiled,
                "code": codes,
            },
        )


def epoch_line(row: dict[str, Any], epochs: int) -> str:
    """One epoch for people: losses, accuracies, seconds and the time left at this pace."""
    parts = row.get("loss_parts")
    text = f" + text {sum(parts) / len(parts):.3f}" if parts else ""
    test = f"  test {100 * row['test_top1']:.1f} %" if "test_top1" in row else ""
    left = row["seconds"] * (epochs - row["epoch"])
    return (
        f"epoch {row['epoch']:>3}/{epochs}  loss classes {row['loss_classes']:.3f}{text}"
        f"  train {100 * row['train_top1']:.1f} %{test}  {row['seconds']:.1f} s, {left / 60:.0f} min left"
    )


def _appended(codes: list[dict[str, Any]], now: dict[str, Any]) -> list[dict[str, Any]]:
    """A run that was resumed with other code says so: one entry for each."""
    return codes if codes[-1] == now else [*codes, now]


class _TensorBoard:
    """The epoch's numbers for TensorBoard, when it is installed; nothing otherwise."""

    def __init__(self, out: Path, *, first_epoch: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            self.writer = None
        else:
            self.writer = SummaryWriter(str(out / "tensorboard"), purge_step=first_epoch)

    def add(self, row: dict[str, Any]) -> None:
        if self.writer is None:
            return
        for key, value in row.items():
            if isinstance(value, float):
                self.writer.add_scalar(key, value, row["epoch"])
        self.writer.flush()

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()

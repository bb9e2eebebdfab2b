"""One run on its device: net, optimiser, and the steps of one epoch. The loop over epochs is train.py."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from lst.data.input.batches import Batch
from lst.data.store.clip_store import ClipStore
from lst.evaluation.evaluate import score_clips
from lst.evaluation.scores import top_k_accuracy
from lst.facts.duration import Pace
from lst.facts.wording import plural
from lst.nets.losses import LossTerms
from lst.nets.tuned_texts import TunedTexts
from lst.training.averaging import WeightAverage
from lst.training.build import Assembly
from lst.training.device import describe_device, uses_bf16
from lst.training.provenance import code_facts
from lst.training.recipes import RunConfig
from lst.training.run_state import restore
from lst.training.schedule import step_rate
from lst.training.start_from import freeze_trunk

TEXT_FACTS = ("encoder", "weights_sha256", "descriptions_sha256")
"""What of the text vectors' provenance decides the result."""


class TrainingRun:
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

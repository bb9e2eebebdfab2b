"""Speed of the input path beside what the encoder consumes: store -> augmented batch on the training device.

Both are timed in turns in one run. The clips walk at random; they have the shape of NTU RGB+D: 84 frames and
1.2 persons on average, of which the net sees 64 frames and two slots. The step is timed twice: for those who
are there, as the recipe says, and for every slot, as published (Q8).
"""

import tempfile
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from lst.data.input.batches import Batch, ClipBatches, Place
from lst.data.store.clip_store import ClipStore, StoredClip, write_store
from lst.files.whole import write_json
from lst.nets.supervision import LanguageSupervision
from lst.training.build import assemble, input_pipeline
from lst.training.device import choose_device, describe_device, keep_freed_memory, uses_bf16
from lst.training.provenance import code_facts
from lst.training.recipes import RunConfig, get_recipe
from lst.workflows.timing import seconds

RECIPE = "ntu60-xsub-bone-motion"
"""The stream with most to compute on the way in."""
TARGET = 5.0
"""Input clips per clip that the encoder trains on."""


@dataclass
class _Pace:
    """Clips per second, best of all repeats."""

    name: str
    clips_per_second: float = 0.0

    def record(self, clips: int, seconds: float) -> None:
        self.clips_per_second = max(self.clips_per_second, clips / seconds)


def bench_input(
    device: str, *, clips: int, batch: int, steps: int, repeats: int, out: Path | None = None
) -> Iterator[str]:
    """Lines of a table: clips per second of the input path from each place, and of the training step."""
    if clips < batch:
        raise ValueError(f"--clips must be at least --batch, got {clips} and {batch}")
    where = choose_device(device)
    keep_freed_memory()
    config = get_recipe(RECIPE)
    paces = {place: _Pace(f"input from {place}") for place in get_args(Place)}
    with tempfile.TemporaryDirectory() as folder:
        store = random_store(Path(folder) / "store", clips)
        inputs = {place: _batches(store, config, batch, where, place) for place in get_args(Place)}
        net = _Step("training step", config, store, where)
        all_slots = _Step("the same, every slot", replace(config, persons="every_slot"), store, where)
        for _ in range(repeats):
            for place, batches in inputs.items():
                paces[place].record(*_time_input(batches, where))
            for step in (net, all_slots):
                step.time(next(inputs["device"].train(1, 0)), steps)
        del inputs, store  # some systems do not delete an open file
    yield f"{describe_device(where)}, torch {torch.__version__}"
    yield f"{clips} random clips, recipe {RECIPE}, {batch} clips per batch, training in {net.precision}"
    for pace in (net.pace, all_slots.pace):
        ratio = pace.clips_per_second / net.pace.clips_per_second
        yield f"{pace.name:<24}{pace.clips_per_second:>10.1f} clips/s {ratio:>7.2f}x"
    for pace in paces.values():
        ratio = pace.clips_per_second / net.pace.clips_per_second
        verdict = f"at least {TARGET:g}x" + ("" if ratio >= TARGET else ", TOO SLOW")
        yield f"{pace.name:<24}{pace.clips_per_second:>10.1f} clips/s {ratio:>7.1f}x ({verdict})"
    if out is not None:
        write_json(
            out, _record([net.pace, all_slots.pace, *paces.values()], where, net.precision, clips, batch)
        )
        yield f"wrote {out}"


def random_store(folder: Path, clips: int) -> ClipStore:
    """Up to 59,940 clips of one person or, every fifth, of two, named as in NTU60."""
    rng = np.random.default_rng(1)

    def clip(i: int) -> StoredClip:
        numbers = {"setup": 1, "camera": 1, "subject": 3 if i == 0 else 1}  # one clip to test on
        numbers |= {"replication": 1 + i // 60, "action": 1 + i % 60}
        name = "S{setup:03d}C{camera:03d}P{subject:03d}R{replication:03d}A{action:03d}".format(**numbers)
        shape = (1 + (i % 5 == 0), int(rng.integers(40, 129)), 25, 3)
        return StoredClip(name, i % 60, rng.normal(size=shape).astype(np.float32), numbers)

    source = {"name": "random", "synthetic": True}
    return write_store(
        folder,
        (clip(i) for i in range(clips)),
        dataset="ntu60",
        layout="kinect_v2_25",
        source=source,
        problems=[],
    )


def _batches(
    store: ClipStore, config: RunConfig, batch: int, device: torch.device, place: Place
) -> ClipBatches:
    clips = np.arange(len(store))
    return ClipBatches(store, clips, input_pipeline(config), batch_size=batch, device=device, place=place)


def _time_input(batches: ClipBatches, device: torch.device) -> tuple[int, float]:
    """One epoch: (clips, seconds)."""
    clips = batches.num_train_batches * batches.batch_size
    return clips, seconds(lambda: deque(batches.train(1, 0), maxlen=0), device)


class _Step:
    """The recipe's training step, forward and backward, as the loop does it."""

    def __init__(self, name: str, config: RunConfig, store: ClipStore, device: torch.device) -> None:
        self.device = device
        self.bf16 = uses_bf16(config.precision, device)
        net = assemble(config, store, device).supervision
        assert isinstance(net, LanguageSupervision)
        self.net = net.train()
        self.pace = _Pace(name)

    @property
    def precision(self) -> str:
        return "bf16 autocast" if self.bf16 else "fp32"

    def time(self, batch: Batch, steps: int) -> None:
        self._step(batch)  # to warm up
        spent = sum(seconds(lambda: self._step(batch), self.device) for _ in range(steps))
        self.pace.record(steps * len(batch.labels_N), spent)

    def _step(self, batch: Batch) -> None:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            terms = self.net(batch.x_NCTVM, batch.labels_N, batch.text_draws_N, batch.present_B)
        self.net.zero_grad(set_to_none=True)
        (terms.classes + terms.parts_P.mean()).backward()


def _record(
    paces: list[_Pace], device: torch.device, precision: str, clips: int, batch: int
) -> dict[str, Any]:
    return {
        "format": "lst-bench",
        "subject": "input",
        "device": describe_device(device),
        "code": code_facts(),
        "recipe": RECIPE,
        "precision": precision,
        "clips": clips,
        "batch": batch,
        "rows": [{"name": pace.name, "clips_per_second": pace.clips_per_second} for pace in paces],
        "target": TARGET,
    }

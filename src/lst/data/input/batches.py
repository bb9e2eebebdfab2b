"""From a store to batches on the training device.

Letters: N clips, C channels (x, y, z), T frames, V joints, M persons.

The frames of the split lie on the device once, or stay on disk (`lst.data.input.rows`). All draws of an
epoch are made on the host at its start, for all clips together, and moved once; a batch is then a gather and
element-wise arithmetic, without work per clip and without reading anything back. What a clip looks like
depends on (seed, epoch, clip id, repeat) and on nothing else. What is done to it is the pipeline's
(`lst.data.input.pipeline`).

Where the default differs from the official code (numbers of method.md, section 16): draws are keyed and so
differ between epochs (Q32); the stored length counts the frames (Q46); an axis without extent becomes 0
(Q57); bones are child minus parent unless bones="gap" (Q1 to Q3). The random scale of NW-UCLA is not drawn,
because min-max cancels it.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from lst.data.input import draws
from lst.data.input.pipeline import InputPipeline
from lst.data.input.process import Process, Tables, draw_tables, fixed_tables, sampled_tables
from lst.data.input.rows import ClipRows, loose_rows, rows_on_device, rows_on_disk
from lst.data.input.steps.step import Draw
from lst.data.store.clip_store import ClipStore
from lst.facts.choices import choose

__all__ = ["Batch", "ClipBatches", "InputPipeline", "NetInput", "Place", "prepare_arrays"]

logger = logging.getLogger(__name__)

Place = Literal["device", "disk"]
"""Where the frames of a split lie while they are used."""


class NetInput(NamedTuple):
    """Clips and who is in them: what a `SkeletonClassifier` takes, as `classifier(*inputs)`."""

    x_NCTVM: Tensor
    """float32."""
    present_B: Tensor | None
    """int64 positions n * M + m of the persons who are there in the frames shown, at least one for each clip;
    None: there is one slot."""


class Batch(NamedTuple):
    """What one step sees, all on the device."""

    x_NCTVM: Tensor
    """float32 input of the net."""
    labels_N: Tensor
    """int64 classes."""
    clips_N: Tensor
    """int64 position of each clip in `ClipBatches.clip_ids`."""
    text_draws_N: Tensor
    """float32 in [0, 1) for the choice of a synonym; zeros in `test`."""
    present_B: Tensor | None = None
    """As in `NetInput`."""

    @property
    def inputs(self) -> NetInput:
        """For the net."""
        return NetInput(self.x_NCTVM, self.present_B)


class ClipBatches:
    """Batches of one split of a store, for training and for testing, on the training device."""

    def __init__(
        self,
        store: ClipStore,
        clips: np.ndarray,
        pipeline: InputPipeline,
        *,
        batch_size: int,
        device: torch.device,
        repeat: int = 1,
        place: Place = "device",
    ) -> None:
        """Copy the frames of the clips to the device, or leave them on disk.

        clips: positions in the store, as `ClipStore.select` gives them.
        repeat: how often one epoch of `train` shows each clip, each time with other draws.
        """
        clips = np.asarray(clips, dtype=np.int64)
        _check_split(store, clips, pipeline)
        if batch_size < 1 or repeat < 1:
            raise ValueError(f"batch_size and repeat must be at least 1, got {batch_size} and {repeat}")
        self.clip_ids: list[str] = [store.clip_ids[i] for i in clips]
        self.labels: np.ndarray = np.asarray(store.labels, dtype=np.int64)[clips]
        self.pipeline, self.batch_size, self.repeat = pipeline, batch_size, repeat
        rows = choose("place", place, {"device": rows_on_device, "disk": rows_on_disk})
        self._rows: ClipRows = rows(
            store, clips, pipeline.num_persons, device, keep_missing=pipeline.keeps_missing
        )
        if len(self._rows.not_finite):
            _warn_not_finite(store, [self.clip_ids[i] for i in self._rows.not_finite])
        self._process = Process(self._rows, pipeline, device)
        self._frames = self._rows.host_frames_N
        self._device = device
        self._labels = torch.from_numpy(self.labels).to(device)
        self._keys = draws.clip_keys(self.clip_ids)

    @property
    def num_train_batches(self) -> int:
        """Steps of one epoch: full batches only, or the one batch of a split that is smaller than a batch."""
        return max(1, self.repeat * len(self.clip_ids) // self.batch_size)

    def train(self, seed: int, epoch: int) -> Iterator[Batch]:
        """One epoch in its own order; an incomplete last batch is left out.

        A clip looks the same for the same (seed, epoch, clip id, repeat), whatever else is in the batch.
        """
        order = draws.permutation(seed, epoch, self.repeat * len(self.clip_ids))
        order = order[: self.num_train_batches * self.batch_size]
        clips, repeats = order % len(self.clip_ids), order // len(self.clip_ids)
        draw = Draw(seed, epoch, self._keys[clips], repeats, self._frames[clips])
        text_N = draw.uniform("text", 1)[:, 0]
        text_N = (text_N * 2**24).floor() / 2**24  # rounding to float32 could otherwise give 1.0
        return self._epoch(draw_tables(self.pipeline, torch.from_numpy(clips), draw), text_N.float())

    def test(self) -> Iterator[Batch]:
        """Every clip once, in order, without anything random; an incomplete last batch is kept."""
        clips_N = torch.arange(len(self.clip_ids))
        tables = fixed_tables(self.pipeline, clips_N, torch.from_numpy(self._frames))
        return self._epoch(tables, torch.zeros(len(clips_N)))

    def sampled(self, sampling: int, *, turns: bool = False) -> Iterator[Batch]:
        """Like `test` with frames drawn as in training; sampling 0, 1, ... draws others.

        turns: clips are turned as in training too. What else training does at random is left out.
        """
        clips_N = torch.arange(len(self.clip_ids))
        draw = Draw(0, sampling, self._keys, np.zeros_like(self._frames), self._frames)
        tables = sampled_tables(self.pipeline, clips_N, draw, turns=turns)
        return self._epoch(tables, torch.zeros(len(clips_N)))

    def _epoch(self, tables: Tables, text_N: Tensor) -> Iterator[Batch]:
        """Move the tables of the epoch, which were made on the host, before its first batch."""
        present = _present(self._rows, self.pipeline, tables, self.batch_size)
        moved = tables.moved(self._rows.home, self._device)
        present = [positions_B.to(self._device) for positions_B in present]
        return self._batches(tables.clips_N.numpy(), moved, text_N.to(self._device), present)

    def _batches(
        self, clips: np.ndarray, tables: Tables, text_N: Tensor, present: Sequence[Tensor]
    ) -> Iterator[Batch]:
        for i, start in enumerate(range(0, len(clips), self.batch_size)):
            where = slice(start, start + self.batch_size)
            part = tables.part(where)
            x_NCTVM = self._process(part, longest=int(self._frames[clips[where]].max()))
            clips_N = part.clips_N.to(self._device)
            yield Batch(
                x_NCTVM, self._labels[clips_N], clips_N, text_N[where], present[i] if present else None
            )


def _present(rows: ClipRows, pipeline: InputPipeline, tables: Tables, batch_size: int) -> Sequence[Tensor]:
    """Host: `NetInput.present_B` of every batch; empty when there is one slot."""
    if pipeline.num_persons == 1:
        return ()
    clips = tables.clips_N.numpy()
    window = pipeline.frame_step.window(tables.frames_NF.numpy(), rows.host_frames_N[clips])
    item_B, person_B = np.nonzero(rows.present(clips, *window))
    positions_B = item_B % batch_size * pipeline.num_persons + person_B
    sizes = np.bincount(item_B // batch_size)
    return torch.from_numpy(positions_B).split(sizes.tolist())


def _check_split(store: ClipStore, clips: np.ndarray, pipeline: InputPipeline) -> None:
    if store.skeleton != pipeline.skeleton:
        raise ValueError(
            f"store {store.folder} holds {store.skeleton.name} skeletons, but the pipeline expects "
            f"{pipeline.layout}; choose a benchmark or a checkpoint of the same layout"
        )
    if store.joints.shape[-1] != len(pipeline.channels):
        raise ValueError(
            f"store {store.folder} has {store.joints.shape[-1]} channels; the pipeline needs "
            f"{', '.join(pipeline.channels)}"
        )
    if len(clips) == 0:
        raise ValueError(f"{store.folder}: no clip to load; a split of the benchmark is empty (see lst info)")
    empty = clips[(store.frames[clips] < 1) | (store.persons[clips] < 1)]
    if len(empty):
        names = ", ".join(store.clip_ids[i] for i in empty[:5])
        raise ValueError(
            f"store {store.folder}: {len(empty)} clips have no frames ({names}); prepare it again"
        )


def _warn_not_finite(store: ClipStore, clip_ids: Sequence[str]) -> None:
    logger.warning(
        "%s: %d clips have NaN or infinite coordinates, which are taken as 0 (%s%s). NTU RGB+D: "
        "`lst prepare --pipeline clean` fills them from the frames around.",
        store.folder,
        len(clip_ids),
        ", ".join(clip_ids[:3]),
        ", ..." if len(clip_ids) > 3 else "",
    )


def prepare_arrays(joints: Sequence[np.ndarray], pipeline: InputPipeline) -> NetInput:
    """Loose clips, each (M, T, V, C) -> input of the net on the CPU, by the same code as `ClipBatches.test`.

    Raises ValueError for a clip of another shape, without frames, or with values that are not finite. NaN is
    allowed where the pipeline has `FillMissing`.
    """
    if not joints:
        raise ValueError("no clips to prepare: got an empty list")
    expected = (len(pipeline.skeleton.joints), len(pipeline.channels))
    for i, clip in enumerate(joints):
        if clip.ndim != 4 or clip.shape[2:] != expected or 0 in clip.shape:
            raise ValueError(
                f"clip {i}: expected (persons, frames, {expected[0]}, {expected[1]}) for {pipeline.layout}, "
                f"got {clip.shape}"
            )
        fine = np.abs(clip) <= np.finfo(np.float32).max  # also false for NaN
        if not (fine | (np.isnan(clip) & pipeline.keeps_missing)).all():
            raise ValueError(f"clip {i} holds NaN, infinite or huge values; fill or drop those frames first")
    rows_RVC = np.concatenate([clip.reshape(-1, *expected) for clip in joints]).astype(np.float32)
    frames, persons = (np.asarray([clip.shape[axis] for clip in joints]) for axis in (1, 0))
    cpu = torch.device("cpu")
    rows = loose_rows(
        rows_RVC, frames, persons, pipeline.num_persons, cpu, keep_missing=pipeline.keeps_missing
    )
    tables = fixed_tables(pipeline, torch.arange(len(joints)), torch.from_numpy(rows.host_frames_N))
    x_NCTVM = Process(rows, pipeline, cpu)(tables, longest=int(frames.max()))
    present = _present(rows, pipeline, tables, len(joints))
    return NetInput(x_NCTVM, present[0] if present else None)

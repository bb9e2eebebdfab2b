"""From a store to batches on the training device: both input pipelines of method.md, section 13.

Letters: N clips, C channels (x, y, z), R rows of the store, T frames, V joints, M persons.

The frames of the split lie on the device once, or stay on disk (`lst.data.input.rows`). All draws of an
epoch are made on the host at its start, for all clips together, and moved once; a batch is then a gather and
element-wise arithmetic, without work per clip and without reading anything back. What a clip looks like
depends on (seed, epoch, clip id, repeat) and on nothing else.

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

from lst.data.input import draws, transforms
from lst.data.input.pipeline import InputPipeline
from lst.data.input.rows import ClipRows, loose_rows, rows_on_device, rows_on_disk
from lst.data.store.clip_store import ClipStore
from lst.facts.choices import choose

__all__ = ["Batch", "ClipBatches", "InputPipeline", "Place", "prepare_arrays"]

logger = logging.getLogger(__name__)

Place = Literal["device", "disk"]
"""Where the frames of a split lie while they are used."""

_CENTRE = 1
"""The Spine of kinect_v1_20 (method.md 13.4 step 1). Any joint would do: min-max cancels the step."""

_FRAME_COPIES = 100
"""method.md 13.4 step 4: the list that frames are drawn from holds each of them 100 times."""


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
    """int64 positions n * M + m of the persons who are there in the frames shown; None: there is one slot."""


class _Draws(NamedTuple):
    """What is drawn or fixed for each item (one showing of one clip), one row per item."""

    clips_N: Tensor
    """On the rows' home, as the frames are; the others on the training device."""
    frames_NF: Tensor
    """random_frames: the T frames to show. crop_resize: start and length of the crop."""
    matrices_N33: Tensor | None
    """Rotations for column vectors; None at test time."""
    text_N: Tensor

    def part(self, where: slice) -> "_Draws":
        matrices_N33 = None if self.matrices_N33 is None else self.matrices_N33[where]
        return _Draws(self.clips_N[where], self.frames_NF[where], matrices_N33, self.text_N[where])


def _random_frames(rows: ClipRows, items: _Draws, num_persons: int, longest: int) -> Tensor:
    """method.md 13.4, steps 1 to 4. Clips are padded to `longest` frames by repeating their last frame.

    The range of step 3 is that of all frames, hence the padding; repeats of a frame cannot change it.
    """
    frame_T = torch.arange(longest, device=items.clips_N.device)
    x = rows.gather(
        items.clips_N, torch.minimum(frame_T, rows.frames_N[items.clips_N, None] - 1), num_persons
    )
    x = x - x[:, :, :1, _CENTRE : _CENTRE + 1, :1]
    if items.matrices_N33 is not None:
        x = transforms.rotate(x, items.matrices_N33)
    low, high = transforms.axis_range(x)
    return transforms.min_max(transforms.pick_frames(x, items.frames_NF.to(x.device)), low, high)


def _crop_resize(rows: ClipRows, items: _Draws, num_persons: int, clip_length: int) -> Tensor:
    """method.md 13.1 and 13.2. Only the two source frames of each output frame are gathered: no padding."""
    frames = transforms.blend_frames(items.frames_NF[:, 0], items.frames_NF[:, 1], clip_length)
    first = rows.gather(items.clips_N, frames.first_NT, num_persons)
    second = rows.gather(items.clips_N, frames.second_NT, num_persons)
    x = transforms.blend(first, second, frames.share_NT.to(first.device))
    return x if items.matrices_N33 is None else transforms.rotate(x, items.matrices_N33)


def _test_frames(lengths: np.ndarray, pipeline: InputPipeline) -> Tensor:
    """`_Draws.frames_NF` of every clip, nothing random, on the host."""
    lengths_N = torch.from_numpy(lengths)
    if pipeline.frames == "random_frames":
        return transforms.even_frames(lengths_N, pipeline.clip_length)
    return torch.stack(transforms.centre_crop(lengths_N, share=pipeline.test_crop), dim=1)


class _Processor:
    """Rows of some clips and a pipeline -> input of the net, for the items of one batch."""

    def __init__(self, rows: ClipRows, pipeline: InputPipeline, device: torch.device) -> None:
        self.rows, self.pipeline = rows, pipeline
        matrix_VV = pipeline.joint_matrix()
        self.sums = None if matrix_VV is None else transforms.joint_sum(matrix_VV, device)

    def __call__(self, items: _Draws, longest: int) -> Tensor:
        """longest: frames of the longest clip among the items; known on the host, so nothing is read back."""
        p = self.pipeline
        if p.frames == "random_frames":
            x_NCTVM = _random_frames(self.rows, items, p.num_persons, longest)
        else:
            x_NCTVM = _crop_resize(self.rows, items, p.num_persons, p.clip_length)
        if p.missing_person == "zeros":
            x_NCTVM = self.rows.hide_missing(x_NCTVM, items.clips_N)
        return transforms.to_modality(x_NCTVM, p.modality, self.sums).contiguous()


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
        self._rows: ClipRows = rows(store, clips, pipeline.num_persons, device)
        if len(self._rows.not_finite):
            _warn_not_finite(store, [self.clip_ids[i] for i in self._rows.not_finite])
        self._process = _Processor(self._rows, pipeline, device)
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
        keys, lengths = self._keys[clips], self._frames[clips]
        rule = _draw_random_frames if self.pipeline.frames == "random_frames" else _draw_crop_resize
        frames_NF, matrices_N33 = rule(seed, epoch, keys, repeats, lengths, self.pipeline)
        text_N = draws.uniform(seed, epoch, keys, "text", 1, repeats_N=repeats)[:, 0]
        text_N = np.floor(text_N * 2**24) / 2**24  # rounding to float32 could otherwise give 1.0
        return self._epoch(clips, frames_NF, matrices_N33.float(), torch.from_numpy(text_N).float())

    def test(self) -> Iterator[Batch]:
        """Every clip once, in order, without anything random; an incomplete last batch is kept."""
        clips = np.arange(len(self.clip_ids))
        return self._epoch(clips, _test_frames(self._frames, self.pipeline), None, torch.zeros(len(clips)))

    def _epoch(
        self, clips: np.ndarray, frames_NF: Tensor, matrices_N33: Tensor | None, text_N: Tensor
    ) -> Iterator[Batch]:
        """Move the tables of the epoch, which were made on the host, before its first batch."""
        home, device = self._rows.home, self._device
        items = _Draws(
            torch.from_numpy(clips).to(home),
            frames_NF.to(home),
            None if matrices_N33 is None else matrices_N33.to(device),
            text_N.to(device),
        )
        return self._batches(clips, items, self._present(clips, frames_NF))

    def _present(self, clips: np.ndarray, frames_NF: Tensor) -> Sequence[Tensor]:
        """`Batch.present_B` of every batch; empty when there is one slot."""
        if self.pipeline.num_persons == 1:
            return ()
        start, length = np.zeros_like(clips), self._frames[clips]
        if self.pipeline.frames == "crop_resize":
            start, length = frames_NF.numpy().T
        item_B, person_B = np.nonzero(self._rows.present(clips, start, length))
        positions_B = item_B % self.batch_size * self.pipeline.num_persons + person_B
        sizes = np.bincount(item_B // self.batch_size)
        return torch.from_numpy(positions_B).to(self._device).split(sizes.tolist())

    def _batches(self, clips: np.ndarray, items: _Draws, present: Sequence[Tensor]) -> Iterator[Batch]:
        for i, start in enumerate(range(0, len(clips), self.batch_size)):
            where = slice(start, start + self.batch_size)
            part = items.part(where)
            x_NCTVM = self._process(part, longest=int(self._frames[clips[where]].max()))
            clips_N = part.clips_N.to(self._device)
            yield Batch(x_NCTVM, self._labels[clips_N], clips_N, part.text_N, present[i] if present else None)


def _draw_random_frames(
    seed: int, epoch: int, keys: np.ndarray, repeats: np.ndarray, lengths: np.ndarray, pipeline: InputPipeline
) -> tuple[Tensor, Tensor]:
    most = pipeline.max_view_degrees
    degrees_N2 = draws.integers(seed, epoch, keys, "view", 2, low=-most, high_N=most + 1, repeats_N=repeats)
    copies = max(_FRAME_COPIES, pipeline.clip_length)  # so that a clip of one frame is always enough
    frames_NT = draws.frames_without_replacement(
        seed, epoch, keys, lengths, pipeline.clip_length, repeats_N=repeats, copies=copies
    )
    return torch.from_numpy(frames_NT), transforms.view_matrices(torch.from_numpy(np.radians(degrees_N2)))


def _draw_crop_resize(
    seed: int, epoch: int, keys: np.ndarray, repeats: np.ndarray, lengths: np.ndarray, pipeline: InputPipeline
) -> tuple[Tensor, Tensor]:
    crop_N2 = torch.from_numpy(draws.uniform(seed, epoch, keys, "crop", 2, repeats_N=repeats))
    crop = transforms.train_crop(torch.from_numpy(lengths), crop_N2, min_share=pipeline.min_crop)
    turn_N3 = 2 * draws.uniform(seed, epoch, keys, "rotation", 3, repeats_N=repeats) - 1
    angles_N3 = torch.from_numpy(pipeline.max_rotation * turn_N3)
    return torch.stack(crop, dim=1), transforms.rotation_matrices(angles_N3)


def _check_split(store: ClipStore, clips: np.ndarray, pipeline: InputPipeline) -> None:
    if store.skeleton.name != pipeline.layout:
        raise ValueError(
            f"store {store.folder} holds {store.skeleton.name} skeletons, but the pipeline expects "
            f"{pipeline.layout}; choose a benchmark or a checkpoint of the same layout"
        )
    if store.joints.shape[-1] != 3:
        raise ValueError(
            f"store {store.folder} has {store.joints.shape[-1]} channels; the pipeline needs x, y, z"
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


def prepare_arrays(joints: Sequence[np.ndarray], pipeline: InputPipeline) -> Tensor:
    """Loose clips, each (M, T, V, C) -> x_NCTVM on the CPU, by the same code as `ClipBatches.test`.

    Raises ValueError for a clip of another shape, without frames, or with values that are not finite.
    """
    if not joints:
        raise ValueError("no clips to prepare: got an empty list")
    expected = (len(pipeline.skeleton.joints), 3)
    for i, clip in enumerate(joints):
        if clip.ndim != 4 or clip.shape[2:] != expected or 0 in clip.shape:
            raise ValueError(
                f"clip {i}: expected (persons, frames, {expected[0]}, 3) for {pipeline.layout}, "
                f"got {clip.shape}"
            )
        if not (np.abs(clip) <= np.finfo(np.float32).max).all():  # also false for NaN
            raise ValueError(f"clip {i} holds NaN, infinite or huge values; fill or drop those frames first")
    rows_RVC = np.concatenate([clip.reshape(-1, *expected) for clip in joints]).astype(np.float32)
    frames, persons = (np.asarray([clip.shape[axis] for clip in joints]) for axis in (1, 0))
    cpu = torch.device("cpu")
    rows = loose_rows(rows_RVC, frames, persons, pipeline.num_persons, cpu)
    items = _Draws(
        torch.arange(len(joints)), _test_frames(rows.host_frames_N, pipeline), None, torch.zeros(len(joints))
    )
    return _Processor(rows, pipeline, cpu)(items, longest=int(frames.max()))

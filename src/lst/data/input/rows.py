"""The frames of a split where batches take them from: on the training device, or on disk as they are stored.

Letters: N clips, C channels, R rows (a person's frames are consecutive, a clip's persons too), T frames,
V joints, M persons.

All joints of NTU RGB+D 120 are 3.5 GB. On the device a batch is a gather; from disk it is the same gather by
the host from a memory-mapped file, and only the frames of the batch travel. Both give the same bits.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lst.data.store.clip_store import ClipStore

_CHUNK = 1 << 16
"""Rows looked at in one go when persons are searched for: 20 MB."""
_NEVER = np.array([np.iinfo(np.int64).max, -1])
"""First and last frame of somebody who is not there."""

Take = Callable[[Tensor], Tensor]
"""Row numbers of any shape -> (C, *shape, V) joints on the training device."""


@dataclass(frozen=True)
class ClipRows:
    """Where the clips' frames lie and how they are fetched. `home` is the device of all index tensors."""

    take: Take
    home: torch.device
    frames_N: Tensor
    persons_N: Tensor
    offsets_N: Tensor
    host_frames_N: np.ndarray
    host_persons_N: np.ndarray
    seen_N2M: np.ndarray
    """First and last frame in which each person of a clip is there (any number not 0), or _NEVER."""
    not_finite: np.ndarray
    """Which of the N clips have NaN or infinite coordinates that are fetched as 0."""

    def gather(self, clips_N: Tensor, frames_NT: Tensor, num_persons: int) -> Tensor:
        """The given frames -> (N, C, T, V, M) on the training device. A missing person repeats the last."""
        person_M = torch.arange(num_persons, device=clips_N.device)
        person_NM = torch.minimum(person_M, self.persons_N[clips_N, None] - 1)
        first_NM = self.offsets_N[clips_N, None] + person_NM * self.frames_N[clips_N, None]
        joints_CNMTV = self.take(first_NM[:, :, None] + frames_NT[:, None, :])
        return joints_CNMTV.permute(1, 0, 3, 4, 2)

    def present(self, clips: np.ndarray, start: np.ndarray, length: np.ndarray) -> np.ndarray:
        """(N, M) whether a person is there in the frames start .. start + length - 1; somebody always is."""
        first_NM, last_NM = self.seen_N2M[clips].swapaxes(0, 1)
        present_NM = (first_NM < (start + length)[:, None]) & (last_NM >= start[:, None])
        present_NM[:, 0] |= ~present_NM.any(axis=1)
        return present_NM


def rows_on_device(
    store: ClipStore, clips: np.ndarray, num_persons: int, device: torch.device, *, keep_missing: bool = False
) -> ClipRows:
    """Copy the frames of the clips to the training device.

    keep_missing: NaN is a missing joint and stays; otherwise it becomes 0.
    """
    sizes = store.frames[clips] * store.persons[clips]
    before = np.cumsum(sizes) - sizes
    joints_RVC = store.joints[np.repeat(store.offsets[clips] - before, sizes) + np.arange(sizes.sum())]
    sizes = (store.frames[clips], store.persons[clips])
    return loose_rows(joints_RVC, *sizes, num_persons, device, keep_missing=keep_missing)


def loose_rows(
    joints_RVC: np.ndarray,
    frames: np.ndarray,
    persons: np.ndarray,
    num_persons: int,
    device: torch.device,
    *,
    keep_missing: bool = False,
) -> ClipRows:
    """Rows of clips that follow each other without gaps."""
    sizes = frames * persons
    joints_CRV = torch.from_numpy(joints_RVC).to(device).permute(2, 0, 1).contiguous()

    def take(rows: Tensor) -> Tensor:
        c, _, v = joints_CRV.shape
        return joints_CRV.index_select(1, rows.flatten()).view(c, *rows.shape, v)

    where = (frames, persons, np.cumsum(sizes) - sizes)
    return _rows(take, joints_RVC, *where, num_persons, device, keep_missing=keep_missing)


def rows_on_disk(
    store: ClipStore, clips: np.ndarray, num_persons: int, device: torch.device, *, keep_missing: bool = False
) -> ClipRows:
    """Leave the frames in the store's memory-mapped file."""

    def take(rows: Tensor) -> Tensor:
        return torch.from_numpy(store.joints[rows.numpy()]).to(device).movedim(-1, 0)

    where = (store.frames[clips], store.persons[clips], store.offsets[clips])
    return _rows(take, store.joints, *where, num_persons, torch.device("cpu"), keep_missing=keep_missing)


def _rows(
    take: Take,
    joints_RVC: np.ndarray,
    frames: np.ndarray,
    persons: np.ndarray,
    offsets: np.ndarray,
    num_persons: int,
    home: torch.device,
    *,
    keep_missing: bool,
) -> ClipRows:
    frames, persons, offsets = (np.asarray(a, dtype=np.int64) for a in (frames, persons, offsets))
    tables = [torch.from_numpy(a).to(home) for a in (frames, persons, offsets)]
    looked_at = [_seen(joints_RVC, frames, persons, offsets, person) for person in range(num_persons)]
    seen_N2M = np.stack([seen_N2 for seen_N2, _ in looked_at], axis=2)
    is_finite_N = np.logical_and.reduce([finite_N for _, finite_N in looked_at])
    other = torch.nan if keep_missing else 0.0
    return ClipRows(
        take if is_finite_N.all() else lambda rows: torch.nan_to_num(take(rows), other, other, other),
        home,
        *tables,
        host_frames_N=frames,
        host_persons_N=persons,
        seen_N2M=seen_N2M,
        not_finite=np.flatnonzero(~is_finite_N & (not keep_missing)),
    )


def _seen(
    joints_RVC: np.ndarray, frames: np.ndarray, persons: np.ndarray, offsets: np.ndarray, person: int
) -> tuple[np.ndarray, np.ndarray]:
    """(N, 2) first and last frame in which this person of each clip is there; (N,) whether all is finite."""
    seen_N2, is_finite_N = np.tile(_NEVER, (len(frames), 1)), np.ones(len(frames), dtype=bool)
    (has,) = np.nonzero(persons > person)
    ends = np.cumsum(frames[has])
    start = 0
    while start < len(has):  # whole clips, about _CHUNK rows at a time
        stop = max(start + 1, int(np.searchsorted(ends, ends[start] + _CHUNK)))
        some = has[start:stop]
        seen_N2[some], is_finite_N[some] = _seen_in(
            joints_RVC, frames[some], offsets[some] + person * frames[some]
        )
        start = stop
    return seen_N2, is_finite_N


def _seen_in(
    joints_RVC: np.ndarray, lengths: np.ndarray, firsts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of each run of rows: (N, 2) first and last with a number that is not 0, counted from its start; (N,)
    whether all its numbers are finite."""
    before = np.cumsum(lengths) - lengths
    frame_R = np.arange(lengths.sum()) - np.repeat(before, lengths)
    joints_RD = joints_RVC[frame_R + np.repeat(firsts, lengths)].reshape(len(frame_R), -1)
    is_there_R = ((joints_RD != 0) & ~np.isnan(joints_RD)).any(axis=1)
    first_N = np.minimum.reduceat(np.where(is_there_R, frame_R, _NEVER[0]), before)
    last_N = np.maximum.reduceat(np.where(is_there_R, frame_R, _NEVER[1]), before)
    is_finite_N = np.logical_and.reduceat(np.isfinite(joints_RD).all(axis=1), before)
    return np.stack([first_N, last_N], axis=1), is_finite_N

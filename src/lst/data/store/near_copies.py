"""Clips that are nearly equal: rounded, moved, scaled or cut copies of another. NumPy only.

The finder of equal clips (`defects`) sees the same numbers only. Here every frame of the first person is
centred on its joints' mean and divided by their spread; some coarse projections of it are its key. Clips with
many keys in common are compared frame by frame.

Letters: T frames, V joints, C channels, P projections.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

_PROJECTIONS = 6
_STEP = 0.5
"""Width of a projection's bins; the projections of a pose have a spread of 1."""
_CROWD = 16
"""A pose in more clips than this, such as standing still, says nothing."""
_SHARE = 0.6
"""Frames of the shorter clip that must agree."""
_TOLERANCE = 0.02
"""Largest mean difference of joints, in parts of the body's spread: 1 cm for a person of 1.7 m."""


def near_copies(
    clip_ids: Sequence[str], joints: Callable[[int], np.ndarray], num_coordinates: int
) -> list[tuple[str, str]]:
    """Pairs (clip, later clip) of which one is nearly a copy, or a piece, of the other.

    Args:
        joints: number of a clip -> (M, T, V, C); read again for the pairs that are looked at closely.
        num_coordinates: channels that are coordinates; a confidence behind them is not looked at.
    """
    owners: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for i in range(len(clip_ids)):
        for t, key in _keys(_shape_of(joints(i), num_coordinates)):
            places = owners.setdefault(key, [])
            if sum(j == i for j, _ in places[-2:]) < 2:  # a pose that comes again and again counts twice
                places.append((i, t))
    found = []
    for (first, later), shifts in sorted(_candidates(owners.values()).items()):
        one, other = (_shape_of(joints(i), num_coordinates) for i in (first, later))
        if any(_agree(one, other, shift) for shift, _ in shifts.most_common(3)):
            found.append((clip_ids[first], clip_ids[later]))
    return found


def _shape_of(joints_MTVC: np.ndarray, num_coordinates: int) -> np.ndarray:
    """(T, V * C) pose of the first person without place and size; an empty frame is NaN."""
    x_TVC = np.nan_to_num(np.asarray(joints_MTVC[0, :, :, :num_coordinates], dtype=np.float64))
    x_TVC = x_TVC - x_TVC.mean(axis=1, keepdims=True)
    size_T = np.sqrt((x_TVC**2).sum(axis=2).mean(axis=1))
    size_T[size_T == 0] = np.nan
    return (x_TVC / size_T[:, None, None]).reshape(len(x_TVC), -1)


def _keys(shape_TX: np.ndarray) -> Iterator[tuple[int, tuple[int, ...]]]:
    """(frame, key); of frames in a row with equal keys the first."""
    num = shape_TX.shape[1]
    weights_XP = np.random.default_rng(num).normal(size=(num, _PROJECTIONS)) / np.sqrt(num / 3)
    bins_TP = np.floor(shape_TX @ weights_XP / _STEP)
    before = None
    for t, row in enumerate(bins_TP):
        if np.isnan(row).any():
            continue
        key = tuple(row.astype(int).tolist())
        if key != before:
            yield t, key
        before = key


def _candidates(places: Iterable[list[tuple[int, int]]]) -> dict[tuple[int, int], Counter[int]]:
    """Pairs of clips -> by how many frames one is shifted against the other, with votes."""
    found: dict[tuple[int, int], Counter[int]] = {}
    for owners in places:
        if len({i for i, _ in owners}) > _CROWD:
            continue
        for a, (i, t) in enumerate(owners):
            for j, u in owners[a + 1 :]:
                if i != j:
                    found.setdefault((i, j), Counter())[u - t] += 1
    return found


def _agree(first_TX: np.ndarray, later_TX: np.ndarray, shift: int) -> bool:
    """Whether frame t of the first is frame t + shift of the later, over most of the shorter one."""
    start, stop = max(0, -shift), min(len(first_TX), len(later_TX) - shift)
    if stop - start < max(2, _SHARE * min(len(first_TX), len(later_TX))):
        return False
    difference_T = np.abs(first_TX[start:stop] - later_TX[start + shift : stop + shift]).mean(axis=1)
    return float(np.nanmax(difference_T, initial=0.0)) < _TOLERANCE and bool(np.isfinite(difference_T).any())

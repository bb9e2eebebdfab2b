"""Frames in which left and right change places: a detector's mistake, not a movement. NumPy only.

Letters: M persons, T frames, V joints, C channels, S pairs of joints (left and right of the same part).
"""

from collections.abc import Sequence

import numpy as np

from lst.data.own.names import plain_names

_APART = 0.15
"""Pairs nearer than this, in sizes of the body, say nothing: crossing and not crossing look alike."""
_BETTER = 0.5
"""Crossing over must make the joints' way at least this much shorter."""


def side_pairs(joints: Sequence[str]) -> list[tuple[int, int]]:
    """Positions of the left and the right joint of each part that has both."""
    plain = plain_names(joints)
    partners = {name[:-2]: v for v, name in enumerate(plain) if name.endswith("_r")}
    return [
        (v, partners[name[:-2]])
        for v, name in enumerate(plain)
        if name[-2:] == "_l" and name[:-2] in partners
    ]


def swapped_frames(joints_MTVC: np.ndarray, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Frames in which most pairs of somebody jump to each other's place, compared with the frame before.

    joints: coordinates only; a person who is 0 in all joints is not there.
    """
    if not pairs or joints_MTVC.shape[1] < 2:
        return []
    left, right = (list(side) for side in zip(*pairs, strict=True))
    found: set[int] = set()
    for joints_TVC in np.asarray(joints_MTVC, dtype=np.float64):
        there_T = joints_TVC.any(axis=(1, 2))
        size = _size(joints_TVC[there_T])
        l_TSC, r_TSC = joints_TVC[:, left], joints_TVC[:, right]
        straight = _way(l_TSC, l_TSC) + _way(r_TSC, r_TSC)
        crossed = _way(l_TSC, r_TSC) + _way(r_TSC, l_TSC)
        apart = np.linalg.norm(l_TSC - r_TSC, axis=-1) > _APART * size
        clear = apart[1:] & apart[:-1]
        jumps = clear & (crossed < _BETTER * straight)
        most = (jumps.sum(axis=1) > 0.5 * clear.sum(axis=1)) & (jumps.sum(axis=1) >= min(2, len(pairs)))
        found |= set((np.flatnonzero(most & there_T[1:] & there_T[:-1]) + 1).tolist())
    return sorted(found)


def _way(from_TSC: np.ndarray, to_TSC: np.ndarray) -> np.ndarray:
    """(T - 1, S) distance of the first in each frame to the second in the next."""
    return np.linalg.norm(to_TSC[1:] - from_TSC[:-1], axis=-1)


def _size(joints_TVC: np.ndarray) -> float:
    """Largest extent of the body, the median over frames."""
    if not len(joints_TVC):
        return 1.0
    return float(np.median(np.ptp(joints_TVC, axis=1).max(axis=-1)))

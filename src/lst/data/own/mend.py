"""Missing joints, missing frames, too many persons: what can be filled is filled, all of it is counted.

A gap of at most `max_gap` frames is filled in a straight line over time. In a longer one, and before the
first and after the last sight, a joint stays where it was last (or next) seen; one that is never seen in a
clip lies on its parent. Where scores are kept, joints of the latter two kinds have score 0. Whoever is not
there for longer than `max_gap` frames is 0 in all joints meanwhile; frames without anybody are left out.

Letters: M persons, T frames, V joints, C channels.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lst.data.own.recording import ReadError


@dataclass(frozen=True)
class MendRules:
    """How to mend.

    Attributes:
        min_score: joints below it are missing.
        max_gap: frames.
        num_persons: so many of the longest seen stay.
    """

    min_score: float = 0.0
    max_gap: int = 10
    num_persons: int = 2

    def __post_init__(self) -> None:
        if not 0 <= self.min_score <= 1:
            raise ValueError(f"--min-score: expected 0 to 1, got {self.min_score}")
        if self.max_gap < 0 or self.num_persons < 1:
            raise ValueError("--max-gap must be 0 or more, --persons 1 or more")


def mended(
    joints_MTVC: np.ndarray,
    scores_MTV: np.ndarray | None,
    parents: Sequence[int],
    rules: MendRules,
) -> tuple[np.ndarray, Counter[str]]:
    """float32 (M, T, V, C) without NaN, 2-D poses with the score behind x and y; and what was done.

    The scores of 3-D joints only say which of them are missing.

    Args:
        parents: index of the parent of each joint, the root its own.

    Raises:
        ReadError: nobody is seen in any frame.
    """
    remarks: Counter[str] = Counter()
    joints_MTVC = joints_MTVC.copy()
    joints_MTVC[np.isnan(joints_MTVC).any(axis=-1)] = np.nan
    if scores_MTV is not None:
        scores_MTV = _scores(scores_MTV, joints_MTVC, rules, remarks)
    joints_MTVC, scores_MTV = _longest_seen(joints_MTVC, scores_MTV, rules, remarks)
    there_MT = np.stack([_there(seen_T, rules.max_gap) for seen_T in _seen(joints_MTVC)])
    kept_T = there_MT.any(axis=0)
    remarks["frames without anybody left out"] += int((~kept_T).sum())
    joints_MTVC, there_MT = joints_MTVC[:, kept_T], there_MT[:, kept_T]
    scores_MTV = None if scores_MTV is None else scores_MTV[:, kept_T]
    remarks["frozen frames (equal to the one before)"] += _frozen(joints_MTVC)
    for m, there_T in enumerate(there_MT):
        own_scores = None if scores_MTV is None else scores_MTV[m]
        _fill_person(joints_MTVC[m], own_scores, there_T, parents, rules.max_gap, remarks)
    if scores_MTV is not None and joints_MTVC.shape[-1] == 2:
        joints_MTVC = np.concatenate([joints_MTVC, scores_MTV[..., None]], axis=-1)
    return joints_MTVC.astype(np.float32), +remarks


def _seen(joints_MTVC: np.ndarray) -> np.ndarray:
    """(M, T) who is seen with at least one joint."""
    return np.asarray(np.isfinite(joints_MTVC[..., 0]).any(axis=2))


def _scores(
    scores_MTV: np.ndarray, joints_MTVC: np.ndarray, rules: MendRules, remarks: Counter[str]
) -> np.ndarray:
    """0 to 1; joints below the least score become missing in `joints_MTVC`."""
    scores_MTV = np.nan_to_num(scores_MTV, nan=0.0)
    remarks["scores above 1 set to 1"] += int((scores_MTV > 1).sum())
    scores_MTV = np.clip(scores_MTV, 0.0, 1.0)
    seen = np.isfinite(joints_MTVC[..., 0])
    weak = seen & (scores_MTV < rules.min_score)
    remarks[f"joints with a score below {rules.min_score:g} taken as missing"] += int(weak.sum())
    joints_MTVC[weak] = np.nan
    scores_MTV[~seen | weak] = 0.0
    return scores_MTV


def _longest_seen(
    joints_MTVC: np.ndarray, scores_MTV: np.ndarray | None, rules: MendRules, remarks: Counter[str]
) -> tuple[np.ndarray, np.ndarray | None]:
    frames_M = _seen(joints_MTVC).sum(axis=1)
    if not frames_M.any():
        raise ReadError("no joint is seen in any frame")
    order = [m for m in np.argsort(-frames_M, kind="stable") if frames_M[m]]
    remarks["persons dropped, who are seen for a shorter time"] += len(order) - len(
        order[: rules.num_persons]
    )
    order = order[: rules.num_persons]
    return joints_MTVC[order], None if scores_MTV is None else scores_MTV[order]


def _there(seen_T: np.ndarray, max_gap: int) -> np.ndarray:
    """(T,) seen, or in a gap of at most `max_gap` frames."""
    times = np.flatnonzero(seen_T)
    there_T = seen_T.copy()
    for before, after in pairwise(times):
        if 1 < after - before <= max_gap + 1:
            there_T[before:after] = True
    return there_T


def _frozen(joints_MTVC: np.ndarray) -> int:
    """Frames whose joints all lie where they lay in the frame before."""
    now, before = joints_MTVC[:, 1:], joints_MTVC[:, :-1]
    same = ((now == before) | (np.isnan(now) & np.isnan(before))).all(axis=(2, 3))
    return int((same & _seen(joints_MTVC)[:, 1:]).all(axis=0).sum())


def _fill_person(
    joints_TVC: np.ndarray,
    scores_TV: np.ndarray | None,
    there_T: np.ndarray,
    parents: Sequence[int],
    max_gap: int,
    remarks: Counter[str],
) -> None:
    """Changes joints and scores in place; joints are 0 where the person is not there."""
    missing_TV = np.isnan(joints_TVC[..., 0]) & there_T[:, None]
    never = [v for v in range(joints_TVC.shape[1]) if np.isnan(joints_TVC[there_T, v, 0]).all()]
    for v in np.flatnonzero(missing_TV.any(axis=0)):
        if v not in never:
            _fill_joint(
                joints_TVC[:, v], None if scores_TV is None else scores_TV[:, v], max_gap, there_T, remarks
            )
    for v in _outward(never, parents):
        if parents[v] == v:  # the root
            joints_TVC[there_T, v] = np.nanmean(joints_TVC[there_T], axis=1)
        else:
            joints_TVC[there_T, v] = joints_TVC[there_T, parents[v]]
    remarks["joints never seen in a clip, put on their parent"] += len(never)
    joints_TVC[~there_T] = 0.0
    if scores_TV is not None:
        scores_TV[~there_T] = 0.0


def _outward(joints: list[int], parents: Sequence[int]) -> list[int]:
    """Parents before children."""

    def depth(v: int) -> int:
        steps = 0
        while parents[v] != v:
            v, steps = parents[v], steps + 1
        return steps

    return sorted(joints, key=depth)


def _fill_joint(
    joint_TC: np.ndarray,
    scores_T: np.ndarray | None,
    max_gap: int,
    there_T: np.ndarray,
    remarks: Counter[str],
) -> None:
    """In a straight line over short gaps, the nearest sight elsewhere."""
    times = np.flatnonzero(np.isfinite(joint_TC[:, 0]))
    lost = np.flatnonzero(np.isnan(joint_TC[:, 0]) & there_T)
    after = np.searchsorted(times, lost)
    inside = (after > 0) & (after < len(times))
    left, right = times[np.maximum(after - 1, 0)], times[np.minimum(after, len(times) - 1)]
    short = inside & (right - left <= max_gap + 1)
    nearest = np.where((after == 0) | (inside & (right - lost < lost - left)), right, left)
    share = (lost - left) / np.maximum(right - left, 1)
    between = joint_TC[left] + share[:, None] * (joint_TC[right] - joint_TC[left])
    joint_TC[lost] = np.where(short[:, None], between, joint_TC[nearest])
    if scores_T is not None:
        scores_T[lost] = np.where(short, scores_T[left] + share * (scores_T[right] - scores_T[left]), 0.0)
    remarks[f"joints filled over gaps of at most {max_gap} frames"] += int(short.sum())
    remarks[f"joints held in gaps of more than {max_gap} frames"] += int((~short & inside).sum())
    remarks["joints held before the first or after the last sight"] += int((~inside).sum())

"""NTU RGB+D: which tracked bodies are no persons, and who moves most (data.md 1.4, steps 1 to 3).

Both pipelines clean files of several bodies this way. Letters: T frames, V joints, C channels.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

Notes = Counter[str]
"""How often something happened to a clip that a reader of results may want to know; see `ntu_notes`."""

MAX_NOISE_FRAMES = 11
_MAX_SPREAD = np.float32(0.8)
"""float32 as NumPy 2 has it in the reference; NumPy 1 would decide exact ties in float64."""
_MAX_WIDE_SHARE = 0.69754


@dataclass(frozen=True, eq=False, kw_only=True)
class Body:
    """What both pipelines know about a tracking id."""

    joints_TVC: np.ndarray
    """Where it was seen, in order."""
    motion: float = 0.0


AnyBody = TypeVar("AnyBody", bound=Body)


def motion_of(joints_TVC: np.ndarray) -> float:
    """Sum over x, y and z of the variance over all joints and frames."""
    return float(joints_TVC.reshape(-1, 3).var(axis=0).sum())


def by_motion(bodies: Sequence[AnyBody]) -> list[AnyBody]:
    """Largest first, those without a number last; equal ones keep their order."""
    return sorted(bodies, key=lambda body: math.inf if math.isnan(body.motion) else -body.motion)


def long_ones(bodies: Sequence[AnyBody], notes: Notes) -> list[AnyBody]:
    """Those that are seen in 12 frames or more; perhaps none."""
    long = [body for body in bodies if len(body.joints_TVC) > MAX_NOISE_FRAMES]
    notes["short_bodies"] += len(bodies) - len(long) if long else 0
    return long


def without_wide(bodies: Sequence[AnyBody], notes: Notes) -> list[AnyBody]:
    """Delete what is wider than a person in most of its frames, such as a chair, but never the last body."""
    kept = list(bodies)
    for body in bodies if len(bodies) > 1 else ():
        is_good_T = _is_upright(body.joints_TVC)
        is_wide = (~is_good_T).sum() / len(is_good_T) >= _MAX_WIDE_SHARE
        if len(kept) == 1:
            notes["all_wide"] += int(is_wide)
            break
        if is_wide:
            notes["wide_bodies"] += 1
            kept.remove(body)
        elif not is_good_T.all():
            motion = min(body.motion, motion_of(body.joints_TVC[is_good_T]))
            kept[kept.index(body)] = replace(body, motion=motion)
    return kept


def _is_upright(joints_TVC: np.ndarray) -> np.ndarray:
    x_VT, y_VT = np.ascontiguousarray(joints_TVC[..., :2].transpose(2, 1, 0))  # extremes of whole rows: fast
    return x_VT.max(axis=0) - x_VT.min(axis=0) <= _MAX_SPREAD * (y_VT.max(axis=0) - y_VT.min(axis=0))

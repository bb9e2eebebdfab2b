"""What a sensor reports of synthetic persons: bodies under tracking ids, with accidents. NumPy only.

Accidents as in data.md 1.2. Letters: T frames, V joints, C channels, B bodies over all frames.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lst.data.ntu.raw_fast import RawBodies

_FIRST_ID = 72057594037900000  # the sensor counts its bodies from 2^56 on


@dataclass(frozen=True, eq=False)
class Sight:
    """One tracking id: the frames it is seen in (increasing) and its joints there, (T, V, C)."""

    body_id: bytes
    frames_T: np.ndarray
    joints_TVC: np.ndarray

    def at(self, is_seen_T: np.ndarray, body_id: bytes | None = None) -> "Sight":
        """Some of its frames, perhaps under another id."""
        return Sight(body_id or self.body_id, self.frames_T[is_seen_T], self.joints_TVC[is_seen_T])


def new_id(rng: np.random.Generator) -> bytes:
    return str(_FIRST_ID + int(rng.integers(100_000))).encode()


def new_sights(persons_MTVC: np.ndarray, rng: np.random.Generator) -> list[Sight]:
    """Every person seen in every frame."""
    frames_T = np.arange(persons_MTVC.shape[1])
    return [Sight(new_id(rng), frames_T, joints_TVC) for joints_TVC in persons_MTVC]


def seen_late(sights: list[Sight], rng: np.random.Generator) -> list[Sight]:
    """Nobody is seen in the first frames."""
    first = rng.integers(1, 11)
    return [sight.at(sight.frames_T >= first) for sight in sights]


def with_noise(sights: list[Sight], rng: np.random.Generator) -> list[Sight]:
    """For a few frames the sensor takes something beside the first person for a body."""
    first = sights[0]
    length = int(rng.integers(2, 12))  # at most the 11 frames that the reference counts as noise
    start = int(rng.integers(len(first.frames_T) - length + 1))
    seen = first.at((first.frames_T >= start) & (first.frames_T < start + length), new_id(rng))
    beside_TVC = seen.joints_TVC + rng.normal([0.7, 0.0, 0.4], 0.05, size=seen.joints_TVC.shape)
    return [*sights, Sight(seen.body_id, seen.frames_T, beside_TVC)]


def with_new_id(sights: list[Sight], rng: np.random.Generator) -> list[Sight]:
    """The last person is lost for a moment and returns under a new id."""
    *others, last = sights
    lost = int(rng.integers(12, len(last.frames_T) - 12))
    back = lost + int(rng.integers(1, 6))
    before, after = last.at(last.frames_T < lost), last.at(last.frames_T >= back, new_id(rng))
    return [*others, before, after]


ACCIDENTS: tuple[Callable[[list[Sight], np.random.Generator], list[Sight]], ...] = (
    seen_late,
    with_noise,
    with_new_id,
)


def to_raw(num_frames: int, sights: Sequence[Sight]) -> RawBodies:
    """All sights in the order of a file: by frame, in a frame by the order given."""
    frames_B = np.concatenate([sight.frames_T for sight in sights])
    ids = np.repeat([sight.body_id for sight in sights], [len(sight.frames_T) for sight in sights])
    order_B = np.argsort(frames_B, kind="stable")
    joints_BVC = np.concatenate([sight.joints_TVC for sight in sights])[order_B]
    counts_T = np.bincount(frames_B, minlength=num_frames)
    return RawBodies(counts_T, ids[order_B].tolist(), joints_BVC, 0)

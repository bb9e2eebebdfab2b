"""Who is who over time: single detections, with or without track ids, become persons with all their frames.

Without ids a person of one frame is the nearest one of the frames before, if that is nearer than the person
is large; the nearest pairs are joined first. Letters: D detections (one person in one frame), M persons,
T frames, V joints, C channels.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from lst.data.own.recording import ReadError

UNKNOWN = -1
"""The person of a detection without a track id."""
MAX_TRACKS = 20
"""More persons than these, the longest seen, are not kept in memory."""
LOST_AFTER = 30
"""A person who was not seen for that many frames is a new one."""
LONG_JUMP = 300
"""Frame numbers that jump further are not restored: the file goes on elsewhere in time."""


@dataclass(frozen=True, eq=False)
class Detections:
    """One person in one frame, D times, in any order."""

    frames_D: np.ndarray
    """int64 frame numbers."""
    persons_D: np.ndarray
    """int64 track ids, or UNKNOWN."""
    joints_DVC: np.ndarray
    """float64, NaN = missing."""
    scores_DV: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Tracks:
    """The same as persons with all their frames; NaN where somebody is not there."""

    joints_MTVC: np.ndarray
    scores_MTV: np.ndarray | None
    numbers_T: np.ndarray
    remarks: Counter[str]


def tracks_of(found: Detections) -> Tracks:
    """Link, drop repeated frames, restore absent ones. The longest seen person comes first.

    Raises:
        ReadError: there is no detection.
    """
    if len(found.frames_D) == 0:
        raise ReadError("no person is seen in any frame")
    order_D = np.argsort(found.frames_D, kind="stable")
    scores_DV = None if found.scores_DV is None else found.scores_DV[order_D]
    found = Detections(
        found.frames_D[order_D], found.persons_D[order_D], found.joints_DVC[order_D], scores_DV
    )
    remarks: Counter[str] = Counter()
    persons_D = linked(found)
    keep_D = _first_of_each(found.frames_D, persons_D)
    remarks["repeated frames dropped"] += int((~keep_D).sum())
    ids, seen = np.unique(persons_D[keep_D], return_counts=True)
    longest = ids[np.argsort(-seen, kind="stable")][:MAX_TRACKS]
    remarks[f"persons beyond the {MAX_TRACKS} longest seen dropped"] += len(ids) - len(longest)
    numbers_T = _restored(np.unique(found.frames_D), remarks)
    shape = (len(longest), len(numbers_T), *found.joints_DVC.shape[1:])
    joints_MTVC = np.full(shape, np.nan)
    scores_MTV = None if scores_DV is None else np.full(shape[:3], np.nan)
    for m, person in enumerate(longest):
        rows = keep_D & (persons_D == person)
        times = np.searchsorted(numbers_T, found.frames_D[rows])
        joints_MTVC[m, times] = found.joints_DVC[rows]
        if scores_MTV is not None and found.scores_DV is not None:
            scores_MTV[m, times] = found.scores_DV[rows]
    return Tracks(joints_MTVC, scores_MTV, numbers_T, +remarks)


def _first_of_each(frames_D: np.ndarray, persons_D: np.ndarray) -> np.ndarray:
    """(D,) bool: the first detection of a person in a frame."""
    pairs = np.stack([frames_D, persons_D], axis=1)
    _, first = np.unique(pairs, axis=0, return_index=True)
    keep_D = np.zeros(len(frames_D), dtype=bool)
    keep_D[first] = True
    return keep_D


def _restored(numbers: np.ndarray, remarks: Counter[str]) -> np.ndarray:
    """All frame numbers at the usual step; adds to `remarks`."""
    if len(numbers) < 3:
        return numbers
    steps = np.diff(numbers)
    usual = int(np.median(steps))
    absent = np.maximum(np.rint(steps / usual).astype(np.int64) - 1, 0)
    jumps = absent * usual > LONG_JUMP
    remarks[f"jumps of more than {LONG_JUMP} frame numbers"] += int(jumps.sum())
    absent[jumps] = 0
    remarks["absent frames restored"] += int(absent.sum())
    filled = [
        first + np.rint(np.arange(count + 1) * (step / (count + 1))).astype(np.int64)
        for first, step, count in zip(numbers[:-1], steps, absent, strict=True)
    ]
    return np.concatenate([*filled, numbers[-1:]])


def linked(found: Detections) -> np.ndarray:
    """(D,) track ids for detections in order of their frames; known ids stay as they are."""
    persons_D = found.persons_D.copy()
    unknown = np.flatnonzero(persons_D == UNKNOWN)
    if len(unknown) == 0:
        return persons_D
    next_id = int(persons_D.max()) + 1
    last: dict[int, int] = {}  # track -> its latest detection
    starts = np.flatnonzero(np.diff(found.frames_D[unknown], prepend=found.frames_D[unknown[0]] - 1))
    for rows in np.split(unknown, starts[1:]):
        now = found.frames_D[rows[0]]
        last = {track: d for track, d in last.items() if now - found.frames_D[d] <= LOST_AFTER}
        pairs = _pairs(found, rows, last)
        taken: set[int] = set()
        taken_tracks: set[int] = set()
        for _, d, track in sorted(pairs):
            if d not in taken and track not in taken_tracks:
                taken.add(d)
                taken_tracks.add(track)
                persons_D[d] = track
        for d in rows:
            if persons_D[d] == UNKNOWN:
                persons_D[d] = next_id
                next_id += 1
            last[int(persons_D[d])] = int(d)
    return persons_D


def _pairs(found: Detections, rows: np.ndarray, last: dict[int, int]) -> list[tuple[float, int, int]]:
    """(distance, detection, track) of all that may be the same person."""
    return [
        (distance, int(d), track)
        for d in rows
        for track, before in last.items()
        if (distance := _distance(found.joints_DVC[d], found.joints_DVC[before])) < 1
    ]


def _distance(a_VC: np.ndarray, b_VC: np.ndarray) -> float:
    """Mean distance of the joints that both have, in sizes of the body; infinite if there is none."""
    both_V = np.isfinite(a_VC).all(axis=1) & np.isfinite(b_VC).all(axis=1)
    if not both_V.any():
        return np.inf
    size = max(float(np.ptp(x_VC[both_V], axis=0).max()) for x_VC in (a_VC, b_VC))
    apart = float(np.linalg.norm(a_VC[both_V] - b_VC[both_V], axis=1).mean())
    return apart / size if size > 0 else np.inf

"""NTU RGB+D, the reference's steps A and B: from bodies with tracking ids to one or two persons.

data.md 1.3 and 1.4, oddities included: they decide the numbers of every published result. Where the reference
stops its whole run, a `RawFileError` says what is wrong with this file. Letters: T frames, B bodies over all
frames, V joints, C channels, D numbers per frame (75 per person: joint * 3 + channel).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from lst.data.ntu.noise import MAX_NOISE_FRAMES, Body, Notes, by_motion, long_ones, motion_of, without_wide
from lst.data.ntu.raw import RawBodies, RawFileError

__all__ = ["PERSON", "Notes", "ShortRule", "choose_persons"]

ShortRule = Literal["leave_out", "keep"]
"""A file with several bodies, all of them shorter than 12 frames: leave it out (it stops the reference), or
keep the body that moves most."""

PERSON = 75


@dataclass(frozen=True, eq=False, kw_only=True)
class _Body(Body):
    """All sights of one tracking id, as a run without gaps from its first frame on."""

    start: int
    gap: int
    """Frames without it between its first and its last sight: the squeezed-out time."""

    @property
    def last(self) -> int:
        return self.start + len(self.joints_TVC) - 1

    def write(self, x_TD: np.ndarray, person: int) -> None:
        columns = slice(person * PERSON, (person + 1) * PERSON)
        x_TD[self.start : self.last + 1, columns] = self.joints_TVC.reshape(-1, PERSON)


def choose_persons(raw: RawBodies, notes: Notes, short: ShortRule = "leave_out") -> np.ndarray:
    """float32 (T, 75) for one person or (T, 150) for two; a person who is absent is 0. Adds to `notes`.

    A file with two or more tracking ids is cleaned: bodies that are short or wide go, the two that move most
    stay, frames in which nobody is left go. A file with one id is taken as it is.

    Raises:
        RawFileError: no body at all, or none that is long enough.
    """
    is_seen_T = raw.bodies_T > 0
    if not is_seen_T.any():
        raise RawFileError(f"no body in any of {len(is_seen_T)} frames")
    notes["frames_without_body"] += int((~is_seen_T).sum())
    num_frames = int(is_seen_T.sum())
    bodies = _bodies(raw, is_seen_T)
    if len(bodies) == 1:
        return _one_person(bodies[0], num_frames, notes)
    bodies = [replace(body, motion=motion_of(body.joints_TVC)) for body in bodies]
    bodies = without_wide(_without_short(bodies, notes, short), notes)
    if len(bodies) == 1:
        x_TD = _one_person(bodies[0], num_frames, notes)
    else:
        x_TD = _two_persons(bodies, num_frames, notes)
    is_empty_T = x_TD.sum(axis=1) == 0
    notes["empty_frames"] += int(is_empty_T.sum())
    return x_TD[~is_empty_T]


def _bodies(raw: RawBodies, is_seen_T: np.ndarray) -> list[_Body]:
    """One per tracking id, in the order of their first sight. Time is the frames that have a body."""
    if len(set(raw.ids)) == 1:  # four files of five: without copying
        return [_Body(start=0, joints_TVC=raw.joints_BVC, gap=0)]
    frames_B = np.repeat(np.cumsum(is_seen_T) - 1, raw.bodies_T)
    sights: dict[bytes, list[int]] = {}
    for row, body_id in enumerate(raw.ids):
        sights.setdefault(body_id, []).append(row)
    # A body whose sights have a gap moves to earlier frames: the oddity of data.md 1.3, step 2.
    return [
        _Body(
            start=int(frames_B[rows[0]]),
            joints_TVC=raw.joints_BVC[rows],
            gap=int(frames_B[rows[-1]] - frames_B[rows[0]]) + 1 - len(rows),
        )
        for rows in sights.values()
    ]


def _without_short(bodies: Sequence[_Body], notes: Notes, short: ShortRule) -> list[_Body]:
    if long := long_ones(bodies, notes):
        return long
    if short == "keep":
        notes["kept_short"] += 1
        return by_motion(bodies)[:1]
    raise RawFileError(f"all {len(bodies)} bodies shorter than {MAX_NOISE_FRAMES + 1} frames")


def _one_person(body: _Body, num_frames: int, notes: Notes) -> np.ndarray:
    notes["gap_frames"] += body.gap
    x_TD = np.zeros((num_frames, PERSON), dtype=np.float32)
    body.write(x_TD, 0)
    return x_TD


def _two_persons(bodies: Sequence[_Body], num_frames: int, notes: Notes) -> np.ndarray:
    first, *others = by_motion(bodies)
    x_TD = np.zeros((num_frames, 2 * PERSON), dtype=np.float32)
    first.write(x_TD, 0)
    notes["gap_frames"] += first.gap
    # Person 2 begins with the interval [0, 0], and its start stays 0 (data.md 1.4, step 4).
    spans = [(first.start, first.last), (0, 0)]
    for body in others:
        person = next((m for m, span in enumerate(spans) if _is_free(span, body)), None)
        if person is None:
            notes["left_out_bodies"] += 1
            continue
        body.write(x_TD, person)
        notes["gap_frames"] += body.gap
        start, last = spans[person]
        spans[person] = (min(start, body.start), max(last, body.last))
    return x_TD


def _is_free(span: tuple[int, int], body: _Body) -> bool:
    """Whether they do not overlap; one common frame counts as none and is overwritten."""
    return min(span[1], body.last) - max(span[0], body.start) <= 0

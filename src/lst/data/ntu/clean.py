"""NTU RGB+D, the corrected variant beside the reference: from bodies with tracking ids to one or two persons.

Everybody stays at the true time, what was lost for a while is filled, and 0 means that somebody is absent.
docs/data.md has the differences to the reference. Letters: M persons, T frames, B bodies over all frames,
V joints, C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lst.data.ntu.noise import Body, Notes, by_motion, long_ones, motion_of, without_wide
from lst.data.ntu.pieces import Piece, join_pieces
from lst.data.ntu.raw import NUM_JOINTS, RawBodies, RawFileError

__all__ = ["clean_joints"]

_SPINE_MID = 1


@dataclass(frozen=True, eq=False, kw_only=True)
class _Body(Body):
    """All sights of one tracking id."""

    frames_T: np.ndarray
    """The true frame of every sight, ascending."""

    @property
    def start(self) -> int:
        return int(self.frames_T[0])

    @property
    def last(self) -> int:
        return int(self.frames_T[-1])


def clean_joints(raw: RawBodies, notes: Notes) -> np.ndarray:
    """float32 (M, T, 25, 3) of one person or two, centred; a person who is absent is 0. Adds to `notes`.

    Frames count from the first sight of a person to the last one of any. The origin is SpineMid of the first
    person, who moves most, in the first frame that has this person.

    Raises:
        RawFileError: no body at all, or one with a joint that is never finite.
    """
    bodies = _seen(raw, notes)
    if not bodies:
        raise RawFileError(f"no body in any of {len(raw.bodies_T)} frames")
    if len(bodies) > 1:
        bodies = long_ones(bodies, notes) or [_seen_longest(bodies, notes)]
    bodies = [_finite(body, notes) for body in bodies]
    if len(bodies) > 1:
        bodies = [replace(body, motion=motion_of(body.joints_TVC)) for body in bodies]
        bodies = without_wide(bodies, notes)
    chosen = _at_most_two(by_motion(bodies), notes)
    persons = _persons(chosen, notes)
    joints_MTVC = _written([[_every_frame(body, notes) for body in person] for person in persons])
    notes["trimmed_frames"] += len(raw.bodies_T) - joints_MTVC.shape[1]
    notes["nobody_frames"] += int((joints_MTVC == 0).all(axis=(0, 2, 3)).sum())
    if not np.isfinite(joints_MTVC).all():
        raise RawFileError("has coordinates that are too large to be positions")
    return joints_MTVC


def _seen(raw: RawBodies, notes: Notes) -> list[_Body]:
    """One per tracking id, in the order of their first sight. Joints that are all 0 are no sight."""
    is_sight_B = (raw.joints_BVC != 0).any(axis=(1, 2))
    notes["zero_sights"] += int((~is_sight_B).sum())
    frames_B = np.repeat(np.arange(len(raw.bodies_T)), raw.bodies_T)
    rows: dict[bytes, list[int]] = {}
    for row in np.flatnonzero(is_sight_B).tolist():
        rows.setdefault(raw.ids[row], []).append(row)
    return [_Body(joints_TVC=raw.joints_BVC[r], frames_T=frames_B[r]) for r in rows.values()]


def _seen_longest(bodies: Sequence[_Body], notes: Notes) -> _Body:
    notes["kept_longest"] += 1
    return max(bodies, key=lambda body: len(body.frames_T))  # of equal ones, the one seen first


def _finite(body: _Body, notes: Notes) -> _Body:
    """NaN and infinity are filled from the sights around, at both ends from the nearest one."""
    is_good_TV = np.asarray(np.isfinite(body.joints_TVC).all(axis=2))
    if is_good_TV.all():
        return body
    notes["filled_joints"] += int((~is_good_TV).sum())
    joints_TVC = body.joints_TVC.copy()
    for joint in np.flatnonzero(~is_good_TV.all(axis=0)).tolist():
        is_good_T = is_good_TV[:, joint]
        if not is_good_T.any():
            raise RawFileError(
                f"joint {joint + 1} of the body that comes in frame {body.start + 1} is NaN or infinite "
                f"in all {len(is_good_T)} frames"
            )
        good_T = body.frames_T[is_good_T]
        joints_TVC[:, joint] = _interpolated(body.frames_T, good_T, joints_TVC[is_good_T, joint])
    return replace(body, joints_TVC=joints_TVC)


def _every_frame(body: _Body, notes: Notes) -> _Body:
    """Frames between two sights are filled."""
    all_T = np.arange(body.start, body.last + 1)
    if len(all_T) == len(body.frames_T):
        return body
    notes["filled_frames"] += len(all_T) - len(body.frames_T)
    numbers_TD = body.joints_TVC.reshape(len(body.frames_T), -1)
    filled_TD = _interpolated(all_T, body.frames_T, numbers_TD)
    return replace(body, joints_TVC=filled_TD.reshape(-1, NUM_JOINTS, 3), frames_T=all_T)


def _interpolated(all_T: np.ndarray, known_T: np.ndarray, known_TD: np.ndarray) -> np.ndarray:
    """Every column on straight lines between its known frames; these keep their numbers."""
    columns = [np.interp(all_T, known_T, known_T_of_D) for known_T_of_D in known_TD.T]
    return np.stack(columns, axis=1).astype(np.float32)


def _at_most_two(bodies: Sequence[_Body], notes: Notes) -> list[_Body]:
    """In the order given, each body that has at most one of those before it beside it in all its frames."""
    beside_T = np.zeros(max(body.last for body in bodies) + 1, dtype=np.int64)
    chosen: list[_Body] = []
    for body in bodies:
        life = slice(body.start, body.last + 1)
        if beside_T[life].max() < 2:
            beside_T[life] += 1
            chosen.append(body)
    notes["left_out_bodies"] += len(bodies) - len(chosen)
    return chosen


def _persons(bodies: Sequence[_Body], notes: Notes) -> list[list[_Body]]:
    """Bodies -> the pieces of each person in time; the person with the first of the bodies comes first."""
    pieces = [
        Piece(body.start, body.last, body.joints_TVC[0, _SPINE_MID], body.joints_TVC[-1, _SPINE_MID])
        for body in bodies
    ]
    persons = [[bodies[number] for number in person] for person in join_pieces(pieces)]
    notes["unreachable_bodies"] += len(bodies) - sum(map(len, persons))
    first = min((body for person in persons for body in person), key=bodies.index)
    return sorted(persons, key=lambda person: first not in person)


def _written(persons: Sequence[Sequence[_Body]]) -> np.ndarray:
    """The centred joints (M, T, V, C) of persons that are there in every frame of their pieces."""
    start = min(pieces[0].start for pieces in persons)
    last = max(pieces[-1].last for pieces in persons)
    origin_C = persons[0][0].joints_TVC[0, _SPINE_MID]
    joints_MTVC = np.zeros((len(persons), last + 1 - start, NUM_JOINTS, 3), dtype=np.float32)
    for joints_TVC, pieces in zip(joints_MTVC, persons, strict=True):
        for body in pieces:
            joints_TVC[body.start - start : body.last + 1 - start] = body.joints_TVC - origin_C
    return joints_MTVC

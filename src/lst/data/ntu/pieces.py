"""NTU RGB+D, the corrected variant: which tracking ids are the same person, lost and found again.

A piece is a body with one id. All pieces are joined to one or two persons at once: first so that as few
frames as possible are left out, then to as few persons as possible, then with the smallest total distance
between the ends of what is joined. Going from piece to piece would let a newcomer take the place of a person
who goes on two centimetres away.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Piece", "join_pieces"]

REACH = 0.2
"""Metres per frame that SpineMid can move, 6 m/s at the Kinect's 30 frames: faster than anybody runs in
a room, four times a walk, and far below the 0.5 m between two people who stand side by side."""
MOST_PERSONS = 2
_MOST_WAYS = 500
"""Kept after each piece. Up to 30 pieces there are fewer, so the best is certain; clips have up to 10."""

Persons = tuple[tuple[int, ...], ...]
_Cost = tuple[int, int, float]


@dataclass(frozen=True, eq=False)
class Piece:
    """The first and the last frame of a body and where its SpineMid is then, (3,), metres."""

    start: int
    last: int
    first_C: np.ndarray
    last_C: np.ndarray


@dataclass(frozen=True)
class _Way:
    cost: _Cost
    """Frames left out, number of persons, total distance."""
    persons: Persons


def join_pieces(pieces: Sequence[Piece]) -> Persons:
    """Numbers of the pieces of each person in time; a piece that is in none is nobody's.

    A piece can follow another one that ended before it starts, at most `REACH` times the frames between the
    two away. For each pair of pieces that the persons may have last, only the best way so far can become the
    best at all, so there are few ways to follow.

    Args:
        pieces: of them at most two are there at any time.
    """
    ways = [_Way((0, 0, 0.0), ())]
    for number in sorted(range(len(pieces)), key=lambda i: (pieces[i].start, i)):
        best: dict[tuple[int, ...], _Way] = {}
        for way in ways:
            for new in _extended(way, number, pieces):
                key = tuple(sorted(person[-1] for person in new.persons))
                if key not in best or new.cost < best[key].cost:
                    best[key] = new
        ways = sorted(best.values(), key=lambda way: way.cost)[:_MOST_WAYS]
    return min(ways, key=lambda way: way.cost).persons


def _extended(way: _Way, number: int, pieces: Sequence[Piece]) -> list[_Way]:
    """With one more piece: as the next of a person, as a new person, or left out."""
    piece = pieces[number]
    out, count, total = way.cost
    found: list[_Way] = []
    for i, person in enumerate(way.persons):
        distance = distance_between(pieces[person[-1]], piece)
        if distance is not None:
            joined = (*way.persons[:i], (*person, number), *way.persons[i + 1 :])
            found.append(_Way((out, count, total + distance), joined))
    if count < MOST_PERSONS:
        found.append(_Way((out, count + 1, total), (*way.persons, (number,))))
    found.append(_Way((out + piece.last + 1 - piece.start, count, total), way.persons))
    return found


def distance_between(before: Piece, after: Piece) -> float | None:
    """Metres from the end of a piece to the start of a later one; None if nobody can be both."""
    gap = after.start - before.last
    if gap < 1:
        return None
    distance = float(np.linalg.norm(after.first_C.astype(np.float64) - before.last_C))
    return distance if distance <= REACH * gap else None

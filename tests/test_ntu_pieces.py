"""Pieces of bodies are joined to persons together: the best of all ways, checked against all ways."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lst.data.ntu.pieces import REACH, Persons, Piece, join_pieces


def piece(start: int, last: int, first: float, end: float | None = None) -> Piece:
    """Along x, in metres; it stays where it is if no end is given."""
    places = [np.float32([x, 1, 3]) for x in (first, first if end is None else end)]
    return Piece(start, last, *places)


def cost(pieces: list[Piece], persons: Persons) -> tuple[int, int, float] | None:
    """Frames left out, persons, total distance; None for a way that cannot be."""
    total = 0.0
    for numbers in persons:
        for before, after in pairwise(numbers):
            gap = pieces[after].start - pieces[before].last
            step = abs(float(pieces[after].first_C[0]) - float(pieces[before].last_C[0]))
            if gap < 1 or step > REACH * gap:
                return None
            total += step
    used = {number for numbers in persons for number in numbers}
    out = sum(x.last + 1 - x.start for i, x in enumerate(pieces) if i not in used)
    return out, len(persons), round(total, 6)


def best_of_all(pieces: list[Piece]) -> tuple[int, int, float]:
    """Every piece to person 0, to person 1, or to nobody."""
    order = sorted(range(len(pieces)), key=lambda i: pieces[i].start)
    ways = product(range(3), repeat=len(pieces))
    found = (
        cost(pieces, tuple(p for k in (0, 1) if (p := tuple(i for i in order if way[i] == k))))
        for way in ways
    )
    return min(x for x in found if x is not None)


@st.composite
def scenes(draw: st.DrawFn) -> list[Piece]:
    """Up to seven pieces, of which at most two are there at any time, within two metres."""
    there = np.zeros(200, dtype=int)
    pieces: list[Piece] = []
    places = st.integers(0, 40).map(lambda n: n / 20)
    for _ in range(draw(st.integers(1, 7))):
        start = draw(st.integers(0, 60))
        last = start + draw(st.integers(0, 25))
        if there[start : last + 1].max() < 2:
            there[start : last + 1] += 1
            pieces.append(piece(start, last, draw(places), draw(places)))
    return pieces


@settings(max_examples=150, deadline=None)
@given(scenes())
def test_no_way_is_better(pieces: list[Piece]):
    persons = join_pieces(pieces)
    assert len(persons) in (1, 2)
    assert cost(pieces, persons) == best_of_all(pieces)


@settings(max_examples=50, deadline=None)
@given(scenes(), st.randoms(use_true_random=False))
def test_the_order_of_the_pieces_changes_no_cost(pieces: list[Piece], random):
    mixed = random.sample(pieces, len(pieces))
    assert cost(pieces, join_pieces(pieces)) == cost(mixed, join_pieces(mixed))


@pytest.mark.parametrize("newcomer_first", [False, True])
def test_a_newcomer_does_not_take_the_place_of_who_goes_on(newcomer_first: bool):
    """One person until frame 19; then it goes on 2 cm away under a new id, and another stands 0.86 m away."""
    pieces = [piece(0, 19, 0.23), piece(20, 39, 0.21), piece(20, 39, 1.09)]
    if newcomer_first:
        pieces = [pieces[2], pieces[1], pieces[0]]
        assert set(join_pieces(pieces)) == {(2, 1), (0,)}
    else:
        assert set(join_pieces(pieces)) == {(0, 1), (2,)}


def test_both_swap_places_never():
    """From piece to piece the first would take the nearer end and leave 0.3 m to the second."""
    pieces = [piece(0, 9, 0.0), piece(0, 9, 0.3), piece(12, 20, 0.2), piece(12, 20, 0.5)]
    assert set(join_pieces(pieces)) == {(0, 2), (1, 3)}


def test_nobody_is_joined_beyond_reach():
    assert join_pieces([piece(0, 9, 0), piece(10, 19, 0.19)]) == ((0, 1),)
    assert join_pieces([piece(0, 9, 0), piece(10, 19, 0.21)]) == ((0,), (1,))
    assert join_pieces([piece(0, 9, 0), piece(14, 19, 0.99)]) == ((0, 1),)
    # Both persons are taken, and the third piece is out of reach of either.
    assert join_pieces([piece(0, 9, 0), piece(0, 30, 1), piece(10, 15, 3)]) == ((0,), (1,))


def test_many_pieces_take_no_time():
    pieces = [piece(15 * i, 15 * i + 13, (i % 7) / 20) for i in range(300)]
    (person,) = join_pieces(pieces)
    assert person == tuple(range(300))

"""Splits of one's own recordings: by a column, by groups (persons, recordings), by a share, or in folds.

All choices follow from names and a seed, so the same clips are split alike everywhere. NumPy only.

Letters: G groups, K classes, N clips.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

SPLIT_WORDS = ("train", "test", "val", "")
"""What a split column may hold; val and an empty cell are in neither split."""
DEFAULT_SHARE = 0.3
NO_GROUPS = (
    "the split is by clip, not by person or recording: the same person may be in training and test, which "
    "makes the accuracy look better than it is for new persons. Name the persons (a column group) if you can"
)


class Line(Protocol):
    """What a split looks at: a line of clips.csv."""

    @property
    def clip_id(self) -> str: ...
    @property
    def label(self) -> int: ...
    @property
    def attributes(self) -> Mapping[str, int | str]: ...


@dataclass(frozen=True, kw_only=True)
class SplitPlan:
    """How clips become train and test. At most one of column, test_groups and test_share.

    Raises:
        ValueError: more than one way, test groups without a column of groups, a share outside (0, 1).
    """

    column: str | None = None
    """Attribute that says train or test for each clip."""
    groups: str | None = None
    """Attribute that says what belongs together and is never torn apart: person, recording."""
    test_groups: tuple[str, ...] = ()
    """Groups to test on; all others train."""
    test_share: float | None = None
    """Share of the clips to test on; 0.3 if nothing is given."""
    seed: int = 1

    def __post_init__(self) -> None:
        ways = (self.column is not None, bool(self.test_groups), self.test_share is not None)
        if sum(ways) > 1:
            raise ValueError("split: give one of a column, test groups and a test share, not several")
        if self.test_groups and self.groups is None:
            raise ValueError("split: test groups need a column that says the group of each clip")
        if self.test_share is not None and not 0 < self.test_share < 1:
            raise ValueError(f"split: the test share lies between 0 and 1, got {self.test_share}")

    def split(self, lines: Sequence[Line]) -> tuple[list[str], list[str]]:
        """One of SPLIT_WORDS for each clip, and sentences that a user should read.

        Raises:
            ValueError: an unknown column, group or word; names the clip. A split that stays empty.
        """
        groups = None if self.groups is None else column_of(lines, self.groups)
        notes: list[str] = []
        if self.column is not None:
            words = column_of(lines, self.column)
            check_words(lines, words, self.column)
        elif self.test_groups:
            assert groups is not None
            words = by_test_groups(groups, self.test_groups)
        else:
            share = DEFAULT_SHARE if self.test_share is None else self.test_share
            labels = [line.label for line in lines]
            words = by_share(labels, groups, [line.clip_id for line in lines], share, self.seed)
            notes += [NO_GROUPS] if groups is None else []
        for word in ("train", "test"):
            if word not in words:
                raise ValueError(
                    f"split: no clip of {len(words)} is in {word!r}; choose other groups or columns"
                )
        return words, [*notes, *torn_groups(words, groups), *untrained(lines, words)]


def column_of(lines: Sequence[Line], name: str) -> list[str]:
    """An attribute of every clip, as text.

    Raises:
        ValueError: the clips have no such attribute.
    """
    if lines and name not in lines[0].attributes:
        known = ", ".join(lines[0].attributes) or "(none)"
        raise ValueError(f"split: the clips have no column {name!r}. Known: {known}")
    return [str(line.attributes[name]) for line in lines]


def check_words(lines: Sequence[Line], words: Sequence[str], column: str) -> None:
    """ValueError that names the first clip whose split is none of SPLIT_WORDS."""
    for line, word in zip(lines, words, strict=True):
        if word not in SPLIT_WORDS:
            raise ValueError(
                f"clip {line.clip_id!r}: column {column!r} says {word!r}, "
                "expected train, test, val or nothing"
            )


def by_test_groups(groups: Sequence[str], test_groups: Sequence[str]) -> list[str]:
    """Test for the clips of these groups, train for the others.

    Raises:
        ValueError: a group without a clip; names the known ones.
    """
    known = list(dict.fromkeys(groups))
    if missing := [group for group in test_groups if group not in known]:
        raise ValueError(f"split: no clip of group {missing[0]!r}. Known: {', '.join(known)}")
    chosen = frozenset(test_groups)
    return ["test" if group in chosen else "train" for group in groups]


def by_share(
    labels: Sequence[int], groups: Sequence[str] | None, clip_ids: Sequence[str], share: float, seed: int = 1
) -> list[str]:
    """About this share of every class in test, as far as whole groups allow; without groups clip by clip.

    At least one group trains and one tests.

    Raises:
        ValueError: fewer than two groups.
    """
    if groups is None:
        return _by_clip(labels, clip_ids, share, seed)
    names, counts_GK = _counts(labels, groups, seed)
    if len(names) < 2:
        raise ValueError(f"split: all clips are of group {names[0]!r}; a split by group needs two or more")
    chosen = _nearest(counts_GK, share * counts_GK.sum(axis=0), at_most=len(names) - 1)
    return by_test_groups(groups, [names[g] for g in chosen])


def folds(
    labels: Sequence[int],
    groups: Sequence[str] | None,
    clip_ids: Sequence[str],
    num_folds: int,
    seed: int = 1,
) -> np.ndarray:
    """(N,) number of the fold in which each clip is tested, from 0. Groups stay whole, classes balanced.

    Raises:
        ValueError: fewer than two folds, or more folds than groups (or clips).
    """
    names, counts_GK = _counts(labels, clip_ids if groups is None else groups, seed)
    if not 2 <= num_folds <= len(names):
        what = "clips" if groups is None else "groups"
        raise ValueError(f"folds: expected 2 to {len(names)}, the number of {what}, got {num_folds}")
    sums_FK = np.zeros((num_folds, counts_GK.shape[1]))
    fold_of: dict[str, int] = {}
    # Large groups first, each into the fold where its classes are scarcest (as scikit-learn's
    # StratifiedGroupKFold does by another measure); equal folds in turn.
    for g in np.argsort(-counts_GK.sum(axis=1), kind="stable").tolist():
        weights_F = sums_FK @ (counts_GK[g] / np.maximum(counts_GK.sum(axis=0), 1))
        sizes_F = sums_FK.sum(axis=1)
        best = min(range(num_folds), key=lambda f: (round(weights_F[f], 9), sizes_F[f], f))
        sums_FK[best] += counts_GK[g]
        fold_of[names[g]] = best
    return np.array([fold_of[key] for key in (clip_ids if groups is None else groups)], dtype=np.int64)


def torn_groups(words: Sequence[str], groups: Sequence[str] | None) -> list[str]:
    """A sentence if a group has clips in training and in test."""
    if groups is None:
        return []
    of = {word: {g for g, w in zip(groups, words, strict=True) if w == word} for word in ("train", "test")}
    if not (torn := sorted(of["train"] & of["test"])):
        return []
    return [f"{len(torn)} groups (such as {torn[0]!r}) have clips in training and in test"]


def untrained(lines: Sequence[Line], words: Sequence[str]) -> list[str]:
    """A sentence if a class is tested but never trained."""
    of = {
        word: {x.label for x, w in zip(lines, words, strict=True) if w == word} for word in ("train", "test")
    }
    if not (missing := sorted(of["test"] - of["train"])):
        return []
    return [f"{len(missing)} classes (label {missing[0]} first) have test clips but no training clip"]


def _by_clip(labels: Sequence[int], clip_ids: Sequence[str], share: float, seed: int) -> list[str]:
    words = ["train"] * len(labels)
    for label in sorted(set(labels)):
        own = [i for i, other in enumerate(labels) if other == label]
        own.sort(key=lambda i: _key(seed, clip_ids[i]))
        # One clip trains, two or more give at least one to each side.
        num_test = min(max(1, round(share * len(own))), len(own) - 1)
        for i in own[:num_test]:
            words[i] = "test"
    return words


def _counts(labels: Sequence[int], groups: Sequence[str], seed: int) -> tuple[list[str], np.ndarray]:
    """The groups in keyed order, and (G, K) clips of each class."""
    names = sorted(set(groups), key=lambda name: _key(seed, name))
    row = {name: g for g, name in enumerate(names)}
    counts_GK = np.zeros((len(names), max(labels) + 1))
    np.add.at(counts_GK, ([row[group] for group in groups], list(labels)), 1)
    return names, counts_GK


def _nearest(counts_GK: np.ndarray, wanted_K: np.ndarray, at_most: int) -> list[int]:
    """Groups whose clips per class come nearest to what is wanted: one after the other while it helps."""
    scale_K = np.maximum(counts_GK.sum(axis=0), 1)

    def distance(have_K: np.ndarray) -> float:
        return float((((have_K - wanted_K) / scale_K) ** 2).sum())

    chosen: list[int] = []
    have_K = np.zeros_like(wanted_K)
    while len(chosen) < at_most:
        left = [g for g in range(len(counts_GK)) if g not in chosen]
        best = min(left, key=lambda g: (round(distance(have_K + counts_GK[g]), 9), g))
        if chosen and distance(have_K + counts_GK[best]) >= distance(have_K):
            break
        chosen.append(best)
        have_K = have_K + counts_GK[best]
    return chosen


def _key(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"split {seed} {name}".encode()).digest()

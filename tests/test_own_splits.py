"""Splits by groups and shares, folds, and clips that are nearly equal."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lst.data.store.clip_store import ClipStore
from lst.data.store.near_copies import near_copies
from lst.data.store.own_splits import SplitPlan, by_share, by_test_groups, folds


def ids(count: int) -> list[str]:
    return [f"c{i}" for i in range(count)]


def test_test_groups_by_hand():
    assert by_test_groups(["a", "b", "a", "c"], ["b", "c"]) == ["train", "test", "train", "test"]


def test_a_share_by_group_by_hand():
    # Ten groups with one clip of each of two classes: three groups are 30 % of both classes.
    groups = [f"g{i // 2}" for i in range(20)]
    words = by_share([0, 1] * 10, groups, ids(20), 0.3)
    assert Counter(words) == {"train": 14, "test": 6}
    assert all(words[i] == words[i + 1] for i in range(0, 20, 2))


def test_a_share_looks_at_the_classes():
    # Half of the clips: groups a and b have class 0 only, c and d class 1 only; one of each is the best.
    groups, labels = list("aabbccdd"), [0, 0, 0, 0, 1, 1, 1, 1]
    words = by_share(labels, groups, ids(8), 0.5)
    assert Counter(word for word, label in zip(words, labels, strict=True) if label == 0)["test"] == 2
    assert Counter(words)["test"] == 4


def test_a_share_by_clip_leaves_something_on_both_sides():
    words = by_share([0] * 10 + [1] * 2 + [2], None, ids(13), 0.3)
    assert Counter(words[:10]) == {"train": 7, "test": 3}
    assert Counter(words[10:12]) == {"train": 1, "test": 1}
    assert words[12] == "train"


def test_choices_follow_from_names_and_seed():
    groups, labels = [f"g{i}" for i in range(12)], [i % 3 for i in range(12)]
    first = by_share(labels, groups, ids(12), 0.4)
    assert by_share(labels, groups, ids(12), 0.4) == first
    assert any(by_share(labels, groups, ids(12), 0.4, seed) != first for seed in (2, 3, 4))
    # The order of the clips does not matter.
    back = by_share(labels[::-1], groups[::-1], ids(12)[::-1], 0.4)
    assert back[::-1] == first


def test_one_group_cannot_be_split():
    with pytest.raises(ValueError, match="all clips are of group 'anna'"):
        by_share([0, 1], ["anna", "anna"], ids(2), 0.5)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=8, max_size=60), st.integers(2, 4))
def test_folds_never_tear_a_group(clips: list[tuple[int, int]], num_folds: int):
    groups, labels = [str(g) for g, _ in clips], [label for _, label in clips]
    if len(set(groups)) < num_folds:
        with pytest.raises(ValueError, match="number of groups"):
            folds(labels, groups, ids(len(clips)), num_folds)
        return
    fold_N = folds(labels, groups, ids(len(clips)), num_folds)
    assert set(fold_N.tolist()) == set(range(num_folds))
    for group in set(groups):
        assert len({int(f) for f, g in zip(fold_N, groups, strict=True) if g == group}) == 1


def test_folds_of_clips_balance_the_classes():
    labels = [0] * 10 + [1] * 5
    fold_N = folds(labels, None, ids(15), 5)
    for fold in range(5):
        assert Counter(np.array(labels)[fold_N == fold].tolist()) == {0: 2, 1: 1}


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"column": "split", "test_share": 0.5}, "not several"),
        ({"test_groups": ("a",)}, "need a column"),
        ({"test_share": 1.0}, "between 0 and 1, got 1.0"),
    ],
)
def test_plans_that_make_no_sense(plan: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        SplitPlan(**plan)


def walk(seed: int, frames: int = 40) -> np.ndarray:
    """Smooth motion of ten joints, in metres, with the noise of a sensor."""
    rng = np.random.default_rng(seed)
    body = rng.normal(0, 0.5, (1, 10, 3))
    time = np.arange(frames)[:, None, None] / 10
    motion = 0.3 * np.sin(time * rng.uniform(0.5, 2, (1, 10, 3)) + rng.uniform(0, 6, (1, 10, 3)))
    return (body + motion + rng.normal(0, 0.003, (frames, 10, 3)))[None]


@pytest.mark.parametrize(
    "change",
    [
        lambda x: np.round(x, 3),
        lambda x: x - x[:, :1, :1],
        lambda x: 1000 * x,
        lambda x: x[:, 6:35],
        lambda x: np.round(1000 * (x - x[:, :1, 3:4]))[:, 5:],
    ],
    ids=["rounded", "centred", "millimetres", "cut", "all"],
)
def test_near_copies_are_found(change: Any):
    made = [walk(1), walk(2), change(walk(1)).astype(np.float32), walk(3)]
    assert near_copies(ids(4), made.__getitem__, 3) == [("c0", "c2")]


def test_another_take_is_no_copy():
    made = [walk(1), walk(1) + np.random.default_rng(9).normal(0, 0.05, (1, 40, 10, 3)), walk(1)[:, ::-1]]
    assert near_copies(ids(3), made.__getitem__, 3) == []
    assert near_copies(ids(2), lambda i: np.zeros((1, 5, 10, 3)), 3) == []


def test_no_clip_of_the_synthetic_store_is_a_near_copy(tiny_store: ClipStore):
    assert near_copies(tiny_store.clip_ids, tiny_store.clip, 3) == []

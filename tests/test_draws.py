"""Draws: the numbers themselves (a second implementation), their independence, and their distributions."""

import hashlib
import math
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lst.data.input import draws

CLIPS = [f"a{a:02d}_s{s:02d}_e00_v01" for a in range(1, 11) for s in range(1, 11)]
MASK = 2**64 - 1
STEP = 0x9E3779B97F4A7C15


def splitmix64(state: int) -> int:
    """SplitMix64's output for a state, in Python integers."""
    z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def chi_square(counts: np.ndarray, expected: np.ndarray | float) -> float:
    """How many standard deviations the chi-square statistic lies above its mean."""
    expected = np.broadcast_to(expected, counts.shape)
    freedom = counts.size - 1
    return float(((counts - expected) ** 2 / expected).sum() - freedom) / math.sqrt(2 * freedom)


def test_oracle_is_splitmix64() -> None:
    # first outputs of the published generator for seed 0
    assert [splitmix64(STEP * i & MASK) for i in (1, 2)] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]


def test_clip_keys_are_the_first_bytes_of_sha256() -> None:
    # FIPS 180-2: SHA-256("abc") = ba7816bf 8f01cfea ...
    keys = draws.clip_keys(["abc", "abd"])
    assert keys.dtype == np.uint64
    assert int(keys[0]) == int.from_bytes(bytes.fromhex("ba7816bf8f01cfea"), "little")
    assert keys[0] != keys[1]
    assert draws.clip_keys([]).shape == (0,)


@pytest.mark.parametrize(("seed", "epoch", "repeat"), [(0, 0, 0), (1, 0, 0), (-5, 3, 4), (2**70, 109, 1)])
def test_uniform_equals_a_scalar_implementation(seed: int, epoch: int, repeat: int) -> None:
    root = int.from_bytes(hashlib.sha256(f"{seed}/{epoch}/view".encode()).digest()[:8], "little")
    keys = draws.clip_keys(CLIPS[:3])
    expected = []
    for key in keys:
        state = splitmix64((splitmix64(int(key) ^ root) + 0xD1B54A32D192ED03 * repeat) & MASK)
        expected.append([(splitmix64((state + STEP * j) & MASK) >> 11) / 2**53 for j in range(1, 5)])
    got = draws.uniform(seed, epoch, keys, "view", 4, repeats_N=repeat)
    assert got.dtype == np.float64
    assert got.tolist() == expected


def test_uniform_is_pinned() -> None:
    """Published runs must be repeatable by later versions: these numbers may not change."""
    got = draws.uniform(7, 3, draws.clip_keys(["a01_s01_e00_v01"]), "crop", 2, repeats_N=2)
    assert got.tolist() == [[0.8516652180296522, 0.16467429902358866]]


def test_a_draw_depends_on_its_own_clip_only() -> None:
    keys = draws.clip_keys(CLIPS)
    together = draws.uniform(1, 2, keys, "view", 5, repeats_N=np.arange(100) % 3)
    order = np.random.default_rng(0).permutation(100)
    assert (draws.uniform(1, 2, keys[order], "view", 5, repeats_N=order % 3) == together[order]).all()
    for i in (0, 57, 99):
        assert (draws.uniform(1, 2, keys[i : i + 1], "view", 5, repeats_N=i % 3) == together[i]).all()
    assert (draws.uniform(1, 2, keys, "view", 9, repeats_N=np.arange(100) % 3)[:, :5] == together).all()


def test_any_other_seed_epoch_purpose_or_repeat_gives_other_draws() -> None:
    keys = draws.clip_keys(CLIPS)
    variants = [
        (0, 0, "a", 0),
        (1, 0, "a", 0),
        (0, 1, "a", 0),
        (0, 0, "b", 0),
        (0, 0, "a", 1),
        (1, 1, "a", 0),
    ]
    tables = [draws.uniform(s, e, keys, p, 10, repeats_N=r) for s, e, p, r in variants]
    everything = np.concatenate([table.ravel() for table in tables])
    assert len(np.unique(everything)) == len(everything)
    for one, other in combinations(tables, 2):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 5 / math.sqrt(one.size)


@pytest.mark.parametrize("along", ["positions", "clips", "epochs", "repeats"])
def test_uniform_is_uniform(along: str) -> None:
    one = draws.clip_keys(CLIPS[:1])
    if along == "positions":
        values = draws.uniform(0, 0, one, "x", 100_000).ravel()
    elif along == "clips":
        values = draws.uniform(0, 0, np.arange(100_000, dtype=np.uint64), "x", 1).ravel()
    elif along == "repeats":
        values = draws.uniform(0, 0, np.repeat(one, 100_000), "x", 1, repeats_N=np.arange(100_000)).ravel()
    else:
        keys = draws.clip_keys(CLIPS)
        values = np.concatenate([draws.uniform(0, epoch, keys, "x", 10).ravel() for epoch in range(100)])
    assert values.min() >= 0
    assert values.max() < 1
    assert abs(chi_square(np.bincount((values * 100).astype(int), minlength=100), len(values) / 100)) < 4
    pairs = np.bincount((values[:-1] * 10).astype(int) * 10 + (values[1:] * 10).astype(int), minlength=100)
    assert abs(chi_square(pairs, pairs.sum() / 100)) < 4


def test_integers_cover_their_range_evenly() -> None:
    keys = np.arange(2000, dtype=np.uint64)
    degrees = draws.integers(0, 0, keys, "view", 50, low=-60, high_N=61)
    assert degrees.dtype == np.int64
    assert degrees.min() == -60
    assert degrees.max() == 60
    assert abs(chi_square(np.bincount(degrees.ravel() + 60, minlength=121), degrees.size / 121)) < 4


def test_integers_keep_to_the_limit_of_each_clip() -> None:
    high = np.asarray([1, 2, 5, 300])
    got = draws.integers(3, 1, draws.clip_keys(CLIPS[:4]), "start", 4000, low=0, high_N=high)
    assert got.max(axis=1).tolist() == (high - 1).tolist()
    assert (got.min(axis=1) == 0).all()


def test_integers_need_a_range() -> None:
    with pytest.raises(ValueError, match="high must be above low = 3, got 3"):
        draws.integers(0, 0, draws.clip_keys(CLIPS[:2]), "x", 1, low=3, high_N=[4, 3])


def test_the_largest_draw_never_reaches_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every bit of the hash set is the largest draw there can be, for any number of values."""
    monkeypatch.setattr(draws, "_mix", lambda z: np.full_like(z, 2**64 - 1))
    keys = draws.clip_keys(["a"])
    assert draws.uniform(0, 0, keys, "x", 1).item() == 1 - 2.0**-53
    for size in (1, 2, 3, 1000, 99_991, 2**40):
        assert draws.integers(0, 0, keys, "x", 1, low=5, high_N=5 + size).item() == 5 + size - 1


@settings(deadline=None)
@given(st.integers(0, 50), st.integers(1, 300))
def test_permutation_holds_every_number_once(epoch: int, n: int) -> None:
    assert sorted(draws.permutation(5, epoch, n)) == list(range(n))


def test_permutation_differs_by_seed_and_epoch() -> None:
    orders = [tuple(draws.permutation(s, e, 100)) for s in range(3) for e in range(3)]
    assert len(set(orders)) == 9
    assert tuple(draws.permutation(0, 0, 100)) == orders[0]


def test_all_orders_are_equally_likely() -> None:
    seen = Counter(tuple(draws.permutation(0, epoch, 4).tolist()) for epoch in range(4800))
    assert abs(chi_square(np.asarray(list(seen.values())), 4800 / 24)) < 4
    assert len(seen) == 24


@settings(deadline=None)
@given(st.lists(st.integers(1, 250), min_size=1, max_size=8), st.integers(1, 60), st.integers(0, 9))
def test_frames_are_sorted_and_in_range(lengths: list[int], count: int, epoch: int) -> None:
    keys = draws.clip_keys(CLIPS[: len(lengths)])
    frames = draws.frames_without_replacement(0, epoch, keys, np.asarray(lengths), count)
    assert frames.shape == (len(lengths), count)
    assert frames.dtype == np.int64
    assert (np.diff(frames, axis=1) >= 0).all()
    assert (frames >= 0).all()
    assert (frames < np.asarray(lengths)[:, None]).all()


def test_frames_of_a_clip_do_not_depend_on_the_others() -> None:
    keys, lengths = draws.clip_keys(CLIPS), np.arange(1, 101)
    together = draws.frames_without_replacement(1, 1, keys, lengths, 52, repeats_N=lengths % 2)
    for i in (0, 1, 99):
        alone = draws.frames_without_replacement(
            1, 1, keys[i : i + 1], lengths[i : i + 1], 52, repeats_N=lengths[i : i + 1] % 2
        )
        assert (alone[0] == together[i]).all()


def test_without_replacement_means_no_item_twice() -> None:
    keys, six = draws.clip_keys(CLIPS), np.full(100, 6)
    assert (draws.frames_without_replacement(0, 0, keys, six, 6, copies=1) == np.arange(6)).all()
    twice = draws.frames_without_replacement(0, 0, keys, six, 12, copies=2)
    assert (twice == np.repeat(np.arange(6), 2)).all()
    assert (draws.frames_without_replacement(0, 0, keys, np.ones(100, np.int64), 52) == 0).all()


def test_small_subsets_have_their_exact_distribution() -> None:
    """3 frames, 2 copies, 3 draws: each of the 20 subsets of the 6 items is equally likely."""
    n = 20_000
    frames = draws.frames_without_replacement(0, 0, np.arange(n, dtype=np.uint64), np.full(n, 3), 3, copies=2)
    exact = Counter(tuple(item // 2 for item in items) for items in combinations(range(6), 3))
    seen = Counter(map(tuple, frames.tolist()))
    assert set(seen) == set(exact)
    counts, expected = np.asarray([(seen[key], exact[key] * n / 20) for key in sorted(exact)]).T
    assert abs(chi_square(counts, expected)) < 4


def test_frames_repeat_as_often_as_with_numpy() -> None:
    """How often a frame turns up among 52 draws of a 31-frame clip (the median of NW-UCLA)."""
    n, length = 4000, 31
    ours = draws.frames_without_replacement(0, 0, np.arange(n, dtype=np.uint64), np.full(n, length), 52)
    rng = np.random.default_rng(0)
    numpy = np.stack([rng.choice(length * 100, 52, replace=False) // 100 for _ in range(n)])
    spread = []
    for frames in (ours, numpy):
        times = (frames[:, :, None] == np.arange(length)).sum(axis=1)
        assert abs(times.mean(axis=0) - 52 / length).max() < 0.11  # 5 standard errors
        spread.append(np.bincount(times.ravel(), minlength=53)[:7] / times.size)
    assert spread[0] == pytest.approx(spread[1], abs=0.006)
    # close to the binomial, i.e. to drawing with replacement
    binomial = [math.comb(52, k) / length**k * (1 - 1 / length) ** (52 - k) for k in range(7)]
    assert spread[0] == pytest.approx(binomial, abs=0.01)


def test_too_many_draws_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot draw 101 frames from 100 copies of a clip of 1 frames"):
        draws.frames_without_replacement(0, 0, draws.clip_keys(CLIPS[:2]), np.asarray([9, 1]), 101)

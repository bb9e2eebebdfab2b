"""Equal poses of clips: the keys against whole numbers of Python, the search against plain sets."""

import random
from itertools import pairwise

import numpy as np
import pytest

from lst.data.store import shared_poses
from lst.data.store.shared_poses import SharedPoses, pose_keys


def poses(rng: np.random.Generator, frames: int, persons: int = 1) -> np.ndarray:
    return rng.normal(size=(persons, frames, 4, 3)).astype(np.float32)


@pytest.mark.parametrize("persons", [1, 2])
def test_a_key_is_two_multiply_shift_hashes(persons: int):
    joints_MTVC = poses(np.random.default_rng(0), 5, persons)
    expected = set()
    for frame in range(5):
        words = np.frombuffer(joints_MTVC[:, frame].tobytes(), "<u4").tolist()
        halves = []
        for weights in shared_poses._weights(12 * persons):
            *factors, last = (int(weight) for weight in weights)
            total = sum(word * factor for word, factor in zip(words, factors, strict=True)) + last
            halves.append(total % 2**64 // 2**32)
        expected.add(halves[0] * 2**32 + halves[1])
    assert pose_keys(joints_MTVC).tolist() == sorted(expected)


def test_keys_tell_bits_places_and_persons_apart_but_not_signs_of_zero():
    one = np.zeros((1, 1, 2, 3), np.float32)
    one[0, 0, 0] = [1, 2, 0]
    nearly, swapped, minus = one.copy(), one.copy(), one.copy()
    nearly[0, 0, 0, 1] = np.nextafter(np.float32(2), np.float32(3))
    swapped[0, 0, 0] = [2, 1, 0]
    minus[0, 0, 1] = -0.0
    beside_nobody = np.concatenate([one, np.zeros_like(one)])
    keys = [pose_keys(joints) for joints in (one, nearly, swapped, -one, beside_nobody)]
    assert len(np.unique(np.concatenate(keys))) == 5
    assert pose_keys(minus).tolist() == pose_keys(one).tolist()
    assert pose_keys(np.repeat(one, 3, axis=1)).tolist() == pose_keys(one).tolist()
    assert pose_keys(0 * one).tolist() == []


def test_keys_of_simple_poses_do_not_collide():
    """Numbers with few bits, which a weak hash confuses: all frames of -1.5, -1, ... 2 in four places."""
    values = np.arange(-1.5, 2.5, 0.5, dtype=np.float32)
    grid = np.stack(np.meshgrid(*[values] * 4), axis=-1).reshape(1, -1, 4, 1)
    assert len(pose_keys(grid)) == 8**4 - 1  # the frame of zeros is nobody


@pytest.mark.parametrize("chunk", [1, 7, 100, 1 << 20])
def test_pairs_are_those_of_plain_sets_however_small_the_memory(chunk: int):
    rng = random.Random(1)  # noqa: S311
    pool = poses(np.random.default_rng(1), 60)
    chosen = {f"clip {i}": rng.choices(range(60), k=rng.randrange(1, 9)) for i in range(30)}
    expected: dict[tuple[str, str], int] = {}
    for pose in range(60):
        owners = [name for name, frames in chosen.items() if pose in frames]
        for pair in pairwise(owners):
            expected[pair] = expected.get(pair, 0) + 1
    names = list(chosen)
    with SharedPoses(chunk) as shared:
        for name, frames in chosen.items():
            shared.add(name, pool[:, frames])
        found = shared.pairs()
    assert {(a, b): n for a, b, n in found} == expected
    assert found == sorted(found, key=lambda pair: (names.index(pair[0]), names.index(pair[1])))
    assert len(expected) > 30


def test_nothing_at_all():
    with SharedPoses() as shared:
        assert shared.pairs() == []
        shared.add("nobody", np.zeros((1, 3, 4, 3), np.float32))
        assert shared.pairs() == []


def test_memory_does_not_grow_with_the_frames(monkeypatch: pytest.MonkeyPatch):
    sizes: list[int] = []
    search = shared_poses._neighbours

    def counted(records: np.ndarray) -> dict[tuple[int, int], int]:
        sizes.append(len(records))
        return search(records)

    monkeypatch.setattr(shared_poses, "_neighbours", counted)
    rng = np.random.default_rng(2)
    with SharedPoses(chunk=2000) as shared:
        for i in range(50):
            shared.add(str(i), poses(rng, 1000))
        assert shared.pairs() == []
    assert sum(sizes) == 50_000
    assert max(sizes) < 2400  # 2,000 on average with a standard deviation of 44

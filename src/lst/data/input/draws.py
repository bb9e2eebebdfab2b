"""Random numbers that depend on (seed, epoch, clip) and on nothing else.

Every number is a hash of what it is for: (seed, epoch, purpose, clip id, repeat, position). There is no
generator with a state, so neither the batch size, nor the order, nor which other clips are present can change
a draw, and a resumed run needs the epoch number only (quirk Q32 of method.md, section 16, is the opposite).

The mixing step is the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014). NumPy's own generators are not used because their streams may change between
releases.
"""

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

_STEP = np.uint64(0x9E3779B97F4A7C15)  # odd, 2^64 divided by the golden ratio
_REPEAT_STEP = np.uint64(0xD1B54A32D192ED03)  # odd; any constant other than _STEP


def _first_8_bytes(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def _mix(z: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64's finaliser: a bijection of 64 bits in which every input bit moves every output bit."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def clip_keys(clip_ids: Iterable[str]) -> npt.NDArray[np.uint64]:
    """Clip ids -> (N,) 64-bit keys, the same on every machine: the first 8 bytes of each id's SHA-256."""
    return np.asarray([_first_8_bytes(clip_id) for clip_id in clip_ids], dtype=np.uint64)


def uniform(
    seed: int,
    epoch: int,
    keys_N: npt.NDArray[np.uint64],
    purpose: str,
    count: int,
    *,
    repeats_N: npt.ArrayLike = 0,
) -> npt.NDArray[np.float64]:
    """(N, count) numbers, uniform over the multiples of 2^-53 in [0, 1).

    purpose: names what is drawn ("angles", "frames"), so that two kinds of draws of one clip are independent.
    repeats_N: which showing of the clip within the epoch this is; an integer or one per clip.
    """
    root = np.uint64(_first_8_bytes(f"{seed}/{epoch}/{purpose}"))
    repeats = np.broadcast_to(np.asarray(repeats_N, dtype=np.uint64), keys_N.shape)
    state_N = _mix(_mix(keys_N ^ root) + _REPEAT_STEP * repeats)
    positions = _STEP * np.arange(1, count + 1, dtype=np.uint64)
    return (_mix(state_N[:, None] + positions) >> np.uint64(11)) * np.float64(2.0**-53)


def integers(
    seed: int,
    epoch: int,
    keys_N: npt.NDArray[np.uint64],
    purpose: str,
    count: int,
    *,
    low: int,
    high_N: npt.ArrayLike,
    repeats_N: npt.ArrayLike = 0,
) -> npt.NDArray[np.int64]:
    """(N, count) whole numbers, uniform over low .. high_N - 1; high_N is an integer or one per clip."""
    size = np.broadcast_to(np.asarray(high_N, dtype=np.int64) - low, keys_N.shape)
    if np.any(size < 1):
        raise ValueError(
            f"nothing to draw from: high must be above low = {low}, got {int(np.min(size)) + low}"
        )
    # the largest float64 below 1 times n is still below n after rounding, so floor never reaches n
    draws = uniform(seed, epoch, keys_N, purpose, count, repeats_N=repeats_N)
    return low + np.floor(draws * size[:, None]).astype(np.int64)


def frames_without_replacement(
    seed: int,
    epoch: int,
    keys_N: npt.NDArray[np.uint64],
    lengths_N: npt.NDArray[np.int64],
    count: int,
    *,
    repeats_N: npt.ArrayLike = 0,
    copies: int = 100,
) -> npt.NDArray[np.int64]:
    """(N, count) sorted frame indices: a uniform subset of a list that holds each frame `copies` times.

    method.md 13.4 step 4. Floyd's algorithm (Bentley and Floyd, "A sample of brilliance", CACM 1987) draws
    exactly `count` numbers per clip, so the long list is never built and all clips are drawn at once.
    lengths_N: frames of each clip, at least 1, and copies * length at least `count`.
    """
    pool_N = np.asarray(lengths_N, dtype=np.int64) * copies
    if np.any(pool_N < count):
        short = int(np.min(pool_N)) // copies
        raise ValueError(f"cannot draw {count} frames from {copies} copies of a clip of {short} frames")
    draws_FN = uniform(seed, epoch, keys_N, "frames", count, repeats_N=repeats_N).T
    chosen_FN = np.empty((count, len(pool_N)), dtype=np.int64)
    for i in range(count):  # over the draws, not over the clips
        last_N = pool_N - count + i
        item_N = np.floor(draws_FN[i] * (last_N + 1)).astype(np.int64)
        taken_N = (chosen_FN[:i] == item_N).any(axis=0)
        chosen_FN[i] = np.where(taken_N, last_N, item_N)
    return np.sort(chosen_FN.T // copies, axis=1)


def permutation(seed: int, epoch: int, n: int) -> npt.NDArray[np.int64]:
    """The numbers 0 .. n-1 in the order of this epoch."""
    return np.argsort(uniform(seed, epoch, np.arange(n, dtype=np.uint64), "order", 1)[:, 0], kind="stable")

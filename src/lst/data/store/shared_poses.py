"""Find clips that have equal poses, among any number of frames, in a memory that does not grow with them.

Every frame becomes a 64-bit key, the keys of all clips wait in a temporary file, and one range of keys at a
time is sorted. Letters: M persons, T frames, V joints, C channels, X numbers per frame, K keys.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

import numpy as np

_RECORD = np.dtype([("key", "<u8"), ("owner", "<u4")])
_CHUNK = 1 << 20
"""Keys that are in memory at a time: 12 MB, and a few times that while they are sorted."""


def pose_keys(joints_MTVC: np.ndarray) -> np.ndarray:
    """One 64-bit key for each different pose of a clip, ascending; frames without anybody are left out.

    Equal poses have equal keys. A key is two hashes of 32 bits: the upper halves of two sums of the frame's
    32-bit words times random 64-bit weights (multiply-shift of vectors: Thorup, "High speed hashing for
    integers and strings", 2015). Over the choice of the weights, two different poses have the same key with
    odds of 1 to 2^64; that any two of the 9.6 million frames of NTU RGB+D 120 do, 1 to 400,000.
    """
    # Adding zero turns -0.0 into 0.0: the two are equal numbers with different bits.
    frames_TMVC = np.ascontiguousarray(joints_MTVC.swapaxes(0, 1) + np.float32(0))
    words_TX = frames_TMVC.reshape(len(frames_TMVC), -1).view(np.uint32)
    words_TX = words_TX[words_TX.any(axis=1)]
    first_X, second_X = _weights(words_TX.shape[1])
    return np.unique((_hash(words_TX, first_X) << np.uint64(32)) | _hash(words_TX, second_X))


def _hash(words_TX: np.ndarray, weights_X: np.ndarray) -> np.ndarray:
    # The last weight stands for the number of words: frames of one and of two persons are never equal.
    return (np.einsum("tx,x->t", words_TX, weights_X[:-1]) + weights_X[-1]) >> np.uint64(32)


@cache
def _weights(words: int) -> tuple[np.ndarray, np.ndarray]:
    """Two rows of words + 1 random 64-bit numbers, the same on every machine."""
    digest = hashlib.shake_256(f"lst pose key, {words} words".encode()).digest(16 * (words + 1))
    first, second = np.frombuffer(digest, "<u8").astype(np.uint64).reshape(2, words + 1)
    return first, second


class SharedPoses:
    """Collects the poses of clips and counts those that pairs of clips have in common.

    Use it in a `with` block: the keys are in a temporary file once there are more than `chunk` of them.
    """

    def __init__(self, chunk: int = _CHUNK) -> None:
        self._chunk = chunk
        self._names: list[str] = []
        self._num_keys = 0
        self._file = SpooledTemporaryFile(max_size=chunk * _RECORD.itemsize)  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, clip_id: str, joints_MTVC: np.ndarray) -> None:
        """Joints (M, T, V, C) of the next clip."""
        keys_K = pose_keys(joints_MTVC)
        records_K = np.empty(len(keys_K), _RECORD)
        records_K["key"], records_K["owner"] = keys_K, len(self._names)
        self._file.write(records_K.tobytes())
        self._num_keys += len(keys_K)
        self._names.append(clip_id)

    def pairs(self) -> list[tuple[str, str, int]]:
        """(clip, later clip, number of poses in both), in the order of the clips.

        A pose in three clips counts for the first and second, and for the second and third.
        """
        found: Counter[tuple[int, int]] = Counter()
        num_ranges = max(1, -(-self._num_keys // self._chunk))
        for number in range(num_ranges):
            found.update(_neighbours(self._range(number, num_ranges)))
        return [(self._names[a], self._names[b], count) for (a, b), count in sorted(found.items())]

    def _range(self, number: int, num_ranges: int) -> np.ndarray:
        """The records with keys in one of equal ranges; as keys look random, all have about as many."""
        return np.concatenate(
            [block[_ranges_of(block["key"], num_ranges) == number] for block in self._blocks()]
            or [np.empty(0, _RECORD)]
        )

    def _blocks(self) -> Iterator[np.ndarray]:
        self._file.seek(0)
        while content := self._file.read(self._chunk * _RECORD.itemsize):
            yield np.frombuffer(content, _RECORD)


def _ranges_of(keys_K: np.ndarray, num_ranges: int) -> np.ndarray:
    """For each key the number of its range: its upper half, from 0 to 2^32, scaled."""
    return ((keys_K >> np.uint64(32)) * np.uint64(num_ranges)) >> np.uint64(32)


def _neighbours(records_K: np.ndarray) -> dict[tuple[int, int], int]:
    """Pairs of owners next to each other among equal keys -> how often."""
    records_K = records_K[np.argsort(records_K["key"], kind="stable")]
    keys_K, owners_K = records_K["key"], records_K["owner"]
    same = np.flatnonzero(keys_K[1:] == keys_K[:-1])
    pairs_K2 = np.stack([owners_K[same], owners_K[same + 1]], axis=1)
    pairs, counts = np.unique(pairs_K2, axis=0, return_counts=True)
    return {(int(a), int(b)): int(n) for (a, b), n in zip(pairs, counts, strict=True)}

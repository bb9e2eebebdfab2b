"""Facts about recordings that are not errors but that a reader of results should know.

Everything is computed from the joints that are stored, while they are written. What is known about NW-UCLA
stands in data.md 2.3 and 2.4.
"""

import hashlib
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np

from lst.data.store.shared_poses import SharedPoses


class DefectFinder:
    """Looks at clips one after the other and remembers what is odd. Use it in a `with` block."""

    def __init__(self) -> None:
        self._same_joints: dict[bytes, list[str]] = {}
        self._one_frame: list[str] = []
        self._zero_joints: list[dict[str, Any]] = []
        self._repeated: list[dict[str, Any]] = []
        self._poses = SharedPoses()

    def __enter__(self) -> Self:
        self._poses.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._poses.__exit__(kind, error, trace)

    def inspect(self, clip_id: str, joints_MTVC: np.ndarray) -> None:
        """At the next clip; its joints are not kept."""
        same = self._same_joints.setdefault(_fingerprint(joints_MTVC), [])
        same.append(clip_id)
        if len(same) == 1:
            self._poses.add(clip_id, joints_MTVC)
        if joints_MTVC.shape[1] == 1:
            self._one_frame.append(clip_id)
        self._zero_joints += _zero_joints(clip_id, joints_MTVC)
        self._repeated += [{"clip": clip_id, "frame": frame} for frame in _repeated_frames(joints_MTVC)]

    def found(self) -> dict[str, list[Any]]:
        """What was seen so far, plain data in the order of the clips. To be called inside the `with` block.

        Returns:
            copied_clips: lists of two or more clip ids whose joints are identical numbers.
            one_frame_clips: clip ids. The motion of such a clip is zero.
            zero_joints: {"clip", "person", "frame", "joints"}: several joints exactly at (0, 0, 0), others of
                the same person and frame not. One alone is no defect (centring puts a joint there), nor is a
                person without any joint, who is absent.
            repeated_frames: {"clip", "frame"}: frame that equals the one before it (and is not all zero).
            shared_frames: {"clips": [first, second], "frames": n}: clips that are no copies, with n equal
                poses (to the last digit).
        """
        pairs = self._poses.pairs()
        return {
            "copied_clips": [ids for ids in self._same_joints.values() if len(ids) > 1],
            "one_frame_clips": self._one_frame,
            "zero_joints": self._zero_joints,
            "repeated_frames": self._repeated,
            "shared_frames": [{"clips": [first, later], "frames": n} for first, later, n in pairs],
        }


def copied_from_train(copied_clips: Sequence[Sequence[str]], rule: Callable[[str], str | None]) -> list[str]:
    """Test clips that are identical to a training clip, in the order given.

    Args:
        copied_clips: the entry of that name in `DefectFinder.found`.
        rule: clip id -> "train", "test" or None (in neither), such as `Benchmark.rule`.
    """
    leaked: list[str] = []
    for ids in copied_clips:
        splits = [rule(clip_id) for clip_id in ids]
        if "train" in splits:
            leaked += [clip_id for clip_id, split in zip(ids, splits, strict=True) if split == "test"]
    return leaked


def _fingerprint(joints_MTVC: np.ndarray) -> bytes:
    # Adding zero turns -0.0 into 0.0: the two are equal numbers with different bits.
    bits = np.ascontiguousarray(joints_MTVC + np.float32(0))
    return hashlib.sha256(repr(bits.shape).encode() + bits.tobytes()).digest()


def _zero_joints(clip_id: str, joints_MTVC: np.ndarray) -> list[dict[str, Any]]:
    zero_MTV = joints_MTVC[..., 0] == 0
    if np.count_nonzero(zero_MTV) < 2:
        return []
    for c in range(1, joints_MTVC.shape[-1]):
        zero_MTV &= joints_MTVC[..., c] == 0
    some_MT = (zero_MTV.sum(axis=-1) > 1) & ~zero_MTV.all(axis=-1)
    return [
        {
            "clip": clip_id,
            "person": int(person),
            "frame": int(frame),
            "joints": np.flatnonzero(zero_MTV[person, frame]).tolist(),
        }
        for person, frame in np.argwhere(some_MT)
    ]


def _repeated_frames(joints_MTVC: np.ndarray) -> list[int]:
    one_T = joints_MTVC[0, :, 0, 0]
    candidates = np.flatnonzero(one_T[1:] == one_T[:-1]) + 1  # few, so look closer there
    return [
        t
        for t in candidates.tolist()
        if np.array_equal(joints_MTVC[:, t], joints_MTVC[:, t - 1]) and joints_MTVC[:, t].any()
    ]

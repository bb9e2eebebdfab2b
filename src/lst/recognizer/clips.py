"""Whatever a caller has in memory -> clips of one form, or an error that says what is wrong. NumPy only.

Letters: N clips, M persons, T frames, V joints, C channels (x, y, z).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lst.facts.skeleton import Skeleton

CHANNELS = 3
LARGEST = np.finfo(np.float32).max


@dataclass(frozen=True, eq=False)
class GivenClips:
    """Clips as the model takes them, and what was noticed about each."""

    clips: list[np.ndarray]
    """Each float32 (M, T, V, C)."""
    notes: list[tuple[str, ...]]


def as_clips(given: Any, skeleton: Skeleton, num_persons: int) -> GivenClips:
    """One clip or many, in any of the usual forms.

    An array is one clip, (T, V, C) or (M, T, V, C), or many of equal length, (N, M, T, V, C). The form in
    which networks take clips is told by its shape: (C, T, V, M), or (N, C, T, V, M). A list or tuple of
    arrays is many clips; nested lists of numbers are one clip, or many if there are four levels.

    Args:
        num_persons: how many persons the model looks at; more are left out, with a note.

    Raises:
        ValueError: another shape, no clip, no number, NaN or infinite values, or nothing but zeros.
    """
    clips = [_one(clip, f"clip {i}", skeleton) for i, clip in enumerate(_separate(given, skeleton))]
    if not clips:
        raise ValueError("no clips: got an empty list; give an array (frames, joints, 3), or a list of them")
    return GivenClips(clips, [_notes(clip, num_persons) for clip in clips])


def _separate(given: Any, skeleton: Skeleton) -> Sequence[Any]:
    """The clips one by one, each in a form of its own."""
    if isinstance(given, list | tuple):
        if not given or any(hasattr(item, "shape") for item in given):
            return given
        try:
            given = np.asarray(given)
        except ValueError:  # clips of different length
            return given
        if given.ndim == 4:
            return list(given)
    array = _numbers(given, "the clips")
    return list(array) if array.ndim == 5 else [array]


def _numbers(values: Any, which: str) -> np.ndarray:
    try:
        array = np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)
    except ValueError as error:
        raise ValueError(f"{which}: is no array of numbers ({error})") from None
    if array.dtype.kind not in "fiu":
        raise ValueError(
            f"{which}: expected an array of numbers (frames, joints, {CHANNELS}), got {_what(values)}; files "
            "and folders go to `lst predict`"
        )
    return array


def _what(values: Any) -> str:
    return repr(values) if isinstance(values, str) else f"a {type(values).__name__}"


def _one(values: Any, which: str, skeleton: Skeleton) -> np.ndarray:
    """(M, T, V, C) float32 of one clip, checked."""
    array = _numbers(values, which)
    v = skeleton.num_joints
    if array.ndim == 3:
        array = array[None]
    if array.ndim == 4 and array.shape[2:] != (v, CHANNELS) and (array.shape[0], array.shape[2]) == (CHANNELS, v):
        array = array.transpose(3, 1, 2, 0)
    if array.ndim != 4 or array.shape[2:] != (v, CHANNELS) or 0 in array.shape:
        raise ValueError(
            f"{which}: expected (frames, {v}, {CHANNELS}) or (persons, frames, {v}, {CHANNELS}) for "
            f"{skeleton.name}, got {np.shape(values)}{_hint(np.shape(values), v)}"
        )
    if not (np.abs(array) <= LARGEST).all():  # also false for NaN
        raise ValueError(f"{which}: holds NaN, infinite or huge values; fill or drop those frames first")
    if not array.any():
        raise ValueError(f"{which}: holds nothing but zeros, so there is nobody to recognise in it")
    return array.astype(np.float32)


def _hint(shape: tuple[int, ...], num_joints: int) -> str:
    if 0 in shape:
        return "; it is empty"
    if shape[-1:] == (CHANNELS * num_joints,):
        return f"; reshape the last axis to ({num_joints}, {CHANNELS})"
    if len(shape) >= 3 and shape[-1] == CHANNELS:
        return f"; it has {shape[-2]} joints, so it may be of another layout (`lst.list_layouts()`)"
    return ""


def _notes(clip_MTVC: np.ndarray, num_persons: int) -> tuple[str, ...]:
    seen = clip_MTVC.any(axis=(1, 2, 3))
    notes = []
    if seen[num_persons:].any():
        notes.append(f"{int(seen.sum())} persons, the model looks at the first {num_persons}")
    if not seen[:num_persons].any():
        notes.append(f"the first {num_persons} of {len(seen)} persons are nothing but zeros")
    return tuple(notes)

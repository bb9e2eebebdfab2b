"""Whatever a caller has in memory -> clips of one form, or an error that says what is wrong. NumPy only.

Letters: N clips, M persons, T frames, V joints, C channels (x, y, z; or x, y and a score).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lst.facts.skeleton import Skeleton

LARGEST = np.finfo(np.float32).max


@dataclass(frozen=True)
class ClipForm:
    """What clips a model takes."""

    skeleton: Skeleton
    num_persons: int
    """How many persons the model looks at; more are left out, with a note."""
    channels: int = 3
    may_miss: bool = False
    """Whether NaN is a joint that was not seen; otherwise it is refused."""

    @property
    def one_person(self) -> str:
        """The form of the simplest clip, for messages."""
        return f"(frames, {self.skeleton.num_joints}, {self.channels})"


@dataclass(frozen=True, eq=False)
class GivenClips:
    """Clips as the model takes them, and what was noticed about each."""

    clips: list[np.ndarray]
    """Each float32 (M, T, V, C)."""
    notes: list[tuple[str, ...]]


def as_clips(given: Any, form: ClipForm) -> GivenClips:
    """One clip or many, in any of the usual forms.

    An array is one clip, (T, V, C) or (M, T, V, C), or many of equal length, (N, M, T, V, C). The form in
    which networks take clips is told by its shape: (C, T, V, M), or (N, C, T, V, M). A list or tuple of
    arrays is many clips; nested lists of numbers are one clip, or many if there are four levels.

    Raises:
        ValueError: another shape, no clip, no number, NaN or infinite values, or nothing but zeros.
    """
    clips = [_one(clip, f"clip {i}", form) for i, clip in enumerate(_separate(given))]
    if not clips:
        raise ValueError(f"no clips: got an empty list; give an array {form.one_person}, or a list of them")
    return GivenClips(clips, [_notes(clip, form.num_persons) for clip in clips])


def _separate(given: Any) -> Sequence[Any]:
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
            f"{which}: expected an array of numbers (frames, joints, channels), got {_what(values)}; files "
            "and folders go to `lst predict`"
        )
    return array


def _what(values: Any) -> str:
    return repr(values) if isinstance(values, str) else f"a {type(values).__name__}"


def _one(values: Any, which: str, form: ClipForm) -> np.ndarray:
    """(M, T, V, C) float32 of one clip, checked."""
    array = _numbers(values, which)
    v, c = form.skeleton.num_joints, form.channels
    if array.ndim == 3:
        array = array[None]
    if array.ndim == 4 and array.shape[2:] != (v, c) and (array.shape[0], array.shape[2]) == (c, v):
        array = array.transpose(3, 1, 2, 0)
    if array.ndim != 4 or array.shape[2:] != (v, c) or 0 in array.shape:
        raise ValueError(
            f"{which}: expected {form.one_person} or (persons, frames, {v}, {c}) for {form.skeleton.name}, "
            f"got {np.shape(values)}{_hint(np.shape(values), v, c)}"
        )
    missing = np.isnan(array)
    if not ((np.abs(array) <= LARGEST) | (missing & form.may_miss)).all():
        raise ValueError(f"{which}: holds NaN, infinite or huge values; fill or drop those frames first")
    if not (array[~missing]).any():
        raise ValueError(f"{which}: holds nothing but zeros, so there is nobody to recognise in it")
    return array.astype(np.float32)


def _hint(shape: tuple[int, ...], num_joints: int, channels: int) -> str:
    if 0 in shape:
        return "; it is empty"
    if shape[-1:] == (channels * num_joints,):
        return f"; reshape the last axis to ({num_joints}, {channels})"
    if len(shape) >= 3 and shape[-1] == channels:
        return f"; it has {shape[-2]} joints, so it may be of another layout (`lst.list_layouts()`)"
    return ""


def _notes(clip_MTVC: np.ndarray, num_persons: int) -> tuple[str, ...]:
    seen = np.asarray(np.nan_to_num(clip_MTVC).any(axis=(1, 2, 3)))
    notes = []
    if seen[num_persons:].any():
        notes.append(f"{int(seen.sum())} persons, the model looks at the first {num_persons}")
    if not seen[:num_persons].any():
        notes.append(f"the first {num_persons} of {len(seen)} persons are nothing but zeros")
    return tuple(notes)

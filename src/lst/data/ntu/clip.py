"""NTU RGB+D: from the text of a file to the joints of a clip, as the reference does it or corrected.

`convert` is a function of the file alone, so many files can be converted at the same time.
Letters: M persons, T frames, V joints, C channels, D numbers per frame (75 per person: joint * 3 + channel).
"""

from typing import Literal

import numpy as np

from lst.data.ntu.clean import clean_joints
from lst.data.ntu.noise import Notes
from lst.data.ntu.persons import PERSON, ShortRule, choose_persons
from lst.data.ntu.raw import RawBodies, RawFileError, read_bodies

__all__ = ["Pipeline", "centre", "convert"]

Pipeline = Literal["reference", "clean"]
"""The numbers of all published results (data.md 1.3 to 1.5), or what they should have been (docs/data.md)."""

_ORIGIN = slice(3, 6)
"""Joint SpineMid of the first person."""
_CHANNELS = np.arange(PERSON) % 3


def convert(
    content: bytes, short: ShortRule = "leave_out", pipeline: Pipeline = "reference"
) -> tuple[np.ndarray, Notes]:
    """One file -> its joints float32 (M, T, 25, 3) of one person or two, and what happened to it.

    The reference has two persons also when the second stays empty: it does not treat such a clip as one of a
    single person. `short` is for the reference only.

    Raises:
        RawFileError: the file cannot be used.
    """
    notes: Notes = Notes()
    raw = read_bodies(content)
    notes["extra_lines"] += raw.extra_lines
    with np.errstate(over="ignore", invalid="ignore"):  # NaN and infinity are counted
        joints_MTVC = clean_joints(raw, notes) if pipeline == "clean" else _as_reference(raw, notes, short)
    return joints_MTVC, +notes


def _as_reference(raw: RawBodies, notes: Notes, short: ShortRule) -> np.ndarray:
    x_TD = choose_persons(raw, notes, short)
    if x_TD.shape[1] == PERSON:
        notes["zero_frames"] += int((x_TD == 0).all(axis=1).sum())
    x_TD = centre(x_TD)
    notes["not_finite"] += x_TD.size - int(np.count_nonzero(np.isfinite(x_TD)))
    return x_TD.reshape(len(x_TD), -1, PERSON // 3, 3).swapaxes(0, 1)


def centre(x_TD: np.ndarray) -> np.ndarray:
    """Step C: move the origin to the first person's SpineMid in the first frame that has this person.

    With two persons, one who is absent (all numbers sum to 0) stays 0. One person alone who is absent becomes
    minus the origin, as in the reference.

    Raises:
        RawFileError: the first person is 0 in all frames.
    """
    is_present_T = (x_TD[:, :PERSON] != 0).any(axis=1)
    if not is_present_T.any():
        raise RawFileError("all joints of the first person are 0 in all frames")
    x_TMD = x_TD.reshape(len(x_TD), -1, PERSON)
    is_absent_TM = x_TMD.sum(axis=2) == 0
    origin_C = x_TD[is_present_T.argmax(), _ORIGIN]
    centred_TMD = x_TMD - origin_C[_CHANNELS]
    if x_TMD.shape[1] == 2:
        centred_TMD[is_absent_TM] = 0
    return centred_TMD.reshape(x_TD.shape)

"""What every reader makes from a file: joints of some persons over time, and what the file says of them.

Letters: M persons, T frames, V joints, C channels, D detections (one person in one frame).
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np


class ReadError(ValueError):
    """A file that cannot be used, and the 1-based line where that shows (None: no line in particular)."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line


@dataclass(frozen=True)
class Span:
    """A stretch of a recording with its own label. `start` and `end` are frame numbers, both included."""

    label: str
    start: int
    end: int


@dataclass(frozen=True)
class Hints:
    """What the file itself says, if its format has a place for it; texts, empty = nothing."""

    label: str = ""
    name_label: str = ""
    """A class in the name of the file; weaker than the folder that it lies in."""
    split: str = ""
    group: str = ""
    spans: tuple[Span, ...] = ()
    """Not empty: the recording is to be cut into these, and nothing else of it has a label."""


@dataclass(frozen=True, eq=False)
class Recording:
    """One recording before it is cut, mended and mapped to a layout.

    A joint that was not seen has NaN in all its coordinates. Whoever is not there has NaN in all joints.
    """

    name: str
    """Path of the file in its folder without the suffix, with `/`; `#2` behind it if the file has several."""
    joints_MTVC: np.ndarray
    """(M, T, V, 2 or 3) float64."""
    joint_names: tuple[str, ...] = ()
    """Empty = the file does not say it."""
    layout: str = ""
    """The layout whose joint order the format has; empty = the format does not fix it."""
    scores_MTV: np.ndarray | None = None
    """(M, T, V) how sure the detector was, 0 to 1."""
    numbers_T: np.ndarray | None = None
    """(T,) int64, the frame number that the file gives each frame, ascending; None = 0, 1, 2, ..."""
    fps: float | None = None
    unit: str = ""
    up: str = ""
    hints: Hints = Hints()
    remarks: Counter[str] = field(default_factory=Counter)
    """What was dropped, filled or repaired -> how often. The words follow the number: "3 repeated frames"."""

    @property
    def frame_numbers(self) -> np.ndarray:
        """(T,) int64, ascending."""
        return np.arange(self.joints_MTVC.shape[1]) if self.numbers_T is None else self.numbers_T

    def __repr__(self) -> str:
        persons, frames, joints, channels = self.joints_MTVC.shape
        return f"Recording({self.name!r}, {persons} x {frames} x {joints} x {channels})"

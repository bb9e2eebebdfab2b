"""Persons found one by one in the frames of a file -> a recording."""

from collections import Counter
from typing import Any

import numpy as np

from lst.data.own.persons import UNKNOWN, Detections, tracks_of
from lst.data.own.recording import ReadError, Recording


class DetectionList:
    """Collects the persons of a file; all must have the same number of joints."""

    def __init__(self) -> None:
        self.frames: list[int] = []
        self.persons: list[int] = []
        self.joints: list[np.ndarray] = []
        self.scores: list[np.ndarray | None] = []
        self.remarks: Counter[str] = Counter()

    def add(
        self, frame: int, person: int, joints_VC: np.ndarray, scores_V: np.ndarray | None, what: str
    ) -> None:
        """One person in one frame.

        Raises:
            ReadError: another shape than the persons before; `what` names this one.
        """
        if self.joints and joints_VC.shape != self.joints[0].shape:
            raise ReadError(
                f"{what}: {len(joints_VC)} joints of {joints_VC.shape[1]} coordinates, "
                f"but {len(self.joints[0])} of {self.joints[0].shape[1]} before"
            )
        self.frames.append(frame)
        self.persons.append(person)
        self.joints.append(joints_VC)
        self.scores.append(scores_V)

    @property
    def num_joints(self) -> int:
        return len(self.joints[0]) if self.joints else 0

    def recording(self, name: str, **facts: Any) -> Recording:
        """All of them; `facts` are further fields of the recording.

        Raises:
            ReadError: nobody was found in any frame.
        """
        if not self.joints:
            raise ReadError("no person is seen in any frame")
        has_scores = all(scores is not None for scores in self.scores)
        found = Detections(
            np.array(self.frames, dtype=np.int64),
            self._ids(),
            np.stack(self.joints),
            np.stack([s for s in self.scores if s is not None]) if has_scores else None,
        )
        tracks = tracks_of(found)
        return Recording(
            name=name,
            joints_MTVC=tracks.joints_MTVC,
            scores_MTV=tracks.scores_MTV,
            numbers_T=tracks.numbers_T,
            remarks=tracks.remarks + self.remarks,
            **facts,
        )

    def _ids(self) -> np.ndarray:
        """Track ids, or UNKNOWN for all if an id names two persons of one frame."""
        pairs = list(zip(self.frames, self.persons, strict=True))
        known = [pair for pair in pairs if pair[1] != UNKNOWN]
        if len(set(known)) < len(known):
            self.remarks["files whose track ids name several persons of one frame, so not used"] += 1
            return np.full(len(pairs), UNKNOWN, dtype=np.int64)
        return np.array(self.persons, dtype=np.int64)

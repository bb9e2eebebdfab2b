"""Several runs that answer together: the weighted sum of their logits, as `lst ensemble` adds up scores.

Letters: N clips, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lst.evaluation.ensemble import default_weights, ensemble
from lst.evaluation.scores import Scores
from lst.facts.skeleton import Skeleton
from lst.recognizer.answers import predictions
from lst.recognizer.clips import GivenClips, as_clips
from lst.recognizer.prediction import Prediction
from lst.recognizer.recognizer import Recognizer, load


def load_ensemble(
    runs: Sequence[str | Path], weights: Sequence[float] | None = None, device: str = "auto"
) -> "Ensemble":
    """Open several finished runs of the same classes and layout.

    >>> team = lst.load_ensemble(["runs/mine", "runs/mine-bone"])
    >>> team.predict(clip)[0].name
    'wave right hand'

    Args:
        weights: one for each run; the published ones for its streams if not given (0.8 for joint and bone
            beside 0.2 for their motion; 0.6 beside 0.4 with one motion; else equal ones).

    Raises:
        FileNotFoundError: a run is not there.
        ValueError: runs of other classes or layouts, the same run twice, or weights that do not fit.
    """
    if isinstance(runs, str | Path) or len(runs) < 2:
        raise ValueError(f"an ensemble needs at least two runs, got {runs!r}; `lst.load` opens one")
    members = [load(run, device) for run in runs]
    names = [str(run) for run in runs]
    if len(set(names)) != len(names):
        raise ValueError(f"an ensemble needs different runs, got {names}")
    first = members[0]
    for name, other in zip(names, members, strict=True):
        if other.class_names != first.class_names or other.layout != first.layout:
            raise ValueError(
                f"{name}: has other classes or another layout ({len(other.class_names)} of "
                f"{other.layout.name}) than {names[0]} ({len(first.class_names)} of {first.layout.name})"
            )
    if weights is not None and len(weights) != len(members):
        raise ValueError(
            f"got {len(weights)} weights for {len(members)} runs; give one for each, in their order"
        )
    known = dict(zip(names, weights or (), strict=False)) or default_weights(
        {
            name: _scores(one, np.zeros((1, len(one.class_names)), np.float32))
            for name, one in zip(names, members, strict=True)
        }
    )
    return Ensemble(dict(zip(names, members, strict=True)), known)


def _scores(member: Recognizer, logits_NK: np.ndarray) -> Scores:
    ids = tuple(f"{n:09d}" for n in range(len(logits_NK)))  # sorted by id, as `ensemble` gives them back
    labels = np.zeros(len(logits_NK), dtype=np.int64)
    return Scores(ids, logits_NK, labels, member.class_names, {"modality": member.pipeline.modality})


@dataclass(frozen=True, eq=False, repr=False)
class Ensemble:
    """Answers as a `Recognizer` does, by all its members."""

    members: dict[str, Recognizer]
    weights: dict[str, float]

    def predict(self, clips: Any, top_k: int = 5) -> list[Prediction]:
        """One answer for each clip. Probabilities are the softmax of the weighted mean of the logits.

        >>> len(team.predict([clip, clip], top_k=2))
        2
        """
        given = self._given(clips)
        mean_NK = self._sum(given) / sum(self.weights.values())
        names = [str(n) for n in range(len(given.clips))]
        return predictions(mean_NK, self.class_names, names, top_k=top_k, notes=given.notes)

    def logits(self, clips: Any) -> np.ndarray:
        """float32 (N, K), the weighted sum, as in the scores that `lst ensemble` writes.

        >>> team.logits(clip).shape == (1, len(team.class_names))
        True
        """
        return self._sum(self._given(clips))

    @property
    def class_names(self) -> tuple[str, ...]:
        """In label order."""
        return self._first.class_names

    @property
    def layout(self) -> Skeleton:
        """Joints and their order, as clips must have them."""
        return self._first.layout

    def __repr__(self) -> str:
        listing = ", ".join(f"{name} x {self.weights[name]:g}" for name in self.members)
        return f"Ensemble({listing}: {len(self.class_names)} classes of {self.layout.name})"

    @property
    def _first(self) -> Recognizer:
        return next(iter(self.members.values()))

    def _given(self, clips: Any) -> GivenClips:
        most = max(member.pipeline.num_persons for member in self.members.values())
        return as_clips(clips, replace(self._first.form, num_persons=most))

    def _sum(self, given: GivenClips) -> np.ndarray:
        streams = {name: _scores(one, one.logits(given.clips)) for name, one in self.members.items()}
        return ensemble(streams, self.weights).logits_NK

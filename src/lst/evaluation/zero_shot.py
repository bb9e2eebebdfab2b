"""How a run fares on classes that it was not trained on. NumPy only.

Two protocols (Chao et al., "An empirical study and analysis of generalized zero-shot learning for object
recognition in the wild", ECCV 2016):

zero-shot                test clips of the unseen classes among the texts of these
generalised zero-shot    test clips of seen (S) and of unseen (U) classes among the texts of all classes

Plain argmax. No constant is taken off the seen classes ("calibrated stacking"): there are no clips of unseen
classes to fit it on, except those of the test split.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from lst.evaluation.scores import (
    Scores,
    confusion_matrix,
    mean_class_accuracy,
    per_class,
    top_k_accuracy,
)


def zero_shot_report(scores: Scores, unseen: Sequence[int]) -> dict[str, Any]:
    """Plain JSON values; accuracies are fractions from 0 to 1. Ties count against the run, as everywhere.

    Args:
        scores: cosines of the test clips with the texts of all classes.
        unseen: labels of the classes left out of training.

    Raises:
        ValueError: nothing is unseen, everything is, or one of the two has no test clip.
    """
    seen = [label for label in range(len(scores.class_names)) if label not in set(unseen)]
    of_unseen, of_seen = clips_of(scores, unseen, "unseen"), clips_of(scores, seen, "seen")
    closed = among(of_unseen, unseen)
    seen_top1, unseen_top1 = _top1(of_seen), _top1(of_unseen)
    return {
        "unseen": [scores.class_names[label] for label in unseen],
        "zero_shot": {
            "clips": len(closed.clip_ids),
            "top1": _top1(closed),
            "mean_class_accuracy": mean_class_accuracy(closed.logits_NK, closed.labels_N),
            "chance": 1 / len(unseen),
            "per_class": _rows(closed),
        },
        "generalised": {
            "seen_clips": len(of_seen.clip_ids),
            "unseen_clips": len(of_unseen.clip_ids),
            "seen_top1": seen_top1,
            "unseen_top1": unseen_top1,
            "harmonic_mean": harmonic_mean(seen_top1, unseen_top1),
            "per_class": _rows(scores),
        },
        "info": dict(scores.info),
    }


def harmonic_mean(seen: float, unseen: float) -> float:
    """2 S U / (S + U); 0 where both are 0."""
    return 2 * seen * unseen / (seen + unseen) if seen + unseen else 0.0


def clips_of(scores: Scores, labels: Sequence[int], what: str = "chosen") -> Scores:
    """The scores of the clips of some classes, with the columns of all."""
    rows = np.flatnonzero(np.isin(scores.labels_N, labels))
    if not len(rows):
        raise ValueError(f"no clip of the {what} classes (labels {list(labels)}) among those measured")
    return scores.select(rows)


def among(scores: Scores, labels: Sequence[int]) -> Scores:
    """The same clips with these classes as the only answers; label k is then the k-th of them.

    Every clip must be of one of the classes.
    """
    place = {label: k for k, label in enumerate(labels)}
    new_N = np.array([place[label] for label in scores.labels_N.tolist()])
    names = tuple(scores.class_names[label] for label in labels)
    return Scores(scores.clip_ids, scores.logits_NK[:, list(labels)], new_N, names, scores.info)


def _top1(scores: Scores) -> float:
    return top_k_accuracy(scores.logits_NK, scores.labels_N, 1)


def _rows(scores: Scores) -> list[dict[str, Any]]:
    matrix_KK = confusion_matrix(scores.logits_NK, scores.labels_N)
    return [asdict(row) for row in per_class(matrix_KK, scores.class_names)]

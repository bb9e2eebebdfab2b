"""What a comparison of clips with texts found, as files and plain values. NumPy only.

Letters: N clips, K actions.
"""

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lst.evaluation.scores import Scores, save_scores, top_k_accuracy
from lst.facts.benchmarks import Benchmark
from lst.files.whole import atomic_path, write_json

BY_TEXT = "by-text"
"""Folder in a run for what was compared with texts."""

BEST_CLIPS = 3


@dataclass(frozen=True, eq=False)
class ByText:
    """Every clip's cosine with every action."""

    benchmark: Benchmark
    clip_ids: tuple[str, ...]
    labels_N: NDArray[np.int64]
    """Classes of the benchmark; the actions need not be among these."""
    actions: tuple[str, ...]
    cosines_NK: NDArray[np.float32]
    info: Mapping[str, Any]

    @property
    def chosen_N(self) -> NDArray[np.int64]:
        """The nearest action of each clip, the first of equals."""
        return self.cosines_NK.argmax(axis=1)

    def scores(self) -> Scores | None:
        """For actions that are classes of the benchmark: the clips of these classes, with the cosines as
        logits. None if an action is no class, or if no clip is of one of them.
        """
        names = self.benchmark.class_names
        if not set(self.actions) <= set(names):
            return None
        place = {names.index(action): k for k, action in enumerate(self.actions)}
        rows = [i for i, label in enumerate(self.labels_N.tolist()) if label in place]
        if not rows:
            return None
        labels = np.array([place[int(self.labels_N[i])] for i in rows])
        ids = tuple(self.clip_ids[i] for i in rows)
        return Scores(ids, self.cosines_NK[rows], labels, self.actions, self.info)


def folder_name(actions: Sequence[str]) -> str:
    """A short folder name for a list of actions; another list gets another name."""
    whole = "+".join(re.sub(r"[^a-z0-9]+", "-", action.lower()).strip("-") for action in actions)
    plain = all(re.fullmatch(r"[a-z0-9]+( [a-z0-9]+)*", action) for action in actions)
    if len(whole) <= 60 and plain:
        return whole
    digest = hashlib.sha256("\n".join(actions).encode()).hexdigest()[:8]
    return f"{whole[:50].strip('-+')}-{digest}"


def write_by_text(folder: Path, found: ByText) -> dict[str, Any]:
    """Write `clips.csv` (every clip and cosine), `scores.npz` where there are labels, and `by_text.json`.

    Returns what the last one holds.
    """
    _write_clips(folder / "clips.csv", found)
    scores = found.scores()
    if scores is None:
        (folder / "scores.npz").unlink(missing_ok=True)
    else:
        save_scores(folder / "scores.npz", scores)
    report = by_text_report(found)
    write_json(folder / "by_text.json", report)
    return report


def by_text_report(found: ByText) -> dict[str, Any]:
    """How many clips chose each action, which are nearest, and the accuracy where there are labels."""
    scores = found.scores()
    return {
        **found.info,
        "clips": len(found.clip_ids),
        "actions": [_action_row(found, k) for k in range(len(found.actions))],
        "labelled_clips": 0 if scores is None else len(scores.clip_ids),
        "top1": None if scores is None else top_k_accuracy(scores.logits_NK, scores.labels_N, 1),
    }


def _write_clips(path: Path, found: ByText) -> None:
    names = found.benchmark.class_names
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["clip_id", "label", "class", "best_action", "cosine", *found.actions])
        for i, (clip, label, k) in enumerate(
            zip(found.clip_ids, found.labels_N, found.chosen_N, strict=True)
        ):
            row = [f"{cosine:.6f}" for cosine in found.cosines_NK[i]]
            writer.writerow([clip, int(label), names[label], found.actions[k], row[k], *row])


def _action_row(found: ByText, k: int) -> dict[str, Any]:
    """How many clips chose the action, which class most of them are of, and the clips nearest to it."""
    rows = np.flatnonzero(found.chosen_N == k)
    names = found.benchmark.class_names
    classes = Counter(names[label] for label in found.labels_N[rows].tolist())
    most, count = classes.most_common(1)[0] if classes else (None, 0)
    nearest = np.argsort(-found.cosines_NK[:, k], kind="stable")[:BEST_CLIPS]
    return {
        "action": found.actions[k],
        "clips": len(rows),
        "mostly": most,
        "mostly_clips": count,
        "best": [
            {"clip": found.clip_ids[i], "cosine": round(float(found.cosines_NK[i, k]), 4)} for i in nearest
        ],
    }

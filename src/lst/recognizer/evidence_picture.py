"""One picture per clip: the words near each part, the joints and the frames that mattered.

Letters: M persons, T frames, V joints, C channels.
"""

import importlib.util
import logging
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lst.facts.skeleton import Skeleton
from lst.facts.wording import percent
from lst.files.whole import atomic_path
from lst.recognizer.prediction import Evidence, Prediction

logger = logging.getLogger(__name__)


@cache
def _can_draw() -> bool:
    found = importlib.util.find_spec("matplotlib") is not None
    if not found:
        logger.warning("no pictures: matplotlib is not installed (the texts say the same)")
    return found


def draw_evidence(answer: Prediction, clip_MTVC: np.ndarray, skeleton: Skeleton, path: Path) -> None:
    """Write the picture of an answer with evidence; without matplotlib one line says that there is none."""
    evidence = answer.evidence
    assert evidence is not None
    if not _can_draw():
        return
    from matplotlib.figure import Figure  # no pyplot: nothing global, no window

    figure = Figure(figsize=(12, 4.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1.3, 1.6))
    _draw_skeleton(left, evidence, clip_MTVC, skeleton)
    _draw_frames(middle, evidence)
    _write_words(right, evidence)
    figure.suptitle(f"{answer.clip}: {evidence.name}, {percent(evidence.probability, 0)}")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=100, format="png")


def _draw_skeleton(axes: Any, evidence: Evidence, clip_MTVC: np.ndarray, skeleton: Skeleton) -> None:
    """The pose in the middle of the stretch that matters most; a joint is as large as its motion's worth."""
    most = max(evidence.frames, key=lambda one: one.fall)
    person_TVC = clip_MTVC[int(np.argmax(np.abs(clip_MTVC).sum(axis=(1, 2, 3))))]
    pose_VC = person_TVC[(most.first + most.last) // 2]
    for child, parent in skeleton.parents.items():
        ends = [skeleton.joints.index(child), skeleton.joints.index(parent)]
        axes.plot(pose_VC[ends, 0], pose_VC[ends, 1], color="0.7", linewidth=1, zorder=1)
    falls = {one.joint: max(one.fall, 0.0) for one in evidence.joints}
    worth_V = np.array([falls[joint] for joint in skeleton.joints])
    sizes_V = 10 + 250 * worth_V / max(worth_V.max(), 1e-9)
    axes.scatter(pose_VC[:, 0], pose_VC[:, 1], s=sizes_V, color="tab:red", alpha=0.7, zorder=2)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_axis_off()
    axes.set_title(f"joints ({evidence.method})", fontsize=9)


def _draw_frames(axes: Any, evidence: Evidence) -> None:
    starts = [one.first for one in evidence.frames]
    widths = [one.last - one.first + 1 for one in evidence.frames]
    axes.bar(starts, [one.fall for one in evidence.frames], widths, align="edge", edgecolor="white")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xlabel("frame")
    axes.set_ylabel("fall of the log-odds if the body stands still")
    axes.set_title(f"frames ({evidence.method})", fontsize=9)


def _write_words(axes: Any, evidence: Evidence) -> None:
    axes.set_axis_off()
    axes.set_title("nearest words of each part (cosine)", fontsize=9)
    if not evidence.parts:
        axes.text(0, 0.9, "the run was trained without text", fontsize=9)
    for i, part in enumerate(evidence.parts):
        near = "\n".join(f"{word.cosine:.2f}  {word.name}" for word in part.nearest[:3])
        axes.text(0, 1 - i / len(evidence.parts), part.part, fontsize=9, weight="bold", va="top")
        axes.text(0.2, 1 - i / len(evidence.parts), near, fontsize=9, va="top")

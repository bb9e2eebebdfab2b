"""Does each part of the body find its own words? A table of parts by texts. NumPy only.

A run with text has a head per part of the body: it averages the part's joints and maps them into the space of
the texts (method.md Sections 6 and 9). For a clip of class k, head p gives a vector e_p, and the texts of
class k for head q give a direction d_qk, the mean of their unit vectors. Two questions are asked of the
cosines c_pq = cos(e_p, d_qk):

finds_text[p][q]: of the texts that the clip's true class has for the five heads, which one is nearest to the
    feature of part p? The share of clips for which it is that of head q. Rows sum to 1; the diagonal is the
    share that finds its own words, and 1 / P is chance.
class_top1[p][q]: is the true class the nearest of all K classes, if the feature of part p is compared with
    the texts that the classes have for head q? Chance is 1 / K. Off the diagonal it says how much one part
    shows of what is said about another.

Ties go to the lower number. Classes may share a text for a part ("stay still"); then class_top1 is bounded.

Letters: N clips, P and Q heads, K classes, D embedding width.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lst.evaluation.by_text import Actions


def part_text_table(
    embedded_PND: np.ndarray, labels_N: np.ndarray, actions: Actions, heads: Sequence[str]
) -> dict[str, Any] | None:
    """Plain JSON values: heads, clips, finds_text and class_top1, each P rows of P shares.

    Args:
        embedded_PND: one vector per head and clip, of any length.
        actions: the run's own classes, in label order, with a direction for every head.

    Returns:
        None where there is no clip or only one head, so that nothing can be confused.
    """
    if len(heads) < 2 or len(labels_N) == 0:
        return None
    assert embedded_PND.shape[0] == len(actions.directions_PKD) == len(heads)
    features_PND, texts_QKD = _unit(embedded_PND), _unit(actions.directions_PKD)
    own_QND = texts_QKD[:, labels_N]
    nearest_PN = np.einsum("pnd,qnd->pqn", features_PND, own_QND).argmax(axis=1)
    finds_PQ = np.stack([np.bincount(row_N, minlength=len(heads)) for row_N in nearest_PN])
    top1_PQ = [
        [float(((part_ND @ text_KD.T).argmax(axis=1) == labels_N).mean()) for text_KD in texts_QKD]
        for part_ND in features_PND
    ]
    return {
        "heads": list(heads),
        "clips": len(labels_N),
        "finds_text": (finds_PQ / len(labels_N)).tolist(),
        "class_top1": top1_PQ,
    }


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)


def part_text_lines(table: Mapping[str, Any]) -> list[str]:
    """The table in a compact block for people, in percent: nearest text, and top-1 behind the bar."""
    heads = table["heads"]
    width = max(6, *(len(head) for head in heads))
    names = " ".join(f"{head:>{width}}" for head in heads)
    lines = [
        "features (rows) by texts (columns), % of clips: nearest text of the true class | right class",
        f"{'':>{width}} {names} | {names}",
    ]
    for head, finds_Q, top1_Q in zip(heads, table["finds_text"], table["class_top1"], strict=True):
        left = " ".join(f"{100 * share:>{width}.0f}" for share in finds_Q)
        right = " ".join(f"{100 * share:>{width}.0f}" for share in top1_Q)
        lines.append(f"{head:>{width}} {left} | {right}")
    return lines

"""Logits -> names and probabilities. NumPy only.

Letters: N clips, K classes.
"""

from collections.abc import Sequence

import numpy as np

from lst.recognizer.prediction import Choice, Evidence, Prediction


def probabilities(logits_NK: np.ndarray) -> np.ndarray:
    """Softmax in float64, (N, K)."""
    shifted_NK = logits_NK.astype(np.float64) - logits_NK.max(axis=1, keepdims=True)
    powers_NK = np.exp(shifted_NK)
    return powers_NK / powers_NK.sum(axis=1, keepdims=True)


def log_odds(logits_NK: np.ndarray, label: int) -> np.ndarray:
    """(N,) log of p / (1 - p) of one class: its logit minus the log-sum-exp of all others."""
    others_NL = np.delete(logits_NK.astype(np.float64), label, axis=1)
    if others_NL.shape[1] == 0:
        return np.full(len(logits_NK), np.inf)
    top_N = others_NL.max(axis=1)
    rest_N = top_N + np.log(np.exp(others_NL - top_N[:, None]).sum(axis=1))
    return logits_NK[:, label].astype(np.float64) - rest_N


def predictions(
    logits_NK: np.ndarray,
    class_names: Sequence[str],
    clips: Sequence[str],
    *,
    top_k: int,
    notes: Sequence[tuple[str, ...]],
    evidence: Sequence[Evidence] = (),
) -> list[Prediction]:
    """One answer for each clip. Of equally probable classes the one with the lower label comes first.

    Raises:
        ValueError: top_k is below 1.
    """
    if top_k < 1:
        raise ValueError(f"top_k must be at least 1, got {top_k}")
    shares_NK = probabilities(logits_NK)
    order_NK = np.argsort(-logits_NK, axis=1, kind="stable")
    found = []
    for n, clip in enumerate(clips):
        ranked: list[int] = order_NK[n, :top_k].tolist()
        choices = tuple(Choice(class_names[k], float(shares_NK[n, k]), k) for k in ranked)
        best = choices[0]
        why = evidence[n] if evidence else None
        found.append(Prediction(best.name, best.probability, best.label, choices, clip, notes[n], why))
    return found

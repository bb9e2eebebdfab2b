"""Add up the streams of one benchmark: a weighted sum of raw logits, joined by clip id (method.md 14)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import permutations
from math import comb
from typing import Any

import numpy as np

from lst.evaluation.scores import Scores, top_k_accuracy

# Letters: S streams, N clips, K classes.

DEFAULT_WEIGHTS: dict[str, float] = {"joint": 0.8, "bone": 0.8, "joint_motion": 0.2, "bone_motion": 0.2}
"""GAP's weights of the four streams, for all data sets (method.md 14)."""

# GAP's and CTR-GCN's weights by the number of motion modalities beside positions: (position, motion).
POSITION_AND_MOTION = {0: (1.0, 1.0), 1: (0.6, 0.4), 2: (0.8, 0.2)}

MAX_GRID = 3000  # combinations of weights tried before the best one is refined


def default_weights(streams: Mapping[str, Scores]) -> dict[str, float]:
    """The documented fixed weights, by each stream's modality.

    Two positions 1, 1; one motion beside positions 0.6, (0.6,) 0.4; both motions 0.8, (0.8,) 0.2, 0.2; only
    motions 1 each (method.md 14; subsets it does not list follow the same rule). Several runs of one modality
    share its weight. The modality is `info["modality"]`, or else the stream's name; ValueError for any other.
    """
    modalities = {name: str(scores.info.get("modality", name)) for name, scores in streams.items()}
    for name, modality in modalities.items():
        if modality not in DEFAULT_WEIGHTS:
            raise ValueError(
                f"stream {name!r} has modality {modality!r}, for which no weight is documented (known: "
                f"{', '.join(DEFAULT_WEIGHTS)}). Give one weight for each stream"
            )
    kinds = set(modalities.values())
    motions = {kind for kind in kinds if kind.endswith("motion")}
    position, motion = POSITION_AND_MOTION[len(motions)] if kinds - motions else (1.0, 1.0)
    runs = list(modalities.values())
    return {
        name: (motion if modality in motions else position) / runs.count(modality)
        for name, modality in modalities.items()
    }


def ensemble(streams: Mapping[str, Scores], weights: Mapping[str, float] | None = None) -> Scores:
    """Weighted sum of each clip's raw logits over streams, matched by clip id, never by position.

    `weights` names every stream; without it `default_weights` apply. Clips come out sorted by id, and the
    order of the streams makes no difference, not even in the last bit. `info` keeps what all streams agree
    on and lists the members with their weights under "ensemble".
    Raises ValueError where streams differ in clips, class names or labels, or weights do not fit.
    """
    logits_SNK, like = _joined(streams)
    if weights is None:
        weights = default_weights(streams)
    _check_weights(streams, weights)
    summed = _weighted_sum(logits_SNK, [weights[name] for name in sorted(streams)])
    return Scores(like.clip_ids, summed, like.labels_N, like.class_names, _merged_info(streams, weights))


def _weighted_sum(logits_SNK: np.ndarray, weights_S: Sequence[float]) -> np.ndarray:
    return np.tensordot(np.asarray(weights_S, dtype=np.float64), logits_SNK, axes=1)


def _joined(streams: Mapping[str, Scores]) -> tuple[np.ndarray, Scores]:
    """Logits (S, N, K) in float64, streams sorted by name, clips by id; and one stream in that clip order."""
    if not streams:
        raise ValueError("an ensemble needs at least one stream, got none")
    names = sorted(streams)
    for name in names[1:]:
        _check_same(names[0], streams[names[0]], name, streams[name])
    ordered = [scores.select(np.argsort(scores.clip_ids)) for scores in (streams[name] for name in names)]
    for name, scores in zip(names[1:], ordered[1:], strict=True):
        _check_labels(names[0], ordered[0], name, scores)
    return np.stack([scores.logits_NK for scores in ordered]).astype(np.float64), ordered[0]


def _check_same(first: str, a: Scores, other: str, b: Scores) -> None:
    if a.class_names != b.class_names:
        K, L = len(a.class_names), len(b.class_names)
        if K != L:
            raise ValueError(
                f"{first!r} has {K} classes, {other!r} has {L}: they are from different benchmarks"
            )
        unlike = [k for k in range(K) if a.class_names[k] != b.class_names[k]]
        raise ValueError(
            f"{first!r} and {other!r} name {len(unlike)} of {K} classes differently, e.g. class {unlike[0]}: "
            f"{a.class_names[unlike[0]]!r} and {b.class_names[unlike[0]]!r}"
        )
    only_a, only_b = set(a.clip_ids) - set(b.clip_ids), set(b.clip_ids) - set(a.clip_ids)
    if only_a or only_b:
        found = [
            f"{len(ids)} only in {name!r}, e.g. {min(ids)!r}"
            for name, ids in ((first, only_a), (other, only_b))
            if ids
        ]
        raise ValueError(
            f"{first!r} and {other!r} score different clips: {'; '.join(found)}. "
            "Use scores of the same benchmark and split"
        )


def _check_labels(first: str, a: Scores, other: str, b: Scores) -> None:
    unlike = np.flatnonzero(a.labels_N != b.labels_N)
    if unlike.size:
        row = unlike[0]
        raise ValueError(
            f"{first!r} and {other!r} label {unlike.size} of {len(a.clip_ids)} clips differently, "
            f"e.g. {a.clip_ids[row]!r}: {a.labels_N[row]} and {b.labels_N[row]}"
        )


def _check_weights(streams: Mapping[str, Scores], weights: Mapping[str, float]) -> None:
    if streams.keys() != weights.keys():
        raise ValueError(
            f"weights are for {sorted(weights)}, scores for {sorted(streams)}: name each stream once"
        )
    wrong = {name: weight for name, weight in weights.items() if not 0 <= weight < np.inf}
    if wrong or not any(weights.values()):
        raise ValueError(f"weights must be 0 or more, finite, and not all 0, got {dict(wrong or weights)}")


def _merged_info(streams: Mapping[str, Scores], weights: Mapping[str, float]) -> dict[str, Any]:
    infos = [scores.info for scores in streams.values()]
    shared = {
        key: value for key, value in infos[0].items() if all(key in i and i[key] == value for i in infos)
    }
    members = {
        name: {"weight": float(weights[name]), "info": dict(streams[name].info)} for name in sorted(streams)
    }
    return {**shared, "ensemble": members}


# --- fitting the weights ----------------------------------------------------------------------------------


def fit_weights(streams: Mapping[str, Scores]) -> dict[str, float]:
    """Weights, summing to 1, with the best top-1 on held-out scores: a grid over all mixtures, then refined.

    Deterministic; equal streams in another order give equal weights. Among equally good weights those nearest
    to the default weights (equal ones where no default is known) are taken, so a small held-out part does not
    drive them away for nothing. The result is never worse on these scores than the default.
    Raises ValueError for scores of the test split or of no known split (method.md Q64), and where `ensemble`
    does.
    """
    _refuse_test(streams)
    logits_SNK, like = _joined(streams)
    names = sorted(streams)
    usual = _normalised(_usual_weights(streams))

    def quality(weights_S: tuple[float, ...]) -> tuple[float, float]:
        accuracy = top_k_accuracy(_weighted_sum(logits_SNK, weights_S), like.labels_N, 1)
        return accuracy, -round(sum((w - u) ** 2 for w, u in zip(weights_S, usual, strict=True)), 12)

    steps = _grid_steps(len(names))
    best = max([usual, *(_normalised(parts) for parts in _mixtures(len(names), steps))], key=quality)
    for step in (0.5 / steps, 0.25 / steps, 0.125 / steps):
        best = _climb(best, step, quality)
    fitted = dict(zip(names, best, strict=True))
    return {name: fitted[name] for name in streams}


def _refuse_test(streams: Mapping[str, Scores]) -> None:
    for name, scores in streams.items():
        split = scores.info.get("split")
        if split == "test":
            raise ValueError(
                f"stream {name!r} holds scores of the test split. Weights chosen on test clips make the test "
                "result look better than it is on new clips, because the choice has seen the answers. Fit on "
                "scores of clips held out of the training set, then use those weights on the test scores"
            )
        if split is None:
            raise ValueError(
                f"stream {name!r} does not say which split it scores (info['split']), so it cannot be told "
                "from test scores, on which weights must not be fitted. Write it again with `lst test`"
            )


def _usual_weights(streams: Mapping[str, Scores]) -> list[float]:
    try:
        usual = default_weights(streams)
    except ValueError:  # own streams without a documented weight: all alike
        usual = dict.fromkeys(streams, 1.0)
    return [usual[name] for name in sorted(streams)]


def _normalised(parts: Sequence[float]) -> tuple[float, ...]:
    total = sum(parts)
    return tuple(part / total for part in parts)


def _grid_steps(num_streams: int) -> int:
    """Finest grid, at most tenths, of at most MAX_GRID mixtures."""
    return max(n for n in range(1, 11) if n == 1 or comb(n + num_streams - 1, n) <= MAX_GRID)


def _mixtures(num_streams: int, total: int) -> Iterator[tuple[int, ...]]:
    """All ways to share `total` steps among the streams."""
    if num_streams == 1:
        yield (total,)
        return
    for own in range(total + 1):
        for rest in _mixtures(num_streams - 1, total - own):
            yield (own, *rest)


def _climb(
    best: tuple[float, ...], step: float, quality: Callable[[tuple[float, ...]], Any]
) -> tuple[float, ...]:
    """Move weight from one stream to another, `step` at a time, as long as that helps."""
    while True:
        moved = max(
            (best, *_neighbours(best, step)), key=quality
        )  # the first of equals: ends when none is better
        if moved == best:
            return best
        best = moved


def _neighbours(weights_S: tuple[float, ...], step: float) -> Iterator[tuple[float, ...]]:
    for giver, taker in permutations(range(len(weights_S)), 2):
        if weights_S[giver] >= step:
            change = {giver: -step, taker: step}
            yield tuple(round(w + change.get(s, 0.0), 9) for s, w in enumerate(weights_S))

"""Why a clip got its answer: words near its body parts, and what is left of the answer without some motion.

Frames and joints are judged by occlusion (Zeiler and Fergus, "Visualizing and Understanding Convolutional
Networks", ECCV 2014): a part of the input is taken away, and the fall of the predicted class is what the part
was worth. A skeleton without a joint is no skeleton, so what is taken away is motion: a joint stands still
beside its parent joint (its mean place there), or the whole body stands still for an eighth of the clip. It
works on the clip as it was given, before the pipeline, so it is the same for every stream and encoder.
Effects of joints that move together do not add up: each alone may be spared.

Letters: N clips, P heads, K classes, D embedding width, M persons, T frames, V joints, C channels.
"""

from collections.abc import Callable, Sequence

import numpy as np

from lst.evaluation.by_text import head_cosines, known_actions
from lst.facts.skeleton import Skeleton
from lst.nets.language import LanguageSide
from lst.recognizer.answers import log_odds, probabilities
from lst.recognizer.prediction import FramesEffect, JointEffect, PartWords, Word

WINDOWS = 8
"""Stretches of time that a clip is judged in."""
NEAREST = 5
"""Words that are kept for each part."""

Score = Callable[[list[np.ndarray]], np.ndarray]
"""Clips (M, T, V, C) -> logits (N, K)."""


def part_words(
    language: LanguageSide, embedded_PND: np.ndarray, skeleton: Skeleton
) -> list[tuple[PartWords, ...]]:
    """For each clip and head of the run the classes whose texts are nearest, by cosine."""
    actions = known_actions(language.texts, language.heads)
    cosines_PNK = head_cosines(embedded_PND, actions)
    pooled_PV = language.weights_PV.cpu().numpy() > 0
    joints = [tuple(np.asarray(skeleton.joints)[row_V].tolist()) for row_V in pooled_PV]
    order_PNK = np.argsort(-cosines_PNK, axis=2, kind="stable")[:, :, :NEAREST]

    def words(p: int, n: int) -> tuple[Word, ...]:
        texts_KS = language.heads[p].texts_KS
        return tuple(
            Word(actions.names[k], texts_KS[k][0], float(cosines_PNK[p, n, k]))
            for k in order_PNK[p, n].tolist()
        )

    heads = list(enumerate(language.heads))
    return [
        tuple(PartWords(head.name, joints[p], words(p, n)) for p, head in heads)
        for n in range(embedded_PND.shape[1])
    ]


def effects(
    clip_MTVC: np.ndarray, logits_K: np.ndarray, score: Score, skeleton: Skeleton
) -> tuple[tuple[JointEffect, ...], tuple[FramesEffect, ...]]:
    """What each joint's and each stretch of time's motion is worth for the predicted class.

    Joints come with the greatest fall first, stretches in the order of time. One pass over V + 8 clips.
    """
    label = int(logits_K.argmax())
    stretches = _stretches(clip_MTVC.shape[1])
    still = [_still_joint(clip_MTVC, skeleton, v) for v in range(skeleton.num_joints)]
    held = [_held_frames(clip_MTVC, first, last) for first, last in stretches]
    logits_NK = score([*still, *held])
    falls_N = log_odds(logits_K[None], label)[0] - log_odds(logits_NK, label)
    left_N = probabilities(logits_NK)[:, label]
    rows = list(zip(falls_N.tolist(), left_N.tolist(), strict=True))
    joints = [
        JointEffect(joint, fall, left)
        for joint, (fall, left) in zip(skeleton.joints, rows[: len(still)], strict=True)
    ]
    frames = [
        FramesEffect(first, last, fall, left)
        for (first, last), (fall, left) in zip(stretches, rows[len(still) :], strict=True)
    ]
    return tuple(sorted(joints, key=lambda one: -one.fall)), tuple(frames)


def _stretches(num_frames: int) -> list[tuple[int, int]]:
    """First and last frame of each, both included, all nearly equally long."""
    parts: Sequence[np.ndarray] = np.array_split(np.arange(num_frames), min(WINDOWS, num_frames))
    return [(int(part[0]), int(part[-1])) for part in parts]


def _still_joint(clip_MTVC: np.ndarray, skeleton: Skeleton, v: int) -> np.ndarray:
    """The clip with joint v at its mean place beside its parent; the root stands beside its first child."""
    parents = skeleton.parent_index()
    beside = parents[v] if parents[v] != v else next(i for i, p in enumerate(parents) if p == v and i != v)
    offset_MTC = clip_MTVC[:, :, v] - clip_MTVC[:, :, beside]
    there_MT = np.asarray(clip_MTVC.any(axis=(2, 3)) & np.isfinite(offset_MTC).all(axis=2))
    count_M = np.maximum(there_MT.sum(axis=1), 1)
    mean_MC = np.where(there_MT[..., None], offset_MTC, 0.0).sum(axis=1) / count_M[:, None]
    changed = clip_MTVC.copy()
    changed[:, :, v] = np.where(
        there_MT[..., None], clip_MTVC[:, :, beside] + mean_MC[:, None], clip_MTVC[:, :, v]
    )
    return changed


def _held_frames(clip_MTVC: np.ndarray, first: int, last: int) -> np.ndarray:
    """The clip with the pose before these frames held through them; at its start the pose behind them.

    Somebody who is not there in that pose is left as he is.
    """
    pose = first - 1 if first else min(last + 1, clip_MTVC.shape[1] - 1)
    there_M = np.asarray(clip_MTVC[:, pose].any(axis=(1, 2)))
    changed = clip_MTVC.copy()
    changed[there_M, first : last + 1] = clip_MTVC[there_M, pose][:, None]
    return changed

"""Classifier + batches -> scores or part vectors: one pass over a split in order, float32, no autocast.

Letters: N clips, P heads, D embedding width.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from lst.data.input.batches import ClipBatches
from lst.evaluation.scores import Scores
from lst.nets.classifier import SkeletonClassifier
from lst.nets.language import LanguageSide


@torch.inference_mode()
def score_clips(
    classifier: SkeletonClassifier,
    batches: ClipBatches,
    class_names: tuple[str, ...],
    info: dict[str, Any],
) -> Scores:
    """Raw logits of every clip, keyed by clip id. The classifier's mode is afterwards as it was."""
    with _measuring(classifier):
        logits = torch.cat([classifier(batch.x_NCTVM, batch.present_B) for batch in batches.test()])
    return Scores(
        tuple(batches.clip_ids), logits.float().cpu().numpy(), np.asarray(batches.labels), class_names, info
    )


@torch.inference_mode()
def embed_clips(classifier: SkeletonClassifier, language: LanguageSide, batches: ClipBatches) -> np.ndarray:
    """float32 (P, N, D): every clip in the space of the texts, one vector per head, in the batches' order."""
    with _measuring(classifier):
        parts = [
            language.embed(classifier.features(batch.x_NCTVM, batch.present_B)) for batch in batches.test()
        ]
    return torch.cat(parts, dim=1).float().cpu().numpy()


@contextmanager
def _measuring(classifier: SkeletonClassifier) -> Iterator[None]:
    """Eval mode and full float32; afterwards the mode is as it was."""
    was_training = classifier.training
    classifier.eval()
    try:
        # cuDNN would round float32 convolutions to TF32 by default; on other devices this changes nothing.
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        classifier.train(was_training)

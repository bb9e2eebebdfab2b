"""Classifier + batches -> scores: one pass over a split in order, every clip once, float32, no autocast."""

from typing import Any

import numpy as np
import torch

from lst.data.batches import ClipBatches
from lst.evaluation.scores import Scores
from lst.nets.classifier import SkeletonClassifier


@torch.inference_mode()
def score_clips(
    classifier: SkeletonClassifier,
    batches: ClipBatches,
    class_names: tuple[str, ...],
    info: dict[str, Any],
) -> Scores:
    """Raw logits of every clip, keyed by clip id. The classifier's mode is afterwards as it was."""
    was_training = classifier.training
    classifier.eval()
    try:
        # cuDNN would round float32 convolutions to TF32 by default; on other devices this changes nothing.
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            logits = torch.cat([classifier(batch.x_NCTVM, batch.present_B) for batch in batches.test()])
    finally:
        classifier.train(was_training)
    return Scores(
        tuple(batches.clip_ids), logits.float().cpu().numpy(), np.asarray(batches.labels), class_names, info
    )

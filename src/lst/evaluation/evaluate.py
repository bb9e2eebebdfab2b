"""Classifier + batches -> scores or part vectors: one pass over a split in order, float32, no autocast.

Letters: N clips, P heads, D embedding width.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lst.data.input.batches import Batch, ClipBatches
from lst.evaluation.scores import Scores
from lst.nets.classifier import SkeletonClassifier
from lst.nets.language import LanguageSide

HEAD_ROWS = 128
"""Clips that the class head sees at once, at least."""


@torch.inference_mode()
def score_clips(
    classifier: SkeletonClassifier,
    batches: ClipBatches,
    class_names: tuple[str, ...],
    info: dict[str, Any],
    views: Iterator[Batch] | None = None,
) -> Scores:
    """Raw logits of every clip, keyed by clip id. The classifier's mode is afterwards as it was.

    views: what the net is shown of the clips, in their order; `batches.test()` if not given.
    """
    views = batches.test() if views is None else views
    with measuring(classifier):
        logits = torch.cat([_classify(classifier, _features(classifier, batch)) for batch in views])
    return _scores(logits, batches, class_names, info)


@torch.inference_mode()
def embed_clips(classifier: SkeletonClassifier, language: LanguageSide, batches: ClipBatches) -> np.ndarray:
    """float32 (P, N, D): every clip in the space of the texts, one vector per head, in the batches' order."""
    with measuring(classifier):
        parts = [language.embed(_features(classifier, batch)) for batch in batches.test()]
    return torch.cat(parts, dim=1).float().cpu().numpy()


@torch.inference_mode()
def score_and_embed(
    classifier: SkeletonClassifier,
    language: LanguageSide,
    batches: ClipBatches,
    class_names: tuple[str, ...],
    info: dict[str, Any],
) -> tuple[Scores, np.ndarray]:
    """What `score_clips` and `embed_clips` give, bit for bit, in one pass."""
    logits, parts = [], []
    with measuring(classifier):
        for batch in batches.test():
            joints_NCV = _features(classifier, batch)
            logits.append(_classify(classifier, joints_NCV))
            parts.append(language.embed(joints_NCV))
    embedded_PND = torch.cat(parts, dim=1).float().cpu().numpy()
    return _scores(torch.cat(logits), batches, class_names, info), embedded_PND


@torch.inference_mode()
def clip_features(classifier: SkeletonClassifier, batches: ClipBatches) -> np.ndarray:
    """float32 (N, C, V): the joint features of every clip, in the batches' order."""
    with measuring(classifier):
        parts = [_features(classifier, batch) for batch in batches.test()]
    return torch.cat(parts).float().cpu().numpy()


def _features(classifier: SkeletonClassifier, batch: Batch) -> Tensor:
    """Joint features (N, C, V). Few clips are computed beside copies of themselves, so that each gets the
    bits that it has among many: the kernels of a CPU depend on the size of the batch."""
    x_NCTVM, present_B = batch.x_NCTVM, batch.present_B
    n, m = x_NCTVM.shape[0], x_NCTVM.shape[-1]
    copies = -(-_fewest(x_NCTVM.device) // n)
    if copies == 1:
        return classifier.features(x_NCTVM, present_B)
    if present_B is not None:
        present_B = torch.cat([present_B + copy * n * m for copy in range(copies)])
    return classifier.features(x_NCTVM.repeat(copies, 1, 1, 1, 1), present_B)[:n]


def _fewest(device: torch.device) -> int:
    """Clips that are computed at once, at least.

    With one thread PyTorch takes another kernel for 1x1 convolutions of fewer than 16 images
    (`ConvParams::use_mkldnn` in its Convolution.cpp); with several it does for a single one.
    """
    return 16 if device.type == "cpu" and torch.get_num_threads() == 1 else 2


def _classify(classifier: SkeletonClassifier, joints_NCV: Tensor) -> Tensor:
    """Logits (N, K). Empty rows make up for clips that a batch lacks: for a dozen rows or fewer the product
    with the head's matrix is another kernel of the CPU, with another order of sums."""
    missing = HEAD_ROWS - len(joints_NCV)
    if missing <= 0:
        return classifier.classify(joints_NCV)
    filled = torch.cat([joints_NCV, joints_NCV.new_zeros(missing, *joints_NCV.shape[1:])])
    return classifier.classify(filled)[: len(joints_NCV)]


def _scores(
    logits_NK: Tensor, batches: ClipBatches, class_names: tuple[str, ...], info: dict[str, Any]
) -> Scores:
    logits = logits_NK.float().cpu().numpy()
    return Scores(tuple(batches.clip_ids), logits, np.asarray(batches.labels), class_names, info)


@contextmanager
def measuring(classifier: SkeletonClassifier) -> Iterator[None]:
    """Eval mode and full float32; afterwards the mode is as it was."""
    was_training = classifier.training
    classifier.eval()
    try:
        # cuDNN would round float32 convolutions to TF32 by default; on other devices this changes nothing.
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        classifier.train(was_training)

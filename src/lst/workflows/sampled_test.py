"""Test-time averaging: every test clip is shown several times, each time with other frames, and averaged.

Many published figures are such averages (pyskl: ten samplings). They stand beside the single view of
`measure.py` and in a folder of their own; a results table keeps to the single view.
"""

from pathlib import Path

import numpy as np
import torch

from lst.data.input.batches import ClipBatches
from lst.data.store.clip_store import ClipStore
from lst.evaluation.evaluate import score_clips
from lst.evaluation.report import make_report, write_report
from lst.evaluation.scores import Scores, save_scores
from lst.files.locks import locked
from lst.nets.checkpoint import load_checkpoint
from lst.nets.classifier import SkeletonClassifier
from lst.training.device import choose_device, keep_freed_memory
from lst.workflows.measure import Measured, batches_for


def samplings_folder(run: Path, samplings: int, *, turns: bool) -> Path:
    return run / "test" / f"samplings-{samplings}{'-turned' if turns else ''}"


def measure_samplings(
    run: Path, store: ClipStore, device: str = "auto", *, samplings: int, turns: bool = False
) -> Measured:
    """Score the test split of a finished run as a mean over samplings; writes into `samplings_folder`.

    turns: clips are turned as in training too. Errors as `measure_run`.
    """
    if samplings < 1:
        raise ValueError(f"samplings must be at least 1, got {samplings}")
    keep_freed_memory()
    store.verify()
    folder = samplings_folder(run, samplings, turns=turns)
    with locked(run):
        checkpoint = load_checkpoint(run, choose_device(device))
        benchmark = store.benchmark(checkpoint.card["benchmark"])
        batches = batches_for(checkpoint, store, store.select(benchmark, "test"))
        info = {
            "run": checkpoint.folder.resolve().name,
            "benchmark": benchmark.name,
            "modality": checkpoint.pipeline.modality,
            "split": "test",
            "samplings": samplings,
            "turned": turns,
        }
        if store.manifest["source"].get("synthetic"):
            info["synthetic_clips"] = True
        names = checkpoint.class_names
        scores = mean_scores(checkpoint.classifier, batches, names, info, samplings, turns=turns)
        save_scores(folder / "scores.npz", scores)
        write_report(folder, scores, benchmark)
    return Measured(make_report(scores, benchmark), folder)


def mean_scores(
    classifier: SkeletonClassifier,
    batches: ClipBatches,
    class_names: tuple[str, ...],
    info: dict[str, object],
    samplings: int,
    *,
    turns: bool,
) -> Scores:
    """Logarithms of the mean of the samplings' class probabilities, in the place of logits."""
    total_NK: np.ndarray | float = 0.0
    one = None
    for sampling in range(samplings):
        views = batches.sampled(sampling, turns=turns)
        one = score_clips(classifier, batches, class_names, dict(info), views)
        total_NK = total_NK + torch.from_numpy(one.logits_NK).double().softmax(dim=1).numpy()
    assert one is not None
    logits_NK = np.log(np.maximum(total_NK / samplings, np.finfo(np.float32).tiny)).astype(np.float32)
    return Scores(one.clip_ids, logits_NK, one.labels_N, class_names, dict(info))

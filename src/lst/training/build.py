"""A recipe and a store -> what the loop needs. The switch parity="gap" acts here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from lst.data import draws
from lst.data.batches import Batch, ClipBatches
from lst.data.pipeline import InputPipeline
from lst.data.store import ClipStore
from lst.facts.benchmarks import Benchmark, get_benchmark
from lst.nets.classifier import SkeletonClassifier, build_classifier
from lst.nets.losses import LossTerms
from lst.nets.supervision import LabelSupervision, LanguageSupervision, TextBank
from lst.text.vectors import TextVectors, default_vectors, load_vectors
from lst.training.recipes import RunConfig

TEST_BATCH = 128  # changes speed and memory only


@dataclass(frozen=True)
class Parts:
    """Everything one run trains and measures with."""

    benchmark: Benchmark
    pipeline: InputPipeline
    build: dict[str, Any]
    classifier: SkeletonClassifier
    supervision: nn.Module
    step: Callable[[Batch], LossTerms]
    train: ClipBatches
    test: ClipBatches
    text: dict[str, Any]


def input_pipeline(config: RunConfig) -> InputPipeline:
    """The recipe's way from a stored clip to the net's input."""
    benchmark = get_benchmark(config.benchmark)
    return InputPipeline(
        layout=benchmark.layout,
        modality=config.modality,
        clip_length=config.clip_length,
        num_persons=benchmark.num_persons,
        frames=config.frames,
        bones="gap" if config.parity == "gap" else "parent",
    )


def training_clips(store: ClipStore, config: RunConfig) -> tuple[np.ndarray, np.ndarray]:
    """Positions in the store of the clips to train on and of those held out of training.

    A clip is held out by its id alone, so every stream and seed of a family holds out the same clips.
    """
    clips = store.select(get_benchmark(config.benchmark), "train")
    keys = draws.clip_keys([store.clip_ids[i] for i in clips])
    held = draws.uniform(0, 0, keys, "hold out", 1)[:, 0] < config.hold_out
    return clips[~held], clips[held]


def build_parts(config: RunConfig, store: ClipStore, device: torch.device) -> Parts:
    """Start values come from the recipe's seed alone; the caller's random state is left as it was."""
    benchmark, pipeline = get_benchmark(config.benchmark), input_pipeline(config)
    build = {
        "encoder": config.encoder,
        "layout": benchmark.layout,
        "num_persons": benchmark.num_persons,
        "num_classes": benchmark.num_classes,
        "width": config.encoder_width,
    }
    train, _ = training_clips(store, config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        classifier = build_classifier(**build).to(device)
        supervision, step, text = _supervise(config, benchmark, classifier, device)

    def batches(clips: np.ndarray, size: int, repeat: int = 1) -> ClipBatches:
        return ClipBatches(store, clips, pipeline, batch_size=size, device=device, repeat=repeat)

    return Parts(
        benchmark,
        pipeline,
        build,
        classifier,
        supervision,
        step,
        batches(train, config.batch_size, config.repeat),
        batches(store.select(benchmark, "test"), TEST_BATCH),
        text,
    )


def _supervise(
    config: RunConfig, benchmark: Benchmark, classifier: SkeletonClassifier, device: torch.device
) -> tuple[nn.Module, Callable[[Batch], LossTerms], dict[str, Any]]:
    """The teacher: the label alone (text_weight 0), or the label and language."""
    if config.text_weight == 0:
        plain = LabelSupervision(classifier).to(device)
        return plain, lambda batch: plain(batch.x_NCTVM, batch.labels_N), {}
    vectors = _vectors_for(benchmark, config.text_vectors)
    bank = text_bank(vectors, gap=config.parity == "gap").to(device)
    skeleton = input_pipeline(config).skeleton
    parts = skeleton.gap_parts(config.modality) if config.parity == "gap" else None
    language = LanguageSupervision(
        classifier,
        torch.from_numpy(skeleton.part_weights(parts)),
        width=classifier.head.in_features,
        text_width=bank.width,
        scale=config.text_scale,
        target=config.text_target,
    ).to(device)

    def step(batch: Batch) -> LossTerms:
        return language(batch.x_NCTVM, batch.labels_N, bank(batch.labels_N, batch.text_draws_N))

    return language, step, dict(vectors.meta)


def text_bank(vectors: TextVectors, *, gap: bool) -> TextBank:
    """gap: the part prompts of the official building rule (Q20)."""
    parts = vectors.gap_part_index_K4 if gap else vectors.part_index_K4
    arrays = (vectors.vectors_TD, vectors.global_index_KS, parts)
    return TextBank(*(torch.from_numpy(np.array(a)) for a in arrays))


def _vectors_for(benchmark: Benchmark, file: str | None) -> TextVectors:
    vectors = default_vectors(benchmark.dataset) if file is None else load_vectors(file)
    if vectors.class_names != benchmark.class_names:
        raise ValueError(
            f"the text vectors of {file or benchmark.dataset!r} are for the classes {vectors.class_names}, "
            f"the benchmark has {benchmark.class_names}; describe these, in this order, and run lst embed"
        )
    return vectors

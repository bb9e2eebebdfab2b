"""A recipe and a store -> what the loop needs. The switch parity="gap" acts here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lst.data import draws
from lst.data.batches import ClipBatches, Place
from lst.data.pipeline import InputPipeline
from lst.data.store import ClipStore
from lst.facts.benchmarks import Benchmark, get_benchmark
from lst.facts.skeleton import Skeleton
from lst.nets.classifier import SkeletonClassifier, build_classifier
from lst.nets.language import LanguageSide
from lst.nets.supervision import LabelSupervision, LanguageSupervision, TextBank
from lst.text.prompt_choices import GAP_RULE, Head, rule_heads
from lst.text.vectors import TextVectors, default_vectors, load_vectors
from lst.training.recipes import RunConfig
from lst.training.text_controls import Texts, controlled

TEST_BATCH = 128  # changes speed and memory only


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """Everything one run trains and measures with."""

    benchmark: Benchmark
    pipeline: InputPipeline
    build: dict[str, Any]
    classifier: SkeletonClassifier
    supervision: LanguageSupervision | LabelSupervision
    train: ClipBatches
    test: ClipBatches
    vectors: TextVectors | None
    """None without text."""

    @property
    def text(self) -> dict[str, Any]:
        """Provenance of the text vectors; empty without text."""
        return {} if self.vectors is None else dict(self.vectors.meta)


def input_pipeline(config: RunConfig) -> InputPipeline:
    """The recipe's way from a stored clip to the net's input."""
    benchmark = get_benchmark(config.benchmark)
    return InputPipeline(
        layout=benchmark.layout,
        modality=config.modality,
        clip_length=config.clip_length or benchmark.clip_length,
        num_persons=benchmark.num_persons,
        frames=benchmark.frames,
        bones="gap" if config.parity == "gap" else "parent",
        missing_person=benchmark.missing_person if config.parity == "gap" else "zeros",
    )


def training_clips(
    store: ClipStore, benchmark: Benchmark, hold_out: float, unseen: Sequence[int] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Positions in the store of the clips to train on and of those held out of training.

    Whole performances are held out, all their cameras together, or a held-out clip would have its twin in
    training. They are chosen by name alone, so every stream and seed holds out the same ones. Clips of
    unseen classes are in neither.
    """
    clips = store.select(benchmark, "train")
    clips = clips[~np.isin(store.labels[clips], unseen)]
    keys = draws.clip_keys([benchmark.performance_of(store.clip_ids[i]) for i in clips])
    held = draws.uniform(0, 0, keys, "hold out", 1)[:, 0] < hold_out
    return clips[~held], clips[held]


def assemble(config: RunConfig, store: ClipStore, device: torch.device, place: Place = "device") -> Assembly:
    """Start values come from the recipe's seed alone; the caller's random state is left as it was."""
    benchmark, pipeline = get_benchmark(config.benchmark), input_pipeline(config)
    build = {
        "encoder": config.encoder,
        "layout": benchmark.layout,
        "num_persons": benchmark.num_persons,
        "num_classes": benchmark.num_classes,
        "width": config.encoder_width,
        "persons": config.persons,
    }
    texts = None if config.text.weight == 0 else _texts_for(config, benchmark)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        classifier = build_classifier(**build)
        supervision = _supervise(config, classifier, pipeline, texts)

    def batches(clips: np.ndarray, size: int, repeat: int = 1) -> ClipBatches:
        return ClipBatches(store, clips, pipeline, batch_size=size, device=device, repeat=repeat, place=place)

    train, _ = training_clips(store, benchmark, config.hold_out, config.unseen)
    return Assembly(
        benchmark=benchmark,
        pipeline=pipeline,
        build=build,
        supervision=supervision.to(device),
        classifier=classifier,
        train=batches(train, config.batch_size, config.repeat),
        test=batches(store.select(benchmark, "test"), TEST_BATCH),
        vectors=None if texts is None else texts[0],
    )


def language_side(config: RunConfig, parts: Assembly) -> LanguageSide | None:
    """What compares the run's clips with texts, as it is now; None without text, or with a control's."""
    if parts.vectors is None or not isinstance(parts.supervision, LanguageSupervision):
        return None
    if config.text.control != "none":
        return None  # its classes have learnt texts that are not theirs
    teacher = parts.supervision
    return LanguageSide(_rule(config), parts.vectors, teacher.weights_PV, teacher.project, teacher.scales())


def _supervise(
    config: RunConfig, classifier: SkeletonClassifier, pipeline: InputPipeline, texts: Texts | None
) -> LanguageSupervision | LabelSupervision:
    """The teacher: the label alone, or the label and language."""
    if texts is None:
        return LabelSupervision(classifier)
    vectors, heads = texts
    return LanguageSupervision(
        classifier,
        torch.from_numpy(_part_weights(config, pipeline.skeleton, heads)),
        text_bank(vectors, heads),
        width=classifier.head.in_features,
        scale=config.scale,
        target=config.text.target,
        loss=config.text.loss,
    )


def text_heads(config: RunConfig, vectors: TextVectors) -> tuple[Head, ...]:
    """The recipe's heads with the texts of all classes; gap: by the official building rule (Q20)."""
    return rule_heads(_rule(config), vectors.classes)


def _rule(config: RunConfig) -> str:
    return GAP_RULE if config.parity == "gap" else config.text.prompts


def text_bank(vectors: TextVectors, heads: Sequence[Head]) -> TextBank:
    """The vectors of these heads, ready for the device."""
    return TextBank(
        torch.from_numpy(np.array(vectors.vectors_TD)), torch.from_numpy(vectors.index_PKS(heads))
    )


def _part_weights(config: RunConfig, skeleton: Skeleton, heads: Sequence[Head]) -> np.ndarray:
    """Which joints each head but the first pools; gap: the official lists (Q4 to Q6)."""
    if config.parity == "gap":
        return skeleton.part_weights(skeleton.gap_parts(config.modality))
    return skeleton.part_weights({head.name: skeleton.joints_of(head.parts) for head in heads[1:]})


def _texts_for(config: RunConfig, benchmark: Benchmark) -> Texts:
    """Vectors and heads of the recipe's texts, or of its control condition."""
    vectors = _vectors_for(benchmark, config.text.vectors)
    heads = text_heads(config, vectors)
    config.text.check_part_weights([head.name for head in heads])
    return controlled(config.text.control, vectors, heads, config.seed)


def _vectors_for(benchmark: Benchmark, file: str | None) -> TextVectors:
    vectors = default_vectors(benchmark.dataset) if file is None else load_vectors(file)
    if vectors.class_names != benchmark.class_names:
        raise ValueError(
            f"the text vectors of {file or benchmark.dataset!r} are for the classes {vectors.class_names}, "
            f"the benchmark has {benchmark.class_names}; describe these, in this order, and run lst embed"
        )
    return vectors

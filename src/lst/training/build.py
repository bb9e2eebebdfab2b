"""A recipe and a store -> what the loop needs. The switch parity="gap" acts here."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lst.data.input import draws
from lst.data.input.batches import ClipBatches, Place
from lst.data.input.changes import apply_changes
from lst.data.input.pipeline import InputPipeline
from lst.data.input.presets import benchmark_pipeline
from lst.data.store.clip_store import ClipStore
from lst.facts.benchmarks import Benchmark, get_benchmark
from lst.facts.choices import ClassWeights
from lst.facts.own_layout import layout_json
from lst.facts.skeleton import Skeleton
from lst.nets.classifier import SkeletonClassifier, build_classifier
from lst.nets.language import LanguageSide
from lst.nets.losses import ClassLoss
from lst.nets.supervision import LabelSupervision, LanguageSupervision
from lst.text.prompt_choices import Head
from lst.text.vectors import TextVectors
from lst.training.recipes import RunConfig
from lst.training.run_texts import RunTexts, as_trained, prepare_texts, text_rule
from lst.training.start_from import Reused, start_from

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
    reused: Reused | None = None
    """What was taken over from another run."""

    @property
    def text(self) -> dict[str, Any]:
        """Provenance of the text vectors; empty without text."""
        return {} if self.vectors is None else dict(self.vectors.meta)


def input_pipeline(config: RunConfig, benchmark: Benchmark | None = None) -> InputPipeline:
    """The recipe's way from a stored clip to the net's input, with the changes that the recipe names.

    A published benchmark need not be given.

    Raises:
        ValueError: a change that names no step or no number of one.
    """
    pipeline = benchmark_pipeline(
        benchmark or get_benchmark(config.benchmark),
        config.modality,
        clip_length=config.clip_length,
        gap=config.parity == "gap",
    )
    return apply_changes(pipeline, config.input)


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
    """A recipe and a store -> all that a run needs: first the texts, then the net and the batches.

    Raises:
        ValueError: the store does not serve the recipe's benchmark, or the recipe does not fit it.
    """
    benchmark = store.benchmark(config.benchmark)
    config.check_unseen(benchmark.num_classes)
    texts = prepare_texts(config, benchmark, device)
    return put_together(config, store, benchmark, texts, device, place)


def put_together(
    config: RunConfig,
    store: ClipStore,
    benchmark: Benchmark,
    texts: RunTexts | None,
    device: torch.device,
    place: Place = "device",
) -> Assembly:
    """Start values come from the recipe's seed alone; the caller's random state is left as it was."""
    pipeline = input_pipeline(config, benchmark)
    train, held = training_clips(store, benchmark, config.hold_out, config.unseen)
    _check_hold_out(config, store, benchmark, len(held))
    build = {
        "encoder": config.encoder,
        "layout": layout_json(benchmark.layout),
        "num_persons": benchmark.num_persons,
        "num_classes": benchmark.num_classes,
        "width": config.encoder_width,
        "persons": config.persons,
    }
    if pipeline.net_channels != 3:
        build["in_channels"] = pipeline.net_channels
    weights_K = class_weights(config.classes_weighted, store.labels[train], benchmark.num_classes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        classifier = build_classifier(**build)
        class_loss = ClassLoss(weights_K, config.optim.label_smoothing)
        supervision = _supervise(config, classifier, pipeline, texts, class_loss)
    reused = None
    if config.start_from is not None:
        names = benchmark.class_names
        reused = start_from(classifier, build, pipeline.skeleton, names, Path(config.start_from))

    def batches(clips: np.ndarray, size: int, repeat: int = 1) -> ClipBatches:
        return ClipBatches(store, clips, pipeline, batch_size=size, device=device, repeat=repeat, place=place)

    return Assembly(
        benchmark=benchmark,
        pipeline=pipeline,
        build=build,
        supervision=supervision.to(device),
        classifier=classifier,
        train=batches(train, config.batch_size, config.repeat),
        test=batches(store.select(benchmark, "test"), TEST_BATCH),
        vectors=None if texts is None else texts.vectors,
        reused=reused,
    )


def class_weights(rule: ClassWeights, labels_N: np.ndarray, num_classes: int) -> torch.Tensor | None:
    """(K,) weights of cross-entropy, or None: 1 / sqrt(clips of the class), the mean over the clips being 1.

    A class without a clip has weight 0: it never occurs.
    """
    if rule == "none":
        return None
    counts_K = np.bincount(labels_N, minlength=num_classes).astype(np.float64)
    weights_K = np.where(counts_K > 0, 1 / np.sqrt(np.maximum(counts_K, 1)), 0)
    return torch.from_numpy(weights_K * counts_K.sum() / (weights_K * counts_K).sum()).float()


def _check_hold_out(config: RunConfig, store: ClipStore, benchmark: Benchmark, num_held: int) -> None:
    if config.hold_out and store.has_made_up_ids:
        raise ValueError(
            f"{store.folder}: its clip ids are made up, so nobody knows which clips show one performance "
            "from several cameras, and held-out clips would have twins in training. Leave --hold-out out, or "
            "prepare the raw files."
        )
    if config.hold_out and benchmark.groups and not num_held:
        raise ValueError(
            f"{store.folder}: holding out {config.hold_out:g} of the training groups leaves none held out; "
            "give a larger --hold-out or none"
        )


def language_side(config: RunConfig, parts: Assembly) -> LanguageSide | None:
    """What compares the run's clips with texts, as it is now; None without text, or with a control's."""
    if parts.vectors is None or not isinstance(parts.supervision, LanguageSupervision):
        return None
    if config.text.control != "none":
        return None  # its classes have learnt texts that are not theirs
    teacher = parts.supervision
    vectors = as_trained(parts.vectors, teacher.bank)
    return LanguageSide(text_rule(config), vectors, teacher.weights_PV, teacher.project, teacher.scales())


def _supervise(
    config: RunConfig,
    classifier: SkeletonClassifier,
    pipeline: InputPipeline,
    texts: RunTexts | None,
    class_loss: ClassLoss,
) -> LanguageSupervision | LabelSupervision:
    """The teacher: the label alone, or the label and language."""
    if texts is None:
        return LabelSupervision(classifier, class_loss)
    return LanguageSupervision(
        classifier,
        torch.from_numpy(_part_weights(config, pipeline.skeleton, texts.heads)),
        texts.bank(),
        width=classifier.head.in_features,
        scale=config.scale,
        target=config.text.target,
        loss=config.text.loss,
        class_loss=class_loss,
    )


def _part_weights(config: RunConfig, skeleton: Skeleton, heads: Sequence[Head]) -> np.ndarray:
    """Which joints each head but the first pools; gap: the official lists (Q4 to Q6)."""
    if config.parity == "gap":
        return skeleton.part_weights(skeleton.gap_parts(config.modality))
    return skeleton.part_weights({head.name: skeleton.joints_of(head.parts) for head in heads[1:]})

"""Every encoder with its size: numbers to train, operations for a clip, published figures."""

from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from lst.facts.benchmarks import Benchmark, get_benchmark
from lst.facts.encoders import ENCODER_FACTS, EncoderFacts, Figures
from lst.nets.classifier import SkeletonClassifier, build_classifier


@dataclass(frozen=True)
class ModelSize:
    """One encoder with a class head for a benchmark."""

    facts: EncoderFacts
    parameters: int
    operations: int
    """Floating point operations of one clip with all its persons: two for each product and its sum, counted
    in convolutions and matrix products."""

    def figures(self, benchmark: str) -> Figures:
        return self.facts.figures.get(benchmark, Figures(None, None))


def model_sizes(benchmark: str = "ntu60-xsub", frames: int | None = None) -> list[ModelSize]:
    """All encoders for clips of a benchmark's shape; nothing is computed but shapes.

    frames: frames of the clip; the benchmark's if not given.
    """
    shape = get_benchmark(benchmark)
    return [_measure(facts, shape, frames or shape.clip_length) for facts in ENCODER_FACTS]


def _measure(facts: EncoderFacts, shape: Benchmark, frames: int) -> ModelSize:
    with torch.random.fork_rng(devices=[]):
        net = build_classifier(
            encoder=facts.name,
            layout=shape.layout,
            num_persons=shape.num_persons,
            num_classes=shape.num_classes,
        )
    clip = (1, 3, frames, shape.skeleton.num_joints, shape.num_persons)
    return ModelSize(facts, sum(p.numel() for p in net.parameters()), count_operations(net, clip))


def count_operations(net: SkeletonClassifier, shape_NCTVM: tuple[int, ...]) -> int:
    """Operations of one forward pass for clips of that shape. Only shapes are computed."""
    on_paper = net.to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        features_NMCTV = on_paper.encoder(torch.empty(shape_NCTVM, device="meta"))
        on_paper.head(features_NMCTV.mean(dim=(1, 3, 4)))  # autocast, as in forward, knows no shapes alone
    return counter.get_total_flops()

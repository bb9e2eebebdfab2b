"""Speed of the fused encoder beside its plain form: same weights, same input, same run, same machine state.

A training step is the real one: forward, language and label loss, backward, SGD. The candidates are timed in
turns, so a machine that slows down slows all of them. Ratios count, not milliseconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lst.facts.benchmarks import get_benchmark
from lst.files.whole import write_json
from lst.nets.classifier import SkeletonClassifier
from lst.nets.ctrgcn import CTRGCN
from lst.nets.ctrgcn_plain import PlainCTRGCN
from lst.nets.official import encoder_pieces, view_of
from lst.nets.supervision import LanguageSupervision
from lst.text.prompt_choices import prompt_heads
from lst.text.vectors import default_vectors
from lst.training.device import choose_device, describe_device, keep_freed_memory
from lst.training.provenance import code_facts
from lst.training.run_texts import text_bank
from lst.workflows.timing import seconds

BENCHMARK = "nw-ucla"  # its shape: 52 frames, 20 joints, one person
TOLERANCE = {False: 1e-4, True: 3e-2}  # relative error of the logits in fp32, and under bf16 autocast


@dataclass
class Candidate:
    """One way of computing a step, with its fastest times in seconds."""

    name: str
    net: LanguageSupervision
    bf16: bool
    train: float = float("inf")
    infer: float = float("inf")
    error: float = 0.0

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.SGD(
            self.net.parameters(), lr=1e-4, momentum=0.9, nesterov=True, weight_decay=4e-4
        )

    @property
    def exact_enough(self) -> bool:
        return self.error <= TOLERANCE[self.bf16]


class Step:
    """One batch of random clips with labels and texts, and what the candidates do with it."""

    def __init__(self, batch: int, device: torch.device) -> None:
        benchmark, draws = get_benchmark(BENCHMARK), torch.Generator().manual_seed(1)
        shape = (batch, 3, benchmark.clip_length, benchmark.skeleton.num_joints, 1)
        self.x_NCTVM = torch.randn(shape, generator=draws).to(device)
        self.labels_N = torch.randint(benchmark.num_classes, (batch,), generator=draws).to(device)
        self.text_draws_N = torch.rand(batch, generator=draws).to(device)

    def infer(self, c: Candidate) -> Tensor:
        c.net.eval()
        with torch.inference_mode(), torch.autocast(self.x_NCTVM.device.type, torch.bfloat16, enabled=c.bf16):
            return c.net.classifier(self.x_NCTVM)

    def train(self, c: Candidate) -> None:
        c.net.train()
        with torch.autocast(self.x_NCTVM.device.type, torch.bfloat16, enabled=c.bf16):
            terms = c.net(self.x_NCTVM, self.labels_N, self.text_draws_N)
        c.optimizer.zero_grad(set_to_none=True)
        (terms.classes + terms.parts_P.mean()).backward()
        c.optimizer.step()


def same_weights(seed: int = 0) -> tuple[CTRGCN, PlainCTRGCN]:
    """Both forms with equal values, moved off their start so that every path matters."""
    graph = torch.from_numpy(get_benchmark(BENCHMARK).skeleton.graph_matrices())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fused, plain = CTRGCN(graph, num_persons=1), PlainCTRGCN(graph, num_persons=1)
        with torch.no_grad():
            for name, value in fused.named_parameters():
                if name.endswith(("alpha", "bn.weight")):
                    value.uniform_(0.5, 1.0)
        _settle(fused)
    ours, shapes = fused.state_dict(), plain.state_dict()
    plain.load_state_dict(
        {p.key: view_of(ours, p).reshape(shapes[p.key].shape) for p in encoder_pieces(fused)}
    )
    return fused, plain


def _settle(net: CTRGCN) -> None:
    """Running statistics of what flows through; without them values grow to 1e8."""
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    shape = (
        16,
        3,
        get_benchmark(BENCHMARK).clip_length,
        get_benchmark(BENCHMARK).skeleton.num_joints,
        1,
    )
    with torch.no_grad():
        net.train()(torch.randn(shape))
    for norm in norms:
        norm.momentum = 0.1


def supervised(encoder: nn.Module, width: int) -> LanguageSupervision:
    """The encoder as it is trained, with NW-UCLA's classes and texts; the heads are the same for each."""
    benchmark = get_benchmark(BENCHMARK)
    weights_PV = torch.from_numpy(benchmark.skeleton.part_weights())
    vectors = default_vectors(benchmark.dataset)
    bank = text_bank(vectors, prompt_heads("parts4", vectors.classes))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        classifier = SkeletonClassifier(encoder, width=width, num_classes=benchmark.num_classes)
        return LanguageSupervision(classifier, weights_PV, bank, width=width)


def bench_encoder(
    device: str, *, batch: int, repeats: int, compiled: bool, out: Path | None = None
) -> Iterator[str]:
    """Lines of a table: milliseconds, ratio to the plain form, relative error of the logits and its limit."""
    where = choose_device(device)
    keep_freed_memory()
    fused, plain = same_weights()
    nets = [supervised(net, fused.out_channels).to(where) for net in (plain, fused)]
    candidates = [
        Candidate("plain, fp32", nets[0], bf16=False),
        Candidate("fused, fp32", nets[1], bf16=False),
        Candidate("fused, bf16 autocast", nets[1], bf16=True),
    ]
    if compiled:
        net = supervised(same_weights()[0], fused.out_channels).to(where)
        net.compile()
        net.classifier.compile()
        candidates.append(Candidate("fused, bf16, compiled", net, bf16=True))
    _time_all(candidates, Step(batch, where), repeats)
    yield f"{describe_device(where)}, torch {torch.__version__}"
    yield f"{batch} clips of {BENCHMARK}'s shape per step"
    yield f"{'':<24}{'training':>12}{'':>9}{'inference':>12}{'':>9}{'error':>10}{'limit':>9}"
    yield from (_line(c, candidates[0]) for c in candidates)
    if out is not None:
        write_json(out, _record(candidates, where, batch))
        yield f"wrote {out}"


def _time_all(candidates: list[Candidate], step: Step, repeats: int) -> None:
    expected = step.infer(candidates[0])
    for c in candidates:  # errors first: a training step changes the weights
        c.error = float((step.infer(c) - expected).norm() / expected.norm())
    time_in_turns(candidates, step, repeats)


def time_in_turns(candidates: list[Candidate], step: Step, repeats: int) -> None:
    """The fastest of `repeats` training steps and passes of each, after one training step to warm up."""
    for c in candidates:
        step.train(c)
    for _ in range(repeats):
        for c in candidates:
            c.train = min(c.train, seconds(lambda c=c: step.train(c), step.x_NCTVM.device))
        for c in candidates:
            c.infer = min(c.infer, seconds(lambda c=c: step.infer(c), step.x_NCTVM.device))


def _line(c: Candidate, first: Candidate) -> str:
    verdict = "" if c.exact_enough else "  TOO FAR OFF"
    return (
        f"{c.name:<24}{1e3 * c.train:>9.0f} ms{first.train / c.train:>8.2f}x"
        f"{1e3 * c.infer:>9.0f} ms{first.infer / c.infer:>8.2f}x"
        f"{c.error:>10.1e}{TOLERANCE[c.bf16]:>9.0e}{verdict}"
    )


def _record(candidates: list[Candidate], device: torch.device, batch: int) -> dict[str, Any]:
    first = candidates[0]
    return {
        "format": "lst-bench",
        "device": describe_device(device),
        "batch": batch,
        "code": code_facts(),
        "rows": [
            {
                "name": c.name,
                "train_seconds": c.train,
                "infer_seconds": c.infer,
                "train_ratio": first.train / c.train,
                "infer_ratio": first.infer / c.infer,
                "error": c.error,
                "tolerance": TOLERANCE[c.bf16],
            }
            for c in candidates
        ],
    }

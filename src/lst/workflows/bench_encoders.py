"""Speed of every encoder beside CTR-GCN: same input, same step, same run. Ratios count, not milliseconds.

The candidates are timed in turns, as in `bench.py`, so a machine that slows down slows all of them.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from lst.facts.benchmarks import get_benchmark
from lst.facts.choices import choose
from lst.files.whole import write_json
from lst.nets.classifier import ENCODERS
from lst.training.device import choose_device, describe_device, keep_freed_memory, uses_bf16
from lst.training.provenance import code_facts
from lst.workflows.bench import BENCHMARK, Candidate, Step, supervised, time_in_turns

FIRST = "ctrgcn"


def bench_encoders(
    device: str, *, names: Sequence[str] = (), batch: int, repeats: int, out: Path | None = None
) -> Iterator[str]:
    """Lines of a table: milliseconds of a training step and of inference, and the ratio to CTR-GCN.

    names: the encoders beside CTR-GCN; all if none is named. Precision is what training would choose.
    """
    for name in names:
        choose("encoder", name, ENCODERS)
    where = choose_device(device)
    keep_freed_memory()
    bf16 = uses_bf16("auto", where)
    chosen = dict.fromkeys((FIRST, *(names or ENCODERS)))
    candidates = [_candidate(name, where, bf16=bf16) for name in chosen]
    time_in_turns(candidates, Step(batch, where), repeats)
    precision = "bf16 autocast" if bf16 else "fp32"
    yield f"{describe_device(where)}, torch {torch.__version__}, {precision}"
    yield f"{batch} clips of {BENCHMARK}'s shape per step, with language; ratio: times as fast as {FIRST}"
    yield f"{'':<14}{'numbers':>12}{'training':>13}{'ratio':>8}{'inference':>13}{'ratio':>8}"
    rows = [_row(c, candidates[0]) for c in candidates]
    for row in rows:
        yield (
            f"{row['name']:<14}{row['numbers']:>12,}{1e3 * row['train_seconds']:>10.1f} ms"
            f"{row['train_ratio']:>8.2f}{1e3 * row['infer_seconds']:>10.1f} ms{row['infer_ratio']:>8.2f}"
        )
    if out is not None:
        facts = {"device": describe_device(where), "batch": batch, "precision": precision}
        write_json(out, {"format": "lst-bench-encoders", **facts, "code": code_facts(), "rows": rows})
        yield f"wrote {out}"


def _candidate(name: str, device: torch.device, *, bf16: bool) -> Candidate:
    graph_SVV = torch.from_numpy(get_benchmark(BENCHMARK).skeleton.graph_matrices())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder: Any = ENCODERS[name](graph_SVV, num_persons=1)
    return Candidate(name, supervised(encoder, encoder.out_channels).to(device), bf16=bf16)


def _row(c: Candidate, first: Candidate) -> dict[str, Any]:
    return {
        "name": c.name,
        "numbers": sum(p.numel() for p in c.net.classifier.parameters()),
        "train_seconds": c.train,
        "infer_seconds": c.infer,
        "train_ratio": first.train / c.train,
        "infer_ratio": first.infer / c.infer,
    }

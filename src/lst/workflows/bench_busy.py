"""A training step alone, and beside a neighbour that keeps every core busy.

Threads of OpenMP that wait for each other keep their cores for a while (GOMP_SPINCOUNT). Beside other work
the waiting takes the cores from those who are waited for, and a step takes many times longer than its share
of the machine explains. `lst` sets a short wait at its start; here both are measured, in processes of their
own, because the setting counts only before torch is imported.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from lst.data.ntu.files import usable_cores
from lst.facts.wording import plural
from lst.files.whole import write_json
from lst.waiting import OWN_CHOICE, SPIN

GOAL = 3.0
"""With one neighbour per core half of the machine is left, so twice as long is fair."""
_BUSY = "while True: pass"
_CHILD = """
import json, sys
from lst.workflows.bench_busy import step_seconds
print(json.dumps(step_seconds(*map(int, sys.argv[1:]))))
"""


@dataclass(frozen=True)
class Busy:
    """Median seconds of a step."""

    alone: float
    beside: float

    @property
    def ratio(self) -> float:
        return self.beside / self.alone


def bench_busy(*, threads: int | None, batch: int, width: int, steps: int, out: Path | None) -> Iterator[str]:
    """Yields lines for people; `out` gets the numbers."""
    cores = usable_cores()
    count = threads or cores
    yield f"{plural(cores, 'core')}, {plural(count, 'thread')}, load of the machine before: {_load()}"
    found: dict[str, Busy] = {}
    for name, extra in (("as lst sets it", SPIN), ("without the setting", {})):
        environment = {key: value for key, value in os.environ.items() if key not in OWN_CHOICE} | extra
        environment |= {"OMP_NUM_THREADS": str(count)}
        alone = _steps(environment, batch, width, steps)
        with _neighbours(cores):
            beside = _steps(environment, batch, width, steps)
        found[name] = Busy(alone, beside)
        yield (
            f"{name:<20} a step alone {1000 * alone:,.0f} ms, beside {cores} busy processes "
            f"{1000 * beside:,.0f} ms: {beside / alone:.1f} times as long"
        )
    ours = found["as lst sets it"].ratio
    yield f"{'within' if ours <= GOAL else 'NOT within'} the goal of {GOAL:g} times as long"
    if out is not None:
        numbers = {name: {**asdict(busy), "ratio": busy.ratio} for name, busy in found.items()}
        write_json(out, {"cores": cores, "threads": count, "batch": batch, "width": width, **numbers})


def step_seconds(batch: int, width: int, steps: int) -> list[float]:
    """Seconds of every step, after two that warm up."""
    import torch
    from torch.nn.functional import cross_entropy

    from lst.facts.benchmarks import get_benchmark
    from lst.nets.classifier import build_classifier
    from lst.training.device import keep_freed_memory

    keep_freed_memory()
    facts = get_benchmark("nw-ucla")
    shape = {"layout": facts.layout, "num_persons": facts.num_persons, "num_classes": facts.num_classes}
    net = build_classifier(encoder="ctrgcn", width=width, **shape).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    x_NCTVM = torch.randn(batch, 3, facts.clip_length, 20, facts.num_persons)
    labels_N = torch.arange(batch) % facts.num_classes
    seconds: list[float] = []
    for _ in range(steps + 2):
        started = time.perf_counter()
        loss = cross_entropy(net(x_NCTVM), labels_N)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - started)
    return seconds[2:]


def _steps(environment: dict[str, str], batch: int, width: int, steps: int) -> float:
    words = [sys.executable, "-c", _CHILD, str(batch), str(width), str(steps)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ValueError(f"the measured process ended with {done.returncode}: {reason}")
    return statistics.median(json.loads(done.stdout))


@contextmanager
def _neighbours(count: int) -> Iterator[None]:
    """That many processes that compute without a pause."""
    processes = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"

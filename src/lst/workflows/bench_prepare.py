"""Speed, memory and size of preparing NTU RGB+D beside a plain reader, on synthetic raw files of real length.

All read the same files in the same run, in turns, from files that the system has in memory. The plain
reader only reads; preparing also chooses persons, centres, looks for defects and writes the store. Ratios are
of processor time, worker processes included, so that other programs on the machine do not decide them.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lst.data.ntu.files import usable_cores
from lst.data.ntu.prepare import prepare_ntu
from lst.data.ntu.raw import read_bodies
from lst.data.store.clip_store import ClipStore
from lst.data.synthetic.raw_folder import synthesize_ntu
from lst.files.whole import write_json
from lst.training.device import describe_device
from lst.training.provenance import code_facts
from lst.workflows.memory import Peak, can_measure, run_lst

DATASET, ALL_FILES = "ntu120", 114_480
DENSE_BYTES = 300 * 150 * 4
"""Of a clip in a dense npz: 300 frames, two persons of 25 joints, float32."""
LARGE = 10  # times as many clips for the second look at the memory
_TICK = 0.01  # seconds: the system counts processor time in these
NUM_JOINTS, BODY_FIELDS, JOINT_FIELDS = 25, 10, 12


@dataclass
class Candidate:
    """One way through all the files; of its times the smallest count, each by itself."""

    name: str
    cores: int
    work: Callable[[], object]
    seconds: float = float("inf")
    """On the clock."""
    cpu_seconds: float = float("inf")
    """Of all its processes together."""

    def run(self) -> None:
        clock, cpu = time.perf_counter(), _cpu_seconds()
        self.work()
        self.seconds = min(self.seconds, time.perf_counter() - clock)
        self.cpu_seconds = min(self.cpu_seconds, max(_cpu_seconds() - cpu, _TICK))


@dataclass(frozen=True)
class Target:
    """What was aimed for, what came out, and whether that is enough."""

    name: str
    value: float
    limit: float
    at_least: bool

    @property
    def met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def line(self) -> str:
        bound = "at least" if self.at_least else "at most"
        return (
            f"{self.name:<52}{self.value:>9.2f}   {bound} {self.limit:g}: {'met' if self.met else 'MISSED'}"
        )


def read_plainly(path: Path) -> tuple[list[int], list[str], np.ndarray]:
    """One file line by line -> bodies per frame, body ids, float32 joints (bodies, 25, 3).

    Raises:
        ValueError: not a `.skeleton` file.
    """
    counts: list[int] = []
    ids: list[str] = []
    joints: list[list[list[float]]] = []
    with path.open(encoding="ascii") as file:
        for _ in range(int(file.readline())):
            counts.append(int(file.readline()))
            for _ in range(counts[-1]):
                body = file.readline().split()
                if len(body) != BODY_FIELDS or int(file.readline()) != NUM_JOINTS:
                    raise ValueError(f"{path}: not a body of {NUM_JOINTS} joints")
                ids.append(body[0])
                joints.append([_plain_joint(file.readline()) for _ in range(NUM_JOINTS)])
    return counts, ids, np.array(joints, dtype=np.float32)


def _plain_joint(line: str) -> list[float]:
    fields = line.split()
    if len(fields) != JOINT_FIELDS:
        raise ValueError(f"not {JOINT_FIELDS} fields: {line}")
    # The colour position is not kept, but it has to be numbers.
    x, y, z, _, _ = [float(fields[i]) for i in (0, 1, 2, 5, 6)]
    return [x, y, z]


def bench_prepare(
    *, clips: int, seed: int, repeats: int, large: bool, workers: int | None = None, out: Path | None = None
) -> Iterator[str]:
    """Lines of tables: clips per second, ratio to the plain reader per core, memory, size, targets."""
    cores = workers or usable_cores()
    with tempfile.TemporaryDirectory(prefix="lst-bench-") as name:
        base = Path(name)
        size = synthesize_ntu(DATASET, base / "raw", clips=clips, seed=seed)
        candidates = _candidates(base, cores)
        _time_all(candidates, repeats)
        store = ClipStore.open(base / "store")
        yield f"{describe_device(torch.device('cpu'))}, NumPy {np.__version__}"
        yield f"{clips} synthetic clips of {DATASET}, no recordings: {_lengths(store)}, {size / 1e6:.0f} MB"
        yield from _speed_lines(candidates, clips)
        share = _store_bytes(base / "store") / (len(store) * DENSE_BYTES)
        yield f"store: {share:.3f} of a dense npz of the same clips (300 x 150 float32)"
        peaks: dict[int, Peak] = {}
        if can_measure():
            for count in (clips, LARGE * clips) if large else (clips,):
                peaks[count] = _peak(base, count, seed, cores, repeats)
                yield _peak_line(count, peaks[count])
    targets = _targets(candidates, clips, share, peaks)
    yield from (target.line() for target in targets)
    if out is not None:
        write_json(out, _record(candidates, clips, seed, share, peaks, targets))
        yield f"wrote {out}"


def _candidates(base: Path, cores: int) -> list[Candidate]:
    paths = sorted((base / "raw").glob("*.skeleton"))

    def prepare(workers: int) -> None:
        prepare_ntu(DATASET, base / "raw", base / "store", workers=workers, overwrite=True)

    candidates = [
        Candidate("plain reader, reads only", 1, lambda: [read_plainly(path) for path in paths]),
        Candidate("lst reader, reads only", 1, lambda: [read_bodies(path.read_bytes()) for path in paths]),
        Candidate("prepare, 1 worker", 1, lambda: prepare(1)),
    ]
    return (
        [*candidates, Candidate(f"prepare, {cores} workers", cores, lambda: prepare(cores))]
        if cores > 1
        else candidates
    )


def _time_all(candidates: Sequence[Candidate], repeats: int) -> None:
    for _ in range(max(repeats, 1)):
        for candidate in candidates:
            candidate.run()


def _cpu_seconds() -> float:
    """Of this process and of those it started that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _lengths(store: ClipStore) -> str:
    bodies = (store.frames * store.persons).sum() / store.frames.sum()
    return f"{store.frames.mean():.1f} frames and {bodies:.2f} bodies per frame after preparing"


def _speed_lines(candidates: Sequence[Candidate], clips: int) -> Iterator[str]:
    yield f"{'':<28}{'clips/s':>9}{'per CPU-s':>11}{'to plain':>10}{f'{ALL_FILES:,} files':>16}"
    for candidate in candidates:
        yield (
            f"{candidate.name:<28}{clips / candidate.seconds:>9.0f}{clips / candidate.cpu_seconds:>11.0f}"
            f"{_ratio(candidate, candidates):>9.2f}x{_all_files_minutes(candidate, clips):>12.1f} min"
        )


def _ratio(candidate: Candidate, candidates: Sequence[Candidate]) -> float:
    """How many files in the processor time in which the plain reader reads one."""
    return candidates[0].cpu_seconds / candidate.cpu_seconds


def _all_files_minutes(candidate: Candidate, clips: int) -> float:
    return ALL_FILES / clips * candidate.seconds / 60


def _store_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _peak(base: Path, clips: int, seed: int, cores: int, repeats: int) -> Peak:
    """Of the whole command, in processes of its own: the shortest time and the most memory."""
    raw = base / f"raw-{clips}"
    synthesize_ntu(DATASET, raw, clips=clips, seed=seed)
    if hasattr(os, "sync"):
        os.sync()  # else the system still writes these files while others are timed
    words = ["prepare", DATASET, str(raw), "--out", str(base / f"store-{clips}"), "--workers", str(cores)]
    peaks = [run_lst([*words, "--overwrite"]) for _ in range(max(repeats, 1))]
    return Peak(
        min(peak.seconds for peak in peaks),
        max(peak.own for peak in peaks),
        max(peak.resident for peak in peaks),
    )


def _peak_line(clips: int, peak: Peak) -> str:
    return (
        f"lst prepare, {clips:,} clips: {clips / peak.seconds:.0f} clips/s with the start of the command "
        f"({ALL_FILES:,} files at that speed: {ALL_FILES / clips * peak.seconds / 60:.1f} min), "
        f"peak memory {peak.own / 1e6:.0f} MB, with mapped files {peak.resident / 1e6:.0f} MB"
    )


def _targets(
    candidates: Sequence[Candidate], clips: int, share: float, peaks: dict[int, Peak]
) -> list[Target]:
    alone, last = candidates[2], candidates[-1]
    # Of the whole command on as many files as were tried: that processes start first counts less among many.
    largest = max(peaks, default=clips)
    what = f"lst prepare of {largest:,}" if peaks else f"prepare of {clips:,} in this process"
    rate = largest / peaks[largest].seconds if peaks else clips / last.seconds
    found = [
        Target("prepare, times the plain reader per core", _ratio(alone, candidates), 4, at_least=True),
        Target(f"{what}, clips/s with {last.cores} workers", rate, 500 * last.cores, at_least=True),
        Target("store, share of a dense npz", share, 0.25, at_least=False),
    ]
    if peaks:
        most = max(peak.resident for peak in peaks.values()) / 1e6
        found.append(Target("peak memory with mapped files, MB", most, 500, at_least=False))
    if len(peaks) > 1:
        small, large = (peaks[count] for count in sorted(peaks))
        growth = (large.own - small.own) / 1e6
        found.append(Target(f"growth of memory at {LARGE} times the clips, MB", growth, 50, at_least=False))
    return found


def _record(
    candidates: Sequence[Candidate],
    clips: int,
    seed: int,
    share: float,
    peaks: dict[int, Peak],
    targets: Sequence[Target],
) -> dict[str, Any]:
    return {
        "format": "lst-bench-prepare",
        "device": describe_device(torch.device("cpu")),
        "code": code_facts(),
        "numpy": np.__version__,
        "clips": clips,
        "seed": seed,
        "synthetic": True,
        "store_to_dense": share,
        "rows": [
            {
                "name": candidate.name,
                "cores": candidate.cores,
                "seconds": candidate.seconds,
                "cpu_seconds": candidate.cpu_seconds,
                "clips_per_second": clips / candidate.seconds,
                "ratio_per_core": _ratio(candidate, candidates),
                "all_files_minutes": _all_files_minutes(candidate, clips),
            }
            for candidate in candidates
        ],
        "memory": [{"clips": count, **vars(peak)} for count, peak in peaks.items()],
        "targets": [{**vars(target), "met": target.met} for target in targets],
    }

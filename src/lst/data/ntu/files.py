"""The raw files of NTU RGB+D in one or more folders or zips: which of them are to be converted, and doing it.

One process or several give the same results in the same order. Letters are in `ntu_clip`.
"""

import hashlib
import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import numpy as np

from lst.data.ntu.clip import Pipeline, convert
from lst.data.ntu.noise import Notes
from lst.data.ntu.persons import ShortRule
from lst.data.ntu.raw import RawFileError
from lst.data.store.clip_store import Problem, StoredClip
from lst.data.store.raw_files import RawFile, RawFiles
from lst.facts.benchmarks import Benchmark, get_benchmark
from lst.facts.choices import choose
from lst.facts.clip_ids import parse_ntu_id

SUFFIX = ".skeleton"
_BENCHMARKS = {"ntu60": "ntu60-xsub", "ntu120": "ntu120-xsub"}
"""Any benchmark of the data set knows its clips and labels."""
_CHUNK = 16
"""Files that a process converts at a time: about 5 MB of text."""


class Task(NamedTuple):
    """One file to convert."""

    clip_id: str
    name: str
    """As shown to the user."""
    path: Path
    """Of its source."""
    number: int
    """Its place in the source's files."""


@dataclass(frozen=True)
class Rules:
    """What decides the outcome beside the file."""

    dataset: str
    short: ShortRule = "leave_out"
    pipeline: Pipeline = "reference"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a file: a clip or a problem."""

    task: Task
    sha256: str
    """Of its content; of nothing if it cannot be read."""
    result: StoredClip | Problem
    notes: Notes


def any_benchmark(dataset: str) -> Benchmark:
    """A benchmark of "ntu60" or "ntu120".

    Raises:
        ValueError: another data set.
    """
    return get_benchmark(choose("NTU data set", dataset, _BENCHMARKS))


def usable_cores() -> int:
    """Those that this process may run on, where the system says."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def list_tasks(sources: Sequence[RawFiles]) -> list[Task]:
    """All `.skeleton` files, sorted by clip id; files of one id in the order of the sources."""
    tasks = [
        Task(file.stem, f"{raw.path.name}/{file.name}" if len(sources) > 1 else file.name, raw.path, index)
        for raw in sources
        for index, file in enumerate(raw.files)
    ]
    return sorted(tasks, key=lambda task: task.clip_id)


def convert_all(
    sources: Sequence[RawFiles], tasks: Sequence[Task], rules: Rules, workers: int
) -> Iterator[Outcome]:
    """The outcomes in the order of the tasks. At most two chunks of them per process wait in memory.

    Raises:
        OSError: one of several processes died.
    """
    chunks = [tasks[start : start + _CHUNK] for start in range(0, len(tasks), _CHUNK)]
    if workers == 1 or len(chunks) < 2:
        files = {raw.path: raw.files for raw in sources}
        for task in tasks:
            yield convert_file(files[task.path][task.number], task, rules)
        return
    try:
        yield from _convert_in_processes(chunks, rules, min(workers, len(chunks)))
    except BrokenProcessPool as error:
        raise OSError(
            f"one of {workers} processes died, perhaps for lack of memory. The same command goes on where it "
            "was; try fewer --workers."
        ) from error


def _convert_in_processes(chunks: Sequence[Sequence[Task]], rules: Rules, workers: int) -> Iterator[Outcome]:
    # "spawn": a copy of this process would share its open zips and, with torch loaded, its threads.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin_worker)
    try:
        waiting: deque[Future[list[Outcome]]] = deque()
        for chunk in chunks:
            waiting.append(pool.submit(_convert_chunk, chunk, rules))
            if len(waiting) > 2 * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _begin_worker() -> None:
    """Ctrl-C is for the main process; when that one is killed, this one ends too instead of waiting."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None, "runs in worker processes only"
    parent.join()
    os._exit(1)


def _convert_chunk(tasks: Sequence[Task], rules: Rules) -> list[Outcome]:
    return [convert_file(_opened(task.path).files[task.number], task, rules) for task in tasks]


@cache
def _opened(path: Path) -> RawFiles:
    """This process's own handle, open until the process ends."""
    return RawFiles(path, SUFFIX)


def convert_file(file: RawFile, task: Task, rules: Rules) -> Outcome:
    """A function of the file and the rules alone, whatever is in it."""
    content = b""
    try:
        content = file.read()
        joints_MTVC, notes = convert(content, rules.short, rules.pipeline)
        return Outcome(task, _sha256(content), clip_of(task.clip_id, joints_MTVC, rules), notes)
    except ValueError as error:
        line = error.line if isinstance(error, RawFileError) else None
        return Outcome(task, _sha256(content), Problem(task.name, line, str(error)), Notes())


def clip_of(clip_id: str, joints_MTVC: np.ndarray, rules: Rules) -> StoredClip:
    """The clip with what its name says.

    Raises:
        ValueError: `clip_id` is no clip of the data set.
    """
    label = any_benchmark(rules.dataset).label_of(clip_id)
    return StoredClip(clip_id, label, joints_MTVC, parse_ntu_id(clip_id)._asdict())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

"""The raw files of NTU RGB+D in one or more folders or zips: which of them are to be converted, and doing it.

One process or several give the same results in the same order. Letters are in `ntu_clip`.
"""

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from lst.data.ntu_clip import convert
from lst.data.ntu_persons import Notes, ShortRule
from lst.data.ntu_raw import RawFileError
from lst.data.raw_files import RawFile, RawFiles
from lst.data.store import Problem, StoredClip
from lst.facts.benchmarks import Benchmark, get_benchmark
from lst.facts.choices import choose

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


def list_tasks(sources: Sequence[RawFiles]) -> list[Task]:
    """All `.skeleton` files, sorted by clip id; files of one id in the order of the sources."""
    tasks = [
        Task(file.stem, f"{raw.path.name}/{file.name}" if len(sources) > 1 else file.name, raw.path, index)
        for raw in sources
        for index, file in enumerate(raw.files)
    ]
    return sorted(tasks, key=lambda task: task.clip_id)


def convert_all(
    sources: Sequence[RawFiles], tasks: Sequence[Task], dataset: str, short: ShortRule, workers: int
) -> Iterator[Outcome]:
    """The outcomes in the order of the tasks. At most two chunks of them per process wait in memory."""
    if workers == 1:
        files = {raw.path: raw.files for raw in sources}
        for task in tasks:
            yield convert_file(files[task.path][task.number], task, dataset, short)
        return
    # "spawn": a copy of this process would share its open zips and, with torch loaded, its threads.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: deque[Future[list[Outcome]]] = deque()
        for start in range(0, len(tasks), _CHUNK):
            waiting.append(pool.submit(_convert_chunk, tasks[start : start + _CHUNK], dataset, short))
            if len(waiting) > 2 * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _convert_chunk(tasks: Sequence[Task], dataset: str, short: ShortRule) -> list[Outcome]:
    return [convert_file(_opened(task.path).files[task.number], task, dataset, short) for task in tasks]


@cache
def _opened(path: Path) -> RawFiles:
    """This process's own handle, open until the process ends."""
    return RawFiles(path, SUFFIX)


def convert_file(file: RawFile, task: Task, dataset: str, short: ShortRule) -> Outcome:
    """A function of the file alone, whatever is in it."""
    content = b""
    try:
        content = file.read()
        clip, notes = convert(task.clip_id, content, any_benchmark(dataset), short)
        return Outcome(task, _sha256(content), clip, notes)
    except ValueError as error:
        line = error.line if isinstance(error, RawFileError) else None
        return Outcome(task, _sha256(content), Problem(task.name, line, str(error)), Notes())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

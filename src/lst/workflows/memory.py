"""Peak memory of a command and of all processes it starts. Linux only."""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_PAUSE = 0.1  # seconds between two looks, which take processor time too


@dataclass(frozen=True)
class Peak:
    """What a command took: seconds, and the largest sums over its processes at one moment, in bytes."""

    seconds: float
    own: int
    """Memory that only ending a process or freeing gives back."""
    resident: int
    """With the parts of files in memory: libraries, once per process, and mapped data."""


def run_lst(words: Sequence[str]) -> Peak:
    """Run `lst WORDS` in a process of its own and watch it; what it prints is dropped.

    Raises:
        ValueError: it failed; with what it said.
    """
    started = time.perf_counter()
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "lst", *words], stdout=subprocess.DEVNULL, stderr=errors, text=True
        ) as process,
    ):
        own = resident = 0
        while process.poll() is None:
            sizes = [_memory(pid) for pid in _tree(process.pid)]
            own = max(own, sum(size[0] for size in sizes))
            resident = max(resident, sum(size[1] for size in sizes))
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PAUSE)
        seconds = time.perf_counter() - started
        errors.seek(0)
        said = errors.read()
    if process.returncode:
        raise ValueError(f"lst {' '.join(words)}: ended with status {process.returncode}: {said.strip()}")
    return Peak(seconds, own, resident)


def can_measure() -> bool:
    return (_PROC / "self" / "status").is_file()


def _tree(pid: int) -> list[int]:
    """The process and its descendants that are alive."""
    found = [pid]
    for task in (_PROC / str(pid) / "task").glob("*/children"):
        try:
            found += [one for child in task.read_text().split() for one in _tree(int(child))]
        except OSError:
            continue  # it ended just now
    return found


def _memory(pid: int) -> tuple[int, int]:
    """Own and resident bytes; 0 for a process that has ended."""
    try:
        text = (_PROC / str(pid) / "status").read_text()
    except OSError:
        return 0, 0
    sizes = dict.fromkeys(("RssAnon", "RssFile", "RssShmem"), 0)
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name in sizes:
            sizes[name] = 1024 * int(value.split()[0])
    own = sizes["RssAnon"] + sizes["RssShmem"]
    return own, own + sizes["RssFile"]

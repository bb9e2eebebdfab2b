"""Prepare NTU files, be killed at given moments, start again after each, finish. Run by test_ntu_restart.py.

usage: python killed_prepare.py JOBS.json
Each job has sources, a store, a log and moments: [event, how many-th or seconds]. Events:
"convert"           a file is about to be converted
"half", "put"       the first half, or all, of a piece of the journal has been written
"before NAME", "after NAME"   something finished gets its name
"seconds"           killed from outside after so many seconds
One forked child for each moment, and one that finishes. The log gets a line for every conversion, and after
each life the number of whole lines in the journal.
"""

import json
import os
import re
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import IO, Any

from lst.data.ntu import files as ntu_files
from lst.data.ntu import journal as ntu_journal
from lst.data.ntu.prepare import prepare_ntu


def log(job: dict[str, Any], text: str) -> None:
    with Path(job["log"]).open("a") as file:
        file.write(text + "\n")


def arm(job: dict[str, Any], event: str, times: float) -> None:
    """Log conversions, and kill this process, without any farewell, the `times`-th time of `event`."""
    seen: Counter[str] = Counter()

    def happened(name: str) -> None:
        seen[name] += 1
        if name == event and seen[event] == times:
            os.kill(os.getpid(), signal.SIGKILL)

    convert, put, rename = ntu_files.convert_file, ntu_journal._put, os.replace

    def logged_convert(file: Any, task: Any, rules: Any) -> Any:
        happened("convert")
        log(job, task.clip_id)
        return convert(file, task, rules)

    def counted_put(file: IO[bytes], content: bytes) -> None:
        put(file, content[: len(content) // 2])
        happened("half")
        put(file, content[len(content) // 2 :])
        happened("put")

    def counted_rename(old: Any, new: Any) -> None:
        name = re.sub("-[0-9]+$", "", Path(new).name)
        happened(f"before {name}")
        rename(old, new)
        happened(f"after {name}")

    ntu_files.convert_file, ntu_journal._put, os.replace = logged_convert, counted_put, counted_rename


def live(job: dict[str, Any], event: str, times: float) -> int:
    """One process, perhaps until killed. Returns its wait status."""
    child = os.fork()
    if child == 0:
        try:
            arm(job, event, times)
            prepare_ntu("ntu60", job["sources"], job["store"])
        except BaseException as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            os._exit(1)
        os._exit(0)
    if event == "seconds":
        time.sleep(times)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    journal = Path(job["store"] + ".unfinished", "outcomes.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True) if journal.exists() else []
    whole = [line for line in lines if line[-1:].isspace()]
    log(job, f"done {len(whole)}")
    return status


def has_finished(job: dict[str, Any]) -> bool:
    """The store is there and the journal is gone; a kill that came later is none."""
    return Path(job["store"]).exists() and not Path(job["store"] + ".unfinished").exists()


def main(path: str) -> None:
    for job in json.loads(Path(path).read_text(encoding="utf-8")):
        for event, times in [*job["moments"], ("never", 0)]:
            status = live(job, event, times)
            if event in ("seconds", "never") and has_finished(job):
                break
            if status != signal.SIGKILL:
                sys.exit(f"{job['store']}: at {event} {times} the process ended with status {status}")


if __name__ == "__main__":
    main(sys.argv[1])

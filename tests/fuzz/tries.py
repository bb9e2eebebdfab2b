"""One try: a copy of sound files, one of them damaged, the command, and how it ended."""

import io
import logging
import random
import re
import resource
import shutil
import signal
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from command_line import Done, lst_call
from fuzz.samples import KINDS, Kind
from lst.files import typed_json

SECONDS = 10
TOLD = "after lst wrote it"
"""What a warning says of a file whose checksum does not match."""


class Hang(BaseException):
    """The command took too long."""


@dataclass
class Tally:
    """What became of the tries of a kind."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, ending: str, what: str) -> None:
        self.counts[ending] += 1
        self.examples.setdefault(ending, []).append(what)


ENDINGS = ("refused", "told", "same", "accepted", "SILENT", "UNCLEAR", "CRASHED", "HANG")
"""refused: exit 2, one line that names the file. told: used with a warning. same: nothing printed changed.
accepted: foreign files, whose numbers nobody can know. In capitals: what must not be."""


def try_kind(kind: Kind, tries: int, seed: int, sound: Path, work: Path) -> Tally:
    """`tries` damaged files of a kind."""
    tally, at = Tally(), work / "at"
    before = _run(kind, sound, at, None)
    for number in range(tries):
        rng = random.Random(f"{seed} {kind.name} {number}")
        content = kind.damage((sound / kind.folder / kind.file).read_bytes(), rng)
        done = _run(kind, sound, at, content)
        tally.add(_ending(kind, before, done), f"{seed} {kind.name} {number}: {done and done.err[:500]}")
    return tally


def _run(kind: Kind, sound: Path, at: Path, content: bytes | None) -> Done | None:
    """The command on a fresh copy with this content; None = it hung."""
    shutil.rmtree(at, ignore_errors=True)
    shutil.copytree((sound / kind.folder).parent if "/" in kind.folder else sound / kind.folder, at)
    folder = at / Path(kind.folder).name if "/" in kind.folder else at
    typed_json._TOLD.clear()  # as in a new process
    if content is not None:
        (folder / kind.file).write_bytes(content)
    words = [w.replace("{}", str(folder)).replace("STORE", str(sound / "store")) for w in kind.words]
    try:
        with _log() as log, _at_most(SECONDS):
            done = lst_call(*words)
            return replace(done, err=done.err + log.getvalue())
    except Hang:  # a recipe that asks for a thousand epochs is no fault of lst, if the change was told
        return Done(0, "", log.getvalue()) if TOLD in log.getvalue() else None


@contextmanager
def _log() -> Iterator[io.StringIO]:
    """What is logged: the handler of the first call in a process writes to the stream of then."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger("lst").addHandler(handler)
    try:
        yield stream
    finally:
        logging.getLogger("lst").removeHandler(handler)


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Hang

    old = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)


def _ending(kind: Kind, before: Done | None, done: Done | None) -> str:
    if done is None:
        return "HANG"
    if done.status == 2:
        errors = [line for line in done.err.splitlines() if line.startswith("lst: ")]
        names_it = (len(errors) == 1 and Path(kind.file).name in errors[0]) or "at" in errors[0].split("/")
        return "refused" if names_it else "UNCLEAR"
    if done.status == 1 and not kind.ours:
        return "told"  # describe --check lists problems
    if done.status != 0:
        return "CRASHED"
    if TOLD in done.err:
        return "told"
    if before is not None and _numbers(done.out) == _numbers(before.out):
        return "same"
    return "SILENT" if kind.ours else "accepted"


def _numbers(text: str) -> str:
    """What was printed, without what differs between equal calls: times and paths."""
    return re.sub(r"\d+(\.\d+)? (s|min|h)\b|/\S+", "", text)


def peak_mb() -> float:
    """Largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def shares(total: int) -> dict[str, int]:
    """How many tries of each kind."""
    whole = sum(kind.share for kind in KINDS)
    return {kind.name: max(1, total * kind.share // whole) for kind in KINDS}


def seed_of(text: str) -> int:
    return zlib.crc32(text.encode())

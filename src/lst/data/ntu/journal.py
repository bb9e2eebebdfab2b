"""What a preparation of NTU RGB+D has done so far, so that a killed run can go on where it was.

A folder beside the store to be made, `<store>.unfinished`, to which is only appended:

key.json        what the work belongs to; with any other key it is thrown away
outcomes.jsonl  one line per file, in the order of the tasks: clip or problem, checksum, notes
joints.f32      the joints of the clips among them, float32, one clip after the other

A line is written after its joints, so a kill costs at most the outcome that was being written. Sizes and
checksums catch what a power cut may leave. Letters: M persons, T frames, V joints, C channels.
"""

import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Annotated, Any, Self

import numpy as np
from msgspec import Meta, Struct

from lst import __version__
from lst.data.ntu.files import Outcome, Rules, Task, clip_of
from lst.data.ntu.noise import Notes
from lst.data.ntu.raw import NUM_JOINTS
from lst.data.store.clip_store import Problem
from lst.data.store.raw_files import RawFiles
from lst.files.locks import locked
from lst.files.typed_json import Count, Text, convert, decode, is_sealed, read_values, sealed
from lst.files.whole import write_json

SUFFIX = ".unfinished"
CONVERSION = 3
"""To be raised when the same file and options no longer give the same joints."""
_KEY, _OUTCOMES, _JOINTS = "key.json", "outcomes.jsonl", "joints.f32"
_OWN = (_KEY, _OUTCOMES, _JOINTS, "lock")  # the last one was left by an older lst
_PERSON_FRAME = NUM_JOINTS * 3 * 4
"""Bytes of one person in one frame."""


class Journal:
    """The outcomes of an unfinished preparation. Use it in a `with` block.

    Attributes:
        folder: the journal's own.
        done: number of outcomes found: those of the first `done` tasks.
        remarks: sentences for the user on what was found.

    Raises:
        ValueError: another run is at work there, or the folder holds something else.
    """

    def __init__(self, store: Path, sources: Sequence[RawFiles], tasks: Sequence[Task], rules: Rules) -> None:
        self._store = store
        self.folder = store.with_name(store.name + SUFFIX)
        self.remarks: list[str] = []
        self._tasks = tasks
        self._rules = rules
        _check_own(self.folder)
        with ExitStack() as stack:
            stack.enter_context(locked(store, nested=False))
            self.folder.mkdir(exist_ok=True)
            self._keep_or_start(_key(sources, tasks, rules))
            self.done, size, joints_size = self._count()
            if self.done:
                self.remarks.append(f"went on after {self.done:,} files that an earlier run had converted")
            self._outcomes = stack.enter_context(_open_at(self.folder / _OUTCOMES, size))
            self._joints = stack.enter_context(_open_at(self.folder / _JOINTS, joints_size))
            self._held = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        has_clips = self._joints.tell() > 0
        with self._held:
            for file in (self._outcomes, self._joints):
                file.close()
            if kind is None or not has_clips:  # finished, or nothing that is worth keeping
                self._remove()

    def outcomes(self, convert: Callable[[Sequence[Task]], Iterator[Outcome]]) -> Iterator[Outcome]:
        """The outcomes of all tasks in their order: those that are here, then those that `convert` yields."""
        yield from self.replay()
        for outcome in convert(self._tasks[self.done :]):
            self._append(outcome)
            yield outcome

    def replay(self) -> Iterator[Outcome]:
        """The outcomes that an earlier run left."""
        with (self.folder / _OUTCOMES).open("rb") as lines, (self.folder / _JOINTS).open("rb") as joints:
            for task, line in zip(self._tasks[: self.done], lines, strict=False):
                yield self._outcome(task, _entry(line), joints)

    def _remove(self) -> None:
        """In one step: what a kill leaves has the name of an unfinished store, and goes with the next run."""
        aside = self._store.with_name(f"{self._store.name}.tmp-{os.getpid()}")
        os.replace(self.folder, aside)
        shutil.rmtree(aside, ignore_errors=True)

    def _outcome(self, task: Task, entry: "_Entry", joints: IO[bytes]) -> Outcome:
        if entry.problem is not None:
            result = Problem(task.name, entry.line, entry.problem)
        else:
            persons, frames = entry.shape
            content = joints.read(persons * frames * _PERSON_FRAME)
            joints_MTVC = np.frombuffer(content, "<f4").reshape(persons, frames, NUM_JOINTS, 3)
            result = clip_of(task.clip_id, joints_MTVC, self._rules)
        return Outcome(task, entry.sha256, result, Notes(entry.notes))

    def _append(self, outcome: Outcome) -> None:
        entry: dict[str, Any] = {"clip": outcome.task.clip_id, "sha256": outcome.sha256}
        result = outcome.result
        if isinstance(result, Problem):
            entry |= {"problem": result.problem, "line": result.line}
        else:
            content = np.ascontiguousarray(result.joints_MTVC, dtype="<f4").data
            entry |= {"shape": result.joints_MTVC.shape[:2], "crc32_joints": zlib.crc32(content)}
            _put(self._joints, content)
        entry = sealed(entry | {"notes": dict(outcome.notes)})
        _put(self._outcomes, json.dumps(entry).encode() + b"\n")

    def _keep_or_start(self, key: Mapping[str, Any]) -> None:
        """Keep what is here if it has this key; else throw it away and begin."""
        path = self.folder / _KEY
        try:
            found = read_values(path, "")
        except (OSError, ValueError):
            found = None
        if found == key:
            return
        if (self.folder / _OUTCOMES).exists():
            changed = [name for name in key if not isinstance(found, dict) or found.get(name) != key[name]]
            self.remarks.append(f"threw away the work of an unfinished run: other {', '.join(changed)} now")
        for name in (_KEY, _OUTCOMES, _JOINTS):
            (self.folder / name).unlink(missing_ok=True)
        write_json(path, key)

    def _count(self) -> tuple[int, int, int]:
        """Whole outcomes from the start on, and the bytes that they take in both files."""
        done = size = joints_size = 0
        for name in (_OUTCOMES, _JOINTS):
            (self.folder / name).touch()
        with (self.folder / _OUTCOMES).open("rb") as lines, (self.folder / _JOINTS).open("rb") as joints:
            for task, line in zip(self._tasks, lines, strict=False):
                used = _joints_used(line, task, joints)
                if used is None:
                    break
                done, size, joints_size = done + 1, size + len(line), joints_size + used
        return done, size, joints_size


def _joints_used(line: bytes, task: Task, joints: IO[bytes]) -> int | None:
    """Bytes of joints that belong to a line; None if the two are not whole."""
    try:
        entry = _entry(line)
    except ValueError:
        return None
    if not line.endswith(b"\n") or entry.clip != task.clip_id:
        return None
    if entry.problem is not None:
        return 0
    persons, frames = entry.shape
    size = persons * frames * _PERSON_FRAME
    content = joints.read(size)
    return size if len(content) == size and zlib.crc32(content) == entry.crc32_joints else None


class _Entry(Struct):
    """A line of outcomes.jsonl: a problem, or the shape and checksum of joints."""

    clip: Text
    sha256: Text
    notes: dict[str, Count]
    problem: str | None = None
    line: Count | None = None
    shape: tuple[Annotated[int, Meta(ge=1, le=100)], Annotated[int, Meta(ge=1, le=10**6)]] = (1, 1)
    crc32_joints: int | None = None

    def __post_init__(self) -> None:
        if (self.problem is None) == (self.crc32_joints is None):
            raise ValueError("expected either a problem or joints")


def _entry(line: bytes) -> _Entry:
    """A line of outcomes.jsonl; ValueError if it is not whole."""
    values = decode(line, _OUTCOMES, "")
    if not isinstance(values, dict) or not is_sealed(values):
        raise ValueError("the line is not as it was written")
    return convert(values, _Entry, _OUTCOMES, "")


def _key(sources: Sequence[RawFiles], tasks: Sequence[Task], rules: Rules) -> dict[str, Any]:
    """Everything that decides the outcomes."""
    files = {raw.path: raw.files for raw in sources}
    where = {raw.path: raw.path.resolve() for raw in sources}
    digest = hashlib.sha256()
    for task in tasks:
        line = f"{task.clip_id}\t{task.name}\t{where[task.path]}\t{files[task.path][task.number].stamp}\n"
        digest.update(line.encode(errors="surrogateescape"))
    return {
        "version of lst": f"{__version__}, conversion {CONVERSION}",
        "options": asdict(rules),
        "files": digest.hexdigest(),
    }


def _check_own(folder: Path) -> None:
    inside = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    foreign = sorted(name for name in inside if name not in _OWN and not name.startswith(_KEY))
    if foreign or (folder.exists() and not folder.is_dir()):
        what = f"holds {foreign[0]!r}, which lst did not write" if foreign else "is not a folder"
        raise ValueError(
            f"{folder}: {what}; unfinished work would go there. Move it, or choose another --out."
        )


def _open_at(path: Path, size: int) -> IO[bytes]:
    """Ready to append after the first `size` bytes; what follows them is cut off."""
    file = path.open("r+b")
    file.truncate(size)
    file.seek(size)
    return file


def _put(file: IO[bytes], content: bytes | memoryview) -> None:
    """Write it so that it survives the end of this process."""
    file.write(content)
    file.flush()

"""NTU RGB+D: why a store does not have the published number of clips, clip by clip (data.md 1.2).

Both data sets are complete grids. A recording is a setup, subject and replication, seen by 3 cameras in 60
actions: 316 of them are the 56,880 clips of NTU RGB+D, 320 more the 57,600 that NTU RGB+D 120 adds. The
published counts are these without the clips on the list of missing or incomplete skeletons. Which recordings
there are is nowhere published in numbers, so of those without any file only the number is known.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from lst.data.ntu.files import any_benchmark
from lst.data.store.clip_store import ClipStore
from lst.facts.benchmarks import BENCHMARKS, Benchmark
from lst.facts.choices import Split
from lst.facts.clip_ids import NtuId, ntu_clip_id, parse_ntu_id
from lst.facts.ntu_missing import ntu_missing_skeletons
from lst.files.whole import atomic_path

__all__ = ["RECORDINGS", "WANTED", "Difference", "Reason", "StoreCounts", "Surplus", "write_differences"]

RECORDINGS = {"ntu60": 316, "ntu120": 636}
WANTED = "wanted"
"""Entry in the source of a store of chosen clips: how many were asked for."""
Reason = Literal["listed", "problem", "no_file", "no_recording", "extra"]
"""Why a split has more or fewer clips: a clip on the published list is used; a file cannot be used; a clip
has no file though others of its recording have; a recording has no file at all; there are more recordings
than in the data set."""


class Difference(NamedTuple):
    """A clip that is not there or not published; for recordings all their clips in one, without a clip id."""

    clip_id: str
    reason: Reason
    detail: str


class Surplus(NamedTuple):
    """How many clips a split has more than published (less if negative), for one reason."""

    benchmark: str
    split: Split
    reason: Reason
    clips: int


class _Recording(NamedTuple):
    setup: int
    subject: int
    replication: int

    def clip_ids(self) -> Iterator[str]:
        first = 1 if self.setup <= 17 else 61
        for camera in range(1, 4):
            for action in range(first, first + 60):
                yield ntu_clip_id(NtuId(self.setup, camera, self.subject, self.replication, action))


@dataclass(frozen=True, eq=False)
class StoreCounts:
    """Compares a store of NTU RGB+D with the published counts.

    Raises:
        ValueError: another data set, made-up clip ids, or a store of chosen clips.
    """

    store: ClipStore

    def __post_init__(self) -> None:
        if reason := why_not_counted(self.store):
            raise ValueError(
                f"{self.store.folder}: {reason}, so there are no published counts to compare with"
            )

    @cached_property
    def used(self) -> frozenset[str]:
        return frozenset(self.store.clip_ids)

    @cached_property
    def problems(self) -> dict[str, str]:
        """Clip id -> problem, for clips of the data set that are not in the store."""
        stems = ((Path(problem.file).stem, problem.problem) for problem in self.store.problems())
        return {stem: text for stem, text in stems if stem not in self.used and self._is_clip(stem)}

    @cached_property
    def left_out(self) -> frozenset[str]:
        """Clips of the published list that have a file."""
        return frozenset(self.store.manifest["source"].get("notes", {}).get("listed", {})) - self.used

    @cached_property
    def recordings(self) -> list[_Recording]:
        """Those that have a file, used or not."""
        numbers = (parse_ntu_id(clip_id) for clip_id in {*self.used, *self.problems, *self.left_out})
        return sorted({_Recording(n.setup, n.subject, n.replication) for n in numbers})

    @property
    def num_expected_recordings(self) -> int:
        return RECORDINGS[self.store.manifest["dataset"]]

    def differences(self) -> list[Difference]:
        """Every clip of the published list, and every other one that is not there, sorted by clip id."""
        listed = [clip_id for clip_id in ntu_missing_skeletons() if self._is_clip(clip_id)]
        found = [Difference(clip_id, "listed", self._listed_detail(clip_id)) for clip_id in listed]
        for clip_id in self._grid - self.used - set(listed):
            if clip_id in self.problems:
                found.append(Difference(clip_id, "problem", self.problems[clip_id]))
            else:
                found.append(Difference(clip_id, "no_file", "other clips of its recording have a file"))
        return [*self._on_recordings(), *sorted(found)]

    def surpluses(self) -> list[Surplus]:
        """By benchmark, split and reason; together they are the whole difference to the published counts."""
        mine = [b for b in BENCHMARKS.values() if b.dataset == self.store.manifest["dataset"]]
        return [surplus for benchmark in mine for surplus in self._surpluses(benchmark)]

    @cached_property
    def _grid(self) -> frozenset[str]:
        """All clips of the recordings that are there."""
        return frozenset(clip_id for recording in self.recordings for clip_id in recording.clip_ids())

    def _is_clip(self, clip_id: str) -> bool:
        try:
            return any_benchmark(self.store.manifest["dataset"]).rule(clip_id) is not None
        except ValueError:
            return False

    def _listed_detail(self, clip_id: str) -> str:
        if clip_id in self.used:
            return "used"
        if clip_id in self.left_out:
            return "has a file, left out"
        return f"has a file: {self.problems[clip_id]}" if clip_id in self.problems else "has no file"

    def _on_recordings(self) -> list[Difference]:
        found, expected = len(self.recordings), self.num_expected_recordings
        if found == expected:
            return []
        reason: Reason = "extra" if found > expected else "no_recording"
        text = f"{abs(expected - found)} recordings: the data set has {expected}, here are {found}"
        return [Difference("", reason, text)]

    def _surpluses(self, benchmark: Benchmark) -> Iterator[Surplus]:
        counts: Counter[tuple[Split, Reason]] = Counter()
        published: Counter[Split] = Counter()
        for clip_id in self._grid:
            split = benchmark.rule(clip_id)
            assert split is not None, "the protocols of NTU RGB+D have all clips of the data set"
            if clip_id in ntu_missing_skeletons():
                counts[split, "listed"] += clip_id in self.used
                continue
            published[split] += 1
            if clip_id not in self.used:
                counts[split, "problem" if clip_id in self.problems else "no_file"] -= 1
        for split in get_args(Split):
            surplus = published[split] - benchmark.expected[split]
            counts[split, "extra" if surplus > 0 else "no_recording"] = surplus
            for reason in get_args(Reason):
                if counts[split, reason]:
                    yield Surplus(benchmark.name, split, reason, counts[split, reason])


def why_not_counted(store: ClipStore) -> str | None:
    """Why a store has no published counts; None if it has."""
    source = store.manifest["source"]
    if store.manifest["dataset"] not in RECORDINGS:
        return f"holds {store.manifest['dataset']}, not NTU RGB+D"
    if store.has_made_up_ids:
        return "was made from an npz and its clip ids are made up"
    return "holds chosen clips only" if WANTED in source else None


def write_differences(counts: StoreCounts, path: Path) -> int:
    """clip_id,reason,detail of all differences as CSV -> number of lines below the header."""
    rows = counts.differences()
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([Difference._fields, *rows])
    return len(rows)

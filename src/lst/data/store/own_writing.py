"""What `write_store` does for one's own data beside what it does for all: names, the split, near copies."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lst.data.store.files import ClipLine
from lst.data.store.near_copies import near_copies
from lst.data.store.own_benchmark import STANDARD, ProtocolFacts, StoreBenchmarks
from lst.data.store.own_splits import SplitPlan
from lst.facts.benchmarks import BENCHMARKS


def own_facts(
    dataset: str,
    class_names: Sequence[str] | None,
    split: SplitPlan | None,
    protocols: Mapping[str, str] | None,
    groups: str | None,
) -> StoreBenchmarks | None:
    """What is known of one's own data; None for a published data set, and for clips without class names."""
    if class_names is None:
        if split is not None or protocols or groups is not None:
            raise ValueError(f"data set {dataset!r}: splits and groups need class names too")
        return None
    taken = {b.dataset for b in BENCHMARKS.values()} | set(BENCHMARKS)
    if dataset in taken:
        raise ValueError(
            f"data set {dataset!r}: is the name of a published one; give your own data another name"
        )
    named = {name: ProtocolFacts(column=column) for name, column in (protocols or {}).items()}
    if groups is None and split is not None:
        groups = split.groups
    return StoreBenchmarks(class_names=tuple(class_names), protocols=named, groups=groups)


def with_split(
    lines: list[ClipLine], own: StoreBenchmarks, split: SplitPlan
) -> tuple[list[ClipLine], StoreBenchmarks]:
    """The lines with a column for the standard protocol, and the facts with that protocol."""
    words, notes = split.split(lines)
    column = STANDARD
    if split.column != column and column in lines[0].attributes:
        raise ValueError(f"the clips have an attribute {column!r} already; use it (column), or rename it")
    lines = [
        replace(line, attributes={**line.attributes, column: word})
        for line, word in zip(lines, words, strict=True)
    ]
    facts = ProtocolFacts(column=column, notes=tuple(notes))
    return lines, replace(own, protocols={STANDARD: facts, **own.protocols})


def table(lines: Sequence[ClipLine]) -> dict[str, np.ndarray]:
    """The attributes by name, one entry per clip."""
    return {name: np.array([line.attributes[name] for line in lines]) for name in lines[0].attributes}


def near_copies_of(
    path: Path, lines: Sequence[ClipLine], num_coordinates: int, copied: Sequence[Sequence[str]]
) -> list[list[str]]:
    """Pairs that are nearly equal, without those that are equal."""
    joints = np.load(path, mmap_mode="r")
    kind = {clip_id: number for number, ids in enumerate(copied) for clip_id in ids}

    def first_person(i: int) -> np.ndarray:
        line = lines[i]
        return joints[None, line.offset : line.offset + line.frames]

    pairs = near_copies([line.clip_id for line in lines], first_person, num_coordinates)
    return [[a, b] for a, b in pairs if kind.get(a, -1) != kind.get(b, -2)]

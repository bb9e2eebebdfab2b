"""The benchmarks of a store: the published ones of its data set, or its own classes and protocols.

A store of one's own carries them in its manifest. Its benchmarks are called as the data set ("mine"), with
the protocol behind it if that is not the standard one ("mine-by-room"), or "mine-fold2of5" for a fold that
follows from the groups.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from lst.data.store.own_splits import NO_GROUPS, SPLIT_WORDS, folds
from lst.facts.benchmarks import BENCHMARKS, Benchmark
from lst.facts.choices import Split, choose
from lst.facts.coordinates import Coordinates
from lst.facts.skeleton import Skeleton
from lst.files.typed_json import convert

STANDARD = "split"
"""The protocol that gives the benchmark the name of the data set."""
_FOLD = re.compile(r"fold([1-9][0-9]*)of([1-9][0-9]*)")


@dataclass(frozen=True, kw_only=True)
class ProtocolFacts:
    """Where a protocol's splits stand: in a column of clips.csv, or in a published rule of `lst.facts`."""

    column: str | None = None
    rule: str | None = None
    notes: tuple[str, ...] = ()
    """Sentences for whoever uses it."""


@dataclass(frozen=True, kw_only=True)
class StoreBenchmarks:
    """What a store says of its classes and protocols."""

    class_names: tuple[str, ...]
    protocols: dict[str, ProtocolFacts] = field(default_factory=dict)
    groups: str | None = None
    """Column of clips.csv that says what belongs together: persons, recordings."""

    def __post_init__(self) -> None:
        if repeated := sorted({n for n in self.class_names if self.class_names.count(n) > 1}):
            raise ValueError(f"class names: {repeated} stand there more than once")
        if not all(name.strip() for name in self.class_names):
            raise ValueError("class names: one of them is empty")


def published_benchmarks(dataset: str) -> list[Benchmark]:
    """The published protocols of a data set; empty for one's own."""
    return [benchmark for benchmark in BENCHMARKS.values() if benchmark.dataset == dataset]


def published_facts(dataset: str) -> StoreBenchmarks | None:
    """What a new store of a published data set writes down; None for one's own."""
    if not (benchmarks := published_benchmarks(dataset)):
        return None
    return StoreBenchmarks(
        class_names=benchmarks[0].class_names,
        protocols={b.name: ProtocolFacts(rule=b.name) for b in benchmarks},
    )


def read_facts(manifest: Mapping[str, Any], where: str) -> StoreBenchmarks | None:
    """The part of a manifest; for a published data set always what `lst.facts` has. None = no classes known.

    Raises:
        ValueError: not as `write_store` wrote it.
    """
    if (facts := published_facts(manifest["dataset"])) is not None:
        return facts
    again = "Prepare the recordings again."
    if manifest["benchmark"] is None:
        return None
    facts = convert(manifest["benchmark"], StoreBenchmarks, where, again, "$.benchmark")
    if ruled := [name for name, protocol in facts.protocols.items() if protocol.column is None]:
        raise ValueError(
            f"{where}: $.benchmark.protocols: {ruled[0]!r} has no column, and the data set "
            f"{manifest['dataset']!r} has no published rule. {again}"
        )
    return facts


def facts_json(facts: StoreBenchmarks | None) -> dict[str, Any] | None:
    """For the manifest."""
    return msgspec.to_builtins(facts)


@dataclass(frozen=True, eq=False)
class OwnClips:
    """What the benchmarks of a store are made of."""

    dataset: str
    layout: Skeleton
    coordinates: Coordinates
    facts: StoreBenchmarks
    clip_ids: Sequence[str]
    labels_N: np.ndarray
    num_persons: int
    attributes: Mapping[str, np.ndarray]

    @property
    def names(self) -> list[str]:
        """All benchmarks but the folds, the standard one first."""
        order = sorted(self.facts.protocols, key=lambda name: name != STANDARD)
        return [self._full_name(protocol) for protocol in order]

    def benchmark(self, name: str | None = None) -> Benchmark:
        """The benchmark of this name, or of this protocol; the first one if no name is given.

        Raises:
            ValueError: there is no such protocol. Says which there are.
        """
        if name is None and not self.names:
            raise ValueError(f"data set {self.dataset!r} has no split; prepare it with one, or use folds")
        protocol = self._protocol(self.names[0] if name is None else name)
        if (fold := _FOLD.fullmatch(protocol)) and protocol not in self.facts.protocols:
            return self._fold(int(fold[1]), int(fold[2]))
        known = {self._full_name(p): p for p in self.facts.protocols}
        if protocol not in self.facts.protocols:
            choose("benchmark", str(name), known | {f"{self.dataset}-fold1of5": ""})
        facts = self.facts.protocols[protocol]
        assert facts.column is not None
        words = self._column(facts.column).tolist()
        return self._make(self._full_name(protocol), words, facts.notes)

    def _protocol(self, name: str) -> str:
        if name == self.dataset:
            return (
                STANDARD if STANDARD in self.facts.protocols else next(iter(self.facts.protocols), STANDARD)
            )
        return name.removeprefix(f"{self.dataset}-")

    def _full_name(self, protocol: str) -> str:
        return self.dataset if protocol == STANDARD else f"{self.dataset}-{protocol}"

    def _fold(self, number: int, num_folds: int) -> Benchmark:
        if number > num_folds:
            raise ValueError(f"there is no fold {number} of {num_folds}")
        groups = None if self.facts.groups is None else self._column(self.facts.groups).tolist()
        fold_N = folds(self.labels_N.tolist(), groups, self.clip_ids, num_folds)
        words = ["test" if fold == number - 1 else "train" for fold in fold_N.tolist()]
        notes = (NO_GROUPS,) if groups is None else ()
        return self._make(f"{self.dataset}-fold{number}of{num_folds}", words, notes)

    def _make(self, name: str, words: Sequence[str], notes: Sequence[str]) -> Benchmark:
        split_of = dict(zip(self.clip_ids, words, strict=True))
        groups = () if self.facts.groups is None else self._column(self.facts.groups).tolist()
        return Benchmark(
            name=name,
            dataset=self.dataset,
            layout=self.layout,
            class_names=self.facts.class_names,
            num_persons=self.num_persons,
            clip_length=64,
            frames="crop_resize",
            rule=partial(_split_in, split_of),
            expected={},
            notice=f"{name}: {'; '.join(notes)}." if notes else None,
            coordinates=self.coordinates,
            groups=dict(zip(self.clip_ids, groups, strict=True)) if groups else {c: c for c in self.clip_ids},
        )

    def _column(self, name: str) -> np.ndarray:
        return choose("column of clips.csv", name, self.attributes).astype(str)


def check_columns(facts: StoreBenchmarks, attributes: Mapping[str, np.ndarray], where: str) -> None:
    """ValueError unless every column is there, and those of protocols hold words for splits only."""
    columns = [p.column for p in facts.protocols.values() if p.column is not None]
    for column in columns if facts.groups is None else [*columns, facts.groups]:
        if column not in attributes:
            raise ValueError(
                f"{where}: there is no column {column!r}, only {', '.join(attributes) or 'none'}"
            )
    for column in columns:
        if wrong := sorted(set(attributes[column].astype(str).tolist()) - set(SPLIT_WORDS)):
            raise ValueError(
                f"{where}: column {column!r} says {wrong[0]!r}; expected train, test, val or nothing"
            )


def check_labels(path: Path, clip_ids: Sequence[str], labels: np.ndarray, num_classes: int) -> None:
    """ValueError that names the first clip whose label is no class."""
    if len(wrong := np.flatnonzero((labels < 0) | (labels >= num_classes))):
        i = int(wrong[0])
        raise ValueError(
            f"{path}:{i + 2}: clip {clip_ids[i]!r} has label {labels[i]}, expected 0 to {num_classes - 1}, "
            f"one of the {num_classes} classes. Mend the label or prepare the clips again."
        )


def _split_in(split_of: Mapping[str, str], clip_id: str) -> Split | None:
    word = split_of.get(clip_id)
    return "train" if word == "train" else "test" if word == "test" else None

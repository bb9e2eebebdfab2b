"""Clip names for data that came without: valid for their benchmarks, but never recorded.

They have replication numbers from 100 on; recordings have 1 and 2. A name says the class and the split in
each of its benchmarks. Nothing else in it means anything, so clips cannot be compared with raw files.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product

from lst.facts.benchmarks import Benchmark
from lst.facts.choices import Split

_REPLICATIONS = range(100, 1000)
_SETUPS, _CAMERAS, _SUBJECTS = range(1, 33), range(1, 4), range(1, 107)
_FIRST_NEW_ACTION = 61
"""NTU120 has it and those after it in other setups than those before it."""


def made_up_ids(
    benchmarks: Sequence[Benchmark], splits: Sequence[tuple[Split, ...]], labels: Sequence[int]
) -> list[str]:
    """A clip id for each clip, all different. The first clips of a group have the lowest ids.

    Args:
        benchmarks: of one data set.
        splits: for each clip its split in each of the benchmarks.
        labels: for each clip its 0-based class.

    Raises:
        ValueError: more clips of a class in a split than there are names (over 100,000).
    """
    prefixes: dict[tuple[bool, tuple[Split, ...]], list[str]] = {}
    counts: defaultdict[tuple[int, tuple[Split, ...]], int] = defaultdict(int)
    clip_ids: list[str] = []
    for wanted, label in zip(splits, labels, strict=True):
        is_new = label + 1 >= _FIRST_NEW_ACTION
        if (is_new, wanted) not in prefixes:
            prefixes[is_new, wanted] = list(_prefixes(benchmarks, wanted, is_new))
        known = prefixes[is_new, wanted]
        place, replication = divmod(counts[label, wanted], len(_REPLICATIONS))
        if place >= len(known):
            raise ValueError(f"action {label + 1}: there are more clips in {wanted} than names for them")
        counts[label, wanted] += 1
        clip_ids.append(f"{known[place]}R{_REPLICATIONS[replication]}A{label + 1:03d}")
    return clip_ids


def _prefixes(benchmarks: Sequence[Benchmark], wanted: tuple[Split, ...], is_new: bool) -> Iterator[str]:
    """Setup, camera and subject as in a clip id, where all the benchmarks have the wanted splits."""
    action = _FIRST_NEW_ACTION if is_new else 1
    for setup, camera, subject in product(_SETUPS, _CAMERAS, _SUBJECTS):
        prefix = f"S{setup:03d}C{camera:03d}P{subject:03d}"
        if all(  # None for a setup that does not have the action
            benchmark.rule(f"{prefix}R001A{action:03d}") == split
            for benchmark, split in zip(benchmarks, wanted, strict=True)
        ):
            yield prefix

"""The published list of missing or incomplete skeletons, and its counts of data.md 1.2."""

from collections import Counter
from pathlib import Path

import pytest

from lst.facts.benchmarks import get_benchmark
from lst.facts.ntu_missing import ntu_missing_skeletons

EXPECTED = {
    "ntu60-xsub": (229, 73),
    "ntu60-xview": (274, 28),
    "ntu120-xsub": (334, 201),
    "ntu120-xset": (252, 283),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_counts_by_split(name: str):
    splits = Counter(get_benchmark(name).rule(clip_id) for clip_id in ntu_missing_skeletons())
    assert (splits["train"], splits["test"]) == EXPECTED[name]


def test_counts_of_the_data_sets():
    missing = ntu_missing_skeletons()
    assert len(missing) == 535
    assert sum(clip_id < "S018" for clip_id in missing) == 302
    assert sum(clip_id.startswith("S008") for clip_id in missing) == 69
    assert not any(clip_id.startswith("S018") for clip_id in missing)


def test_it_is_the_shared_list(shared: Path):
    names = (shared / "data" / "ntu_missing_skeletons.txt").read_text().split()
    assert ntu_missing_skeletons() == frozenset(names)

"""The `split` lists of a pyskl pickle beside our own rules, which alone decide what trains and what tests."""

from collections.abc import Iterator, Mapping, Set
from typing import Any

from lst.facts.benchmarks import BENCHMARKS, Benchmark
from lst.facts.choices import Split
from lst.facts.shown import shown, shown_value

_SUFFIXES: dict[str, Split] = {"_train": "train", "_val": "test"}


def split_remarks(splits: Mapping[str, Any], dataset: str, clip_ids: Set[str]) -> list[str]:
    """One sentence for every disagreement between the lists of a file and the benchmarks of `dataset`.

    Args:
        splits: name, such as "xsub_train" or "xview_val" (pyskl calls the test split val) -> clip ids.
        clip_ids: the file's clips that are valid clips of the data set.
    """
    remarks: list[str] = []
    for name, listed in splits.items():
        benchmark, split = _meaning(name, dataset)
        if benchmark is None or split is None:
            remarks.append(
                f"split {shown_value(name)}: {dataset} has no such protocol in lst, so it is not compared"
            )
        elif not isinstance(listed, list | tuple) or not all(isinstance(x, str) for x in listed):
            remarks.append(f"split {shown_value(name)}: is no list of clip ids, so it is not compared")
        else:
            remarks += _differences(name, frozenset(map(str, listed)), benchmark, split, clip_ids)
    return remarks


def _meaning(name: object, dataset: str) -> tuple[Benchmark | None, Split | None]:
    for suffix, split in _SUFFIXES.items():
        if isinstance(name, str) and name.endswith(suffix):
            return BENCHMARKS.get(f"{dataset}-{name.removesuffix(suffix)}"), split
    return None, None


def _differences(
    name: str, listed: Set[str], benchmark: Benchmark, split: Split, clip_ids: Set[str]
) -> Iterator[str]:
    by_rule = {clip_id for clip_id in clip_ids if benchmark.rule(clip_id) == split}
    kinds = {
        f"is listed, but not in {split} by the rule of {benchmark.name}": (listed & clip_ids) - by_rule,
        f"is in {split} by the rule of {benchmark.name}, but not listed": by_rule - listed,
        "is listed, but not among the usable annotations": listed - clip_ids,
    }
    for text, found in kinds.items():
        if found:
            clip = f"{shown(min(found))} {text} ({len(found):,} such clips)"
            yield f"split {shown_value(name)}: {clip}; lst goes by its rules"

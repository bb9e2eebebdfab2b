"""Finished zero-shot runs as Markdown tables, one for each way of training. Standard library only."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lst.evaluation.marked_text import replace_marked
from lst.evaluation.result_file import read_formatted
from lst.evaluation.results import spread
from lst.facts.benchmarks import get_benchmark

FORMAT, VERSION = "lst-zero-shot", 1
BEGIN, END = "<!-- zero-shot: begin (lst study zero-shot --write) -->", "<!-- zero-shot: end -->"
_SHOWN_ELSEWHERE = ("unseen", "optim.epochs", "modality")

_PROTOCOL = (
    "Encoder and projections were trained end to end on training clips of the seen classes, against frozen",
    "text vectors. Papers that train on features computed beforehand follow another protocol, and their",
    "numbers are not comparable. Last epoch; nothing was selected on the test split; plain argmax, not",
    "calibrated. Zero-shot: clips of the unseen classes among the texts of these. S and U: clips of seen and",
    "of unseen classes among the texts of all classes; H: their harmonic mean. A ± is the standard deviation",
    "over the class sets.",
)

Result = dict[str, Any]


def read_zero_shot(folder: Path) -> list[Result]:
    """Every `<folder>/*.json` that is the result of a zero-shot run, by file name.

    Raises:
        ValueError: broken JSON, or a result of a newer lst.
    """
    found = [read_zero_shot_file(path) for path in sorted(folder.glob("*.json"))]
    return [result for result in found if result is not None]


def read_zero_shot_file(path: Path) -> Result | None:
    """A result, or None for JSON that is something else."""
    return read_formatted(path, FORMAT, VERSION)


def zero_shot_tables(results: Sequence[Result]) -> str:
    """Markdown: a caption and a table for every group of runs that differ in class set and seed only."""
    groups: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        groups.setdefault(_group(result), []).append(result)
    return "\n\n".join(f"{_caption(groups[key])}\n\n{_table(groups[key])}" for key in sorted(groups))


def _group(result: Result) -> tuple[str, ...]:
    where = f"{result['device']}, {result['precision']}, texts by {result['inputs']['text']['encoder']}"
    classes = f"{len(result['unseen'])} unseen classes, drawn with seed {result['class_seed']}"
    changes = [
        f"{key} {value}" for key, value in sorted(result["overrides"].items()) if key not in _SHOWN_ELSEWHERE
    ]
    if result["complete_data"] is False:
        changes.append("incomplete data")
    if result["info"].get("synthetic_clips"):
        changes.append("synthetic clips, no recordings")
    if pipeline := (result["inputs"]["source"] or {}).get("pipeline"):
        changes.append(f"prepared by the pipeline {pipeline!r}")
    return result["benchmark"], result["recipe"], "; ".join(changes), _epochs(result), classes, where


def _epochs(result: Result) -> str:
    done, planned = result["epochs"], result["planned_epochs"]
    return f"{done} epochs" if done == planned else f"{done} of {planned} epochs"


def _caption(group: Sequence[Result]) -> str:
    """What was measured, in sentences: without them a number of this field means nothing."""
    benchmark, *how = _group(group[0])
    commits = sorted({_short(session["commit"]) for result in group for session in result["sessions"]})
    copied = len(get_benchmark(benchmark).copied_test_clips)
    sentences = [f"**Zero-shot, {benchmark}** (top-1 over clips, percent).", *_PROTOCOL]
    if copied:
        sentences.append(
            f"{copied} test clips are copies of training clips: S is flattered where their classes are seen."
        )
    return " ".join([*sentences, "; ".join(part for part in (*how, f"commit {', '.join(commits)}.") if part)])


def _short(commit: str | None) -> str:
    """Nine digits; local changes stay visible."""
    return "unknown" if commit is None else commit[:9] + commit[40:]


def _table(group: Sequence[Result]) -> str:
    splits = sorted({result["split"] for result in group})
    rows = [
        "| split | unseen classes | seeds | zero-shot | chance | S | U | H |",
        "|---|---|---|---|---|---|---|---|",
    ]
    means: list[tuple[float, ...]] = []  # of each split over its seeds
    for split in splits:
        runs = [result for result in group if result["split"] == split]
        numbers = zip(*map(_numbers, runs), strict=True)
        means.append(tuple(statistics.mean(values) for values in numbers))
        cells = (str(split), ", ".join(runs[0]["unseen"]), str(len(runs)))
        rows.append(_row(*cells, *(f"{100 * value:.1f}" for value in means[-1])))
    closed, chance, *general = zip(*means, strict=True)
    cells = (spread(closed), f"{100 * chance[0]:.1f}", *map(spread, general))
    rows.append(_row(f"mean of {len(splits)}", "", "", *cells))
    return "\n".join(rows)


def _numbers(result: Result) -> tuple[float, ...]:
    closed, general = result["zero_shot"], result["generalised"]
    both = (general["seen_top1"], general["unseen_top1"], general["harmonic_mean"])
    return (closed["top1"], closed["chance"], *both)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def write_zero_shot(path: Path, results: Sequence[Result]) -> None:
    """Put the tables between the two marker lines of a Markdown file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it lacks the lines.
    """
    replace_marked(path, BEGIN, END, zero_shot_tables(results))

"""Scores of one benchmark -> the numbers people quote, and the files that show them."""

import csv
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lst.evaluation.plots import plot_confusion
from lst.evaluation.scores import Scores, confusion_matrix, mean_class_accuracy, per_class, top_k_accuracy
from lst.facts.benchmarks import Benchmark
from lst.facts.wording import percent
from lst.files.whole import atomic_path, write_json

CSV_COLUMNS = {
    "class": "name",
    "clips": "clips",
    "correct": "correct",
    "accuracy": "accuracy",
    "most_confused_with": "confused_with",
    "clips_confused": "confused_clips",
}


def make_report(
    scores: Scores, benchmark: Benchmark, part_texts: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Plain JSON values: accuracies as fractions, one row for each class, and the scores' own `info`.

    Where some of the clips are copies of training clips (data.md 2.3), the accuracies on the others stand
    beside the usual ones as `top1_unseen`, `top5_unseen`, `mean_class_accuracy_unseen` with `clips_unseen`;
    they are None if no other clip is left. Ties and classes without clips are treated as in `scores.py`.
    `part_texts` is the table of `part_texts.py`, for runs with text; without it the report has none.
    Raises ValueError if the scores are for other classes than the benchmark's.
    """
    _check_classes(scores, benchmark)
    matrix = confusion_matrix(scores.logits_NK, scores.labels_N)
    report: dict[str, Any] = {"benchmark": benchmark.name, "notice": benchmark.notice, **_accuracies(scores)}
    unseen = [clip not in benchmark.copied_test_clips for clip in scores.clip_ids]
    if not all(unseen):
        accuracies = _accuracies(scores.select(np.array(unseen))) if any(unseen) else _NO_CLIPS
        report |= {f"{name}_unseen": value for name, value in accuracies.items()}
    rows = [asdict(row) for row in per_class(matrix, scores.class_names)]
    if part_texts is not None:
        report["part_texts"] = dict(part_texts)
    return {**report, "per_class": rows, "info": dict(scores.info)}


_NO_CLIPS: dict[str, Any] = {"clips": 0, "top1": None, "top5": None, "mean_class_accuracy": None}


def _accuracies(scores: Scores) -> dict[str, Any]:
    logits, labels = scores.logits_NK, scores.labels_N
    return {
        "clips": len(scores.clip_ids),
        "top1": top_k_accuracy(logits, labels, 1),
        "top5": top_k_accuracy(logits, labels, 5),
        "mean_class_accuracy": mean_class_accuracy(logits, labels),
    }


def _check_classes(scores: Scores, benchmark: Benchmark) -> None:
    if scores.class_names != tuple(benchmark.class_names):
        raise ValueError(
            f"the scores are for {len(scores.class_names)} classes ({scores.class_names[0]!r}, ...), "
            f"benchmark {benchmark.name!r} is for {len(benchmark.class_names)} "
            f"({benchmark.class_names[0]!r}, ...). Name the benchmark that the run was trained for"
        )


def summary_line(report: Mapping[str, Any]) -> str:
    """One line for people: percent with one decimal. Top-5 is left out for five classes or fewer."""
    parts = [f"top-1 {percent(report['top1'])}"]
    if len(report["per_class"]) > 5:
        parts.append(f"top-5 {percent(report['top5'])}")
    parts.append(f"mean class {percent(report['mean_class_accuracy'])}")
    kind = "synthetic clips" if report.get("info", {}).get("synthetic_clips") else "clips"
    parts.append(f"on {report['clips']} {kind}")
    line = "  ".join(parts)
    if "clips_unseen" not in report:
        return line
    found = f"{report['clips_unseen']} not copied from training"
    return (
        f"{line} ({found}: {percent(report['top1_unseen'])})"
        if report["clips_unseen"]
        else f"{line} ({found})"
    )


def weakest_classes(report: Mapping[str, Any], most: int = 3) -> list[str]:
    """The classes with the lowest accuracy, one line each below a heading; nothing if all are perfect."""
    rows = [row for row in report["per_class"] if row["accuracy"] is not None and row["accuracy"] < 1]
    lines = []
    for row in sorted(rows, key=lambda row: row["accuracy"])[:most]:
        confused = f", mostly taken for {row['confused_with']!r}" if row["confused_with"] else ""
        lines.append(f"  {row['name']}: {row['correct']} of {row['clips']}{confused}")
    return ["weakest classes:", *lines] if lines else ["every test clip is right"]


def write_report(
    folder: Path, scores: Scores, benchmark: Benchmark, part_texts: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Make the report and write `per_class.csv`, `confusion.png` and `report.json` into `folder`.

    Each file appears whole or not at all, `report.json` last: where it stands, the others are complete.
    """
    folder = Path(folder)
    report = make_report(scores, benchmark, part_texts)
    _write_per_class(folder / "per_class.csv", report)
    matrix = confusion_matrix(scores.logits_NK, scores.labels_N)
    plot_confusion(matrix, scores.class_names, folder / "confusion.png", title=_title(report))
    write_json(folder / "report.json", report)
    return report


def _title(report: Mapping[str, Any]) -> str:
    return f"{report['benchmark']}: {summary_line(report)}"


def _write_per_class(path: Path, report: Mapping[str, Any]) -> None:
    """`accuracy` is a fraction, empty for a class without clips, `most_confused_with` without errors."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        for row in report["per_class"]:
            writer.writerow([_cell(row[key]) for key in CSV_COLUMNS.values()])


def _cell(value: Any) -> Any:
    return f"{value:.4f}" if isinstance(value, float) else value

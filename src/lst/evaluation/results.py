"""Finished runs as data: one small JSON each, and the tables made from them. Standard library only.

A result file names seed, commit, recipe, device and how the epoch was chosen, so that a table can be checked.
"""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lst.facts.published import published_for
from lst.files import atomic_path

FORMAT, RESULT = "lst-result", "result.json"
BEGIN, END = "<!-- results: begin (lst results --write) -->", "<!-- results: end -->"
_SCORES = ("clips", "top1", "top5", "mean_class_accuracy", "clips_unseen", "top1_unseen")
_FACTS = ("recipe", "benchmark", "modality", "epochs", "selected_on", "best_on_test", "seconds")
_MACHINE = ("device", "precision", "compiled", "code")

Result = dict[str, Any]


def stream_result(name: str, card: Mapping[str, Any], report: Mapping[str, Any]) -> Result:
    """The result of one tested run, from its card and its report."""
    result = {
        "format": FORMAT,
        "kind": "stream",
        "name": name,
        **{key: card.get(key) for key in (*_FACTS, *_MACHINE, "config", "imported_from")},
        **{key: report[key] for key in _SCORES if key in report},
    }
    config = card.get("config")
    if config is None:  # an imported checkpoint: how it was trained is not known
        return {**result, "seed": None, "language": None, "planned_epochs": None, "parity": "imported"}
    return {
        **result,
        "seed": config["seed"],
        "language": config["text_weight"] > 0,
        "planned_epochs": config["optim"]["planned_epochs"],
        "parity": config["parity"],
    }


def ensemble_result(
    name: str, members: Sequence[Result], weights: Mapping[str, float], report: Mapping[str, Any], how: str
) -> Result:
    """The result of an ensemble; facts on which its members differ are lists."""

    def common(key: str) -> Any:
        values = [member[key] for member in members]
        return values[0] if all(value == values[0] for value in values) else values

    keys = ("benchmark", "seed", "language", "epochs", "planned_epochs", "parity", "device", "precision")
    return {
        "format": FORMAT,
        "kind": "ensemble",
        "name": name,
        "members": [member["name"] for member in members],
        "weights": dict(weights),
        "weights_from": how,
        "selected_on": common("selected_on"),
        **{key: common(key) for key in keys},
        **{key: report[key] for key in _SCORES if key in report},
    }


def write_result(path: Path, result: Result) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(result, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read_results(folders: Iterable[Path]) -> list[Result]:
    """Every result under the folders, each name once (the first folder wins), sorted by name.

    Raises ValueError for a file that calls itself a result and cannot be read.
    """
    found: dict[str, Result] = {}
    for folder in folders:
        for path in sorted([*folder.glob("*.json"), *folder.glob(f"*/{RESULT}")]):
            try:
                result = json.loads(path.read_text(encoding="utf-8"))
            except json.JSONDecodeError as error:
                raise ValueError(
                    f"{path}:{error.lineno}: broken JSON ({error.msg}); delete or mend it"
                ) from None
            if isinstance(result, dict) and result.get("format") == FORMAT:
                found.setdefault(result["name"], result)
    return [found[name] for name in sorted(found)]


def one_line(result: Result) -> str:
    """A run in one line: name, accuracies, epochs, seed, device."""
    unseen = f"  unseen {_percent(result['top1_unseen'])}" if result.get("top1_unseen") is not None else ""
    best = result.get("best_on_test")
    best_text = f"  (best on test {_percent(best['top1'])}, epoch {best['epoch']})" if best else ""
    how = f"{result['epochs']} epochs  seed {result['seed']}  {result['device']}"
    if result["parity"] == "imported":
        how = "imported weights"
    return f"{result['name']:<40} top-1 {_percent(result['top1'])}{unseen}{best_text}  {how}"


def results_table(results: Sequence[Result], benchmark: str) -> str:
    """Markdown: our runs of one benchmark, mean over seeds, with the published figures in the same table."""
    rows = [
        "| what | stream | top-1 last epoch | on clips not copied | best on test | epochs | seeds | device |",
        "|---|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[Any, ...], list[Result]] = {}
    for result in results:
        if result["benchmark"] == benchmark:
            groups.setdefault(_group(result), []).append(result)
    rows += [_table_row(group, members) for group, members in sorted(groups.items(), key=str)]
    for figure in published_for(benchmark):
        what = f"{figure.method} ({figure.source})"
        rows.append(f"| {what} | {figure.stream} | - | - | {figure.top1:.1f} | - | - | - |")
    return "\n".join(rows)


def _group(result: Result) -> tuple[Any, ...]:
    family = {"gap": "gap parity", "imported": "imported weights"}.get(result["parity"], "lst")
    teacher = {True: ", LST", False: ", plain encoder (no text)", None: ""}[result["language"]]
    what = family + teacher
    stream = result["modality"] if result["kind"] == "stream" else f"ensemble of {len(result['members'])}"
    return what, stream, _epochs(result), str(result["device"] or "-")


def _epochs(result: Result) -> str:
    """ "110", or "15 of 110" for a shortened schedule."""
    if result["epochs"] == result["planned_epochs"]:
        return "-" if result["epochs"] is None else str(result["epochs"])
    return f"{result['epochs']} of {result['planned_epochs']}"


def _table_row(group: tuple[Any, ...], members: Sequence[Result]) -> str:
    what, stream, epochs, device = group
    best = [m["best_on_test"]["top1"] for m in members if m.get("best_on_test")]
    unseen = [m["top1_unseen"] for m in members if m.get("top1_unseen") is not None]
    cells = (what, stream, _spread([m["top1"] for m in members]), _spread(unseen), _spread(best), epochs)
    return "| " + " | ".join((*cells, str(len(members)), device)) + " |"


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "-"
    mean = f"{100 * statistics.mean(values):.1f}"
    return f"{mean} ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else mean


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def write_table(path: Path, results: Sequence[Result]) -> None:
    """Replace what stands between the markers of a Markdown file by one table for each benchmark."""
    text = path.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"{path}: needs the lines {BEGIN!r} and {END!r} once, in this order")
    benchmarks = sorted({result["benchmark"] for result in results})
    tables = [f"**{name}** (top-1, percent)\n\n{results_table(results, name)}" for name in benchmarks]
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    with atomic_path(path) as temporary:
        temporary.write_text(
            before + "\n".join([BEGIN, "", "\n\n".join(tables), "", after]), encoding="utf-8"
        )

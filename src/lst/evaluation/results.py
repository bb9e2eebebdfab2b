"""Finished runs as data: one small JSON each, and the tables made from them. Standard library only.

A result file names seed, commit, recipe, device and how the epoch was chosen, so that a table can be checked.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from lst.evaluation.marked_text import replace_marked
from lst.evaluation.result_file import read_formatted
from lst.facts.choices import Modality
from lst.facts.published import published_for
from lst.facts.wording import percent

FORMAT, VERSION, RESULT = "lst-result", 1, "result.json"
BEGIN, END = "<!-- results: begin (lst results --write) -->", "<!-- results: end -->"
MIXED = "mixed"
_SCORES = ("clips", "top1", "top5", "mean_class_accuracy", "clips_unseen", "top1_unseen")
_CARD = ("recipe", "overrides", "benchmark", "modality", "epochs", "selected_on", "best_on_test", "seconds")
_ORIGIN = ("precision", "sessions", "inputs", "complete_data", "config", "imported_from")
_MEMBER = ("name", "recipe", "overrides", "modality", "seed", "epochs", "sessions", "top1", "best_on_test")
_SHOWN_ELSEWHERE = (
    "optim.epochs",
    "text.weight",
    "text_weight",
    "modality",
)  # columns of their own in the table

Result = dict[str, Any]


def stream_result(name: str, card: Mapping[str, Any], report: Mapping[str, Any]) -> Result:
    """The result of one tested run, from its card and its report."""
    config = card.get("config")
    return {
        "format": FORMAT,
        "version": VERSION,
        "kind": "stream",
        "name": name,
        **{key: card.get(key) for key in (*_CARD, *_ORIGIN)},
        **{key: report[key] for key in _SCORES if key in report},
        "device": _devices(card.get("sessions") or []),
        # How an imported checkpoint was trained is not known.
        "seed": config["seed"] if config else None,
        "language": _text_weight(config) > 0 if config else None,
        "control": (card.get("text") or {}).get("control"),  # texts without meaning, and which
        "planned_epochs": config["optim"]["planned_epochs"] if config else None,
        "parity": config["parity"] if config else "imported",
        "pipeline": _pipeline(card),
        **_if_so("other_clips", report["info"].get("other_clips")),
        **_if_so("synthetic_clips", _is_synthetic(card, report)),
    }


def ensemble_result(
    name: str, members: Sequence[Result], weights: Mapping[str, float], report: Mapping[str, Any], how: str
) -> Result:
    """The result of an ensemble. What its members do not agree on is "mixed"; each one stands in it."""

    def common(key: str) -> Any:
        values = [member.get(key) for member in members]
        return values[0] if all(value == values[0] for value in values) else MIXED

    keys = ("benchmark", "seed", "language", "epochs", "planned_epochs", "parity", "device", "precision")
    return {
        "format": FORMAT,
        "version": VERSION,
        "kind": "ensemble",
        "name": name,
        "members": [{key: member.get(key) for key in _MEMBER} for member in members],
        "weights": dict(weights),
        "weights_from": how,
        **{key: common(key) for key in (*keys, "selected_on", "complete_data", "pipeline")},
        **{key: report[key] for key in _SCORES if key in report},
        **_if_so("synthetic_clips", any(member.get("synthetic_clips") for member in members)),
        **_if_so("other_clips", any(member.get("other_clips") for member in members)),
    }


def _text_weight(config: Mapping[str, Any]) -> float:
    """Runs from before `text` was a group of its own have it as `text_weight`."""
    return config["text"]["weight"] if "text" in config else config["text_weight"]


def _pipeline(card: Mapping[str, Any]) -> str | None:
    """How the training clips were prepared, where there is more than one way."""
    return ((card.get("inputs") or {}).get("source") or {}).get("pipeline")


def _is_synthetic(card: Mapping[str, Any], report: Mapping[str, Any]) -> bool:
    """Whether training or test used generated raw files, so that the row never passes for a real one."""
    trained_on = (card.get("inputs") or {}).get("source") or {}
    return bool(trained_on.get("synthetic") or report["info"].get("synthetic_clips"))


def _if_so(flag: str, value: Any) -> dict[str, bool]:
    """Flags that are seldom set stand in a result only if they are."""
    return {flag: True} if value else {}


def _devices(sessions: Sequence[Mapping[str, Any]]) -> str | None:
    """Every device a run computed on; a run that moved names both."""
    return " + ".join(dict.fromkeys(session["device"] for session in sessions)) or None


def read_result(path: Path) -> Result:
    """One result file.

    Raises FileNotFoundError when there is none, ValueError when it cannot be read or is something else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no result there; run `lst test {path.parent}` first")
    result = read_formatted(path, FORMAT, VERSION)
    if result is None:
        raise ValueError(f"{path}: not a result of lst")
    return result


def read_results(folders: Iterable[Path]) -> list[Result]:
    """Every result under the folders, sorted by name. `<folder>/*.json` and `<folder>/*/result.json`.

    Of two results of one name the first folder's counts if they are equal; else ValueError names both files.
    """
    found: dict[str, tuple[Path, Result]] = {}
    for folder in folders:
        for path in sorted([*folder.glob("*.json"), *folder.glob(f"*/{RESULT}")]):
            result = read_formatted(path, FORMAT, VERSION)
            if result is None:
                if path.name == RESULT:  # in a run's folder there is no other JSON of this name
                    raise ValueError(f"{path}: not a result of lst. Delete it, and run `lst test` again.")
                continue
            first = found.setdefault(result["name"], (path, result))
            if first[1] != result:
                raise ValueError(
                    f"{first[0]} and {path}: two different results called {result['name']!r}. Delete the one "
                    "that is out of date, or rename its run."
                )
    return [found[name][1] for name in sorted(found)]


def one_line(result: Result) -> str:
    """A run in one line: name, accuracies, epochs, seed, device, what was changed of the recipe."""
    unseen = f"  not copied {percent(result['top1_unseen'])}" if result.get("top1_unseen") is not None else ""
    best = result.get("best_on_test")
    best_text = ""
    if best and best["epochs_tested"] == result["epochs"]:  # a sparse test has no best epoch
        best_text = f"  (best on test {percent(best['top1'])}, epoch {best['epoch']})"
    how = f"{_with_noun(epochs_of(result))}  seed {result['seed']}  {result['device']}"
    if result["parity"] == "imported":
        how = "imported weights"
    return f"{result['name']:<40} top-1 {percent(result['top1'])}{unseen}{best_text}  {how}{changes(result)}"


def results_table(results: Sequence[Result], benchmark: str) -> str:
    """Markdown: our runs of one benchmark, mean over seeds, with the published figures in the same table.

    Runs share a row only if they differ in nothing but the seed.
    """
    rows = [
        "| what | stream | top-1 last epoch | on clips not copied | best on test | epochs | seeds | device |",
        "|---|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[str, str, str, str], list[Result]] = {}
    for result in results:
        if result["benchmark"] == benchmark:
            groups.setdefault(_group(result), []).append(result)
    ranks = {group: min(map(stream_rank, members)) for group, members in groups.items()}
    order = sorted(groups, key=lambda group: (group[0], ranks[group], group[1:]))
    rows += [_table_row(group, groups[group]) for group in order]
    for figure in published_for(benchmark):
        what = f"{figure.method} ({figure.source})"
        rows.append(f"| {what} | {figure.stream} | - | - | {figure.top1:.1f} | - | - | - |")
    return "\n".join(rows)


def _group(result: Result) -> tuple[str, str, str, str]:
    """What a row is: what was trained, on which stream, for how long, where and how precisely."""
    families = {"gap": "gap parity", "imported": "imported weights", MIXED: MIXED, "corrected": "lst"}
    teachers = {True: ", LST", False: ", plain encoder (no text)", MIXED: ", with and without text"}
    what = families[result["parity"]] + teachers.get(result["language"], "") + changes(result)
    where = " ".join(str(result[key]) for key in ("device", "precision") if result[key])
    return what, _stream(result), epochs_of(result), where or "-"


def changes(result: Result) -> str:
    """What was changed of the recipe, apart from what other columns show."""
    runs = result["members"] if result["kind"] == "ensemble" else [result]
    changed = {
        f"{key} {value}"
        for run in runs
        for key, value in (run["overrides"] or {}).items()
        if key not in _SHOWN_ELSEWHERE
    }
    incomplete = {"incomplete data"} if result.get("complete_data") is False else set()
    synthetic = {"synthetic clips"} if result.get("synthetic_clips") else set()
    pipeline = result.get("pipeline")
    prepared = set() if pipeline in (None, "reference") else {f"pipeline {pipeline}"}
    other = {"tested on other clips"} if result.get("other_clips") else set()
    return "".join(f"; {text}" for text in sorted(changed | incomplete | synthetic | prepared | other))


def _stream(result: Result) -> str:
    if result["kind"] == "stream":
        return str(result["modality"])
    weights = "" if result["weights_from"].startswith("fixed") else f", weights {result['weights_from']}"
    return "ensemble of " + " + ".join(str(m["modality"]) for m in result["members"]) + weights


def _with_noun(epochs: str) -> str:
    return "1 epoch" if epochs == "1" else "other epochs each" if epochs == MIXED else f"{epochs} epochs"


def stream_rank(result: Result) -> int:
    """Place in a table: joint, bone, joint motion, bone motion, ensemble."""
    streams: tuple[str, ...] = get_args(Modality)
    is_stream = result["kind"] == "stream" and result["modality"] in streams
    return streams.index(result["modality"]) if is_stream else len(streams)


def epochs_of(result: Result) -> str:
    """ "110", or "15 of 110" for a shortened schedule."""
    if result["epochs"] is None:
        return "-"
    if MIXED in (result["epochs"], result["planned_epochs"]):
        return MIXED
    if result["epochs"] == result["planned_epochs"]:
        return str(result["epochs"])
    return f"{result['epochs']} of {result['planned_epochs']}"


def _table_row(group: tuple[str, str, str, str], members: Sequence[Result]) -> str:
    what, stream, epochs, where = group
    tested = [m["best_on_test"] for m in members if m.get("best_on_test")]
    best = [b["top1"] for b, m in zip(tested, members, strict=False) if b["epochs_tested"] == m["epochs"]]
    unseen = [m["top1_unseen"] for m in members if m.get("top1_unseen") is not None]
    seeds = len({str(m["seed"]) for m in members})
    cells = (what, stream, spread([m["top1"] for m in members]), spread(unseen), spread(best), epochs)
    return "| " + " | ".join((*cells, str(seeds), where)) + " |"


def spread(values: Sequence[float], form: str = ".1f") -> str:
    """Fractions -> percent: the mean, with two values or more also their standard deviation."""
    if not values:
        return "-"
    mean = f"{100 * statistics.mean(values):{form}}"
    return f"{mean} ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else mean


def write_table(path: Path, results: Sequence[Result]) -> None:
    """Replace what stands between the markers of a Markdown file by one table for each benchmark."""
    benchmarks = sorted({result["benchmark"] for result in results})
    tables = [f"**{name}** (top-1, percent)\n\n{results_table(results, name)}" for name in benchmarks]
    replace_marked(path, BEGIN, END, "\n\n".join(tables))

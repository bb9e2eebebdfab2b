"""Every tested run in a table of at most 100 columns, for a terminal."""

import textwrap
from collections.abc import Sequence

from lst.evaluation.results import MIXED, Result, changes, epochs_of, stream_rank

WIDTH = 100
_NAME = 44
_HEAD = ("run", "top-1", "not copied", "best", "epochs", "seed", "on")
_WIDTHS = (_NAME, 6, 10, 6, 10, 5, 10)


def list_results(results: Sequence[Result]) -> list[str]:
    """A header, and for every run a line or two: what was changed of its recipe stands below it.

    Sorted by what was trained, then joint, bone, joint motion, bone motion, ensemble.
    """
    if not results:
        return []
    lines = [_row(_HEAD)]
    for result in sorted(results, key=_order):
        lines += _lines(result)
    lines.append(
        "top-1 in percent after the last epoch; best: of all epochs, for comparison with papers only"
    )
    return lines


def _order(result: Result) -> tuple[str, str, str, int, str]:
    changed = f"{result.get('language')} {epochs_of(result)} {changes(result)}"
    return str(result["benchmark"]), changed, f"{result['seed']}", stream_rank(result), result["name"]


def _lines(result: Result) -> list[str]:
    best = result.get("best_on_test")
    every = best is not None and best["epochs_tested"] == result["epochs"] > 1
    cells = (
        _percent(result["top1"]),
        _percent(result.get("top1_unseen")),
        _percent(best["top1"]) if best is not None and every else "-",
        "imported" if result["parity"] == "imported" else epochs_of(result),
        "-" if result["seed"] is None else str(result["seed"]),
        _machine(result.get("device")),
    )
    name = result["name"]
    lines = [_row((name, *cells))] if len(name) <= _NAME else [*_wrapped(name, ""), _row(("", *cells))]
    changed = changes(result).removeprefix("; ")
    return lines + _wrapped(changed, "    ")


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def _machine(device: str | None) -> str:
    """Which kind of device; its whole name is in `lst info RUN`."""
    if device is None:
        return "-"
    if device == MIXED or " + " in device:
        return "several"
    words = device.replace("NVIDIA ", "").split(" ")
    return "CPU" if words[0] == "CPU" else " ".join(words)[:10].strip()


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _row(cells: Sequence[str]) -> str:
    name, *numbers = cells
    aligned = [f"{cell:>{width}}" for cell, width in zip(numbers[:-1], _WIDTHS[1:-1], strict=True)]
    return "  ".join([f"{name:<{_NAME}}", *aligned, numbers[-1]]).rstrip()

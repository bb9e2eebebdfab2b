"""Results of a study -> its table: variants beside the baseline, paired by seed. Standard library only."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lst.evaluation.results import Result, spread

_POINTS = "+.1f"


@dataclass(frozen=True)
class Row:
    """A variant and the results of its seeds."""

    name: str
    description: str
    results: tuple[Result, ...]


def study_table(rows: Sequence[Row], baseline: Sequence[Result]) -> str:
    """Markdown, one line for each row. Columns for clips not copied come only with results that have them.

    A difference is taken within each seed that both have; its ± is over these differences, not over the two
    means. Time is compared on equal devices only.
    """
    copied = any(result.get("top1_unseen") is not None for row in rows for result in row.results)
    keys = ("top1", "top1_unseen") if copied else ("top1",)
    names = {"top1": "top-1", "top1_unseen": "on clips not copied"}
    head = ["variant", "seeds", *(names[key] for key in keys)]
    for key in keys:
        where = "" if key == "top1" else " on clips not copied"
        head += [f"difference{where}", "better in"]
    lines = [_line([*head, "time per epoch"]), "|" + "---|" * (len(head) + 1)]
    return "\n".join([*lines, *(_line(_cells(row, baseline, keys)) for row in rows)])


def study_caption(results: Sequence[Result], baseline: str) -> str:
    """What all results have in common, and what they should have but do not."""

    def every(value: Callable[[Result], Any]) -> str:
        return " and ".join(dict.fromkeys(str(value(result)) for result in results))

    epochs = every(lambda r: f"{r['epochs']} of {r['planned_epochs']}")
    settings = {key: every(lambda r, key=key: r["config"][key]) for key in ("repeat", "encoder_width")}
    device = every(lambda r: f"{r['device']}, {r['precision']}")
    incomplete = " Incomplete data." if any(r.get("complete_data") is False for r in results) else ""
    incomplete += " Synthetic clips." if any(r.get("synthetic_clips") for r in results) else ""
    return (
        f"**{every(lambda r: r['benchmark'])}, {every(lambda r: r['modality'])}** (percent): "
        f"{epochs} epochs, repeat {settings['repeat']}, encoder width {settings['encoder_width']}. {device}. "
        f"Commit {' and '.join(_commits(results))}. Last epoch; nothing selected on test. Differences to "
        f"{baseline} are in points, seed by seed; a ± is a standard deviation over seeds.{incomplete}"
        f"{_not_alike(results)}"
    )


def _cells(row: Row, baseline: Sequence[Result], keys: Sequence[str]) -> list[str]:
    ours, theirs = _by_seed(row.results), _by_seed(baseline)
    cells = [f"{row.name}: {row.description}", str(len(ours))]
    cells += [spread([value for r in ours.values() if (value := r.get(key)) is not None]) for key in keys]
    itself = {r["name"] for r in row.results} == {r["name"] for r in baseline}
    pairs = [] if itself else [(ours[seed], theirs[seed]) for seed in sorted(ours.keys() & theirs.keys())]
    for key in keys:
        gains = [a[key] - b[key] for a, b in pairs if None not in (a.get(key), b.get(key))]
        better = f"{sum(gain > 0 for gain in gains)} of {len(gains)}" if gains else "-"
        cells += [spread(gains, _POINTS), better]
    return [*cells, "1.00x" if itself else _time(pairs)]


def _time(pairs: Iterable[tuple[Result, Result]]) -> str:
    """Seconds per epoch beside the baseline's."""
    alike = [(a, b) for a, b in pairs if a["device"] == b["device"]]
    theirs = sum(b["seconds"] / b["epochs"] for _, b in alike)
    return f"{sum(a['seconds'] / a['epochs'] for a, _ in alike) / theirs:.2f}x" if theirs else "-"


def _by_seed(results: Iterable[Result]) -> Mapping[int, Result]:
    return {result["seed"]: result for result in results}


def _commits(results: Iterable[Result]) -> list[str]:
    found = {session.get("commit") for result in results for session in result["sessions"]}
    short = {c[:10] + ("+dirty" if c.endswith("+dirty") else "") if c else "unknown" for c in found}
    return sorted(short)


def _not_alike(results: Iterable[Result]) -> str:
    """A remark when the clips or the texts were not the same ones everywhere."""
    kinds = {
        "clips": lambda inputs: [inputs["source"], inputs["clips"]],
        "texts": lambda inputs: inputs["text"].get("descriptions_sha256"),  # None without text
    }
    inputs = [result["inputs"] for result in results]
    several = [kind for kind, of in kinds.items() if len({str(of(i)) for i in inputs} - {"None"}) > 1]
    return f" NOT COMPARABLE: these runs had different {' and '.join(several)}." if several else ""


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"

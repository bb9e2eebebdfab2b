"""`labels.csv`: which clip, or which stretch of a recording, has which label, split, group.

Columns: clip and label, and optionally split, group, start, end, person. Start and end are frame numbers as
the file gives them (0 is the first where it gives none), or seconds if they end in "s": `12.5s`; both ends
belong to the clip.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lst.data.own.recording import ReadError, Recording, Span
from lst.data.own.source import Source, read_bytes, text_of
from lst.data.own.tables import table_of_text
from lst.facts.choices import choose

COLUMNS = ("clip", "label", "split", "group", "start", "end", "person")
_ALSO = {
    "clip_id": "clip",
    "file": "clip",
    "filename": "clip",
    "path": "clip",
    "class": "label",
    "action": "label",
    "subject": "group",
}
_TIME = re.compile(r"(\d+(?:\.\d+)?)(s?)")


@dataclass(frozen=True)
class LabelRow:
    """One line of the file."""

    line: int
    clip: str
    label: str
    split: str = ""
    group: str = ""
    start: str = ""
    end: str = ""
    person: str = ""


@dataclass(frozen=True)
class Labels:
    """A file of labels. `bad` are lines that cannot be used, with the reason."""

    path: Path
    rows: tuple[LabelRow, ...]
    bad: tuple[tuple[int, str], ...]


def read_labels(path: Path) -> Labels:
    """The rows of a file with comma, semicolon or tab between its cells.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no table, or lacks a column; names the file and the line.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. Give a csv with the columns clip and label.")
    try:
        table = table_of_text(text_of(read_bytes(path)))
    except ReadError as error:
        raise ValueError(f"{path}:{error.line or 1}: {error}") from None
    header = [_ALSO.get(name.lower(), name.lower()) for name in table.header]
    for needed in ("clip", "label"):
        if needed not in header:
            found = ", ".join(table.header) or "no header"
            raise ValueError(
                f"{path}:1: has no column {needed!r}, but {found}; expected clip,label[,split,group,...]"
            )
    for name in header:
        choose(f"column of {path.name}", name, dict.fromkeys(COLUMNS))
    rows, bad = [], []
    seen: dict[tuple[str, str, str, str], int] = {}
    for cells, line in zip(table.rows, table.lines, strict=True):
        row = LabelRow(line, **{name: cell.strip() for name, cell in zip(header, cells, strict=True)})
        key = (row.clip, row.start, row.end, row.person)
        if problem := _problem(row) or (f"the same as line {seen[key]}" if key in seen else ""):
            bad.append((line, problem))
        else:
            seen[key] = line
            rows.append(row)
    return Labels(path, tuple(rows), tuple(bad))


def _problem(row: LabelRow) -> str:
    if not row.clip or not row.label:
        return "clip and label may not be empty"
    if bool(row.start) != bool(row.end):
        return "start and end come together, or both are empty"
    if not row.start:
        return ""
    start, end = _TIME.fullmatch(row.start), _TIME.fullmatch(row.end)
    if not start or not end or start[2] != end[2]:
        return f"start {row.start!r} and end {row.end!r}: expected two frame numbers, or seconds such as 1.5s"
    if float(end[1]) < float(start[1]):
        return f"ends at {row.end}, before it starts at {row.start}"
    if not start[2] and not (start[1].isdigit() and end[1].isdigit()):
        return f"start {row.start} and end {row.end}: frame numbers are whole; seconds end in s"
    return ""


def span_of(row: LabelRow, recording: Recording, fps: float | None) -> Span | None:
    """Which frame numbers a row means; None = all.

    Raises:
        ReadError: seconds, and no frame rate is known.
    """
    if not row.start:
        return None
    if not row.start.endswith("s"):
        return Span(row.label, int(row.start), int(row.end))
    fps = fps or recording.fps
    if fps is None:
        raise ReadError("start and end are seconds, but no frame rate is known; say --fps", row.line)
    first = int(recording.frame_numbers[0])
    start, end = (first + float(text.removesuffix("s")) * fps for text in (row.start, row.end))
    return Span(row.label, int(np.ceil(start - 1e-6)), int(np.floor(end + 1e-6)))


def rows_by_clip(rows: Sequence[LabelRow], known: Iterable[tuple[str, Source]]) -> dict[str, list[LabelRow]]:
    """Clip name -> its rows, and under "" those whose clip is not there.

    A clip is named by its path with or without suffix, or by its last part alone if only one has it.
    """
    by_name: dict[str, set[str]] = {}
    for clip, source in known:
        last = clip.rpartition("/")[2]
        for name in {clip, source.name, last, source.path.name if source.clip == clip else last}:
            by_name.setdefault(name, set()).add(clip)
    found: dict[str, list[LabelRow]] = {}
    for row in rows:
        name = row.clip.replace("\\", "/").removeprefix("./")
        clips = {name} if name in by_name and name in by_name[name] else by_name.get(name, set())
        found.setdefault(next(iter(clips)) if len(clips) == 1 else "", []).append(row)
    return found

"""Recordings and labels -> the clips of a store.

Everything goes file by file: what cannot be used becomes a `Problem`, the others go on.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from lst.data.own.discover import sources_in
from lst.data.own.fit import Wanted, fitted
from lst.data.own.formats import read_source
from lst.data.own.labels import LabelRow, Labels, rows_by_clip, span_of
from lst.data.own.mend import MendRules, mended
from lst.data.own.options import ReadOptions
from lst.data.own.recording import ReadError, Recording, Span
from lst.data.own.source import Source
from lst.data.store.clip_store import Problem
from lst.facts.coordinates import Coordinates
from lst.facts.skeleton import Skeleton

Progress = Callable[[Sequence[Source]], Iterator[Source]]
"""Hands on the sources, and may show how far they are."""


@dataclass(frozen=True, eq=False)
class OwnClip:
    """A clip that can be stored: in the layout, mended."""

    clip_id: str
    label: str
    joints_MTVC: np.ndarray
    """float32 without NaN; 2-D poses have their score as third channel."""
    split: str = ""
    group: str = ""


@dataclass
class Gathered:
    """All that was read: the clips in order of their names, what was left out, and what was done."""

    clips: list[OwnClip] = field(default_factory=list)
    layout: Skeleton | None = None
    coordinates: Coordinates | None = None
    problems: list[Problem] = field(default_factory=list)
    remarks: Counter[str] = field(default_factory=Counter)
    ignored: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class HowToRead:
    """All options of reading in one value."""

    read: ReadOptions = field(default_factory=ReadOptions)
    wanted: Wanted = field(default_factory=Wanted)
    rules: MendRules = field(default_factory=MendRules)


def recordings_in(
    path: Path, how: HowToRead, problems: list[Problem], ignored: list[str], progress: Progress = iter
) -> Iterator[tuple[Source, Recording]]:
    """All recordings below a folder, or in a file, one at a time; adds to `problems` what cannot be read.

    Raises:
        FileNotFoundError: there is no such file or folder.
    """
    sources, passed_over = sources_in(path)
    ignored += passed_over
    for source in progress(sources):
        try:
            found = read_source(source, how.read)
        except ReadError as error:
            problems.append(Problem(source.name, error.line, str(error)))
            continue
        for recording in found:
            yield source, recording


def gather(path: Path, how: HowToRead, labels: Labels | None, progress: Progress = iter) -> Gathered:
    """The clips below a folder.

    A clip's label is that of `labels` if they are given; else the one in the file, else the first folder
    under `path`, else the one in the file's name.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: no recording can be used; names the first reason.
    """
    result = Gathered()
    read = recordings_in(path, how, result.problems, result.ignored, progress)
    rows: dict[str, list[LabelRow]] = {}
    if labels is not None:
        result.problems += [Problem(labels.path.name, line, text) for line, text in labels.bad]
        read = list(read)
        rows = rows_by_clip(labels.rows, [(recording.name, source) for source, recording in read])
        for row in rows.pop("", []):
            text = f"clip {row.clip!r} is no recording there, or the name of several"
            result.problems.append(Problem(labels.path.name, row.line, text))
    for source, recording in read:
        try:
            own_rows = rows.get(recording.name, []) if labels is not None else None
            _add(result, source, recording, own_rows, how)
        except ReadError as error:
            result.problems.append(Problem(_name(source, recording), error.line, str(error)))
    if not result.clips:
        first = result.problems[0] if result.problems else None
        shown = f" The first problem: {first.file}: {first.problem}" if first else ""
        raise ValueError(f"{path}: no recording there can be used.{shown}")
    result.clips.sort(key=lambda clip: clip.clip_id)
    return result


def _name(source: Source, recording: Recording) -> str:
    same = recording.name in (source.clip, source.name)
    return source.name if same else f"{source.name}: {recording.name}"


def _add(
    result: Gathered, source: Source, recording: Recording, rows: list[LabelRow] | None, how: HowToRead
) -> None:
    """Adds the clips of one recording."""
    if rows is not None and not rows:
        raise ReadError("no line of the labels names it")
    fitting, layout = fitted(recording, how.wanted)
    if result.layout is not None and result.layout != layout:
        raise ReadError(
            f"has the layout {layout.name}, those before have {result.layout.name}; say --layout to map all "
            "to one"
        )
    coordinates = _coordinates(fitting, how.read.fps)
    if result.coordinates is not None and not _alike(result.coordinates, coordinates):
        raise ReadError(f"is in {coordinates}, those before in {result.coordinates}")
    parts = list(_parts(fitting, rows, source, how))
    for clip_id, span, clip in parts:
        try:
            if clip_id in result.used:
                raise ReadError(f"clip {clip_id!r} was already read from another file")
            joints_MTVC, scores_MTV = _stretch(fitting, span)
            stored, remarks = mended(joints_MTVC, scores_MTV, layout.parent_index(), how.rules)
        except ReadError as error:
            problem = f"{clip_id}: {error}" if len(parts) > 1 else str(error)
            result.problems.append(Problem(_name(source, recording), error.line, problem))
            continue
        result.layout, result.coordinates = layout, result.coordinates or coordinates
        result.remarks += remarks
        result.clips.append(replace(clip, joints_MTVC=stored))
        result.used.add(clip_id)
    result.remarks += fitting.remarks


def _alike(one: Coordinates, other: Coordinates) -> bool:
    """But for the frame rate, which may differ."""
    return replace(one, fps=None) == replace(other, fps=None)


def _coordinates(recording: Recording, fps: float | None) -> Coordinates:
    channels = "xyz" if recording.joints_MTVC.shape[-1] == 3 else "xyc"
    unit: object = recording.unit
    assert unit in ("m", "px", "image"), unit
    return Coordinates(unit=unit, up="y", channels=channels, fps=fps or recording.fps)  # type: ignore[arg-type]


def _parts(
    recording: Recording, rows: list[LabelRow] | None, source: Source, how: HowToRead
) -> Iterator[tuple[str, Span | None, OwnClip]]:
    """Clip id, stretch (None = all) and a clip without joints for every clip in a recording."""
    hints = recording.hints
    nothing = np.empty((0, 0, 0, 0), dtype=np.float32)
    if rows is not None:
        for row in rows:
            span = span_of(row, recording, how.read.fps)
            clip_id = recording.name if span is None else f"{recording.name}#{row.start}-{row.end}"
            group = row.group or row.person or hints.group
            yield clip_id, span, OwnClip(clip_id, row.label, nothing, row.split or hints.split, group)
    elif hints.spans:
        for span in hints.spans:
            clip_id = f"{recording.name}#{span.start}-{span.end}"
            yield clip_id, span, OwnClip(clip_id, span.label, nothing, hints.split, hints.group)
    else:
        folders = Path(source.name).parts[:-1]
        label = hints.label or (folders[0] if folders else "") or hints.name_label
        yield recording.name, None, OwnClip(recording.name, label, nothing, hints.split, hints.group)


def _stretch(recording: Recording, span: Span | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Joints and scores of the frames in a span.

    Raises:
        ReadError: there is no frame in it.
    """
    joints_MTVC, scores_MTV = recording.joints_MTVC, recording.scores_MTV
    if joints_MTVC.shape[-1] == 2 and scores_MTV is None:
        scores_MTV = np.isfinite(joints_MTVC[..., 0]).astype(np.float64)
    if span is None:
        return joints_MTVC, scores_MTV
    numbers_T = recording.frame_numbers
    inside_T = (numbers_T >= span.start) & (numbers_T <= span.end)
    if not inside_T.any():
        raise ReadError(
            f"no frame from {span.start} to {span.end}; it has frames {numbers_T[0]} to {numbers_T[-1]}"
        )
    return joints_MTVC[:, inside_T], None if scores_MTV is None else scores_MTV[:, inside_T]

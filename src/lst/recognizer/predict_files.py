"""`lst predict`: files, folders and stores in, a table of answers out."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lst.data.own.clips import HowToRead
from lst.data.own.fit import Wanted, unit_of, up_of
from lst.data.own.mend import MendRules
from lst.data.own.options import ReadOptions
from lst.files.whole import write_text
from lst.recognizer.clips import GivenClips
from lst.recognizer.evidence_picture import draw_evidence
from lst.recognizer.prediction import Prediction
from lst.recognizer.recognizer import Recognizer
from lst.recognizer.sources import FoundClip, list_sources, read_item
from lst.training.build import TEST_BATCH

ENDINGS = (".csv", ".jsonl", ".ndjson")
_LOOK = ReadOptions()


@dataclass(frozen=True)
class Answers:
    """What was found, in the order of the sources."""

    rows: list[Prediction | FoundClip] = field(default_factory=list)
    """A clip that cannot be read has its `FoundClip` with the problem here."""

    @property
    def predictions(self) -> list[Prediction]:
        """Those that could be read."""
        return [row for row in self.rows if isinstance(row, Prediction)]

    @property
    def problems(self) -> list[FoundClip]:
        """The others."""
        return [row for row in self.rows if isinstance(row, FoundClip)]


def check_output(out: Path) -> None:
    """Raise ValueError for an ending that says no format; before anything is computed."""
    if out.suffix.lower() not in ENDINGS:
        raise ValueError(f"{out}: end the name in .csv for a table or in .jsonl for JSON lines")


def predict_files(
    run: Recognizer,
    sources: Sequence[Path],
    *,
    options: ReadOptions = _LOOK,
    unit: str = "",
    up: str = "",
    top_k: int = 5,
    why: bool = False,
    pictures: Path | None = None,
    progress: bool = False,
) -> Answers:
    """Answer every clip of the sources; a bad file becomes a row and stops nothing.

    Args:
        options: what the files do not say themselves, or say wrongly; its layout is that of the files.
        unit: of the files if they do not say it, such as "mm".
        up: axis from feet to head if the files do not say it, such as "-y".
        why: with evidence.
        pictures: folder for one picture and one text per clip, as soon as it is answered.

    Raises:
        FileNotFoundError, ValueError: a source is not there or cannot be opened at all.
    """
    items, how = list_sources(sources), _how(run, options, unit, up)
    answers = Answers()
    waiting: list[FoundClip] = []
    with tqdm(items, unit="file", disable=None if progress else True, leave=False) as bar:
        for item in bar:
            for found in read_item(item, run.form, how):
                waiting.append(found)
                if len(waiting) == TEST_BATCH:
                    answers.rows.extend(_answer(run, waiting, top_k, why, pictures))
                    waiting.clear()
        answers.rows.extend(_answer(run, waiting, top_k, why, pictures))
    return answers


def _how(run: Recognizer, options: ReadOptions, unit: str, up: str) -> HowToRead:
    """Joints of another layout are known by their names; without names and layout they are the model's."""
    given = options.layout
    joints = options.joints or (given.joints if given is not None and given != run.layout else ())
    read = replace(options, layout=given or run.layout, joints=joints)
    wanted = Wanted(run.layout, joints, unit_of(unit), up_of(up))
    return HowToRead(read, wanted, MendRules(num_persons=run.pipeline.num_persons))


def _answer(
    run: Recognizer, found: Sequence[FoundClip], top_k: int, why: bool, pictures: Path | None
) -> Iterator[Prediction | FoundClip]:
    """The rows of some clips: one batch for those that could be read."""
    ready = [(one.name, one.given) for one in found if one.given is not None]
    answers: Iterator[Prediction] = iter(())
    if ready:
        given = GivenClips([g.clips[0] for _, g in ready], [g.notes[0] for _, g in ready])
        made = run.predict_named(given, [name for name, _ in ready], top_k=top_k, why=why)
        if pictures is not None:
            for answer, clip in zip(made, given.clips, strict=True):
                _explain(answer, clip, run, pictures)
        answers = iter(made)
    for one in found:
        yield one if one.given is None else next(answers)


def _explain(answer: Prediction, clip_MTVC: Any, run: Recognizer, folder: Path) -> None:
    assert answer.evidence is not None
    stem = folder / "".join(c if c.isalnum() or c in "-_." else "_" for c in answer.clip)
    write_text(stem.with_name(f"{stem.name}.txt"), answer.evidence.as_text() + "\n")
    draw_evidence(answer, clip_MTVC, run.layout, stem.with_name(f"{stem.name}.png"))


def write_answers(out: Path, answers: Answers, top_k: int) -> None:
    """The whole table at once, so that a file is complete or not there.

    CSV: clip, name, probability, label, then name_2, probability_2 and so on, notes, problem. JSON lines:
    `Prediction.as_json`, or clip and problem.
    """
    check_output(out)
    write_text(out, _csv(answers, top_k) if out.suffix.lower() == ".csv" else _lines(answers))


def _csv(answers: Answers, top_k: int) -> str:
    most = max((len(answer.choices) for answer in answers.predictions), default=1)
    others = range(2, min(top_k, most) + 1)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    more = [column for i in others for column in (f"name_{i}", f"probability_{i}")]
    writer.writerow(["clip", "name", "probability", "label", *more, "notes", "problem"])
    for row in answers.rows:
        if isinstance(row, FoundClip):
            writer.writerow([row.name, "", "", "", *[""] * len(more), "", row.problem])
            continue
        rest = [cell for choice in row.choices[1:] for cell in (choice.name, f"{choice.probability:.6f}")]
        rest += [""] * (len(more) - len(rest))
        first = [row.clip, row.name, f"{row.probability:.6f}", row.label]
        writer.writerow([*first, *rest, "; ".join(row.notes), ""])
    return file.getvalue()


def _lines(answers: Answers) -> str:
    rows = [
        {"clip": row.name, "problem": row.problem} if isinstance(row, FoundClip) else row.as_json()
        for row in answers.rows
    ]
    return "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)

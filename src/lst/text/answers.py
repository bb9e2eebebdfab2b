"""Answers of language models: read and checked when they arrive, kept in one small file each."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from lst.files.typed_json import Count, Text, read_json
from lst.files.whole import write_json
from lst.text.descriptions import (
    PARTS,
    ActionText,
    action_text,
    check_descriptions,
    same_text,
    wrong_fields,
)
from lst.text.instruction import Question, instruction_sha256

MIN_SYNONYMS, MAX_SYNONYMS = 5, 15
"""Ten are asked for. Models miscount, and training does with any number: it draws one for each clip."""

_FIELDS = {"synonyms", "sentence", *PARTS}


@dataclass(frozen=True)
class Answer:
    """A checked answer and where it is from."""

    texts: ActionText
    raw: str
    """What the model wrote, to the letter."""
    answered_by: str
    """The model as the server names it; may be more exact than the name that was asked for."""
    attempt: int
    """How many answers it took, this one included."""
    date: str
    """When it arrived, UTC, ISO 8601."""


def read_answer(question: Question, raw: str) -> tuple[ActionText | None, list[str]]:
    """The texts in a model's answer, and what is wrong with it; texts are given if and only if nothing is.

    Code fences and words around the JSON object are no problem, nor is the name among the synonyms. The
    rest follows the rules of description files (`check_descriptions`), and no synonym may be the name of
    another action.
    """
    found = _json_object(raw)
    if found is None:
        cut = " that is complete; it may have been cut off" if "{" in raw else ""
        return None, [f"there is no JSON object in it{cut}"]
    entry = {**found, "name": question.name}
    if problems := [_here(problem) for problem in wrong_fields(0, entry)]:
        return None, problems
    if (broken := _broken_character(entry)) is not None:
        return None, [f"it holds half of a character, {broken}"]
    texts = _tidy(entry)
    problems = [_here(problem) for problem in check_descriptions([texts])]
    if not MIN_SYNONYMS <= (count := len(texts.synonyms) - 1) <= MAX_SYNONYMS:
        problems.append(f"part 'synonyms': {count} besides the name; ten are wanted")
    taken = {same_text(other): other for other in question.others}
    for synonym in texts.synonyms[1:]:
        if same_text(synonym) in taken:
            problems.append(f"part 'synonyms': {synonym!r} is the name of another action of the list")
    return (None if problems else texts), problems


class _Kept(Struct):
    """The file of an answer, without the question, which `key` stands for."""

    key: Text
    raw: str
    answered_by: Text
    attempt: Count
    date: Annotated[str, Meta(min_length=10, max_length=100)]


def now() -> str:
    """The date of an answer."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class AnswerCache:
    """A folder of answers. What was answered once is not asked again, by whatever run.

    A question's key is the SHA-256 of all that an answer depends on: model, temperature, instruction, name,
    hint and the names of the other actions.
    """

    def __init__(self, folder: Path, *, model: str, temperature: float | None) -> None:
        self.folder = folder
        self._model, self._temperature = model, temperature
        self._instruction = instruction_sha256()

    def load(self, question: Question) -> Answer | None:
        """The answer kept for this question; None = none, or one that today's rules refuse.

        Raises:
            ValueError: the file was changed or damaged.
        """
        file = self.path(question)
        if not file.is_file():
            return None
        again = "Delete this file, and the question is asked anew."
        kept = read_json(file, _Kept, again)
        if kept.key != self.key(question):
            raise ValueError(f"{file}: belongs to another question. {again}")
        texts, _ = read_answer(question, kept.raw)
        return None if texts is None else Answer(texts, kept.raw, kept.answered_by, kept.attempt, kept.date)

    def store(self, question: Question, answer: Answer) -> None:
        """Keep an answer; replaces an earlier one to the same question."""
        kept = {"raw": answer.raw, "answered_by": answer.answered_by, "attempt": answer.attempt}
        values = {"key": self.key(question), **self._asked(question), **kept, "date": answer.date}
        write_json(self.path(question), values)

    def key(self, question: Question) -> str:
        """SHA-256 of the question, in hexadecimal digits."""
        asked = {**self._asked(question), "others": sorted(question.others)}
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    def path(self, question: Question) -> Path:
        """The file of a question; the name in front is for people."""
        words = re.sub(r"[^a-z0-9]+", "-", question.name.lower())[:40].strip("-")
        return self.folder / f"{words}-{self.key(question)[:16]}.json".lstrip("-")

    def _asked(self, question: Question) -> dict[str, Any]:
        return {
            "model": self._model,
            "temperature": self._temperature,
            "instruction_sha256": self._instruction,
            "name": question.name,
            "hint": question.hint,
        }


def written_by(answers: Sequence[Answer], *, model: str, temperature: float | None) -> str:
    """One sentence for a description file: who wrote the texts, when, told what."""
    dates = sorted(answer.date[:10] for answer in answers)
    when = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    exact = ", ".join(sorted({answer.answered_by for answer in answers} - {model, ""}))
    warmth = "" if temperature is None else f", temperature {temperature:g}"
    return (
        f"The language model {model}{f' ({exact})' if exact else ''}{warmth}, asked by lst describe, {when}. "
        f"Instruction {instruction_sha256()[:12]}. Written from the names of the actions, not edited."
    )


def _json_object(raw: str) -> dict[str, Any] | None:
    """The JSON object with the most fields of an answer; of several the last."""
    decoder, best, place = json.JSONDecoder(), None, 0
    while (place := raw.find("{", place)) >= 0:
        try:
            found, place = decoder.raw_decode(raw, place)
        except (json.JSONDecodeError, RecursionError):
            place += 1
            continue
        if best is None or len(_FIELDS & found.keys()) >= len(_FIELDS & best.keys()):
            best = found
    return best


def _broken_character(entry: dict[str, Any]) -> str | None:
    """A half of a surrogate pair, which JSON can write and no file can hold."""
    found = re.search("[\ud800-\udfff]", json.dumps(entry, ensure_ascii=False))
    return ascii(found[0]) if found else None


def _tidy(entry: dict[str, Any]) -> ActionText:
    """Without spaces at the ends, and with the name in front of the synonyms only."""
    name = entry["name"]
    texts = {field: text.strip() for field, text in entry.items() if field not in ("synonyms", "name")}
    synonyms = [synonym.strip() for synonym in entry["synonyms"]]
    synonyms = [synonym for synonym in synonyms if same_text(synonym) != same_text(name)]
    return action_text({**texts, "name": name, "synonyms": synonyms})


def _here(problem: str) -> str:
    """Without the class in front: there is one only."""
    return re.sub(r"^class 0 \(.*?\)[,:] (?=part '|')", "", problem)

"""What a language model is told and asked when it describes an action. Versioned by its own hash."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lst.text.descriptions import PARTS

Message = dict[str, str]
"""{"role": "system" | "user" | "assistant", "content": ...}, as in the chat completions protocol."""

MAX_OTHERS = 150
"""So many other names are told with a question; of a longer list the ones most alike in spelling."""

INSTRUCTION = """\
You write texts from which a program learns to recognise human actions in recorded skeletons.

A recorded skeleton is a set of some twenty joints that move in space: head, neck, shoulders, elbows, wrists,
hands, spine, hips, knees, ankles, feet. Two skeletons are recorded when two persons act together. Nothing is
recorded besides: no colours, clothes, materials, surroundings, sounds or words, no eyes, lips or looks of the
face. An object is never seen; only how the hands hold and move it can be told.

For the action you are given, write:
- "synonyms": ten other short ways to name the action, of one to ten words each. Do not repeat the given name.
- "sentence": one sentence of at most 40 words that tells the whole movement in the order in which it happens.
- "head", "hand", "arm", "hip", "leg", "foot": for each of these six body parts one phrase of at most 12 words
  that begins with the part and tells how it moves.

How to write:
- Tell what the joints do: which limb (one or both, raised or hanging), in which direction (up, down, forward,
  backward, sideways, towards which other joint), how fast, how far, how often.
- A part that hardly moves still has a posture and carries or follows something: tell that, in words that fit
  this action, and not merely that it rests.
- Say "one hand" unless the action is tied to the left or the right one.
- If the action needs two persons, tell what each of them does.
- Other actions of the same list are named below the question. Stress what tells this action apart from those
  that look alike. Never use the name of another action as a synonym, and write no phrase that would fit
  another action of the list just as well.

Answer with one JSON object with exactly these eight keys, "synonyms" a list of ten texts and the others one
text each, in plain English. Write nothing before or after it."""

_QUESTION = "Action: {name}"
_HINT = "What is meant: {hint}"
_OTHERS = "The other actions of the list, not to be described now:\n{others}"
_AGAIN = """\
This answer cannot be used:
{problems}
Mend this and answer again with the whole JSON object. Leave the other texts as they are."""

_TEXT = {"type": "string"}
ANSWER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "synonyms": {"type": "array", "items": _TEXT},
        "sentence": _TEXT,
        **{part: _TEXT for part in PARTS},
    },
    "required": ["synonyms", "sentence", *PARTS],
    "additionalProperties": False,
}
"""JSON schema of an answer, for servers that hold their models to one."""


@dataclass(frozen=True)
class Question:
    """One action as a language model is asked about it."""

    name: str
    hint: str = ""
    others: tuple[str, ...] = ()
    """Names the answer must set itself apart from, in alphabetical order: that of the list is no matter."""


def questions(names_and_hints: Sequence[tuple[str, str]]) -> list[Question]:
    """One question per action; each is told the names of the others."""
    names = [name for name, _ in names_and_hints]
    return [Question(name, hint, _others(name, names)) for name, hint in names_and_hints]


def messages(question: Question) -> list[Message]:
    """The question as it is asked first."""
    parts = [_QUESTION.format(name=question.name)]
    if question.hint:
        parts.append(_HINT.format(hint=question.hint))
    if question.others:
        parts.append(_OTHERS.format(others="\n".join(f"- {name}" for name in question.others)))
    return [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": "\n\n".join(parts)}]


def messages_again(question: Question, answer: str, problems: Sequence[str]) -> list[Message]:
    """The question once more, after an answer that has problems. An empty answer is not shown."""
    first = messages(question)
    if not answer.strip():
        return first
    again = _AGAIN.format(problems="\n".join(f"- {problem}" for problem in problems))
    return [*first, {"role": "assistant", "content": answer}, {"role": "user", "content": again}]


def instruction_sha256() -> str:
    """Changes with every word that a model is told besides names and hints."""
    told = [INSTRUCTION, _QUESTION, _HINT, _OTHERS, _AGAIN, MAX_OTHERS, ANSWER_SCHEMA]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _others(name: str, names: Sequence[str]) -> tuple[str, ...]:
    others = [other for other in names if other != name]
    if len(others) > MAX_OTHERS:
        own = _letter_pairs(name)
        others = sorted(others, key=lambda other: (-_alike(own, _letter_pairs(other)), other))[:MAX_OTHERS]
    return tuple(sorted(others))


def _letter_pairs(name: str) -> set[str]:
    return {name[i : i + 2].lower() for i in range(len(name) - 1)}


def _alike(first: set[str], second: set[str]) -> float:
    """Dice coefficient, 0 to 1."""
    return 2 * len(first & second) / max(len(first) + len(second), 1)

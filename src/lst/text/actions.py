"""Lists of actions that a language model is to describe: one name per line, with or without a hint."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lst.text.descriptions import same_text

_HINT = re.compile(r"\s*\t\s*|\s+\|\s+")
_MAX_NAME_WORDS = 20
"""The name stands in front of every phrase, and 60 words are all that a text encoder reads."""


@dataclass(frozen=True)
class Action:
    """One action to describe. The hint is for the language model only and becomes no text."""

    name: str
    hint: str = ""


def read_actions(path: str | Path) -> list[Action]:
    """The actions of a text file, in label order.

    One action per line; blank lines and lines that begin with `#` do not count. What follows a tab or ` | `
    is a hint: whatever tells the language model what is meant ("wave | one raised arm, greeting").

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not UTF-8; no action in it; a line without a name, with a sentence for a name, or with a
            name that stood there before (upper case and spaces do not tell names apart).
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of action names")
    if path.suffix == ".json":
        raise ValueError(f"{path}: expected a text file with one action per line; --check is for .json files")
    try:
        lines = path.read_bytes().decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    actions = {
        number: _action(line)
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.lstrip().startswith("#")
    }
    if not actions:
        raise ValueError(f"{path}: no action in it; expected one name per line, such as: drink water")
    if problems := list(_problems(actions)):
        raise ValueError("\n  ".join(f"{path}:{line}: {problem}" for line, problem in problems))
    return list(actions.values())


def _action(line: str) -> Action:
    name, *hint = _HINT.split(line, maxsplit=1)
    return Action(name.strip(), *(text.strip() for text in hint))


def _problems(actions: dict[int, Action]) -> Iterator[tuple[int, str]]:
    first_line: dict[str, int] = {}
    for line, action in actions.items():
        if not action.name:
            yield line, "a hint without an action in front of it"
            continue
        if (words := len(action.name.split())) > _MAX_NAME_WORDS:
            yield line, f"a name of {words} words, at most {_MAX_NAME_WORDS}; put ` | ` between name and hint"
        if (before := first_line.setdefault(same_text(action.name), line)) != line:
            yield (
                line,
                f"{action.name!r} stands in line {before} already; names must differ",
            )

"""How a text or a value of a foreign file is shown in a message: one short line that no terminal obeys.

Names in a zip, keys of a pickle or a checkpoint and texts in a JSON file are chosen by whoever made the file:
they may hold escape codes that clear the screen, line ends that forge a line, or 60,000 letters.
"""

import json
import reprlib

from lst.facts.wording import plural

__all__ = ["printable", "shown", "shown_json", "shown_value"]

LONGEST = 100
"""Characters of a name. The names of all data sets that lst reads are shorter than 40."""

_repr = reprlib.Repr()
_repr.maxlevel, _repr.maxlist, _repr.maxtuple, _repr.maxdict, _repr.maxset = 2, 3, 6, 3, 3
_repr.maxstring, _repr.maxlong, _repr.maxother = LONGEST, 40, LONGEST


def printable(text: str) -> str:
    """The same text with an escape such as `\\x1b` for each character that is not printed as itself.

    Line ends, control characters, marks that turn the direction of writing and halves of surrogate pairs are
    escaped. Letters of every alphabet stay.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shown(name: object, longest: int = LONGEST) -> str:
    """A foreign name for a message: printable, and of a long one the beginning, its length and the end."""
    text = str(name)
    if len(text) > longest:
        text = f"{text[: longest * 2 // 3]}...({len(text):,} characters)...{text[-longest // 4 :]}"
    return printable(text)


def shown_value(value: object) -> str:
    """`repr` of a foreign value, short whatever is nested in it and however deep."""
    kind = type(value).__name__
    try:
        if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 10_000:
            return f"a whole number of {value.bit_length():,} bits"  # Python refuses to print it
        return printable(_repr.repr(value))
    except (ValueError, TypeError, RecursionError):  # a `repr` of its own that fails
        return f"a {kind}"


def shown_json(value: object) -> str:
    """A value of a JSON file or of a table: at most 60 characters; an object or a list by its size."""
    if isinstance(value, dict):
        return f"an object with {plural(len(value), 'field')}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    text = json.dumps(value) if value is None or isinstance(value, bool) else shown_value(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

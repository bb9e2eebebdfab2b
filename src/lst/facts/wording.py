"""Phrases that many messages share: a count with its noun, a share in percent, a command to type next."""

import shlex
from pathlib import PurePath


def plural(count: int, noun: str) -> str:
    """ "1 clip", "2 clips", "1,020 classes"."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"


def percent(share: float, digits: int = 1) -> str:
    """A share from 0 to 1 as "91.9 %"."""
    return f"{100 * share:.{digits}f} %"


def command(*words: str | PurePath) -> str:
    """`lst` and these words as a shell takes them, for a message that names the next step.

    A folder with a blank in its name is quoted.
    """
    return shlex.join(["lst", *map(str, words)])

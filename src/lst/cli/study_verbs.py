"""`lst study SUBJECT`: questions that take many runs to answer."""

from collections.abc import Callable, Sequence

from lst.cli.zero_shot_verbs import zero_shot
from lst.facts.choices import choose


def study(args: Sequence[str]) -> None:
    """One subject of SUBJECTS."""
    if not args or args[0] in ("-h", "--help"):
        print("usage: lst study SUBJECT ...; `lst study SUBJECT --help` shows the options\n\nsubjects:")
        print("\n".join(f"  {name}" for name in SUBJECTS))
        return
    choose("subject of a study", args[0], SUBJECTS)(args[1:])


SUBJECTS: dict[str, Callable[[Sequence[str]], None]] = {"zero-shot": zero_shot}

"""Calls of `lst` in this process, and how they ended."""

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from lst.cli.main import main

TINY = (
    *("--encoder-width", "8", "--clip-length", "8", "--batch-size", "24", "--optim.epochs", "1"),
    *("--precision", "fp32", "--device", "cpu", "--no-progress"),
)


@dataclass(frozen=True)
class Done:
    """How a call of `lst` ended."""

    status: int
    out: str
    err: str


def lst_call(*words: object) -> Done:
    """`lst WORDS`, in this process. Options that do not parse end in SystemExit, as in a terminal."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main([str(word) for word in words])
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 1
    return Done(status, out.getvalue(), err.getvalue())


def refused(*words: object) -> str:
    """The message of a call that must end with status 2, one readable line and nothing on stdout."""
    done = lst_call(*words)
    assert done.status == 2
    assert done.out == ""
    assert done.err.startswith("lst: ")
    assert done.err.count("\n") == 1
    return done.err

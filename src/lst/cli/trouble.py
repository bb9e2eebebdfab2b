"""What a full disk, too little memory or a wrong file comes to: one line that says what to do next."""

import errno
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lst.facts.wording import command
from lst.files.whole import DiskFull

GOES_ON = frozenset({"prepare", "reproduce", "study", "describe", "demo"})
"""Commands that go on where they were when they are called again."""
_NO_MEMORY = re.compile(
    r"out of memory|can.?t allocate memory|cannot allocate memory|not enough memory|unable to allocate"
    r"|bad_?alloc|ALLOC_FAILED|failed to map segment|can.?t start new thread",
    re.IGNORECASE,
)
_ASKED = re.compile(r"(?:tried to allocate|unable to allocate) ([\d.]+) ?([KMGT]i?B|bytes)?", re.IGNORECASE)
_LESS_MEMORY = {
    "train": "Use a smaller --batch-size, or leave the clips on disk with --place disk",
    "prepare": "Use --workers 1",
    "bench": "Use a smaller --batch",
}
_FULL = {errno.ENOSPC, errno.EDQUOT}


class NotSaved(OSError):
    """The answer was printed, but its files could not be written."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(error.errno, f"{error.strerror}; the result above is not saved", str(folder))


def explain(error: BaseException, words: Sequence[str]) -> str | None:
    """One line for what a user or a machine caused; None for a fault of lst itself.

    `words` are those of the command line.
    """
    if _is_no_memory(error):
        return f"not enough memory{_asked(error)}. {_with_less_memory(words)}.{_how_to_go_on(error, words)}"
    if isinstance(error, OSError):
        return _system(error, words)
    if isinstance(error, (ValueError, FloatingPointError)):
        return _one_line(error)
    return None


def stopped(error: KeyboardInterrupt, words: Sequence[str]) -> str:
    """After Ctrl-C: what is kept, and the command that goes on."""
    return f"stopped.{_how_to_go_on(error, words)}"


@contextmanager
def tells_how_to_go_on(run: Path) -> Iterator[None]:
    """Whatever stops the training of `run` carries the command that continues it."""
    try:
        yield
    except (KeyboardInterrupt, OSError, MemoryError, RuntimeError) as error:
        error.add_note(resume_hint(run))
        raise


def resume_hint(run: Path) -> str:
    """What of a run is saved, and the exact command that continues it."""
    if not (run / "recipe.json").is_file():
        return "No epoch was begun, nothing is left behind."
    log = run / "log.jsonl"
    done = len(log.read_bytes().splitlines()) if log.is_file() else 0
    saved = f"Epoch {done} is saved" if done else "No epoch is finished yet"
    return f"{saved}; continue with: {command('train', '--resume', run)}"


def _how_to_go_on(error: BaseException, words: Sequence[str]) -> str:
    if notes := getattr(error, "__notes__", []):
        return f" {notes[-1]}"
    if words and words[0] in GOES_ON:
        return f" What is finished is kept; continue with the same command: {command(*words)}"
    return " Nothing half-written is left behind."


def _is_no_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    return isinstance(error, (RuntimeError, ImportError, OSError)) and bool(_NO_MEMORY.search(str(error)))


def _asked(error: BaseException) -> str:
    """How much was wanted at once, if the message says it."""
    found = _ASKED.search(str(error))
    if not found:
        return ""
    unit = found[2] or "bytes"
    amount = f"{float(found[1]) / 1e6:,.0f} MB" if unit == "bytes" else f"{found[1]} {unit}"
    where = " of the GPU" if "CUDA" in str(error) else ""
    return f"{where} for {amount} more"


def _with_less_memory(words: Sequence[str]) -> str:
    verb = words[0] if words else ""
    return _LESS_MEMORY.get(verb, "Close other programs, or use another --device or a larger machine")


def _system(error: OSError, words: Sequence[str]) -> str:
    if error.errno in _FULL:
        what = str(error) if isinstance(error, DiskFull) else f"{_of(error)}the disk is full"
        return f"{what}. Make room there.{_how_to_go_on(error, words)}"
    if error.errno is not None and error.strerror and error.filename is not None:
        return f"{_of(error)}{error.strerror}"
    return _one_line(error)


def _of(error: OSError) -> str:
    return f"{error.filename}: " if error.filename is not None else ""


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__

"""A fault of lst itself: one line for the user, the traceback in a file for whoever mends it."""

import platform
import tempfile
import traceback
from collections.abc import Sequence

from lst import __version__
from lst.facts.wording import command

FAULT = 70
"""Exit status, `EX_SOFTWARE` of sysexits.h: distinct from 1 (problems found) and 2 (an error of the user)."""


def fault_of_lst(error: BaseException, words: Sequence[str]) -> str:
    """One line with the file in which the traceback is; without a file if none can be written."""
    what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    text = "".join(traceback.format_exception(error))
    head = f"lst {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="lst-fault-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            file.write(f"{head}{command(*words)}\n\n{text}")
    except OSError:
        return f"a fault of lst itself: {what}. LST_DEBUG=1 shows the traceback; please report it."
    return f"a fault of lst itself: {what}. The traceback is saved in {file.name}; please report it."

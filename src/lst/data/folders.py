"""A folder that is either complete or not there: filled under another name, renamed at the end."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_UNFINISHED = re.compile(r"\.(tmp|old)-([0-9]+)$")


def is_unfinished(folder: Path) -> bool:
    """Whether `folder` carries the name of a folder that is still being written (or was left behind)."""
    return _UNFINISHED.search(folder.name) is not None


@contextmanager
def new_folder(folder: Path, *, overwrite: bool, own_files: frozenset[str]) -> Iterator[Path]:
    """Give an empty `<folder>.tmp-<pid>` to fill; it becomes `folder` when the block ends without an error.

    After an error or Ctrl-C nothing is left and an older `folder` stays as it was. What a killed run left
    behind is cleaned up by the next call for the same folder.

    Args:
        overwrite: replace an existing folder.
        own_files: names that may be deleted. A folder that holds anything else is never replaced.

    Raises:
        ValueError: `folder` exists and may not be replaced.
    """
    _clean_up_after_dead_runs(folder)
    _check_may_replace(folder, overwrite, own_files)
    temporary = folder.with_name(f"{folder.name}.tmp-{os.getpid()}")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        _check_may_replace(folder, overwrite, own_files)  # another run may have finished meanwhile
        _put_in_place(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check_may_replace(folder: Path, overwrite: bool, own_files: frozenset[str]) -> None:
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir():
        raise ValueError(f"{folder}: is not a folder. Give the name of a folder to create.")
    inside = {entry.name for entry in folder.iterdir()}
    if foreign := sorted(inside - own_files):
        raise ValueError(
            f"{folder}: holds {len(foreign)} entries that lst did not write there (such as {foreign[0]!r}), "
            "so it is not replaced. Choose another folder."
        )
    if inside and not overwrite:
        raise ValueError(f"{folder}: exists already. Choose another folder, or overwrite it (--overwrite).")


def _put_in_place(temporary: Path, folder: Path) -> None:
    """Rename; a folder with files cannot be replaced in one step, so the old one steps aside first."""
    aside = folder.with_name(f"{folder.name}.old-{os.getpid()}")
    if folder.exists():
        os.replace(folder, aside)
    try:
        os.replace(temporary, folder)
    except BaseException:
        if aside.exists() and not folder.exists():
            os.replace(aside, folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _clean_up_after_dead_runs(folder: Path) -> None:
    if not folder.parent.is_dir():
        return
    for entry in sorted(folder.parent.iterdir()):
        found = _UNFINISHED.search(entry.name)
        if not found or entry.name[: found.start()] != folder.name or _is_another_run(int(found[2])):
            continue
        if found[1] == "old" and not folder.exists():
            os.replace(entry, folder)  # killed between the two renames: the old folder is the good one
        else:
            shutil.rmtree(entry, ignore_errors=True)


def _is_another_run(pid: int) -> bool:
    if pid == os.getpid():
        return False  # numbers come around again, for example in a container
    if os.name != "posix":
        return True  # signal 0 is not harmless elsewhere; such folders stay and are ignored
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True

"""Files and folders appear whole or not at all: filled under another name, renamed at the end."""

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lst.files.locks import locked, made_parents

_UNFINISHED = re.compile(r"\.(tmp|old)-([0-9]+)$")


def is_unfinished(folder: Path) -> bool:
    """Whether `folder` carries the name of a folder that is still being written (or was left behind)."""
    return _UNFINISHED.search(folder.name) is not None


class DiskFull(OSError):
    """No room for a file: its path, the bytes that are free, and the bytes that are needed, where known."""

    def __init__(self, path: Path, free: int | None, needed: int | None = None) -> None:
        super().__init__(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        self.path, self.free, self.needed = path, free, needed

    def __str__(self) -> str:
        facts = [] if self.free is None else [f"{_size(self.free)} free"]
        facts += [] if self.needed is None else [f"{_size(self.needed)} needed"]
        return f"{self.path}: the disk is full" + (f" ({', '.join(facts)})" if facts else "")


_FULL = {errno.ENOSPC, errno.EDQUOT}
_TORCH_WRITER = ("inline_container", "PytorchStreamWriter")
"""How torch names its writer in a RuntimeError, which is all it says when a disk is full."""

_NUMPY_WRITER = re.compile(r"^\d+ requested and \d+ written$")
"""All that NumPy says in an OSError without a number."""


@contextmanager
def names_full_disk(path: Path, needed: int | None = None) -> Iterator[None]:
    """Whatever a full disk raises inside becomes `DiskFull` with the path; other errors stay as they are."""
    try:
        yield
    except DiskFull:
        raise
    except (OSError, RuntimeError) as error:
        free = _free(path.parent)
        number = error.errno if isinstance(error, OSError) else None
        says_little = isinstance(error, RuntimeError) and any(word in str(error) for word in _TORCH_WRITER)
        says_little = says_little or (number is None and _NUMPY_WRITER.search(str(error)) is not None)
        if number in _FULL:
            raise DiskFull(path, free, needed) from error
        if says_little and free is not None and free < max(needed or 0, 2**20):
            raise DiskFull(path, free, needed) from error
        if says_little:
            raise OSError(errno.EIO, "could not be written; is a disk or a quota full?", str(path)) from error
        raise


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _size(num_bytes: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if num_bytes >= size:
            return f"{num_bytes / size:.1f} {unit}"
    return f"{num_bytes} bytes"


@contextmanager
def atomic_path(path: Path, needed: int | None = None) -> Iterator[Path]:
    """Yield a temporary name beside `path`; rename it to `path` when the block ends well, else remove it.

    The folder is made if it is missing. A file that was there before stays untouched until the rename. What a
    killed run left behind for the same file is removed. `needed`: the bytes that the file takes, if known.

    Raises:
        DiskFull: there is no room for it.
    """
    path = Path(path)
    temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    with names_full_disk(path, needed), made_parents(path):
        _clean_up_after_dead_runs(path)
        try:
            with names_full_disk(path, needed):  # while the unfinished file still takes its room
                yield temporary
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """UTF-8 with LF line ends on every system."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Readable JSON with sorted keys; NaN is refused, because other programs cannot read it."""
    text = json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


@contextmanager
def new_folder(folder: Path, *, overwrite: bool, own_files: frozenset[str]) -> Iterator[Path]:
    """Give an empty `<folder>.tmp-<pid>` to fill; it becomes `folder` when the block ends without an error.

    After an error or Ctrl-C nothing is left and an older `folder` stays as it was. What a killed run left
    behind is cleaned up by the next call for the same folder.

    Args:
        overwrite: replace an existing folder.
        own_files: names that may be deleted. A folder that holds anything else is never replaced.

    Raises:
        ValueError: `folder` exists and may not be replaced, or another process writes it.
        DiskFull: there is no room for it.
    """
    temporary = folder.with_name(f"{folder.name}.tmp-{os.getpid()}")
    with names_full_disk(folder), locked(folder):
        _clean_up_after_dead_runs(folder)
        _check_may_replace(folder, overwrite, own_files)
        temporary.mkdir()
        try:
            with names_full_disk(folder):
                yield temporary
            _check_may_replace(folder, overwrite, own_files)  # somebody without locks may have been faster
            _put_in_place(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def remove_folder(folder: Path) -> None:
    """Delete a folder; killed meanwhile, it is gone as a whole, and the next call clears the rest away."""
    clear_leftovers(folder)
    if folder.exists():
        aside = folder.with_name(f"{folder.name}.tmp-{os.getpid()}")
        os.replace(folder, aside)
        shutil.rmtree(aside)


def clear_leftovers(path: Path) -> None:
    """Remove what killed processes left beside `path`, a file or a folder."""
    _clean_up_after_dead_runs(path)


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


def _clean_up_after_dead_runs(path: Path) -> None:
    """Remove what killed runs left beside `path`, a file or a folder; bring back an old one set aside."""
    if not path.parent.is_dir():
        return
    for entry in sorted(path.parent.iterdir()):
        found = _UNFINISHED.search(entry.name)
        if not found or entry.name[: found.start()] != path.name or _is_another_run(int(found[2])):
            continue
        if found[1] == "old" and not path.exists():
            os.replace(entry, path)  # killed between the two renames: the old folder is the good one
        elif entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


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

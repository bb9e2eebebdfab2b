"""One process at a time works in a folder, and everyone else can read who it is.

The lock is one of the operating system (`filelock`): it ends with its process, however that ends, so no file
that is left over ever blocks anybody. The lock of `runs/x` is the file `runs/x.lock` beside the folder,
because `--overwrite` renames the folder itself; where nothing may be written beside it, it is `runs/x/.lock`.
The file says who holds it, and is removed at the end. After a kill it stays, held by nobody, and the next
command takes it over. On a network folder the lock holds between machines if the server knows locks (NFS 4,
SMB); where it does not, a warning says so once.
"""

import errno
import json
import logging
import os
import shlex
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

SUFFIX, INSIDE = ".lock", ".lock"
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}
_PATIENCE = 0.3
"""Seconds: a holder that is just leaving is no reason to give up."""

logger = logging.getLogger(__name__)


class FolderBusy(ValueError):
    """Another process works in the folder."""


class _Mine(threading.local):
    """The locks of this thread: whoever holds a folder may ask for it again."""

    def __init__(self) -> None:
        self.paths: set[tuple[int, Path]] = set()


_mine = _Mine()
_warned: set[Path] = set()


def lock_file(folder: Path) -> Path:
    """Where the lock of a folder lies, which need not exist. Different names of one folder have one lock."""
    real = Path(os.path.realpath(folder))
    parent = real.parent
    while not parent.exists():
        parent = parent.parent
    if not os.access(parent, os.W_OK) and os.access(real, os.W_OK):
        return real / INSIDE
    return real.with_name(real.name + SUFFIX)


@contextmanager
def locked(folder: Path, *, nested: bool = True) -> Iterator[None]:
    """Work in `folder`, existing or not, as the only process. `nested`: this thread may hold it already.

    Raises:
        FolderBusy: another process works there; says which.
        OSError: nothing can be written there.
    """
    path = lock_file(folder)
    key = (os.getpid(), path)  # a forked child does not own what its parent holds
    if key in _mine.paths:
        if not nested:
            raise FolderBusy(f"{folder}: this process is at work there. Wait for it.")
        yield
        return
    with ExitStack() as stack:
        stack.enter_context(made_parents(path))
        held = _acquire(path, folder)
        _mine.paths.add(key)
        try:
            yield
        finally:
            _mine.paths.discard(key)
            if held is not None:
                _release(held, path)


def _acquire(path: Path, folder: Path) -> Any:
    """The lock, held; None where the file system knows no locks."""
    from filelock import FileLock, Timeout

    lock = FileLock(path, on_acquired=_sign)
    for _ in range(5):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=_PATIENCE)
        except Timeout:
            raise FolderBusy(f"{folder}: {_who(path)} Wait for it, stop it, or use another folder.") from None
        except FileNotFoundError:  # another command just removed the parent that it had made
            continue
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            _warn_once(path.parent)
            return None
        return lock
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def _release(lock: Any, path: Path) -> None:
    """Remove the file while it is held: who opened it meanwhile sees that it has no name, and tries again."""
    with suppress(OSError):  # Windows removes no open file; what stays is held by nobody
        path.unlink()
    lock.release()


def _warn_once(folder: Path) -> None:
    if folder not in _warned:
        _warned.add(folder)
        logger.warning(
            "%s: this file system knows no locks; take care that no second lst works there", folder
        )


def _sign(descriptor: int) -> None:
    """Write who holds the lock. Windows locks the first byte against readers, so it is a blank."""
    text = b" " + json.dumps(_myself()).encode() + b"\n"
    with suppress(OSError):  # a full disk: the lock holds all the same
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, text)


def _myself() -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        "command": command_line(),
    }


def command_line() -> str:
    """The command of this process, as one types it."""
    program, *words = sys.argv or [""]
    name = "lst" if Path(program).name in ("lst", "lst.exe", "__main__.py") else program
    return shlex.join([name, *words])


def _who(path: Path) -> str:
    """A sentence on the holder. The file may be empty, or its holder gone in this moment."""
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(1)
            found = json.loads(file.read(4096))
        pid, host, since, command = (_plain(found[key]) for key in ("pid", "host", "since", "command"))
    except (OSError, ValueError, KeyError, TypeError):
        return f"another command is at work there (it holds {path})."
    return f"another command is at work there: `{command}`, process {pid} on {host} since {since}."


def _plain(value: object) -> str:
    """One short printable line of whatever the file holds."""
    text = "".join(c if c.isprintable() else "?" for c in str(value))
    return text if len(text) <= 200 else text[:197] + "..."


@contextmanager
def made_parents(path: Path) -> Iterator[None]:
    """Make the folders above `path`; at the end those that are new and still empty go again."""
    new = [parent for parent in path.parents if not parent.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for parent in new:
            try:
                parent.rmdir()
            except OSError:  # it is used, and so are those above
                break

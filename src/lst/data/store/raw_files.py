"""The files of one kind inside a folder or a zip, read one at a time where they are."""

import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from types import TracebackType
from typing import Self

from lst.data.store.unpacked import BAD_ZIP, check_unpacked, read_entry
from lst.facts.shown import shown

_PICTURES = (".avi", ".mp4", ".mkv", ".mov", ".png", ".jpg", ".jpeg", ".bmp")
MARKER = "SYNTHETIC.json"
"""A folder or zip with a file of this name holds generated files, no recordings (`lst synthesize`)."""


@dataclass(frozen=True)
class RawFile:
    """One file: `name` is its path inside the folder or zip, with `/`."""

    name: str
    _read: Callable[[], bytes]
    _stamp: Callable[[], str]

    @property
    def base(self) -> str:
        return self.name.rpartition("/")[2]

    @property
    def stem(self) -> str:
        return os.path.splitext(self.base)[0]

    @property
    def stamp(self) -> str:
        """Changes with the content: its size, and when it was changed or, in a zip, its checksum."""
        try:
            return self._stamp()
        except OSError:
            return "cannot be read"

    def read(self) -> bytes:
        """The whole content.

        Raises:
            ValueError: it cannot be read (no permission, this entry of the zip is damaged), or it takes more
                memory than any real one would.
        """
        try:
            return self._read()
        except BAD_ZIP as error:
            if type(error) is ValueError:  # ours, with its own advice
                raise
            raise ValueError(f"cannot be read ({shown(error, 300)}); copy or download it again") from error
        except MemoryError:
            raise ValueError("cannot be read: there is no memory for it") from None


class RawFiles:
    """All files with one suffix below a folder or in a zip, sorted by base name. Use it in a `with` block.

    Attributes:
        files: what was found.
        ignored: names of all other files, hidden ones and the `__MACOSX` entries of a Mac's zip included.
        unreadable: names of folders inside that may not be read.
        is_synthetic: whether a file called `MARKER` says that nothing in it was recorded.

    Raises:
        FileNotFoundError: `path` does not exist.
        ValueError: `path` is neither a folder nor a readable zip.
    """

    def __init__(self, path: Path, suffix: str) -> None:
        if not path.exists():
            raise FileNotFoundError(
                f"{path}: no such file or folder. Give the folder or the zip of the data set."
            )
        self.path = path
        self._zip = None if path.is_dir() else _open_zip(path)
        unreadable: list[str] = []
        found = _in_folder(path, unreadable) if self._zip is None else _in_zip(self._zip)
        self.unreadable = tuple(sorted(unreadable))
        self.is_synthetic = any(file.base == MARKER for file in found)
        found = [file for file in found if file.base != MARKER]
        wanted, others = [], []
        for file in found:
            (wanted if _is_wanted(file, suffix) else others).append(file)
        self.files: tuple[RawFile, ...] = tuple(sorted(wanted, key=lambda file: (file.base, file.name)))
        self.ignored: tuple[str, ...] = tuple(sorted(file.name for file in others))

    def misnamed(self, is_clip_id: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
        """Ignored files that are named like a clip which has no file: clip id, name.

        Browsers and mail programs add endings such as `.txt`. Videos and pictures are none of these.
        """
        have = {file.stem for file in self.files}
        for name in self.ignored:
            base = name.rpartition("/")[2]
            clip_id = base.partition(".")[0]
            is_other = base.lower().endswith(_PICTURES) or _is_hidden(name)
            if clip_id not in have and not is_other and is_clip_id(clip_id):
                yield clip_id, name

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._zip is not None:
            self._zip.close()


def _is_wanted(file: RawFile, suffix: str) -> bool:
    return not _is_hidden(file.name) and file.base.lower().endswith(suffix)


def _is_hidden(name: str) -> bool:
    parts = name.split("/")
    return "__MACOSX" in parts or any(part.startswith(".") and part != "." for part in parts)


def under_another_ending(name: str, suffix: str) -> str:
    """The problem of a file that `misnamed` found."""
    ending = name.rpartition("/")[2].partition(".")[2]
    has = f"ends in .{shown(ending, 30)}" if ending else "has no ending"
    return f"is named like a clip, but {has}, not {suffix}: rename it; if it is packed, unpack it"


def _in_folder(folder: Path, unreadable: list[str]) -> list[RawFile]:
    """All files; adds to `unreadable`."""

    def note(error: OSError) -> None:
        unreadable.append(PurePath(error.filename).relative_to(folder).as_posix())

    found: list[RawFile] = []
    seen = {os.path.realpath(folder)}
    for parent, folders, names in os.walk(folder, onerror=note, followlinks=True):
        folders[:] = [
            name for name in _links_last(parent, folders) if _is_new(os.path.join(parent, name), seen)
        ]
        inside = PurePath(parent).relative_to(folder).as_posix() + "/"
        for name in names:
            path = os.path.join(parent, name)
            read, stamp = partial(_content_of, path), partial(_stamp_of, path)
            found.append(RawFile((inside + name).removeprefix("./"), read, stamp))
    return found


def _links_last(parent: str, folders: list[str]) -> list[str]:
    """So that what lies in the folder and is linked there too has its own name."""
    return sorted(folders, key=lambda name: (os.path.islink(os.path.join(parent, name)), name))


def _is_new(folder: str, seen: set[str]) -> bool:
    """Not visited yet under another name, such as by a link to a folder around it. Adds it to `seen`."""
    real = os.path.realpath(folder)
    is_new = real not in seen
    seen.add(real)
    return is_new


def _content_of(path: str) -> bytes:
    if not os.path.isfile(path):  # a link to nowhere, or a pipe, which would wait for a writer
        raise OSError("it is no file, or a link to a file that is not there")
    with open(path, "rb") as file:
        check_unpacked(os.fstat(file.fileno()).st_size)
        return file.read()


def _stamp_of(path: str) -> str:
    facts = os.stat(path)
    if not stat.S_ISREG(facts.st_mode):
        return "no file"
    return f"{facts.st_size} bytes, changed {facts.st_mtime_ns}"


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except BAD_ZIP as error:
        raise ValueError(
            f"{path}: is neither a folder nor a readable zip ({shown(error, 300)}). If it is a zip, it is "
            "damaged or was not downloaded completely: get it again."
        ) from error


def _in_zip(archive: zipfile.ZipFile) -> list[RawFile]:
    return [
        # Some programs on Windows write backslashes into the names.
        RawFile(
            entry.filename.replace("\\", "/"),
            lambda entry=entry: read_entry(archive, entry),
            lambda entry=entry: f"{entry.file_size} bytes, CRC {entry.CRC:08x}",
        )
        for entry in archive.infolist()
        if not entry.is_dir()
    ]

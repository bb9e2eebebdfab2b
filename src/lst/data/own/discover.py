"""Files of a folder -> sources: one per file, and one for all frames of an OpenPose recording."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from lst.data.own.read_kinect_text import LABELS_FILE
from lst.data.own.read_openpose import frame_number, sequence_name
from lst.data.own.source import Source

_NOT_DATA = (".md", ".rst", ".toml", ".yaml", ".yml", ".py", ".ipynb", ".log")
_NOT_DATA_NAMES = ("readme", "license", "licence", "sources", "notice", "changelog")


def sources_in(path: Path) -> tuple[list[Source], list[str]]:
    """The sources below a folder (or the one file) in order of their names, and the files passed over.

    Hidden files, action labels of UTKinect and documents such as README.md are passed over.

    Raises:
        FileNotFoundError: there is no such file or folder.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder. Give the folder of your recordings.")
    if path.is_file():
        return [Source(path.name, path.stem, (path,))], []
    files, passed_over = [], []
    for file in sorted(_walk(path), key=lambda file: file.relative_to(path).parts):
        (passed_over if _is_no_data(file) else files).append(file)
    frames: dict[tuple[Path, str], list[Path]] = {}
    single: list[Path] = []
    for file in files:
        if file.suffix.lower() == ".json" and frame_number(file.stem) is not None and _is_frame(file):
            frames.setdefault((file.parent, sequence_name(file.stem)), []).append(file)
        else:
            single.append(file)
    found = [_of_file(file, path) for file in single]
    in_folder: dict[Path, int] = {}
    for folder, _ in frames:
        in_folder[folder] = in_folder.get(folder, 0) + 1
    for (folder, sequence), members in frames.items():
        found.append(_of_frames(folder, sequence, members, path, alone=in_folder[folder] == 1))
    return sorted(_with_own_names(found), key=lambda source: source.clip), [
        file.relative_to(path).as_posix() for file in passed_over
    ]


def _walk(folder: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # a link to a folder around it
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        yield from (Path(parent) / name for name in names)


def _is_no_data(file: Path) -> bool:
    named = file.stem.lower() in _NOT_DATA_NAMES or LABELS_FILE.search(file.name) is not None
    return file.name.startswith(".") or file.suffix.lower() in _NOT_DATA or named


def _is_frame(file: Path) -> bool:
    """Whether it is one frame of OpenPose; one that cannot be read is, if its name says so."""
    if file.stem.endswith("_keypoints"):
        return True
    try:
        with file.open("rb") as opened:
            head = opened.read(200)
    except OSError:
        return False
    return b'"people"' in head.replace(b" ", b"")


def _of_file(file: Path, root: Path) -> Source:
    inside = file.relative_to(root)
    return Source(inside.as_posix(), inside.with_suffix("").as_posix(), (file,))


def _of_frames(folder: Path, sequence: str, files: list[Path], root: Path, *, alone: bool) -> Source:
    """A folder with the frames of one recording gives it its name, unless it is a class or the root."""
    inside = folder.relative_to(root)
    own_folder = alone and (len(inside.parts) > 1 or not sequence)
    clip = inside.as_posix() if own_folder and inside.parts else (inside / (sequence or "frames")).as_posix()
    ordered = sorted(files, key=lambda file: (frame_number(file.stem) or 0, file.name))
    return Source(f"{inside.as_posix()}/{files[0].name} ... ({len(files)} frames)", clip, tuple(ordered))


def _with_own_names(sources: list[Source]) -> list[Source]:
    """`a.csv` and `a.json` are two clips: their suffix stays in the name."""
    count: dict[str, int] = {}
    for source in sources:
        count[source.clip] = count.get(source.clip, 0) + 1
    return [s if count[s.clip] == 1 else Source(s.name, s.name, s.files) for s in sources]


def joint_names_in(path: Path) -> tuple[str, ...]:
    """Names from a file with one per line (numbers, dots and semicolons around them are left out), or JSON.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it has no names, or one twice.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. Give a file with one joint name per line.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        given = json.loads(text) if path.suffix.lower() == ".json" else text.splitlines()
    except ValueError as error:
        raise ValueError(f"{path}: cannot be read as text ({error})") from None
    stripped = (str(line).strip().strip(";,").lstrip("0123456789.) ").strip() for line in given)
    names = tuple(name for name in stripped if name)
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"{path}: expected one joint name per line, each once; got {len(names)} lines")
    return names

"""What `lst predict` is given -> clips in the model's layout. A bad file is a problem and stops nothing.

A source is a store, a file (.npy, .npz), or a folder with such files at any depth. NumPy only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from lst.data.store.clip_store import ClipStore
from lst.data.store.files import MANIFEST
from lst.facts.skeleton import Skeleton
from lst.recognizer.clips import ClipForm, GivenClips, as_clips

SUFFIXES = (".npy", ".npz")


@dataclass(frozen=True, eq=False)
class FoundClip:
    """One clip, or why there is none."""

    name: str
    given: GivenClips | None
    """A single clip."""
    problem: str = ""


@dataclass(frozen=True)
class Item:
    """Something that holds clips: a file, or one clip of a store."""

    name: str
    path: Path
    store: ClipStore | None = None
    index: int = 0


def list_sources(sources: Sequence[Path]) -> list[Item]:
    """All files and clips of the sources, in their order; files of a folder by name.

    Raises:
        FileNotFoundError: a source is not there, or a folder holds nothing to read.
        ValueError: a store that cannot be opened.
    """
    items: list[Item] = []
    for source in sources:
        if not source.exists():
            raise FileNotFoundError(f"{source}: no such file or folder")
        if (source / MANIFEST).is_file():
            store = ClipStore.open(source)
            items += [Item(clip, source, store, i) for i, clip in enumerate(store.clip_ids)]
        elif source.is_dir():
            found = sorted(path for path in source.rglob("*") if path.suffix.lower() in SUFFIXES)
            if not found:
                raise FileNotFoundError(
                    f"{source}: holds no clips; lst predict reads {', '.join(SUFFIXES)} files and stores"
                )
            items += [Item(path.relative_to(source).as_posix(), path) for path in found]
        else:
            items.append(Item(source.name, source))
    return items


def read_item(item: Item, form: ClipForm) -> Iterator[FoundClip]:
    """The clips of one item; of a file with several arrays each is a clip, called FILE#NAME."""
    try:
        arrays = _arrays(item, form.skeleton)
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        yield FoundClip(item.name, None, _one_line(error))
        return
    for name, array in arrays.items():
        try:
            given = as_clips(array, form)
        except ValueError as error:
            yield FoundClip(name, None, _one_line(error).removeprefix("clip 0: "))
            continue
        several = len(given.clips) > 1
        for i, (clip, notes) in enumerate(zip(given.clips, given.notes, strict=True)):
            yield FoundClip(f"{name}#{i}" if several else name, GivenClips([clip], [notes]))


def _arrays(item: Item, skeleton: Skeleton) -> dict[str, np.ndarray]:
    if item.store is not None:
        _check_layout(item, item.store.skeleton, skeleton)
        return {item.name: item.store.clip(item.index)}
    if item.path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"is no {' or '.join(SUFFIXES)} file")
    with item.path.open("rb") as file:  # NumPy leaves a file open that is no zip inside
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {item.name: loaded}
        arrays = {name: loaded[name] for name in loaded.files}
    if not arrays:
        raise ValueError("holds no array")
    return {item.name if len(arrays) == 1 else f"{item.name}#{name}": a for name, a in arrays.items()}


def _check_layout(item: Item, found: Skeleton, wanted: Skeleton) -> None:
    if found.joints != wanted.joints:
        raise ValueError(
            f"has {found.name} skeletons, the model was trained on {wanted.name}; prepare the clips in that "
            "layout"
        )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__

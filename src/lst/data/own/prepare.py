"""`lst prepare own`: a folder of recordings -> a store with its own classes and split."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lst.data.own.class_names import renamed
from lst.data.own.clips import Gathered, HowToRead, Progress, gather
from lst.data.own.labels import read_labels
from lst.data.store.clip_store import SplitPlan, StoredClip, write_store
from lst.data.store.prepared import Prepared, on_counts


@dataclass(frozen=True)
class OwnSplit:
    """How to split what the labels do not split; at most one."""

    test_groups: tuple[str, ...] = ()
    test_share: float | None = None


_LOOK, _ANY_SPLIT = HowToRead(), OwnSplit()


def prepare_own(
    path: Path,
    folder: Path,
    *,
    how: HowToRead = _LOOK,
    labels: Path | None = None,
    split: OwnSplit = _ANY_SPLIT,
    class_names: Path | None = None,
    name: str | None = None,
    overwrite: bool = False,
    progress: Progress = iter,
) -> Prepared:
    """Make the store `folder` from the recordings below `path`. All clips are in memory meanwhile.

    Args:
        labels: a file as `labels.read_labels` takes it; without one the first folder is the class.
        class_names: a file as `class_names.renamed` takes it, for classes that only have numbers.
        name: of the data set; that of `folder` if not given.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: nothing can be used, clips have no label, there is one class only, or the split fails.
    """
    found = gather(path, how, None if labels is None else read_labels(labels), progress)
    classes = classes_of(found, path)
    names = classes if class_names is None else renamed(classes, class_names)
    assert found.layout is not None
    groups = "group" if any(clip.group for clip in found.clips) else None
    has_split = any(clip.split for clip in found.clips)
    by_column = has_split and not split.test_groups and split.test_share is None
    plan = SplitPlan(
        column="split" if by_column else None,
        groups=groups,
        test_groups=split.test_groups,
        test_share=split.test_share,
    )
    store = write_store(
        folder,
        stored(found, classes, has_groups=groups is not None, has_split=by_column),
        dataset=name or folder.resolve().name,
        layout=found.layout,
        source=_source(found, path),
        problems=found.problems,
        overwrite=overwrite,
        class_names=names,
        split=plan,
        groups=groups,
        coordinates=found.coordinates,
    )
    return Prepared(store, tuple(found.problems), (*_sentences(found, path), *on_counts(store)))


def classes_of(found: Gathered, path: Path) -> list[str]:
    """The names in order, numbers in them as numbers.

    Raises:
        ValueError: a clip has no label, or all have the same.
    """
    unlabelled = [clip.clip_id for clip in found.clips if not clip.label]
    if unlabelled:
        raise ValueError(
            f"{path}: {len(unlabelled)} clips have no label, such as {unlabelled[0]!r}. Put the files into a "
            "folder per class, or give --labels with the columns clip and label."
        )
    names = sorted({clip.label for clip in found.clips}, key=_natural)
    if len(names) < 2:
        raise ValueError(
            f"{path}: all {len(found.clips)} clips are of class {names[0]!r}; recognition needs two. "
            "Classes are the first folders below the one that is given."
        )
    return names


def _natural(name: str) -> list[tuple[int, str]]:
    return [
        (int(x), "") if x.isdigit() and len(x) < 16 else (-1, x) for x in re.split(r"(\d+)", name.casefold())
    ] + [(-1, name)]


def stored(found: Gathered, classes: list[str], *, has_groups: bool, has_split: bool) -> Iterator[StoredClip]:
    """For `write_store`."""
    number = {name: k for k, name in enumerate(classes)}
    for clip in found.clips:
        attributes: dict[str, str] = {}
        if has_groups:
            attributes["group"] = clip.group
        if has_split:
            attributes["split"] = clip.split
        yield StoredClip(clip.clip_id, number[clip.label], clip.joints_MTVC, attributes)


def _source(found: Gathered, path: Path) -> dict[str, Any]:
    return {
        "name": path.resolve().name,
        "kind": "own",
        "done": dict(sorted(found.remarks.items())),
        "ignored": len(found.ignored),
    }


def _sentences(found: Gathered, path: Path) -> list[str]:
    """What was dropped, filled and repaired, most first."""
    done = Counter(found.remarks).most_common()
    sentences = [f"{count:,} {what}" for what, count in done]
    if found.ignored:
        first = found.ignored[0]
        sentences.append(
            f"{path}: passed over {len(found.ignored)} files that are no recordings, such as {first}"
        )
    return sentences

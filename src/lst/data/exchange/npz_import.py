"""A store from CTR-GCN's `.npz` of NTU RGB+D (data.md 1.7): one file, or those of both protocols.

An `.npz` has no clip names, so they are made up (`made_up_ids`), and good for its benchmark only. Two of one
data set hold the same clips in another order; a clip is found in the second by its class and its numbers.
"""

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from lst.data.exchange.npz_export import PADDED, ROW, Progress, no_progress
from lst.data.exchange.npz_source import NpzRow, NpzSource
from lst.data.exchange.placeholder_ids import made_up_ids
from lst.data.store.clip_store import MADE_UP, StoredClip, write_store
from lst.data.store.prepared import Prepared, on_counts
from lst.facts.benchmarks import Benchmark
from lst.facts.choices import Split
from lst.facts.clip_ids import parse_ntu_id


def import_npz(
    sources: Sequence[tuple[str | Path, Benchmark]],
    folder: str | Path,
    *,
    progress: Progress = no_progress,
    overwrite: bool = False,
) -> Prepared:
    """Make the store `folder` from one `.npz`, or from those of several benchmarks of a data set.

    Frames and persons that only fill up are left away. An uncompressed `.npz` stays on disk, so memory does
    not grow with it. `export_npz` gives back the arrays of each of them bit for bit.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: one is no such `.npz`, they are not of one data set and several benchmarks, or one has a
            clip that another lacks.
    """
    opened = _open_all(sources, progress)
    first, names = opened[0], [source.benchmark.name for source in opened]
    named = _named(opened, _match(opened, progress))
    facts: dict[str, Any] = {
        "name": " + ".join(source.path.name for source in opened),
        MADE_UP: names,
        PADDED: {source.benchmark.name: source.padded_frames for source in opened},
    }
    odd: defaultdict[str, list[str]] = defaultdict(list)
    clips = (_clip(clip_id, opened, places) for clip_id, places in named)
    store = write_store(
        folder,
        progress(_looked_at(clips, facts, odd), len(named), "copying"),
        dataset=first.benchmark.dataset,
        layout=first.benchmark.layout,
        source=facts,  # its checksum comes with the last clip
        problems=[],
        overwrite=overwrite,
    )
    good_for = " and ".join(names)
    remark = f"{store.folder}: an npz has no clip names; they are made up and only good for {good_for}"
    on_odd = [f"{what}: {len(ids):,} clips such as {ids[0]}, kept" for what, ids in odd.items()]
    return Prepared(store, (), (remark, *on_odd, *on_counts(store)))


def _open_all(sources: Sequence[tuple[str | Path, Benchmark]], progress: Progress) -> list[NpzSource]:
    """Checked, in an order of their own, so that the clip ids do not depend on that of the arguments."""
    if not sources:
        raise ValueError("there is no npz to import")
    ordered = sorted(sources, key=lambda source: source[1].name)
    opened = [NpzSource.open(Path(path), benchmark) for path, benchmark in ordered]
    for one, next_one in pairwise(opened):  # two of one benchmark stand side by side
        _check_same_kind(one, next_one)
    for source in opened:
        for _ in progress(source.check(), source.num_pieces, f"checking {source.path.name}"):
            pass
    return opened


def _named(
    opened: Sequence[NpzSource], matched: Sequence[tuple[NpzRow, ...]]
) -> list[tuple[str, tuple[NpzRow, ...]]]:
    """The clips with their ids, in the order of these."""
    splits: list[tuple[Split, ...]] = [tuple(place.split for place in places) for places in matched]
    labels = [opened[0].labels[places[0]] for places in matched]
    clip_ids = made_up_ids([source.benchmark for source in opened], splits, labels)
    return sorted(zip(clip_ids, matched, strict=True))


def _looked_at(
    clips: Iterator[StoredClip], facts: dict[str, Any], odd: defaultdict[str, list[str]]
) -> Iterator[StoredClip]:
    """The clips on their way. Adds a checksum of them all to `facts`, and to `odd` the ids by what is odd."""
    digest = hashlib.sha256()
    for clip in clips:
        digest.update(f"{clip.clip_id} {clip.joints_MTVC.shape} ".encode() + clip.joints_MTVC.tobytes())
        if not np.isfinite(clip.joints_MTVC).all():
            odd["NaN or infinite coordinates"].append(clip.clip_id)
        if not clip.joints_MTVC.any():
            odd["nothing but zeros"].append(clip.clip_id)
        yield clip
    facts["sha256"] = digest.hexdigest()


def _check_same_kind(first: NpzSource, other: NpzSource) -> None:
    if first.benchmark.dataset != other.benchmark.dataset:
        raise ValueError(
            f"{other.path}: is of {other.benchmark.dataset}, but {first.path} of {first.benchmark.dataset}; "
            "import them into stores of their own"
        )
    if first.benchmark.name == other.benchmark.name:
        raise ValueError(f"{other.path}: is of {other.benchmark.name} like {first.path}; give one of the two")
    if len(first.labels) != len(other.labels):
        raise ValueError(
            _differ(first, other, f"{len(other.labels):,} clips, the first {len(first.labels):,}")
        )


def _differ(first: NpzSource, other: NpzSource, how: str) -> str:
    return (
        f"{other.path}: has {how}. Only files of two protocols with the same clips can be joined: import "
        f"{first.path.name} and {other.path.name} into stores of their own, or prepare the raw files."
    )


def _match(opened: Sequence[NpzSource], progress: Progress) -> list[tuple[NpzRow, ...]]:
    """The place of every clip in each of the files, in the order of the first one.

    Copies of a clip are matched in their order, so each file keeps its numbers, whichever copy is which.
    """
    first, *others = opened
    matched: list[tuple[NpzRow, ...]] = [(place,) for place in first.labels]
    keys = list(_keys(first, progress)) if others else []
    for other in others:
        waiting: defaultdict[bytes, deque[NpzRow]] = defaultdict(deque)
        for place, key in zip(other.labels, _keys(other, progress), strict=True):
            waiting[key].append(place)
        for clip, key in enumerate(keys):
            if not waiting[key]:
                split, row = matched[clip][0]
                raise ValueError(
                    _differ(first, other, f"no clip like {split} row {row} of {first.path.name}")
                )
            matched[clip] = (*matched[clip], waiting[key].popleft())
        if len(keys) > 1 and all(places[-1].split == places[0].split for places in matched):
            how = f"all its clips in the same splits as {first.path.name}, as if one file had two names"
            raise ValueError(_differ(first, other, how))
    return matched


def _keys(source: NpzSource, progress: Progress) -> Iterator[bytes]:
    """For each clip a digest of its class and its numbers."""
    for place in progress(iter(source.labels), len(source.labels), f"reading {source.path.name}"):
        joints_MTVC = source.joints(place)
        head = f"{source.labels[place]} {joints_MTVC.shape}".encode()
        yield hashlib.sha256(head + np.ascontiguousarray(joints_MTVC).tobytes()).digest()


def _clip(clip_id: str, opened: Sequence[NpzSource], places: Sequence[NpzRow]) -> StoredClip:
    rows = {
        ROW.format(source.benchmark.name): place.row for source, place in zip(opened, places, strict=True)
    }
    source, place = opened[0], places[0]
    attributes = parse_ntu_id(clip_id)._asdict() | rows
    return StoredClip(clip_id, source.labels[place], source.joints(place), attributes)

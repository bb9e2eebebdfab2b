"""`lst check`: what a user should know of a store before training on it, on one screen, and a picture.

Letters: M persons, T frames, V joints, C channels, K classes.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lst.data.input.body_statistics import store_statistics
from lst.data.input.plausibility import Finding, check_body
from lst.data.store.clip_store import ClipStore
from lst.facts.benchmarks import Benchmark
from lst.facts.wording import plural
from lst.workflows.check_sides import side_pairs, swapped_frames

_SHOWN_CLASSES = 20
_MANY_CLIPS = 2000
"""Of a larger store an even sample of so many clips is looked at for swaps and missing joints."""
_UNEVEN = 4
_FEW = 10
SHEET = 5


@dataclass(frozen=True)
class Looked:
    """What the clips themselves show.

    Attributes:
        clips: so many were looked at.
        swapped: clip id -> frames in which left and right change places.
        missing: joint -> share of the frames in which it was not seen (score 0, or on its parent throughout).
        frozen: share of the frames that equal the one before.
    """

    clips: int
    swapped: dict[str, list[int]]
    missing: dict[str, float]
    frozen: float


def look_at(store: ClipStore) -> Looked:
    """All clips, or an even sample of many."""
    some = np.linspace(0, len(store) - 1, min(len(store), _MANY_CLIPS)).astype(int)
    pairs, parents = side_pairs(store.skeleton.joints), store.skeleton.parent_index()
    has_score = _has_score(store)
    swapped: dict[str, list[int]] = {}
    missing_V, frames, frozen = np.zeros(store.skeleton.num_joints), 0, 0
    for i in some:
        joints_MTVC = np.asarray(store.clip(int(i)), dtype=np.float64)
        places = joints_MTVC[..., :2] if has_score else joints_MTVC
        if at := swapped_frames(np.nan_to_num(places), pairs):
            swapped[store.clip_ids[i]] = at
        missing_MTV = _missing(joints_MTVC, has_score, parents)
        there_MT = np.asarray(places.any(axis=(2, 3)))
        missing_V += missing_MTV[there_MT].sum(axis=0)
        frames += int(there_MT.sum())
        same = (places[:, 1:] == places[:, :-1]).all(axis=(2, 3)) & there_MT[:, 1:]
        frozen += int(same.sum())
    shares = missing_V / max(frames, 1)
    missing = {j: float(s) for j, s in zip(store.skeleton.joints, shares, strict=True) if s > 0}
    by_share = dict(sorted(missing.items(), key=lambda item: -item[1]))
    return Looked(len(some), swapped, by_share, frozen / max(frames, 1))


def _has_score(store: ClipStore) -> bool:
    return store.coordinates is not None and store.coordinates.channels == "xyc"


def _missing(joints_MTVC: np.ndarray, has_score: bool, parents: list[int]) -> np.ndarray:
    """(M, T, V) score 0, NaN, or throughout exactly where its parent is."""
    missing = np.asarray(np.isnan(joints_MTVC).any(axis=-1))
    if has_score:
        return missing | (joints_MTVC[..., 2] == 0)
    same_MV = np.asarray((joints_MTVC == joints_MTVC[:, :, parents]).all(axis=(1, 3)))
    return missing | (same_MV & (np.asarray(parents) != np.arange(len(parents))))[:, None, :]


def lines(store: ClipStore, looked: Looked) -> Iterator[str]:
    """The screen of text."""
    first = store.benchmark(store.benchmark_names[0])
    where = "" if store.coordinates is None else f", {store.coordinates}"
    counts = f"{plural(len(store), 'clip')}, {first.num_classes} classes"
    yield f"{store.folder}: {counts}, layout {store.skeleton.name}{where}"
    lengths = store.summary()["lengths"]
    yield f"  frames per clip  {lengths['min']} to {lengths['max']}, median {lengths['median']:g}"
    yield f"  persons          {_persons(store)}"
    for name in store.benchmark_names:
        yield from _split_lines(store, store.benchmark(name))
    yield from _class_lines(store, first)
    yield from _defect_lines(store, looked)


def _persons(store: ClipStore) -> str:
    counts = Counter(store.persons.tolist())
    return ", ".join(f"{count:,} clips with {persons}" for persons, count in sorted(counts.items()))


def _split_lines(store: ClipStore, benchmark: Benchmark) -> Iterator[str]:
    rows = {split: store.select(benchmark, split) for split in ("train", "test")}
    facts = store.manifest.get("benchmark") or {}
    groups = benchmark.groups if facts.get("groups") else {}
    parts = []
    for split, clips in rows.items():
        found = {groups.get(store.clip_ids[i], "") for i in clips} - {""}
        of = f" of {plural(len(found), 'group')}" if found else ""
        parts.append(f"{len(clips):,} {split}{of}")
    yield f"  {benchmark.name:<16} {', '.join(parts)}"
    if benchmark.notice:
        yield f"  ! {benchmark.notice}"
    if leaked := store.duplicated(benchmark):
        yield (
            f"  ! {benchmark.name}: {plural(len(leaked), 'test clip')} (nearly) equal to a training clip, "
            f"such as {leaked[0]!r}: the accuracy looks better than it is"
        )


def _class_lines(store: ClipStore, benchmark: Benchmark) -> Iterator[str]:
    train = np.bincount(store.labels[store.select(benchmark, "train")], minlength=benchmark.num_classes)
    test = np.bincount(store.labels[store.select(benchmark, "test")], minlength=benchmark.num_classes)
    order = np.argsort(train, kind="stable")[:_SHOWN_CLASSES]
    yield f"  {'class':<28} train  test" + (
        f"   (the {_SHOWN_CLASSES} smallest of {len(train)})" if len(train) > _SHOWN_CLASSES else ""
    )
    for k in sorted(order):
        name = benchmark.class_names[k]
        yield f"  {name if len(name) <= 28 else name[:25] + '...':<28} {train[k]:>5} {test[k]:>5}"
    if train.min() == 0:
        yield f"  ! {int((train == 0).sum())} classes have no training clip"
    elif train.max() > _UNEVEN * train.min():
        counts = f"{train.min()} to {train.max()} training clips"
        yield f"  ! classes are uneven: {counts}; look at the accuracy per class"
    if 0 < train.min() < _FEW:
        yield f"  ! the smallest class has {train.min()} training clips; {_FEW} or more are better"


def implausible(store: ClipStore) -> list[Finding]:
    """What is wrong with the bodies in a store: size, axis that points up, uneven sides, missing joints."""
    body = store_statistics(store, np.arange(len(store)))
    return check_body(body, None, store.coordinates, store.skeleton)


def _defect_lines(store: ClipStore, looked: Looked) -> Iterator[str]:
    for finding in implausible(store):
        yield f"  ! {finding}"
    if problems := store.problems():
        yield f"  ! {len(problems)} files or lines were left out: {store.folder / 'problems.csv'}"
    for what, count in store.manifest["source"].get("done", {}).items():
        yield f"    {count:,} {what}"
    if looked.missing:
        named = ", ".join(f"{joint} {100 * share:.0f} %" for joint, share in list(looked.missing.items())[:5])
        more = f" and {len(looked.missing) - 5} more" if len(looked.missing) > 5 else ""
        yield f"  joints not seen  {named}{more}"
    if looked.frozen > 0:
        mark = "!" if looked.frozen > 0.05 else " "
        yield f"  {mark} frozen frames  {100 * looked.frozen:.1f} % equal the frame before"
    if looked.swapped:
        clip_id, at = next(iter(looked.swapped.items()))
        yield (
            f"  ! left and right change places within {len(looked.swapped)} of {looked.clips} clips, such as "
            f"{clip_id!r} at frame {at[0]}"
        )


def draw(store: ClipStore, path: Path) -> list[str]:
    """A sheet of five clips of different classes, where there are so many; gives their ids."""
    from lst.evaluation.plots import plot_clips

    first_of = {int(label): i for i, label in reversed(list(enumerate(store.labels)))}
    labels = sorted(first_of)
    chosen = [first_of[labels[round(x)]] for x in np.linspace(0, len(labels) - 1, min(SHEET, len(labels)))]
    names = store.class_names
    clips = []
    for i in chosen:
        joints_MTVC = np.asarray(store.clip(i))
        shown = joints_MTVC[..., :2] if _has_score(store) else joints_MTVC
        clips.append((f"{names[store.labels[i]]}: {store.clip_ids[i]}", shown))
    up = "-y" if store.coordinates is not None and store.coordinates.up == "-y" else "+y"
    plot_clips(clips, store.skeleton.parent_index(), path, up=up)
    return [store.clip_ids[i] for i in chosen]

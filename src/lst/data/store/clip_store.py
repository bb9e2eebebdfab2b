"""The store: all clips of a data set in one folder, without padding and without a copy per protocol.

`write_store` makes one from clips, `ClipStore.open` reads it. The files in it: `lst.data.store.files`.
Letters: N clips, M persons, T frames, V joints, C channels.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import msgspec
import numpy as np

from lst import __version__
from lst.data.store import files, own_benchmark, own_writing
from lst.data.store.defects import DefectFinder, copied_from_train
from lst.data.store.files import Problem, StoredClip
from lst.data.store.manifest import (
    CHECKSUMS,
    MADE_UP,
    MANIFEST,
    file_checksum,
    read_manifest,
    write_manifest,
)
from lst.data.store.own_benchmark import OwnClips, StoreBenchmarks
from lst.data.store.own_splits import SplitPlan
from lst.facts.benchmarks import BENCHMARKS, Benchmark
from lst.facts.choices import Split, choose
from lst.facts.coordinates import Coordinates
from lst.facts.own_layout import LayoutLike, as_layout, layout_json
from lst.facts.skeleton import Skeleton
from lst.files.whole import new_folder

VERIFIED_BYTES = 256 << 20
"""Stores up to this size are verified whenever they are opened."""

__all__ = ["MADE_UP", "ClipStore", "Problem", "SplitPlan", "StoredClip", "write_store"]


@dataclass(frozen=True, eq=False, repr=False)
class ClipStore:
    """An opened store. The joints stay on disk (memory-mapped) until they are used.

    Attributes:
        joints: float32 (rows, V, C), read-only.
        labels, frames, persons, offsets: int64, one entry per clip, in the order of `clip_ids`.
        attributes: what else is known, such as "subject" and "view": int64 or text, one entry per clip.
        facts: classes, protocols and groups; None in a store that knows no classes.
        coordinates: None where nobody wrote them down (published data sets, old stores).
    """

    folder: Path
    manifest: dict[str, Any]
    skeleton: Skeleton
    joints: np.ndarray
    clip_ids: list[str]
    labels: np.ndarray
    frames: np.ndarray
    persons: np.ndarray
    offsets: np.ndarray
    attributes: dict[str, np.ndarray]
    facts: StoreBenchmarks | None = None
    coordinates: Coordinates | None = None

    @classmethod
    def open(cls, folder: str | Path) -> "ClipStore":
        """Open the store in `folder`.

        Raises:
            FileNotFoundError: there is no such folder.
            ValueError: it is not a store, or of a newer version, or damaged.
        """
        folder = Path(folder)
        manifest, where = read_manifest(folder), f"{folder / MANIFEST}"
        try:
            skeleton = as_layout(manifest["layout"])
            coordinates = msgspec.convert(manifest["coordinates"], Coordinates | None)
        except (ValueError, msgspec.ValidationError) as error:
            raise ValueError(f"{where}: {error}") from error
        facts = own_benchmark.read_facts(manifest, where)
        clip_ids, numbers, attributes = files.read_clips(folder / files.CLIPS, manifest)
        labels, frames, persons, offsets = numbers
        joints = files.map_joints(
            folder / files.JOINTS, (manifest["rows"], skeleton.num_joints, manifest["channels"])
        )
        files.check_blocks(folder / files.CLIPS, frames * persons, offsets, len(joints))
        if facts is not None:
            own_benchmark.check_labels(folder / files.CLIPS, clip_ids, labels, len(facts.class_names))
            own_benchmark.check_columns(facts, attributes, f"{folder / files.CLIPS}")
        tables = (clip_ids, labels, frames, persons, offsets, attributes)
        store = cls(folder, manifest, skeleton, joints, *tables, facts, coordinates)
        if joints.nbytes <= VERIFIED_BYTES:
            store.verify()
        return store

    def verify(self) -> None:
        """Check once that the joints are to the bit what was written, if the store has their checksum.
        `open` does it for small stores. Training and testing do it for all: about a second for every GB.

        Raises:
            ValueError: they are not.
        """
        assert self._is_intact

    @cached_property
    def _is_intact(self) -> bool:
        if written := self.manifest[CHECKSUMS].get(files.JOINTS):
            files.check_joints(self.folder / files.JOINTS, self.joints, written)
        return True

    def __repr__(self) -> str:
        return f"ClipStore({str(self.folder)!r}: {self.dataset}, {self.skeleton.name}, {len(self)} clips)"

    def __len__(self) -> int:
        return len(self.clip_ids)

    def clip(self, i: int) -> np.ndarray:
        """Joints of clip number `i`, (M, T, V, C), a read-only view of the file."""
        persons, frames, offset = int(self.persons[i]), int(self.frames[i]), int(self.offsets[i])
        block = self.joints[offset : offset + persons * frames]
        return block.reshape(persons, frames, *block.shape[1:])

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {clip_id: i for i, clip_id in enumerate(self.clip_ids)}

    def index_of(self, clip_id: str) -> int:
        """Number of the clip called `clip_id`.

        Raises:
            ValueError: there is no such clip.
        """
        try:
            return self._positions[clip_id]
        except KeyError:
            raise ValueError(
                f"{self.folder}: no clip {clip_id!r} among the {len(self)} clips of "
                f"{self.manifest['dataset']}; the first is {self.clip_ids[0]!r}"
            ) from None

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return self.manifest["dataset"]

    @property
    def is_published(self) -> bool:
        """Whether it is of a data set whose protocols `lst.facts.benchmarks` has."""
        return bool(own_benchmark.published_benchmarks(self.dataset))

    @property
    def class_names(self) -> tuple[str, ...]:
        """In label order.

        Raises:
            ValueError: the store knows none.
        """
        return self._facts().class_names

    def _facts(self) -> StoreBenchmarks:
        if self.facts is None:
            raise ValueError(
                f"{self.folder}: holds {self.dataset!r} without class names and splits. Prepare it again "
                "with them, or name a published benchmark."
            )
        return self.facts

    @property
    def benchmark_names(self) -> list[str]:
        """The benchmarks it serves; for one's own data without the folds, which are there for any number."""
        if self.is_published:
            return [b.name for b in own_benchmark.published_benchmarks(self.dataset) if self.serves(b)]
        return [] if self.facts is None else self._own.names

    def benchmark(self, name: str | None = None) -> Benchmark:
        """The benchmark called `name`: of one's own data also a protocol or a fold such as "fold2of5".

        Without a name it is the first: the standard protocol.

        Raises:
            ValueError: the store does not serve it; says which it serves.
        """
        if not self.is_published and name not in BENCHMARKS:
            found = self._own.benchmark(name)
            return replace(found, copied_test_clips=frozenset(self.duplicated(found)))
        found = choose("benchmark", self.benchmark_names[0] if name is None else name, BENCHMARKS)
        self.require(found)
        return found

    @cached_property
    def _own(self) -> OwnClips:
        return OwnClips(
            self.dataset,
            self.skeleton,
            # Nobody said: metres with y up, or a picture.
            self.coordinates or Coordinates(channels="xyz" if self.joints.shape[-1] == 3 else "xy"),
            self._facts(),
            self.clip_ids,
            self.labels,
            int(self.persons.max(initial=1)),
            self.attributes,
        )

    def duplicated(self, benchmark: Benchmark) -> list[str]:
        """Test clips that are equal or nearly equal to a training clip, so that they measure memory only."""
        defects = self.manifest["defects"]
        pairs = [*defects["copied_clips"], *defects.get("near_copies", [])]
        with files.names_file(self.folder / MANIFEST):
            return list(dict.fromkeys(copied_from_train(pairs, benchmark.rule)))

    def select(self, benchmark: Benchmark, split: Split) -> np.ndarray:
        """Numbers (int64) of the clips that `benchmark` puts in `split`, in the store's order.

        Raises:
            ValueError: the store does not serve the benchmark, or `split` is no split.
        """
        self.require(benchmark)
        if split not in get_args(Split):
            raise ValueError(f"unknown split {split!r}; choose from {', '.join(get_args(Split))}")
        with files.names_file(self.folder / files.CLIPS):
            chosen = [i for i, clip_id in enumerate(self.clip_ids) if benchmark.rule(clip_id) == split]
        return np.asarray(chosen, dtype=np.int64)

    @property
    def has_made_up_ids(self) -> bool:
        """Whether the clips came without names: their ids do not say which of them were filmed at once."""
        return MADE_UP in self.manifest["source"]

    def serves(self, benchmark: Benchmark) -> bool:
        """Whether it has the benchmark's data set, and clip ids from which the splits follow."""
        made_for = self.manifest["source"].get(MADE_UP)
        return benchmark.dataset == self.manifest["dataset"] and (
            made_for is None or benchmark.name in made_for
        )

    def require(self, benchmark: Benchmark) -> None:
        """Raise a ValueError that says why the store does not serve the benchmark; nothing if it does."""
        if benchmark.dataset != self.manifest["dataset"]:
            raise ValueError(
                f"{self.folder}: holds {self.manifest['dataset']!r}, but the benchmark "
                f"{benchmark.name!r} needs {benchmark.dataset!r}. Choose another store or another benchmark."
            )
        if not self.serves(benchmark):
            made_for = " and ".join(self.manifest["source"][MADE_UP])
            raise ValueError(
                f"{self.folder}: was made from the npz of {made_for}, so its clip ids are made up and not "
                f"good for {benchmark.name}. Prepare the raw files, or import its npz too."
            )

    def problems(self) -> list[Problem]:
        """The raw files that were left out when the store was made."""
        return files.read_problems(self.folder / files.PROBLEMS)

    def summary(self) -> dict[str, Any]:
        """What is in the store, as plain data (strings, numbers, lists, dictionaries) to print or to save.

        Keys: dataset, layout, clips, lengths (frames: total, min, median, max, mean), source, created_by,
        problems (number of files left out), defects (see `DefectFinder`), coordinates (or None), groups (of
        one's own data: group -> clips, else empty) and
        benchmarks: name -> {"train" and "test": {"clips", "expected" (None = not known), "lengths",
        "classes": name -> clips}, "remarks": sentences on unexpected counts, "notice": one more or None,
        "copied_from_train": test clips equal (in one's own data also nearly equal) to a training clip}.
        """
        kept = ("dataset", "clips", "source", "created_by", "problems", "defects", "coordinates")
        benchmarks = [self.benchmark(name) for name in self.benchmark_names]
        return {
            **{key: self.manifest[key] for key in kept},
            "layout": self.skeleton.name,
            "groups": self._group_sizes(),
            "lengths": _lengths(self.frames),
            "benchmarks": {b.name: self._benchmark_summary(b) for b in benchmarks},
        }

    def _group_sizes(self) -> dict[str, int]:
        if self.facts is None or self.facts.groups is None:
            return {}
        names, counts = np.unique(self.attributes[self.facts.groups].astype(str), return_counts=True)
        return dict(zip(names.tolist(), counts.tolist(), strict=True))

    def _benchmark_summary(self, benchmark: Benchmark) -> dict[str, Any]:
        splits: dict[str, dict[str, Any]] = {}
        for split in get_args(Split):
            rows = self.select(benchmark, split)
            per_class = np.bincount(self.labels[rows], minlength=benchmark.num_classes).tolist()
            splits[split] = {
                "clips": len(rows),
                "expected": benchmark.expected.get(split),
                "lengths": _lengths(self.frames[rows]),
                "classes": dict(zip(benchmark.class_names, per_class, strict=True)),
            }
        counts: dict[str, int] = {split: facts["clips"] for split, facts in splits.items()}
        return {
            **splits,
            "remarks": benchmark.check_counts(counts),
            "notice": benchmark.notice,
            "copied_from_train": self.duplicated(benchmark),
        }


def write_store(
    folder: str | Path,
    clips: Iterable[StoredClip],
    *,
    dataset: str,
    layout: LayoutLike,
    source: Mapping[str, Any],
    problems: Sequence[Problem],
    overwrite: bool = False,
    class_names: Sequence[str] | None = None,
    split: SplitPlan | None = None,
    protocols: Mapping[str, str] | None = None,
    groups: str | None = None,
    coordinates: Coordinates | None = None,
) -> ClipStore:
    """Write `clips` (in clip id order, one at a time in memory) as a store and open it.

    The same clips, source and problems give the same bytes in every file. `folder` appears only when it is
    complete; see `new_folder`. Published data sets have their classes and protocols in `lst.facts`; what
    follows `overwrite` is for one's own.

    Args:
        layout: name of a layout, or one of one's own.
        source: JSON data on the raw files: "name", "sha256" and what else is known.
        problems: looked at after the last clip, so the reader behind `clips` may still append to it.
        overwrite: replace a store that is already in `folder`.
        class_names: in label order.
        split: the standard protocol. Worked out after the last clip; its words become the column "split".
        protocols: more protocols, name -> attribute that says train or test for each clip.
        groups: attribute that says what belongs together (person, recording); that of `split` if not given.
        coordinates: what the numbers mean.

    Raises:
        ValueError: no clip, a clip id twice, joints, labels, columns or splits that do not fit, the name of a
            published data set for one's own, or `folder` exists and may not be replaced.
    """
    skeleton, folder = as_layout(layout), Path(folder)
    own = own_writing.own_facts(dataset, class_names, split, protocols, groups)
    known = own or own_benchmark.published_facts(dataset)
    num_classes = None if known is None else len(known.class_names)
    with (
        new_folder(folder, overwrite=overwrite, own_files=files.ALL_FILES) as temporary,
        DefectFinder() as defects,
    ):
        lines, channels, joints_crc = files.write_joints(
            temporary / files.JOINTS, clips, skeleton.num_joints, defects.inspect, num_classes
        )
        if coordinates is not None and coordinates.num_channels != channels:
            raise ValueError(
                f"the clips have {channels} channels, the coordinates say {coordinates.channels}"
            )
        if own is not None and split is not None:
            lines, own = own_writing.with_split(lines, own, split)
        files.write_clips(temporary / files.CLIPS, lines)
        files.write_problems(temporary / files.PROBLEMS, problems)
        found = defects.found()
        if own is not None:
            own_benchmark.check_columns(own, own_writing.table(lines), dataset)
            num_coordinates = channels if coordinates is None else len(coordinates.channels.removesuffix("c"))
            found["near_copies"] = own_writing.near_copies_of(
                temporary / files.JOINTS, lines, num_coordinates, found["copied_clips"]
            )
        manifest = {
            "dataset": dataset,
            "layout": layout_json(skeleton),
            "channels": channels,
            "clips": len(lines),
            "rows": lines[-1].offset + lines[-1].persons * lines[-1].frames,
            "source": dict(source),
            "created_by": f"lst {__version__}",
            "attributes": list(lines[0].attributes),
            "text_attributes": files.text_attributes(lines),
            "problems": len(problems),
            "defects": found,
            "benchmark": own_benchmark.facts_json(known if own is None else own),
            "coordinates": None if coordinates is None else asdict(coordinates),
            CHECKSUMS: {files.JOINTS: joints_crc, files.CLIPS: file_checksum(temporary / files.CLIPS)},
        }
        write_manifest(temporary / MANIFEST, manifest)  # last: a folder without one is not a store
    return ClipStore.open(folder)


def _lengths(frames: np.ndarray) -> dict[str, float]:
    if len(frames) == 0:
        return {"total": 0}
    return {
        "total": int(frames.sum()),
        "min": int(frames.min()),
        "median": float(np.median(frames)),
        "max": int(frames.max()),
        "mean": float(frames.mean()),
    }

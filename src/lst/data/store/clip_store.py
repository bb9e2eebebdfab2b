"""The store: all clips of a data set in one folder, without padding and without a copy per protocol.

`write_store` makes one from clips, `ClipStore.open` reads it. The files in it: `lst.data.store.files`.
Letters: N clips, M persons, T frames, V joints, C channels.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np

from lst import __version__
from lst.data.store import files
from lst.data.store.defects import DefectFinder, copied_from_train
from lst.data.store.files import COLUMNS, MADE_UP, Problem, StoredClip
from lst.facts.benchmarks import BENCHMARKS, Benchmark
from lst.facts.choices import Split
from lst.facts.skeleton import Skeleton, get_layout
from lst.files import new_folder

__all__ = ["MADE_UP", "ClipStore", "Problem", "StoredClip", "write_store"]


@dataclass(frozen=True, eq=False)
class ClipStore:
    """An opened store. The joints stay on disk (memory-mapped) until they are used.

    Attributes:
        joints: float32 (rows, V, C), read-only.
        labels, frames, persons, offsets: int64, one entry per clip, in the order of `clip_ids`.
        attributes: what the clip's name says, such as "subject" and "view": int64, one entry per clip.
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

    @classmethod
    def open(cls, folder: str | Path) -> "ClipStore":
        """Open the store in `folder`.

        Raises:
            FileNotFoundError: there is no such folder.
            ValueError: it is not a store, or of a newer version, or damaged.
        """
        folder = Path(folder)
        manifest = files.read_manifest(folder)
        skeleton = get_layout(manifest["layout"])
        clip_ids, numbers = files.read_clips(folder / files.CLIPS, manifest)
        labels, frames, persons, offsets = numbers[: len(COLUMNS) - 1]
        attributes = dict(zip(manifest["attributes"], numbers[len(COLUMNS) - 1 :], strict=True))
        joints = files.map_joints(
            folder / files.JOINTS, (manifest["rows"], skeleton.num_joints, manifest["channels"])
        )
        files.check_blocks(folder / files.CLIPS, frames * persons, offsets, len(joints))
        return cls(folder, manifest, skeleton, joints, clip_ids, labels, frames, persons, offsets, attributes)

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

    def select(self, benchmark: Benchmark, split: Split) -> np.ndarray:
        """Numbers (int64) of the clips that `benchmark` puts in `split`, in the store's order.

        Raises:
            ValueError: the store does not serve the benchmark, or `split` is no split.
        """
        self.require(benchmark)
        if split not in get_args(Split):
            raise ValueError(f"unknown split {split!r}; choose from {', '.join(get_args(Split))}")
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
        problems (number of files left out), defects (see `DefectFinder`), and
        benchmarks: name -> {"train" and "test": {"clips", "expected", "lengths", "classes": name -> clips},
        "remarks": sentences on unexpected counts, "copied_from_train": test clips equal to a training clip}.
        """
        kept = ("dataset", "layout", "clips", "source", "created_by", "problems", "defects")
        benchmarks = [benchmark for benchmark in BENCHMARKS.values() if self.serves(benchmark)]
        return {
            **{key: self.manifest[key] for key in kept},
            "lengths": _lengths(self.frames),
            "benchmarks": {b.name: self._benchmark_summary(b) for b in benchmarks},
        }

    def _benchmark_summary(self, benchmark: Benchmark) -> dict[str, Any]:
        splits: dict[str, dict[str, Any]] = {}
        for split in get_args(Split):
            rows = self.select(benchmark, split)
            per_class = np.bincount(self.labels[rows], minlength=benchmark.num_classes).tolist()
            splits[split] = {
                "clips": len(rows),
                "expected": benchmark.expected[split],
                "lengths": _lengths(self.frames[rows]),
                "classes": dict(zip(benchmark.class_names, per_class, strict=True)),
            }
        counts: dict[str, int] = {split: facts["clips"] for split, facts in splits.items()}
        return {
            **splits,
            "remarks": benchmark.check_counts(counts),
            "copied_from_train": copied_from_train(self.manifest["defects"]["copied_clips"], benchmark.rule),
        }


def write_store(
    folder: str | Path,
    clips: Iterable[StoredClip],
    *,
    dataset: str,
    layout: str,
    source: Mapping[str, Any],
    problems: Sequence[Problem],
    overwrite: bool = False,
) -> ClipStore:
    """Write `clips` (in clip id order, one at a time in memory) as a store and open it.

    The same clips, source and problems give the same bytes in every file. `folder` appears only when it is
    complete; see `new_folder`.

    Args:
        source: JSON data on the raw files: "name", "sha256" and what else is known.
        problems: looked at after the last clip, so the reader behind `clips` may still append to it.
        overwrite: replace a store that is already in `folder`.

    Raises:
        ValueError: `folder` may not be replaced, no clip, a clip id twice, joints that do not fit the layout,
            or other attributes than the first clip has.
    """
    num_joints = get_layout(layout).num_joints
    folder = Path(folder)
    with (
        new_folder(folder, overwrite=overwrite, own_files=files.ALL_FILES) as temporary,
        DefectFinder() as defects,
    ):
        lines, channels = files.write_joints(temporary / files.JOINTS, clips, num_joints, defects.look)
        files.write_clips(temporary / files.CLIPS, lines)
        files.write_problems(temporary / files.PROBLEMS, problems)
        rows = lines[-1].offset + lines[-1].persons * lines[-1].frames
        manifest = {
            "dataset": dataset,
            "layout": layout,
            "channels": channels,
            "clips": len(lines),
            "rows": rows,
            "source": dict(source),
            "created_by": f"lst {__version__}",
            "attributes": list(lines[0].attributes),
            "problems": len(problems),
            "defects": defects.found(),
        }
        # The manifest comes last: a folder without one is not a store.
        files.write_manifest(temporary / files.MANIFEST, manifest)
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

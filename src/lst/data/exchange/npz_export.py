"""The CTR-GCN `.npz` of NTU RGB+D (data.md 1.7): which columns and rows it has, written from a store.

One file per protocol: x_train, y_train, x_test, y_test. x is float32 (clips, longest, 150) with column
person * 75 + joint * 3 + channel, y is float64 one-hot. Clips are padded with zeros to the longest of the
data set. A clip of one person has zeros for the second in NTU60 and a copy of the first in NTU120, as in the
reference; in a store of the clean pipeline nobody is doubled.
Letters: N clips, M persons, T frames, V joints, C channels, D numbers per frame, K classes.
"""

import logging
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, get_args

import numpy as np

from lst.data.ntu.persons import PERSON
from lst.data.store.clip_store import ClipStore
from lst.facts.benchmarks import Benchmark
from lst.facts.choices import Split, choose
from lst.files.whole import atomic_path

logger = logging.getLogger(__name__)

WIDTH = 2 * PERSON
PADDED = "padded_frames"
"""Entry in the source of a store made from `.npz`: by benchmark, the frames that clips were padded to."""
ROW = "row_{}"
"""Attribute of its clips: the row in the split of a benchmark."""


Progress = Callable[[Iterator[Any], int, str], Iterator[Any]]
"""(clips, their number, what is done with them) -> the clips, for example through a progress bar."""


def no_progress(clips: Iterator[Any], total: int, what: str) -> Iterator[Any]:
    """The clips as they are."""
    return clips


@dataclass(frozen=True)
class NpzLayout:
    """How the `.npz` of a benchmark differs from the others."""

    name: str
    """CTR-GCN's name for it, without ending."""
    order: str
    """The attribute that orders the rows; clips with the same value are in the order of their ids."""
    copies_single_person: bool


NPZ_LAYOUTS: dict[str, NpzLayout] = {
    "ntu60-xsub": NpzLayout("NTU60_CS", "subject", copies_single_person=False),
    "ntu60-xview": NpzLayout("NTU60_CV", "camera", copies_single_person=False),
    "ntu120-xsub": NpzLayout("NTU120_CSub", "subject", copies_single_person=True),
    "ntu120-xset": NpzLayout("NTU120_CSet", "setup", copies_single_person=True),
}


def export_npz(
    store: ClipStore, benchmark: Benchmark, path: str | Path, *, progress: Progress = no_progress
) -> None:
    """Write the `.npz` of a benchmark, one clip at a time in memory. The same store gives the same bytes.

    Raises:
        ValueError: the store is of another data set or benchmark, or has clips of more than two persons.
    """
    layout = choose("benchmark with an npz", benchmark.name, NPZ_LAYOUTS)
    store.require(benchmark)
    _check_persons(store)
    if store.manifest["source"].get("pipeline") == "clean" and layout.copies_single_person:
        logger.info("%s: of the clean pipeline, so a single person is not doubled", store.folder)
        layout = replace(layout, copies_single_person=False)
    padded = store.manifest["source"].get(PADDED, {})
    num_frames = max(int(store.frames.max()), int(padded.get(benchmark.name, 0)))
    with atomic_path(Path(path)) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for split in get_args(Split):
            rows = row_order(store, benchmark, split)
            with _entry(archive, f"x_{split}") as file:
                _write_header(file, "<f4", (len(rows), num_frames, WIDTH))
                clips = _padded(store, rows, num_frames, layout)
                for x_TD in progress(clips, len(rows), f"writing x_{split}"):
                    file.write(x_TD.astype("<f4").tobytes())
            with _entry(archive, f"y_{split}") as file:
                _write_header(file, "<f8", (len(rows), benchmark.num_classes))
                file.write(np.eye(benchmark.num_classes, dtype="<f8")[store.labels[rows]].tobytes())


def row_order(store: ClipStore, benchmark: Benchmark, split: Split) -> list[int]:
    """Numbers of the split's clips in the order of the `.npz`."""
    by_rule = store.attributes[NPZ_LAYOUTS[benchmark.name].order]
    order = store.attributes.get(ROW.format(benchmark.name), by_rule)
    rows = store.select(benchmark, split).tolist()
    return sorted(rows, key=lambda row: (order[row], store.clip_ids[row]))


def _check_persons(store: ClipStore) -> None:
    if store.persons.max() > 2:
        clip_id = store.clip_ids[int(store.persons.argmax())]
        raise ValueError(
            f"{store.folder}: clip {clip_id} has {store.persons.max()} persons, but an npz has two"
        )


def _padded(store: ClipStore, rows: list[int], num_frames: int, layout: NpzLayout) -> Iterator[np.ndarray]:
    for row in rows:
        joints_MTVC = store.clip(row)
        x_TMD = np.zeros((num_frames, 2, PERSON), dtype=np.float32)
        persons, frames = joints_MTVC.shape[:2]
        x_TMD[:frames, :persons] = joints_MTVC.reshape(persons, frames, PERSON).swapaxes(0, 1)
        if persons == 1 and layout.copies_single_person:
            x_TMD[:, 1] = x_TMD[:, 0]
        yield x_TMD


def _entry(archive: zipfile.ZipFile, key: str) -> IO[bytes]:
    # A fixed date, so that the same data are the same bytes.
    return archive.open(zipfile.ZipInfo(f"{key}.npy"), "w", force_zip64=True)


def _write_header(file: IO[bytes], dtype: str, shape: tuple[int, ...]) -> None:
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})

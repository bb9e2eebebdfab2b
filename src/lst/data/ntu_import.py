"""A store from a CTR-GCN `.npz` of NTU RGB+D (data.md 1.7).

The `.npz` has no clip names, so they are made up: valid for its benchmark, in the order of its rows, and with
replication numbers from 100 on, which no recording has (those have 1 and 2). They are good for that one
benchmark only, and not for comparing clips with a store of raw files.
Letters: N clips, M persons, T frames, V joints, C channels, D numbers per frame, K classes.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import get_args

import numpy as np

from lst.data.npz_arrays import open_npz
from lst.data.ntu_export import MADE_UP, NPZ_LAYOUTS, PADDED, WIDTH
from lst.data.ntu_persons import PERSON
from lst.data.prepare import Prepared, on_counts
from lst.data.store import StoredClip, write_store
from lst.facts.benchmarks import Benchmark
from lst.facts.choices import Split, choose
from lst.facts.clip_ids import parse_ntu_id

_SPLITS: tuple[Split, ...] = get_args(Split)
_REPLICATIONS = range(100, 1000)
_FIRST_NEW_ACTION = 61
"""NTU120 has it and those after it, in the setups from 18 on only."""


def import_npz(
    path: str | Path, benchmark: Benchmark, folder: str | Path, *, overwrite: bool = False
) -> Prepared:
    """Make the store `folder` from the `.npz` of `benchmark`, without frames and persons that only fill up.

    An uncompressed `.npz` stays on disk, so memory does not grow with it. `export_npz` gives back its arrays
    bit for bit.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such `.npz`, or one whose order of rows no clip names can have.
    """
    path = Path(path)
    choose("benchmark with an npz", benchmark.name, NPZ_LAYOUTS)
    arrays = open_npz(path)
    _check_arrays(path, arrays, benchmark)
    labels: dict[Split, list[int]] = {split: _labels(path, f"y_{split}", arrays) for split in _SPLITS}
    store = write_store(
        folder,
        _clips(arrays, labels, benchmark),
        dataset=benchmark.dataset,
        layout=benchmark.layout,
        source={"name": path.name, MADE_UP: benchmark.name, PADDED: arrays["x_train"].shape[1]},
        problems=[],
        overwrite=overwrite,
    )
    wrong = [text for text in on_counts(store) if text.startswith(f"{benchmark.name}:")]
    remark = f"{store.folder}: an npz has no clip names; they are made up and only good for {benchmark.name}"
    return Prepared(store, (), (remark, *wrong))


def _check_arrays(path: Path, arrays: Mapping[str, np.ndarray], benchmark: Benchmark) -> None:
    expected = {}
    for split in _SPLITS:
        expected[f"x_{split}"] = (np.float32, ("clips", "frames", WIDTH))
        expected[f"y_{split}"] = (np.float64, ("clips", benchmark.num_classes))
    if missing := [key for key in expected if key not in arrays]:
        raise ValueError(f"{path}: lacks {', '.join(missing)}; expected {', '.join(expected)}")
    for key, (dtype, shape) in expected.items():
        x = arrays[key]
        sizes = [a for a, b in zip(shape, x.shape, strict=False) if isinstance(a, int) and a != b]
        if x.dtype != dtype or x.ndim != len(shape) or sizes:
            text = f"expected {np.dtype(dtype)} ({', '.join(map(str, shape))}), got {x.dtype} {x.shape}"
            raise ValueError(f"{path}: {key}: {text}. Is it the npz of {benchmark.name}?")
    for split in _SPLITS:
        if len(arrays[f"x_{split}"]) != len(arrays[f"y_{split}"]):
            raise ValueError(f"{path}: x_{split} and y_{split} have different numbers of clips")
    lengths = [arrays[f"x_{split}"].shape[1] for split in _SPLITS]
    if lengths[0] != lengths[1] or lengths[0] == 0:
        raise ValueError(f"{path}: expected the same number of frames in x_train and x_test, got {lengths}")


def _labels(path: Path, key: str, arrays: Mapping[str, np.ndarray]) -> list[int]:
    y_NK = np.asarray(arrays[key])
    is_one_hot_N = ((y_NK == 1).sum(axis=1) == 1) & ((y_NK == 0).sum(axis=1) == y_NK.shape[1] - 1)
    if not is_one_hot_N.all():
        row = int(is_one_hot_N.argmin())
        raise ValueError(f"{path}: {key}, row {row}: expected a single 1 among zeros")
    return y_NK.argmax(axis=1).tolist()


def made_up_ids(benchmark: Benchmark, split: Split, labels: Sequence[int]) -> list[str]:
    """A valid clip id of the split for every label, so that the order of the `.npz` is that of `labels`.

    Raises:
        ValueError: there is no such order. In NTU120, actions 61 to 120 come only with setups from 18 on.
    """
    combinations = _combinations(benchmark, split)
    prefix, for_new, replications = "", False, iter(())
    clip_ids: list[str] = []
    for row, label in enumerate(labels):
        is_new = label + 1 >= _FIRST_NEW_ACTION
        while (number := next(replications, None) if for_new == is_new else None) is None:
            if (combination := next(combinations, None)) is None:
                raise ValueError(_no_order(benchmark, f"row {row} of {split} (action {label + 1})"))
            (prefix, for_new), replications = combination, iter(_REPLICATIONS)
        clip_ids.append(f"{prefix}R{number}A{label + 1:03d}")
    return clip_ids


def _combinations(benchmark: Benchmark, split: Split) -> Iterator[tuple[str, bool]]:
    """Setup, camera and subject as in a clip id, in the order of the rows, and whether for new actions."""
    every = {"setup": range(1, 33), "camera": range(1, 4), "subject": range(1, 107)}
    order = NPZ_LAYOUTS[benchmark.name].order
    for key in every[order]:
        for setup, camera, subject in product(*({**every, order: (key,)}.values())):
            prefix = f"S{setup:03d}C{camera:03d}P{subject:03d}"
            is_new = setup > 17
            if benchmark.rule(f"{prefix}R001A{_FIRST_NEW_ACTION if is_new else 1:03d}") == split:
                yield prefix, is_new


def _no_order(benchmark: Benchmark, row: str) -> str:
    layout = NPZ_LAYOUTS[benchmark.name]
    return (
        f"{benchmark.name}: no clip name fits {row} behind the rows before it. The rows of {layout.name}.npz "
        f"are ordered by {layout.order} and then by name, and actions from {_FIRST_NEW_ACTION} on come only "
        "with setups from 18 on. Is it the npz of this benchmark?"
    )


def _clips(
    arrays: Mapping[str, np.ndarray], labels: Mapping[Split, Sequence[int]], benchmark: Benchmark
) -> Iterator[StoredClip]:
    """In clip id order, in which the clips of the two splits are mixed."""
    copies = NPZ_LAYOUTS[benchmark.name].copies_single_person
    places: dict[str, tuple[Split, int]] = {}
    for split in _SPLITS:
        clip_ids = made_up_ids(benchmark, split, labels[split])
        places |= {clip_id: (split, row) for row, clip_id in enumerate(clip_ids)}
    for clip_id in sorted(places):
        split, row = places[clip_id]
        joints_MTVC = _without_filling(np.asarray(arrays[f"x_{split}"][row]), copies)
        yield StoredClip(clip_id, labels[split][row], joints_MTVC, parse_ntu_id(clip_id)._asdict())


def _without_filling(x_TD: np.ndarray, copies_single_person: bool) -> np.ndarray:
    """(M, T, V, C): no zero frames at the end, no second person who is only there to fill the columns.

    In NTU120 a second person of zeros is real: one whom no body was assigned to.
    """
    is_set_T = np.ascontiguousarray(x_TD).view(np.uint32).any(axis=1)  # by its bits, -0.0 is not filling
    num_frames = int(np.flatnonzero(is_set_T)[-1]) + 1 if is_set_T.any() else 1
    x_MTD = x_TD[:num_frames].reshape(num_frames, 2, PERSON).swapaxes(0, 1)
    filling_TD = x_MTD[0] if copies_single_person else np.zeros_like(x_MTD[0])
    num_persons = 1 if x_MTD[1].tobytes() == filling_TD.tobytes() else 2
    return x_MTD[:num_persons].reshape(num_persons, num_frames, PERSON // 3, 3)

"""One CTR-GCN `.npz` of NTU RGB+D (data.md 1.7) as it is read: checked, without what only fills it up.

Letters: N clips, M persons, T frames, V joints, C channels, D numbers per frame, K classes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np

from lst.data.exchange.npz_arrays import check_npz, num_pieces, open_npz
from lst.data.exchange.npz_export import NPZ_LAYOUTS, WIDTH
from lst.data.ntu.persons import PERSON
from lst.facts.benchmarks import Benchmark
from lst.facts.choices import Split, choose

_SPLITS: tuple[Split, ...] = get_args(Split)
_NAMES = tuple(f"{array}_{split}" for split in _SPLITS for array in ("x", "y"))
"""Of the arrays; others in the file are ignored."""
_ONE_HOT = "one-hot numbers of any type"


class NpzRow(NamedTuple):
    """Where a clip stands in an `.npz`."""

    split: Split
    row: int


@dataclass(frozen=True, eq=False)
class NpzSource:
    """An opened `.npz` and the benchmark that it was made for."""

    path: Path
    benchmark: Benchmark
    labels: dict[NpzRow, int]
    """0-based classes of all its clips: those to train, then those to test."""
    padded_frames: int
    _x: dict[Split, np.ndarray]

    @classmethod
    def open(cls, path: Path, benchmark: Benchmark) -> "NpzSource":
        """Open and check; an uncompressed `.npz` stays on disk.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no such `.npz`.
        """
        choose("benchmark with an npz", benchmark.name, NPZ_LAYOUTS)
        arrays = open_npz(path, _NAMES)
        _check_arrays(path, arrays, benchmark)
        labels = {
            NpzRow(split, row): label
            for split in _SPLITS
            for row, label in enumerate(_labels(path, f"y_{split}", arrays))
        }
        x: dict[Split, np.ndarray] = {split: arrays[f"x_{split}"] for split in _SPLITS}
        return cls(path, benchmark, labels, x["train"].shape[1], x)

    @property
    def num_pieces(self) -> int:
        """How often `check` yields."""
        return num_pieces(self.path, _NAMES)

    def check(self) -> Iterator[None]:
        """Read the whole file, piece by piece, and compare it with its checksums, which opening does not.

        Raises:
            ValueError: it is damaged.
        """
        return check_npz(self.path, _NAMES)

    def joints(self, place: NpzRow) -> np.ndarray:
        """(M, T, V, C) of a clip, without frames and persons that only fill up."""
        copies = NPZ_LAYOUTS[self.benchmark.name].copies_single_person
        return _without_filling(np.asarray(self._x[place.split][place.row]), copies)


def _check_arrays(path: Path, arrays: Mapping[str, np.ndarray], benchmark: Benchmark) -> None:
    expected: dict[str, tuple[str, tuple[str | int, ...]]] = {}
    for split in _SPLITS:
        expected[f"x_{split}"] = ("float32", ("clips", "frames", WIDTH))
        expected[f"y_{split}"] = (_ONE_HOT, ("clips", benchmark.num_classes))
    if missing := [key for key in expected if key not in arrays]:
        raise ValueError(f"{path}: lacks {', '.join(missing)}; expected {', '.join(expected)}")
    for key, (dtype, shape) in expected.items():
        x = arrays[key]
        sizes = [a for a, b in zip(shape, x.shape, strict=False) if isinstance(a, int) and a != b]
        is_type = x.dtype.kind in "fiub" if dtype == _ONE_HOT else x.dtype == dtype
        if not is_type or x.ndim != len(shape) or sizes:
            text = f"expected {dtype} ({', '.join(map(str, shape))}), got {x.dtype} {x.shape}"
            raise ValueError(
                f"{path}: {key}: {text}. {_axes_hint(x) or f'Is it the npz of {benchmark.name}?'}"
            )
    for split in _SPLITS:
        if len(arrays[f"x_{split}"]) != len(arrays[f"y_{split}"]):
            raise ValueError(f"{path}: x_{split} and y_{split} have different numbers of clips")
    lengths = [arrays[f"x_{split}"].shape[1] for split in _SPLITS]
    if lengths[0] != lengths[1] or lengths[0] == 0:
        raise ValueError(f"{path}: expected the same number of frames in x_train and x_test, got {lengths}")


def _axes_hint(x: np.ndarray) -> str:
    """For arrays as ST-GCN and its followers keep them."""
    if x.ndim != 5 or x.shape[1::2] != (3, PERSON // 3):
        return ""
    return (
        "By its shape its axes are (clips, channels, frames, joints, persons). Write it anew as "
        f"x.transpose(0, 2, 4, 3, 1).reshape(len(x), {x.shape[2]}, -1).astype('float32'), with "
        f"two persons, which makes {WIDTH} columns."
    )


def _labels(path: Path, key: str, arrays: Mapping[str, np.ndarray]) -> list[int]:
    y_NK = np.asarray(arrays[key])
    is_one_hot_N = ((y_NK == 1).sum(axis=1) == 1) & ((y_NK == 0).sum(axis=1) == y_NK.shape[1] - 1)
    if not is_one_hot_N.all():
        row = int(is_one_hot_N.argmin())
        raise ValueError(f"{path}: {key}, row {row}: expected a single 1 among zeros")
    return y_NK.argmax(axis=1).tolist()


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

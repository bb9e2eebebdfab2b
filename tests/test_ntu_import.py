"""A store from an `.npz`: back and forth without a changed bit, and clip names that cannot be mistaken."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lst.data.ntu_export import NPZ_LAYOUTS, export_npz
from lst.data.ntu_import import import_npz, made_up_ids
from lst.facts.benchmarks import get_benchmark
from lst.facts.clip_ids import parse_ntu_id
from test_ntu_export import golden

__all__ = ["golden"]


def npz(path: Path, *, num_classes: int = 60, **changed: Any) -> Path:
    """A small valid file: three clips of 4, 2 and 1 frames to train, one of 3 to test."""
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for split, lengths in (("train", [4, 2, 1]), ("test", [3])):
        arrays[f"x_{split}"] = rng.normal(size=(len(lengths), 4, 150)).astype(np.float32)
        for x_TD, length in zip(arrays[f"x_{split}"], lengths, strict=True):
            x_TD[length:] = 0
        arrays[f"y_{split}"] = np.eye(num_classes)[[5, 0, 59, 2][: len(lengths)]]
    arrays |= changed
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


def assert_round_trip(path: Path, name: str, folder: Path) -> dict[str, np.ndarray]:
    """`path` -> store -> the same arrays; the joints of the store by clip id."""
    benchmark = get_benchmark(name)
    store = import_npz(path, benchmark, folder / "store", overwrite=True).store
    export_npz(store, benchmark, folder / "back.npz")
    with np.load(path) as expected, np.load(folder / "back.npz") as got:
        assert sorted(got.files) == sorted(expected.files)
        for key in expected.files:
            assert (got[key].dtype, got[key].shape) == (expected[key].dtype, expected[key].shape)
            assert got[key].tobytes() == expected[key].tobytes(), key
    return {clip_id: store.clip(i) for i, clip_id in enumerate(store.clip_ids)}


@pytest.mark.parametrize("name", NPZ_LAYOUTS)
def test_the_reference_files_come_back(name: str, golden: Path, tmp_path: Path):
    path = golden / "expected" / f"{NPZ_LAYOUTS[name].name}.npz"
    clips = assert_round_trip(path, name, tmp_path)
    # S004C001P007R001A050 has two persons; 30, 33 and 27 frames, ... (frames_cnt.txt): only what there is.
    assert {x.shape[0] for x in clips.values()} == {1, 2}
    counts = "ntu120_frames_cnt.txt" if name.startswith("ntu120") else "ntu_frames_cnt.txt"
    frames = [int(n) for n in (golden / "expected" / counts).read_text().split()]
    assert sorted(x.shape[1] for x in clips.values()) == sorted(frames)


def test_made_up_names_are_valid_and_recognisable(tmp_path: Path):
    prepared = import_npz(npz(tmp_path / "x.npz"), get_benchmark("ntu60-xsub"), tmp_path / "store")
    store, benchmark = prepared.store, get_benchmark("ntu60-xsub")
    assert store.clip_ids == [
        "S001C001P001R100A006",
        "S001C001P001R101A001",
        "S001C001P001R102A060",
        "S001C001P003R100A006",
    ]
    assert [benchmark.rule(i) for i in store.clip_ids] == ["train", "train", "train", "test"]
    assert [benchmark.label_of(i) for i in store.clip_ids] == store.labels.tolist() == [5, 0, 59, 5]
    assert store.frames.tolist() == [4, 2, 1, 3]
    assert "made up and only good for ntu60-xsub" in prepared.remarks[0]
    assert "ntu60-xsub: expected 40,091 train clips, found 3 (40,088 missing)" in prepared.remarks
    with pytest.raises(ValueError, match="was made from the npz of ntu60-xsub, so its clip ids are made up"):
        export_npz(store, get_benchmark("ntu60-xview"), tmp_path / "y.npz")


@pytest.mark.parametrize("name", NPZ_LAYOUTS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_names_for_as_many_clips_as_the_benchmark_has(name: str, split: Any):
    benchmark = get_benchmark(name)
    count = benchmark.expected[split]
    labels = sorted(np.arange(count) % benchmark.num_classes, key=lambda label: label >= 60)
    clip_ids = made_up_ids(benchmark, split, labels)
    assert len(set(clip_ids)) == count
    order = [(parse_ntu_id(i)._asdict()[NPZ_LAYOUTS[name].order], i) for i in clip_ids]
    assert order == sorted(order)
    assert {benchmark.rule(i) for i in clip_ids[::97]} == {split}
    assert [benchmark.label_of(i) for i in clip_ids] == labels
    assert min(parse_ntu_id(i).replication for i in clip_ids[::97]) >= 100


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 119), max_size=40))
def test_rows_by_subject_may_return_to_old_actions(labels: list[int]):
    clip_ids = made_up_ids(get_benchmark("ntu120-xsub"), "train", labels)
    order = [(parse_ntu_id(i).subject, i) for i in clip_ids]
    assert order == sorted(order)
    assert [int(i[-3:]) - 1 for i in clip_ids] == labels


def test_an_order_that_no_names_have():
    with pytest.raises(
        ValueError, match=r"no clip name fits row 1 of train \(action 60\) behind the rows before"
    ):
        made_up_ids(get_benchmark("ntu120-xset"), "train", [60, 59])


ZEROS = np.zeros((4, 150), dtype=np.float32)


@pytest.mark.parametrize(
    ("name", "second", "persons"),
    [
        ("ntu60-xsub", "zeros", 1),
        ("ntu60-xsub", "copy", 2),
        ("ntu120-xsub", "zeros", 2),
        ("ntu120-xsub", "copy", 1),
        ("ntu120-xsub", "other", 2),
    ],
)
def test_a_filled_up_person_is_not_stored(name: str, second: str, persons: int, tmp_path: Path):
    x_NTD = np.random.default_rng(1).normal(size=(1, 4, 150)).astype(np.float32)
    x_NTD[..., 75:] = {"zeros": 0, "copy": x_NTD[..., :75], "other": x_NTD[..., 75:]}[second]
    path = npz(tmp_path / "x.npz", num_classes=get_benchmark(name).num_classes, x_test=x_NTD)
    clips = assert_round_trip(path, name, tmp_path)
    assert next(x for i, x in clips.items() if "P003" in i).shape == (persons, 4, 25, 3)


@pytest.mark.parametrize("name", ["ntu60-xsub", "ntu120-xsub"])
@pytest.mark.parametrize(
    "case", ["zero clip", "zero frame inside", "minus zero at the end", "nan at the end"]
)
def test_odd_clips_come_back(name: str, case: str, tmp_path: Path):
    x_NTD = np.ones((1, 4, 150), dtype=np.float32)
    x_NTD[0, 3] = 0
    if case == "zero clip":
        x_NTD[:] = 0
    elif case == "zero frame inside":
        x_NTD[0, 1] = 0
    else:
        x_NTD[0, 3, 149] = -0.0 if case.startswith("minus") else np.nan
    path = npz(tmp_path / "x.npz", num_classes=get_benchmark(name).num_classes, x_test=x_NTD)
    assert_round_trip(path, name, tmp_path)


def test_a_compressed_file_is_read_as_well(tmp_path: Path):
    with np.load(npz(tmp_path / "x.npz")) as arrays:
        np.savez_compressed(tmp_path / "y.npz", **arrays)
    assert_round_trip(tmp_path / "y.npz", "ntu60-xsub", tmp_path)


BAD = {
    "no test": ({"x_test": None}, "lacks x_test; expected x_train, y_train, x_test, y_test"),
    "width": (
        {"x_test": np.zeros((1, 4, 75), np.float32)},
        r"x_test: expected float32 \(clips, frames, 150\), got",
    ),
    "type": ({"x_test": np.zeros((1, 4, 150))}, r"x_test: expected float32 .* got float64 \(1, 4, 150\)"),
    "classes": (
        {"y_test": np.eye(120)[:1]},
        r"y_test: expected float64 \(clips, 60\), got float64 \(1, 120\)",
    ),
    "labels": ({"y_test": np.zeros((1, 60))}, "y_test, row 0: expected a single 1 among zeros"),
    "twos": ({"y_test": 2 * np.eye(60)[:1]}, "y_test, row 0: expected a single 1 among zeros"),
    "clips": ({"y_test": np.eye(60)[:2]}, "x_test and y_test have different numbers of clips"),
    "frames": ({"x_test": ZEROS[None, :3]}, r"same number of frames in x_train and x_test, got \[4, 3\]"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_said_about_a_wrong_file(case: str, tmp_path: Path):
    changed, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        import_npz(npz(tmp_path / "x.npz", **changed), get_benchmark("ntu60-xsub"), tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_benchmarks_without_npz(tmp_path: Path):
    with pytest.raises(ValueError, match="unknown benchmark with an npz 'nw-ucla'"):
        import_npz(npz(tmp_path / "x.npz"), get_benchmark("nw-ucla"), tmp_path / "store")

"""A store from an `.npz`: back and forth without a changed bit, and clip names that cannot be mistaken."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lst.data.exchange.npz_export import NPZ_LAYOUTS, export_npz
from lst.data.exchange.npz_import import import_npz
from lst.data.exchange.placeholder_ids import made_up_ids
from lst.facts.benchmarks import Benchmark, get_benchmark
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
    store = import_npz([(path, benchmark)], folder / "store", overwrite=True).store
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
    prepared = import_npz([(npz(tmp_path / "x.npz"), get_benchmark("ntu60-xsub"))], tmp_path / "store")
    store, benchmark = prepared.store, get_benchmark("ntu60-xsub")
    assert store.clip_ids == [
        "S001C001P001R100A001",
        "S001C001P001R100A006",
        "S001C001P001R100A060",
        "S001C001P003R100A006",
    ]
    assert [benchmark.rule(i) for i in store.clip_ids] == ["train", "train", "train", "test"]
    assert [benchmark.label_of(i) for i in store.clip_ids] == store.labels.tolist() == [0, 5, 59, 5]
    assert store.frames.tolist() == [2, 4, 1, 3]
    assert store.attributes["row_ntu60-xsub"].tolist() == [1, 0, 2, 0]
    assert "made up and only good for ntu60-xsub" in prepared.remarks[0]
    assert "ntu60-xsub: expected 40,091 train clips, found 3 (40,088 missing)" in prepared.remarks
    with pytest.raises(ValueError, match="was made from the npz of ntu60-xsub, so its clip ids are made up"):
        export_npz(store, get_benchmark("ntu60-xview"), tmp_path / "y.npz")


def test_made_up_names_serve_one_benchmark_only(tmp_path: Path):
    store = import_npz([(npz(tmp_path / "x.npz"), get_benchmark("ntu60-xsub"))], tmp_path / "store").store
    assert list(store.summary()["benchmarks"]) == ["ntu60-xsub"]
    with pytest.raises(
        ValueError, match=r"not good for ntu60-xview\. Prepare the raw files, or import its npz"
    ):
        store.select(get_benchmark("ntu60-xview"), "train")


@pytest.mark.parametrize("dataset", ["ntu60", "ntu120"])
def test_names_for_as_many_clips_as_the_data_set_has(dataset: str):
    """And for 10,000 more of one class; every benchmark gets the split that is asked for."""
    benchmarks = [get_benchmark(name) for name in NPZ_LAYOUTS if name.startswith(dataset)]
    kinds = list(product(("train", "test"), repeat=2))
    labels = [i % benchmarks[0].num_classes for i in range(sum(benchmarks[0].expected.values()))]
    labels += [7] * 10_000
    splits: list[Any] = [kinds[(i // 7) % 4] for i in range(len(labels))]
    clip_ids = made_up_ids(benchmarks, splits, labels)
    assert len(set(clip_ids)) == len(labels)
    for clip_id, wanted, label in list(zip(clip_ids, splits, labels, strict=True))[::31]:
        assert tuple(benchmark.rule(clip_id) for benchmark in benchmarks) == wanted
        assert benchmarks[0].label_of(clip_id) == label
        assert parse_ntu_id(clip_id).replication >= 100


def test_more_clips_of_a_class_than_names():
    with pytest.raises(ValueError, match=r"action 3: there are more clips in .* than names"):
        made_up_ids([get_benchmark("ntu60-xview")], [("test",)] * 2_000_000, [2] * 2_000_000)


def pair(
    folder: Path, dataset: str, seed: int, *, changed: int | None = None
) -> list[tuple[Path, Benchmark]]:
    """Two npz of the same random clips, copies among them, in another order and other splits."""
    rng = np.random.default_rng(seed)
    benchmarks = [get_benchmark(name) for name in NPZ_LAYOUTS if name.startswith(dataset)]
    classes = benchmarks[0].num_classes
    numbers = rng.normal(size=(9, 4, 150)).astype(np.float32)
    numbers[3] = numbers[4]
    clips = [(int(rng.integers(classes)), numbers[i]) for i in range(9)]
    clips[4] = clips[3]
    found: list[tuple[Path, Benchmark]] = []
    for benchmark in benchmarks:
        clips = [clips[i] for i in rng.permutation(9)]
        arrays: dict[str, np.ndarray] = {}
        for split, part in (("train", clips[:5]), ("test", clips[5:])):
            arrays[f"x_{split}"] = np.stack([x for _, x in part])
            arrays[f"y_{split}"] = np.eye(classes)[[label for label, _ in part]]
        if changed is not None and found:
            arrays["x_test"][changed, 0, 0] += 1
        path = folder / f"{benchmark.name}.npz"
        np.savez(path, **arrays)
        found.append((path, benchmark))
    return found


@pytest.mark.parametrize("dataset", ["ntu60", "ntu120"])
@pytest.mark.parametrize("seed", range(4))
def test_two_npz_of_a_data_set_come_back_from_one_store(dataset: str, seed: int, tmp_path: Path):
    sources = pair(tmp_path, dataset, seed)
    prepared = import_npz(sources, tmp_path / "store")
    assert len(prepared.store) == 9
    for path, benchmark in sources:
        export_npz(prepared.store, benchmark, tmp_path / "back.npz")
        with np.load(path) as expected, np.load(tmp_path / "back.npz") as got:
            for key in expected.files:
                assert got[key].tobytes() == expected[key].tobytes(), key


@pytest.mark.parametrize("dataset", ["ntu60", "ntu120"])
def test_the_reference_files_of_both_protocols_come_back(dataset: str, golden: Path, tmp_path: Path):
    names = [name for name in NPZ_LAYOUTS if name.startswith(dataset)]
    paths = [golden / "expected" / f"{NPZ_LAYOUTS[name].name}.npz" for name in names]
    benchmarks = [get_benchmark(name) for name in names]
    store = import_npz(list(zip(paths, benchmarks, strict=True)), tmp_path / "store").store
    assert store.manifest["source"]["made_up_ids_for"] == sorted(names)
    for path, benchmark in zip(paths, benchmarks, strict=True):
        export_npz(store, benchmark, tmp_path / "back.npz")
        with np.load(path) as expected, np.load(tmp_path / "back.npz") as got:
            for key in expected.files:
                assert got[key].tobytes() == expected[key].tobytes(), key


def test_the_order_of_the_arguments_changes_nothing(tmp_path: Path):
    sources = pair(tmp_path, "ntu120", 3)
    one = import_npz(sources, tmp_path / "one").store
    other = import_npz(sources[::-1], tmp_path / "other").store
    for file in ("clips.csv", "joints.npy", "manifest.json"):
        assert (one.folder / file).read_bytes() == (other.folder / file).read_bytes()


def test_other_numbers_have_another_checksum(tmp_path: Path):
    benchmark = get_benchmark("ntu60-xsub")
    path = npz(tmp_path / "x.npz")
    with np.load(path) as arrays:
        np.savez(tmp_path / "y.npz", **{**arrays, "x_test": arrays["x_test"] * np.float32(3)})
    one, again, other = (
        import_npz([(file, benchmark)], tmp_path / folder).store.manifest["source"]["sha256"]
        for file, folder in ((path, "1"), (path, "2"), (tmp_path / "y.npz", "3"))
    )
    assert one == again != other


def test_odd_clips_are_told(tmp_path: Path):
    x_NTD = np.ones((2, 4, 150), dtype=np.float32)
    x_NTD[0, 1, 7], x_NTD[1] = np.nan, 0
    path = npz(tmp_path / "x.npz", x_test=x_NTD, y_test=np.eye(60)[[1, 2]])
    remarks = import_npz([(path, get_benchmark("ntu60-xsub"))], tmp_path / "store").remarks
    assert "NaN or infinite coordinates: 1 clips such as S001C001P003R100A002, kept" in remarks
    assert "nothing but zeros: 1 clips such as S001C001P003R100A003, kept" in remarks


def test_a_hole_in_an_npz_that_is_mapped(tmp_path: Path):
    path = npz(tmp_path / "x.npz")
    content = bytearray(path.read_bytes())
    start = content.index(np.load(path)["x_train"][0, 1].tobytes())
    content[start : start + 400] = bytes(400)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.npz: cannot be read as npz.*Bad CRC-32.*download it again"):
        import_npz([(path, get_benchmark("ntu60-xsub"))], tmp_path / "store")
    assert not (tmp_path / "store").exists()


def joined(folder: Path, first: dict[str, Any], second: dict[str, Any]) -> None:
    """Both npz come back from one store, byte for byte."""
    sources = [
        (npz(folder / "1.npz", **first), get_benchmark("ntu60-xsub")),
        (npz(folder / "2.npz", **second), get_benchmark("ntu60-xview")),
    ]
    store = import_npz(sources, folder / "store").store
    for path, benchmark in sources:
        export_npz(store, benchmark, folder / "back.npz")
        with np.load(path) as expected, np.load(folder / "back.npz") as got:
            for key in expected.files:
                assert got[key].shape == expected[key].shape, (benchmark.name, key)
                assert got[key].tobytes() == expected[key].tobytes(), (benchmark.name, key)


def arrays_of(clips: list[tuple[int, np.ndarray]], num_train: int, frames: int) -> dict[str, np.ndarray]:
    """Clips of a class and joints, padded to a number of frames."""
    x_NTD = np.zeros((len(clips), frames, 150), dtype=np.float32)
    for x_TD, (_, joints_TD) in zip(x_NTD, clips, strict=True):
        x_TD[: len(joints_TD), : joints_TD.shape[1]] = joints_TD
    y_NK = np.eye(60)[[label for label, _ in clips]]
    n = num_train
    return {"x_train": x_NTD[:n], "x_test": x_NTD[n:], "y_train": y_NK[:n], "y_test": y_NK[n:]}


@pytest.mark.parametrize(("frames", "others"), [(300, 4), (4, 300), (7, 7)])
def test_each_npz_keeps_its_padding(frames: int, others: int, tmp_path: Path):
    rng = np.random.default_rng(0)
    clips = [(i, rng.normal(size=(4 - i, 75)).astype(np.float32)) for i in range(3)]
    joined(tmp_path, arrays_of(clips, 2, frames), arrays_of(clips[::-1], 1, others))


def test_the_same_numbers_in_another_class_or_shape_are_another_clip(tmp_path: Path):
    flat = np.random.default_rng(0).normal(size=(2, 150)).astype(np.float32)
    two_persons = (1, flat)
    # As bytes person 0's frames come first, so this one person of four frames has the same bytes.
    one_person = (1, flat.reshape(2, 2, 75).swapaxes(0, 1).reshape(4, 75))
    clips = [two_persons, (2, flat), one_person]
    joined(tmp_path, arrays_of(clips, 1, 4), arrays_of(clips[::-1], 2, 4))


def test_npz_that_do_not_belong_together(tmp_path: Path):
    first, second = pair(tmp_path, "ntu60", 1, changed=2)
    with pytest.raises(
        ValueError, match=r"ntu60-xview.npz: has no clip like (train|test) row \d of ntu60-xsub"
    ):
        import_npz([first, second], tmp_path / "store")
    with pytest.raises(ValueError, match=r"is of ntu60-xsub like .*; give one of the two"):
        import_npz([first, first], tmp_path / "store")
    with pytest.raises(ValueError, match=r"is of ntu60-xview like .*; give one of the two"):
        import_npz([second, first, second], tmp_path / "store")
    with pytest.raises(ValueError, match="there is no npz to import"):
        import_npz([], tmp_path / "store")
    with pytest.raises(ValueError, match=r"is of ntu60, but .* of ntu120"):
        import_npz([first, pair(tmp_path, "ntu120", 1)[0]], tmp_path / "store")
    with pytest.raises(
        ValueError, match=r"all its clips in the same splits as .*, as if one file had two names"
    ):
        import_npz([first, (first[0], second[1])], tmp_path / "store")
    shorter = (npz(tmp_path / "x.npz"), second[1])
    with pytest.raises(
        ValueError,
        match=r"has 4 clips, the first 9. Only files of two protocols with the same clips can be joined",
    ):
        import_npz([first, shorter], tmp_path / "store")
    assert not (tmp_path / "store").exists()


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
        r"y_test: expected one-hot numbers of any type \(clips, 60\), got float64 \(1, 120\)",
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
        import_npz([(npz(tmp_path / "x.npz", **changed), get_benchmark("ntu60-xsub"))], tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_benchmarks_without_npz(tmp_path: Path):
    with pytest.raises(ValueError, match="unknown benchmark with an npz 'nw-ucla'"):
        import_npz([(npz(tmp_path / "x.npz"), get_benchmark("nw-ucla"))], tmp_path / "store")

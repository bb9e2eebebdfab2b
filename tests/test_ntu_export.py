"""The `.npz` that other repositories read: equal to the reference's, bit for bit, from raw files."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lst.data.exchange.npz_export import NPZ_LAYOUTS, export_npz, row_order
from lst.data.ntu.prepare import prepare_ntu
from lst.data.store.clip_store import ClipStore, StoredClip, write_store
from lst.facts.benchmarks import get_benchmark
from lst.facts.clip_ids import parse_ntu_id

RAW = "nturgbd_raw/nturgb+d_skeletons"


@pytest.fixture(scope="module")
def golden(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """26 synthetic raw files and what CTR-GCN's scripts make of them (README.txt in the zip)."""
    folder = tmp_path_factory.mktemp("golden")
    with zipfile.ZipFile(shared / "golden" / "ntu_prep.zip") as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def stores(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ClipStore]:
    folder = tmp_path_factory.mktemp("stores")
    sources = {"ntu60": [golden / RAW], "ntu120": [golden / RAW, golden / f"{RAW}120"]}
    prepared = {name: prepare_ntu(name, raw, folder / name) for name, raw in sources.items()}
    assert not any(p.problems for p in prepared.values())
    return {name: p.store for name, p in prepared.items()}


@pytest.mark.parametrize("name", NPZ_LAYOUTS)
def test_arrays_are_those_of_the_reference(
    name: str, golden: Path, stores: dict[str, ClipStore], tmp_path: Path
):
    benchmark, npz = get_benchmark(name), f"{NPZ_LAYOUTS[name].name}.npz"
    export_npz(stores[benchmark.dataset], benchmark, tmp_path / npz)
    with np.load(golden / "expected" / npz) as expected, np.load(tmp_path / npz) as got:
        assert sorted(expected.files) == ["x_test", "x_train", "y_test", "y_train"]
        assert sorted(got.files) == sorted(expected.files)
        for key in expected.files:
            assert got[key].dtype == expected[key].dtype, key
            assert got[key].shape == expected[key].shape, key
            assert got[key].tobytes() == expected[key].tobytes(), key


@pytest.mark.parametrize("name", NPZ_LAYOUTS)
def test_rows_are_in_the_order_of_the_reference(name: str, golden: Path, stores: dict[str, ClipStore]):
    benchmark = get_benchmark(name)
    store = stores[benchmark.dataset]
    order = json.loads((golden / "manifest.json").read_text())["order"][NPZ_LAYOUTS[name].name]
    assert [store.clip_ids[row] for row in row_order(store, benchmark, "train")] == order["train"]
    assert [store.clip_ids[row] for row in row_order(store, benchmark, "test")] == order["test"]


def test_the_files_of_golden_tell_what_happened_to_them(golden: Path, stores: dict[str, ClipStore]):
    notes = stores["ntu120"].manifest["source"]["notes"]
    assert notes == {
        "frames_without_body": {"S001C002P003R001A002": 4, "S011C002P035R001A060": 2},
        "zero_frames": {"S003C001P002R001A004": 1, "S003C002P007R001A005": 2},
        "left_out_bodies": dict.fromkeys(
            ["S005C002P013R001A052", "S005C003P016R001A053", "S006C001P019R001A054"], 1
        ),
        "gap_frames": {"S007C001P026R001A057": 10, "S007C002P027R001A006": 3},
        "short_bodies": dict.fromkeys(
            ["S007C002P027R001A006", "S008C003P028R001A007", "S031C001P103R001A120"], 1
        ),
        "empty_frames": {"S007C002P027R001A006": 3},
        "wide_bodies": dict.fromkeys(
            ["S008C001P029R001A008", "S009C002P015R001A009", "S010C001P018R002A059"], 1
        ),
        "all_wide": {"S009C002P015R001A009": 1},
    }
    frames = [int(n) for n in (golden / "expected" / "ntu120_frames_cnt.txt").read_text().split()]
    assert stores["ntu120"].frames.tolist() == frames


def store_of(folder: Path, dataset: str, clips: dict[str, np.ndarray], **source: object) -> ClipStore:
    stored = [StoredClip(i, 4, x, parse_ntu_id(i)._asdict()) for i, x in sorted(clips.items())]
    return write_store(
        folder, stored, dataset=dataset, layout="kinect_v2_25", source=source, problems=[], overwrite=True
    )


@pytest.mark.parametrize(("name", "copied"), [("ntu60-xsub", False), ("ntu120-xset", True)])
def test_persons_and_padding_by_hand(name: str, copied: bool, tmp_path: Path):
    one = np.arange(2 * 75, dtype=np.float32).reshape(1, 2, 25, 3) + 1
    two = np.arange(2 * 3 * 75, dtype=np.float32).reshape(2, 3, 25, 3) + 1000
    clips = {"S002C001P001R001A005": one, "S002C001P002R001A005": two}
    export_npz(
        store_of(tmp_path / "store", get_benchmark(name).dataset, clips), get_benchmark(name), tmp_path / "x"
    )
    with np.load(tmp_path / "x") as arrays:
        assert arrays["x_train"].shape == (2, 3, 150)
        assert arrays["x_test"].shape == (0, 3, 150)
        assert arrays["y_test"].shape == (0, get_benchmark(name).num_classes)
        assert arrays["y_train"].argmax(axis=1).tolist() == [4, 4]
        x_NTD = arrays["x_train"]
    assert x_NTD[0, 1, 74] == one[0, 1, 24, 2]
    assert not x_NTD[0, 2].any()
    assert np.array_equal(x_NTD[0, :2, 75:], one[0].reshape(2, 75) if copied else np.zeros((2, 75)))
    assert x_NTD[1, 2, 75 + 3 * 7 + 1] == two[1, 2, 7, 1]


def test_the_same_store_gives_the_same_bytes(stores: dict[str, ClipStore], tmp_path: Path):
    for name in "ab":
        export_npz(stores["ntu60"], get_benchmark("ntu60-xview"), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_what_cannot_be_exported(stores: dict[str, ClipStore], tmp_path: Path):
    path = tmp_path / "x.npz"
    with pytest.raises(ValueError, match="unknown benchmark with an npz 'nw-ucla'"):
        export_npz(stores["ntu60"], get_benchmark("nw-ucla"), path)
    with pytest.raises(ValueError, match="holds 'ntu60', but the benchmark 'ntu120-xset' needs 'ntu120'"):
        export_npz(stores["ntu60"], get_benchmark("ntu120-xset"), path)
    clip = {"S002C001P001R001A005": np.ones((3, 2, 25, 3), dtype=np.float32)}
    three = store_of(tmp_path / "three", "ntu60", clip)
    with pytest.raises(ValueError, match="S002C001P001R001A005 has 3 persons, but an npz has two"):
        export_npz(three, get_benchmark("ntu60-xsub"), path)
    assert list(tmp_path.glob("x.npz*")) == []

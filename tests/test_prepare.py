"""From raw files to a store: the real NW-UCLA archive, and archives that are not as they should be."""

import json
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lst.data.prepare import prepare_nw_ucla
from lst.data.store.clip_store import ClipStore, Problem
from lst.data.store.prepared import Prepared
from lst.facts.benchmarks import get_benchmark

# data.md 2.2: action -> clips in view 1, view 2, view 3; frames min, median, max
PER_CLASS = {
    1: (53, 49, 48, 6, 28, 201),
    2: (52, 50, 50, 1, 33, 86),
    3: (51, 45, 45, 6, 31, 165),
    4: (64, 60, 49, 11, 31, 161),
    5: (50, 51, 47, 13, 23, 65),
    6: (52, 50, 47, 8, 21, 82),
    8: (49, 50, 43, 24, 85, 175),
    9: (50, 49, 43, 29, 54, 192),
    11: (49, 49, 47, 8, 26, 65),
    12: (46, 51, 45, 11, 22.5, 77),
}
# data.md 2.2: clips of subject 1 to 10 in view 1, 2, 3
PER_SUBJECT = [
    *[(51, 55, 54), (51, 53, 50), (51, 53, 55), (58, 54, 50), (57, 52, 10)],
    *[(47, 45, 46), (47, 49, 51), (57, 49, 52), (43, 48, 48), (54, 46, 48)],
]


@pytest.fixture(scope="module")
def archive(shared: Path) -> Path:
    return shared / "data" / "nw_ucla_all_sqe.zip"


@pytest.fixture(scope="module")
def real(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare_nw_ucla(archive, tmp_path_factory.mktemp("real") / "nw-ucla")


def test_the_whole_archive_is_used_and_official(real: Prepared):
    assert real.problems == ()
    assert real.remarks == ()
    assert real.store.manifest["source"] == {
        "name": "nw_ucla_all_sqe.zip",
        "sha256": "ec3f34585796121579c7e5c02f6e4a2f6d74cbff4fdfa48888526dd0f0f07b6d",
        "official": True,
        "files": 1484,
        "ignored": 0,
    }
    assert len(real.store) == 1484
    assert real.store.clip_ids == sorted(real.store.clip_ids)
    assert set(real.store.persons) == {1}


@pytest.mark.parametrize(
    ("benchmark", "train", "test"), [("nw-ucla", 1020, 464), ("nw-ucla-clean", 925, 464)]
)
def test_counts_per_split(real: Prepared, benchmark: str, train: int, test: int):
    parts = [real.store.select(get_benchmark(benchmark), split) for split in ("train", "test")]
    assert [len(part) for part in parts] == [train, test]
    assert not set(parts[0]) & set(parts[1])


@pytest.mark.parametrize(("label", "action"), list(enumerate(PER_CLASS)))
def test_counts_per_class_and_view(real: Prepared, label: int, action: int):
    store = real.store
    mine = store.labels == label
    assert set(store.attributes["action"][mine]) == {action}
    views = [int((mine & (store.attributes["view"] == view)).sum()) for view in (1, 2, 3)]
    frames = store.frames[mine]
    assert (*views, frames.min(), np.median(frames), frames.max()) == PER_CLASS[action]


def test_counts_per_subject_and_view(real: Prepared):
    subject, view = real.store.attributes["subject"], real.store.attributes["view"]
    found = [tuple(int(((subject == s) & (view == v)).sum()) for v in (1, 2, 3)) for s in range(1, 11)]
    assert found == PER_SUBJECT


def test_lengths(real: Prepared):
    summary = real.store.summary()
    assert {key: summary["lengths"][key] for key in ("min", "median", "max")} == {
        "min": 1,
        "median": 31,
        "max": 201,
    }
    train, test = (summary["benchmarks"]["nw-ucla"][split]["lengths"] for split in ("train", "test"))
    assert (train["total"], round(train["mean"], 1), train["median"]) == (44_144, 43.3, 34)
    assert (test["total"], round(test["mean"], 1), test["median"]) == (14_390, 31.0, 25)


def test_defects_reach_the_manifest_and_the_summary(real: Prepared, shared: Path):
    known = json.loads((shared / "data" / "nw_ucla_issues.json").read_text())
    defects = json.loads((real.store.folder / "manifest.json").read_text())["defects"]
    assert defects["copied_clips"] == sorted(
        [train, test] for test, train in known["test_clip_identical_to_train_clip"]
    )
    assert defects["one_frame_clips"] == known["one_frame_clips"]
    benchmarks = real.store.summary()["benchmarks"]
    assert len(benchmarks["nw-ucla"]["copied_from_train"]) == 95
    assert benchmarks["nw-ucla-clean"]["copied_from_train"] == []


def test_every_real_clip_equals_its_json(real: Prepared, archive: Path):
    with zipfile.ZipFile(archive) as raw:
        for i, clip_id in enumerate(real.store.clip_ids):
            data = json.loads(raw.read(f"all_sqe/{clip_id}.json"))
            expected = np.array(data["skeletons"], dtype=np.float64).astype(np.float32)
            np.testing.assert_array_equal(real.store.clip(i)[0], expected)
            assert real.store.labels[i] == data["label"] - 1


def test_twice_the_same_bytes_and_in_seconds(real: Prepared, archive: Path, tmp_path: Path):
    start = time.perf_counter()
    again = prepare_nw_ucla(archive, tmp_path / "again")
    assert time.perf_counter() - start < 20  # about 1 s; the bound is for a busy machine
    for name in ("joints.npy", "clips.csv", "manifest.json", "problems.csv"):
        assert (again.store.folder / name).read_bytes() == (real.store.folder / name).read_bytes()


@pytest.fixture
def few(archive: Path, tmp_path: Path) -> Path:
    """A folder with three real clips, one of them in a folder of its own, and a broken one."""
    folder = tmp_path / "all_sqe"
    (folder / "deep").mkdir(parents=True)
    with zipfile.ZipFile(archive) as raw:
        for name in ("a01_s01_e00_v01", "a01_s01_e00_v02", "deep/a12_s10_e04_v03"):
            (folder / f"{name}.json").write_bytes(raw.read(f"all_sqe/{Path(name).name}.json"))
    (folder / "a02_s01_e00_v01.json").write_text('{"label": 2,\n"skeletons": [[')
    return folder


def test_an_incomplete_folder_gives_a_store_problems_and_remarks(few: Path, tmp_path: Path):
    (few / "val_label.pkl").write_bytes(b"")
    prepared = prepare_nw_ucla(few, tmp_path / "store")
    assert prepared.store.clip_ids == ["a01_s01_e00_v01", "a01_s01_e00_v02", "a12_s10_e04_v03"]
    assert [(problem.file, problem.line) for problem in prepared.problems] == [("a02_s01_e00_v01.json", 2)]
    assert ClipStore.open(tmp_path / "store").problems() == list(prepared.problems)
    source = prepared.store.manifest["source"]
    assert (source["official"], source["files"], source["ignored"]) == (False, 4, 1)
    text = "\n".join(prepared.remarks)
    assert "ignored 1 of 5 files (hidden or of another kind), such as val_label.pkl" in text
    assert "nw-ucla: expected 1,020 train clips, found 2" in text
    assert "nw-ucla-clean: expected 464 test clips, found 1" in text
    assert "not exactly the distributed files" in text
    assert len(prepared.remarks) == 6


def test_folder_and_zip_give_the_same_store(few: Path, tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "all_sqe.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in reversed(sorted(few.rglob("*.json"))):
            archive.write(file, Path("elsewhere") / file.name)
        archive.writestr("__MACOSX/elsewhere/._a01_s01_e00_v01.json", b"\x00\x05\x16\x07")
    from_folder = prepare_nw_ucla(few, tmp_path / "one").store
    from_zip = prepare_nw_ucla(tmp_path / "all_sqe.zip", tmp_path / "two").store
    for name in ("joints.npy", "clips.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert from_folder.manifest["source"]["sha256"] == from_zip.manifest["source"]["sha256"]
    assert from_zip.manifest["source"]["ignored"] == 1


def test_a_changed_byte_is_not_official(few: Path, tmp_path: Path):
    first = prepare_nw_ucla(few, tmp_path / "store").store.manifest["source"]["sha256"]
    (few / "a01_s01_e00_v01.json").write_bytes((few / "a01_s01_e00_v01.json").read_bytes() + b" ")
    again = prepare_nw_ucla(few, tmp_path / "store", overwrite=True).store.manifest["source"]["sha256"]
    assert again != first


def test_nothing_usable_leaves_nothing(tmp_path: Path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a01_s01_e00_v01.json").write_text("{}")
    with pytest.raises(ValueError, match=r"among 1 JSON files.*1,484 files.*lacks skeletons and label"):
        prepare_nw_ucla(tmp_path / "raw", tmp_path / "store")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        prepare_nw_ucla(tmp_path / "nowhere", tmp_path / "store")
    assert os.listdir(tmp_path) == ["raw"]


def test_the_source_folder_is_never_replaced(few: Path):
    before = sorted(few.rglob("*"))
    with pytest.raises(ValueError, match="not replaced"):
        prepare_nw_ucla(few, few, overwrite=True)
    assert sorted(few.rglob("*")) == before


def test_problem_is_plain(few: Path, tmp_path: Path):
    (problem,) = prepare_nw_ucla(few, tmp_path / "store").problems
    assert isinstance(problem, Problem)
    assert problem.problem.startswith("broken JSON: ")

"""Which clip trains and which tests, for every protocol."""

import json
import re
import zipfile
from collections import Counter
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clip_names import ntu_id, ucla_id
from lst.facts import splits
from lst.facts.benchmarks import get_benchmark
from lst.facts.clip_ids import parse_ucla_id

NTU60 = get_benchmark("ntu60-xsub")
NTU120 = get_benchmark("ntu120-xsub")
UCLA = get_benchmark("nw-ucla")
CLEAN = get_benchmark("nw-ucla-clean")
SYNTHETIC = get_benchmark("synthetic")


def counts_of(benchmark, clip_ids):
    counts = Counter(benchmark.rule(clip_id) for clip_id in clip_ids)
    return counts["train"], counts["test"]


# ---- NTU's protocols ----


@pytest.mark.parametrize(
    ("name", "clip_id", "split"),
    [
        ("ntu60-xsub", ntu_id(subject=1), "train"),
        ("ntu60-xsub", ntu_id(subject=3), "test"),
        ("ntu60-xsub", ntu_id(subject=38), "train"),
        ("ntu60-xsub", ntu_id(subject=40, camera=2), "test"),
        ("ntu60-xsub", ntu_id(setup=18, action=61), None),
        ("ntu60-xsub", ntu_id(subject=41), None),
        ("ntu60-xview", ntu_id(camera=1), "test"),
        ("ntu60-xview", ntu_id(camera=2, subject=3), "train"),
        ("ntu60-xview", ntu_id(camera=3), "train"),
        ("ntu60-xview", ntu_id(camera=4), None),
        ("ntu60-xview", ntu_id(setup=20, action=70), None),
        ("ntu120-xsub", ntu_id(subject=1), "train"),
        ("ntu120-xsub", ntu_id(setup=32, subject=103, action=120), "train"),
        ("ntu120-xsub", ntu_id(setup=32, subject=106, action=120), "test"),
        ("ntu120-xsub", ntu_id(setup=32, subject=107, action=120), None),
        ("ntu120-xset", ntu_id(setup=17), "test"),
        ("ntu120-xset", ntu_id(setup=18, action=61), "train"),
        ("ntu120-xset", ntu_id(setup=32, action=120), "train"),
        ("ntu120-xset", ntu_id(setup=33, action=120), None),
        ("ntu120-xset", ntu_id(setup=18, action=60), None),  # those were recorded in setups 1 to 17
        ("ntu120-xset", ntu_id(setup=17, action=61), None),
        ("ntu120-xset", ntu_id(setup=18, action=121), None),
    ],
)
def test_ntu_split(name, clip_id, split):
    assert get_benchmark(name).rule(clip_id) == split


def test_number_of_train_subjects():
    assert len(splits.NTU60_TRAIN_SUBJECTS) == 20
    assert len(splits.NTU120_TRAIN_SUBJECTS) == 53
    assert splits.NTU60_TRAIN_SUBJECTS < splits.NTU120_TRAIN_SUBJECTS
    assert max(splits.NTU60_TRAIN_SUBJECTS) <= 40
    assert max(splits.NTU120_TRAIN_SUBJECTS) <= 106


def test_train_subjects_equal_the_reference_lists(shared):
    text = (shared / "reference" / "data.md").read_text()
    (of_60,) = re.findall(r"NTU60 X-Sub \| performers ([\d, ]+) \(20\)", text)
    (added,) = re.findall(r"NTU120 X-Sub \| the 20 above and ([\d, ]+) \(53 in all\)", text)
    assert set(map(int, of_60.split(", "))) == splits.NTU60_TRAIN_SUBJECTS
    assert set(map(int, f"{of_60}, {added}".split(", "))) == splits.NTU120_TRAIN_SUBJECTS


@pytest.mark.parametrize(
    ("name", "train", "test"),
    [
        ("ntu60-xsub", 229, 73),
        ("ntu60-xview", 274, 28),
        ("ntu120-xsub", 334, 201),
        ("ntu120-xset", 252, 283),
    ],
)
def test_missing_ntu_clips_fall_into_the_splits_as_published(name, train, test, shared):
    missing = (shared / "data" / "ntu_missing_skeletons.txt").read_text().split()
    assert len(missing) == 535
    benchmark = get_benchmark(name)
    assert counts_of(benchmark, missing) == (train, test)
    # Usable and missing clips together are the whole data set (data.md 1.2).
    files = {"ntu60": 56_880, "ntu120": 114_480}[benchmark.dataset]
    assert sum(benchmark.expected.values()) + train + test == files


@given(st.integers(1, 32), st.integers(1, 3), st.integers(1, 106), st.integers(1, 2), st.integers(1, 120))
def test_ntu60_is_the_part_of_ntu120_with_its_actions(setup, camera, subject, replication, action):
    clip_id = ntu_id(setup, camera, subject, replication, action)
    in_60 = NTU60.rule(clip_id)
    assert (in_60 is None) == (get_benchmark("ntu60-xview").rule(clip_id) is None)
    assert (NTU120.rule(clip_id) is None) == (get_benchmark("ntu120-xset").rule(clip_id) is None)
    if in_60 is not None:
        assert NTU120.rule(clip_id) == in_60


# ---- NW-UCLA ----


@pytest.fixture(scope="module")
def archive(shared):
    """The clip ids of NW-UCLA's archive."""
    with zipfile.ZipFile(shared / "data" / "nw_ucla_all_sqe.zip") as file:
        return sorted(PurePosixPath(n).stem for n in file.namelist() if n.endswith(".json"))


@pytest.mark.parametrize("benchmark", [UCLA, CLEAN], ids=["standard", "clean"])
def test_nw_ucla_counts(benchmark, archive):
    assert len(archive) == 1484
    train, test = counts_of(benchmark, archive)
    assert benchmark.check_counts({"train": train, "test": test}) == []


def test_nw_ucla_counts_by_class_and_split(archive):
    counts = Counter((parse_ucla_id(c).action, parse_ucla_id(c).view) for c in archive)
    assert [counts[2, view] for view in (1, 2, 3)] == [52, 50, 50]
    by_label = Counter((UCLA.label_of(clip_id), UCLA.rule(clip_id)) for clip_id in archive)
    assert [by_label[label, "test"] for label in range(10)] == [48, 50, 45, 49, 47, 47, 43, 43, 47, 45]


def test_nw_ucla_labels_equal_those_in_the_files(shared, archive):
    first_of_each = {parse_ucla_id(clip_id).action: clip_id for clip_id in reversed(archive)}
    assert len(first_of_each) == 10
    with zipfile.ZipFile(shared / "data" / "nw_ucla_all_sqe.zip") as file:
        for clip_id in first_of_each.values():
            assert json.loads(file.read(f"all_sqe/{clip_id}.json"))["label"] == UCLA.label_of(clip_id) + 1


def test_copied_test_clips_equal_the_list(shared, archive):
    issues = json.loads((shared / "data" / "nw_ucla_issues.json").read_text())
    twins = {test: train for test, train in issues["test_clip_identical_to_train_clip"]}
    assert len(twins) == 95
    assert UCLA.copied_test_clips == set(twins)
    assert {c: splits.nw_ucla_twin(c) for c in archive if splits.nw_ucla_twin(c)} == twins
    assert {CLEAN.rule(train) for train in twins.values()} == {None}
    assert {UCLA.rule(train) for train in twins.values()} == {"train"}
    assert CLEAN.copied_test_clips == frozenset()


def test_clean_only_leaves_out_the_twins(archive):
    twins = {splits.nw_ucla_twin(clip_id) for clip_id in archive} - {None}
    assert {c for c in archive if CLEAN.rule(c) != UCLA.rule(c)} == twins


@pytest.mark.parametrize(
    ("clip_id", "standard", "clean", "twin"),
    [
        ("a01_s01_e00_v01", "train", "train", None),
        ("a01_s01_e00_v02", "train", "train", None),
        ("a01_s01_e00_v03", "test", "test", None),
        ("a02_s01_e00_v01", "train", "train", None),
        ("a02_s01_e00_v02", "train", None, None),
        ("a03_s10_e03_v03", "test", "test", "a03_s10_e03_v02"),
        ("a12_s01_e00_v04", None, None, None),
        ("a12_s01_e00_v00", None, None, None),
    ],
)
def test_nw_ucla_split(clip_id, standard, clean, twin):
    assert UCLA.rule(clip_id) == standard
    assert CLEAN.rule(clip_id) == clean
    assert splits.nw_ucla_twin(clip_id) == twin


# ---- synthetic ----


@pytest.mark.parametrize(
    ("subject", "split"), [(0, None), (1, "train"), (8, "train"), (9, "test"), (12, "test"), (13, None)]
)
def test_synthetic_split_is_by_subject(subject, split):
    assert {SYNTHETIC.rule(ucla_id(subject=subject, view=view)) for view in (1, 2, 3)} == {split}

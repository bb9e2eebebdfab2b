"""The published counts of NTU RGB+D explained clip by clip, on stores made by hand."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from lst.cli.main import main
from lst.data.ntu.counts import RECORDINGS, Difference, StoreCounts, Surplus, why_not_counted
from lst.data.ntu.files import Rules, clip_of
from lst.data.ntu.prepare import prepare_ntu
from lst.data.store.clip_store import ClipStore, Problem, write_store
from lst.facts.benchmarks import get_benchmark
from lst.facts.clip_ids import NtuId, ntu_clip_id, parse_ntu_id
from lst.facts.ntu_missing import ntu_missing_skeletons
from lst.facts.splits import NTU60_TRAIN_SUBJECTS
from skeleton_files import frames_of, make_skeleton_file, moving

LISTED = ntu_missing_skeletons()


@pytest.mark.parametrize("dataset", ["ntu60", "ntu120"])
def test_the_published_numbers_are_those_of_complete_grids(dataset: str):
    """Used and listed clips together are whole recordings of 3 cameras and 60 actions, in every split."""
    clips = {"train": 0, "test": 0}
    for split in clips:
        benchmark = get_benchmark(f"{dataset}-xsub")
        listed = sum(benchmark.rule(clip_id) == split for clip_id in LISTED)
        clips[split] = benchmark.expected[split] + listed
        assert clips[split] % 180 == 0
    assert sum(clips.values()) == 180 * RECORDINGS[dataset] == {"ntu60": 56_880, "ntu120": 114_480}[dataset]


def test_the_other_protocols_agree():
    of_cameras = get_benchmark("ntu60-xview")
    counts = Counter(of_cameras.rule(clip_id) for clip_id in LISTED)
    assert of_cameras.expected["train"] + counts["train"] == 2 * 60 * 316  # cameras 2 and 3
    assert of_cameras.expected["test"] + counts["test"] == 60 * 316
    of_setups = get_benchmark("ntu120-xset")
    counts = Counter(of_setups.rule(clip_id) for clip_id in LISTED)
    both = [of_setups.expected[split] + counts[split] for split in ("train", "test")]
    assert [number % 180 for number in both] == [0, 0]
    assert sum(both) == 114_480


def test_ids_are_written_as_they_are_read():
    assert ntu_clip_id(NtuId(1, 2, 3, 1, 60)) == "S001C002P003R001A060"
    assert all(ntu_clip_id(parse_ntu_id(clip_id)) == clip_id for clip_id in LISTED)


def recording(setup: int, subject: int, replication: int, *, first: int = 1) -> list[str]:
    return [
        f"S{setup:03d}C{camera:03d}P{subject:03d}R{replication:03d}A{action:03d}"
        for camera, action in product((1, 2, 3), range(first, first + 60))
    ]


def store_of(
    folder: Path,
    clip_ids: Sequence[str],
    *,
    dataset: str = "ntu60",
    problems: Sequence[Problem] = (),
    listed: Sequence[str] = (),
) -> ClipStore:
    joints = np.ones((1, 1, 25, 3), np.float32)
    source = {"name": "by hand", "notes": {"listed": dict.fromkeys(listed, 1)}}
    return write_store(
        folder,
        [clip_of(clip_id, joints, Rules(dataset)) for clip_id in sorted(clip_ids)],
        dataset=dataset,
        layout="kinect_v2_25",
        source=source,
        problems=problems,
    )


# Recording S006 P016 R001 has four clips on the list; subject 16 trains, subject 3 tests.
LISTED_HERE = sorted(set(recording(6, 16, 1)) & LISTED)
TRAIN = [clip_id for clip_id in recording(6, 16, 1) if clip_id not in LISTED]
TEST = recording(1, 3, 1)
PROBLEM, NO_FILE = "S006C002P016R001A010", "S001C001P003R001A011"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    """Two recordings. A file cannot be used, one is not there, one clip on the list is used."""
    assert not {PROBLEM, NO_FILE} & LISTED
    assert not set(TEST) & LISTED
    assert len(LISTED_HERE) == 4
    problems = [
        Problem(f"nturgb+d_skeletons/{PROBLEM}.skeleton", 7, "cut short"),
        Problem(f"again/{TEST[0]}.skeleton", None, "was already read"),
        Problem("notes.skeleton", None, "clip id 'notes': expected the form"),
        Problem("S030C001P050R001A070.skeleton", None, "of another data set"),
    ]
    clips = ({*TRAIN, *TEST} - {PROBLEM, NO_FILE}) | {LISTED_HERE[0]}
    folder = tmp_path_factory.mktemp("counts") / "store"
    return store_of(folder, sorted(clips), problems=problems, listed=LISTED_HERE[1:2])


def test_every_difference_has_its_reason(store: ClipStore):
    first, *others = StoreCounts(store).differences()
    assert first == Difference("", "no_recording", "314 recordings: the data set has 316, here are 2")
    assert [d.clip_id for d in others] == sorted(d.clip_id for d in others)
    details = {d.clip_id: (d.reason, d.detail) for d in others}
    assert len(details) == len(others) == 302 + 2
    assert details.pop(PROBLEM) == ("problem", "cut short")
    assert details.pop(NO_FILE) == ("no_file", "other clips of its recording have a file")
    assert details.pop(LISTED_HERE[0]) == ("listed", "used")
    assert details.pop(LISTED_HERE[1]) == ("listed", "has a file, left out")
    assert set(details.values()) == {("listed", "has no file")}
    assert details.keys() < LISTED


def test_the_surpluses_add_up_to_the_difference(store: ClipStore):
    counts = StoreCounts(store)
    surpluses = counts.surpluses()
    assert [s for s in surpluses if s.benchmark == "ntu60-xsub"] == [
        Surplus("ntu60-xsub", "train", "listed", 1),
        Surplus("ntu60-xsub", "train", "problem", -1),
        Surplus("ntu60-xsub", "train", "no_recording", len(TRAIN) - 40_091),
        Surplus("ntu60-xsub", "test", "no_file", -1),
        Surplus("ntu60-xsub", "test", "no_recording", 180 - 16_487),
    ]
    for name in ("ntu60-xsub", "ntu60-xview"):
        benchmark = get_benchmark(name)
        for split in ("train", "test"):
            total = sum(s.clips for s in surpluses if (s.benchmark, s.split) == (name, split))
            assert total == len(store.select(benchmark, split)) - benchmark.expected[split]


def complete_ids() -> set[str]:
    """Recordings as many as NTU RGB+D has of training and test subjects, those of the list among them."""
    numbers = [parse_ntu_id(clip_id) for clip_id in LISTED]
    chosen = {(n.setup, n.subject, n.replication) for n in numbers if n.setup <= 17}
    missing = {True: 224, False: 92}
    for _, subject, _ in chosen:
        missing[subject in NTU60_TRAIN_SUBJECTS] -= 1
    for key in product(range(1, 18), range(1, 41), (1, 2)):
        trains = key[1] in NTU60_TRAIN_SUBJECTS
        if key not in chosen and missing[trains] > 0:
            missing[trains] -= 1
            chosen.add(key)
    return {clip_id for key in chosen for clip_id in recording(*key)} - LISTED


def test_a_complete_data_set_has_nothing_to_explain(store: ClipStore):
    ids = complete_ids()
    assert len(ids) == 56_578
    manifest = {**store.manifest, "source": {"name": "by hand"}}
    counts = StoreCounts(replace(store, clip_ids=sorted(ids), manifest=manifest))
    assert counts.surpluses() == []
    assert {d.reason for d in counts.differences()} == {"listed"}
    more = StoreCounts(replace(store, clip_ids=sorted(ids | set(recording(17, 40, 2))), manifest=manifest))
    assert more.surpluses() == [
        Surplus("ntu60-xsub", "test", "extra", 180),
        Surplus("ntu60-xview", "train", "extra", 120),
        Surplus("ntu60-xview", "test", "extra", 60),
    ]
    assert more.differences()[0] == Difference(
        "", "extra", "1 recordings: the data set has 316, here are 317"
    )


def test_both_halves_of_ntu120(tmp_path: Path):
    ids = [*recording(2, 1, 1), *recording(18, 46, 2, first=61)]
    counts = StoreCounts(store_of(tmp_path / "store", ids[1:], dataset="ntu120"))
    first, *others = counts.differences()
    assert first.detail == "634 recordings: the data set has 636, here are 2"
    assert len(others) == 535 + 1
    assert [s for s in counts.surpluses() if s.reason == "no_file"] == [
        Surplus("ntu120-xsub", "train", "no_file", -1),
        Surplus("ntu120-xset", "train", "no_file", -1),
    ]


def test_info_has_a_line_per_reason_and_a_table_of_all(
    store: ClipStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["info", str(store.folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("  counts   2 of 316 recordings (setup, subject, replication)")
    assert lines[start + 1 : start + 4] == [
        "    ntu60-xsub   train       +1 on the published list of missing skeletons, but used",
        "    ntu60-xsub   train       -1 file cannot be used (problems.csv)",
        f"    ntu60-xsub   train  {len(TRAIN) - 40_091:,} of recordings without any file",
    ]
    assert f"    clip by clip: lst info {store.folder} --differences FILE.csv" in lines
    table = tmp_path / "differences.csv"
    assert main(["info", str(store.folder), "--differences", str(table)]) == 0
    assert capsys.readouterr().out == f"{table}: 305 differences of {store.folder} to ntu60\n"
    with table.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["clip_id", "reason", "detail"]
    assert [tuple(row) for row in rows[1:]] == [tuple(d) for d in StoreCounts(store).differences()]


def test_stores_without_published_counts(
    tiny_store: ClipStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["info", str(tiny_store.folder), "--differences", str(tmp_path / "d.csv")]) == 2
    assert "holds synthetic, not NTU RGB+D, so there are no published counts" in capsys.readouterr().err
    assert not (tmp_path / "d.csv").exists()
    raw = tmp_path / "raw"
    raw.mkdir()
    content = make_skeleton_file(frames_of(5, {"7": (range(5), moving(7, 5))}))
    (raw / f"{TEST[0]}.skeleton").write_bytes(content)
    chosen = prepare_ntu("ntu60", raw, tmp_path / "chosen", wanted=TEST[:2]).store
    assert chosen.manifest["source"]["wanted"] == 2
    assert why_not_counted(chosen) == "holds chosen clips only"
    assert main(["info", str(chosen.folder)]) == 0
    assert "recordings" not in capsys.readouterr().out
    made_up = replace(chosen, manifest={**chosen.manifest, "source": {"made_up_ids_for": ["ntu60-xsub"]}})
    with pytest.raises(ValueError, match="its clip ids are made up"):
        StoreCounts(made_up)


def test_a_prepared_folder_is_explained(tmp_path: Path):
    """The notes and problems that `prepare_ntu` writes are the ones that are read here."""
    raw = tmp_path / "raw"
    raw.mkdir()
    content = make_skeleton_file(frames_of(5, {"7": (range(5), moving(7, 5))}))
    for clip_id in (*TRAIN[:3], LISTED_HERE[0]):
        (raw / f"{clip_id}.skeleton").write_bytes(content[:99] if clip_id == TRAIN[1] else content)
    found = StoreCounts(prepare_ntu("ntu60", raw, tmp_path / "store").store).differences()
    details = {d.clip_id: d for d in found}
    assert details[TRAIN[1]].reason == "problem"
    assert "expected" in details[TRAIN[1]].detail or "cut short" in details[TRAIN[1]].detail
    assert details[LISTED_HERE[0]].detail == "has a file, left out"
    assert Counter(d.reason for d in found) == {
        "no_recording": 1,
        "listed": 302,
        "problem": 1,
        "no_file": len(TRAIN) - 3,
    }

"""`lst prepare own`: folders and labels -> a store; every mistake is told."""

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import own_files
from command_line import lst_call, refused
from lst.data.own.discover import sources_in
from lst.data.own.labels import read_labels
from lst.data.store.clip_store import ClipStore
from lst.facts.skeleton import get_layout

JOINTS = get_layout("kinect_v1_20").joints


def clips_by_class(folder: Path, *, classes: int = 2, clips: int = 4) -> dict[str, np.ndarray]:
    """folder/wave/0.npy, ...: clip id -> joints (T, V, C)."""
    made = {}
    for k, name in enumerate(("wave", "sit down", "jump")[:classes]):
        for i in range(clips):
            joints_TVC = own_files.walk("kinect_v1_20", frames=10 + i, seed=10 * k + i)[0]
            path = folder / name / f"{i}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, joints_TVC)
            made[f"{name}/{i}"] = joints_TVC
    return made


def test_a_folder_per_class(tmp_path: Path):
    made = clips_by_class(tmp_path / "clips")
    (tmp_path / "clips" / "README.md").write_text("mine")
    done = lst_call(
        "prepare", "own", tmp_path / "clips", "--layout", "kinect_v1_20", "--out", tmp_path / "mine"
    )
    assert done.status == 0, done.err
    assert f"next: lst check {tmp_path / 'mine'}" in done.out
    assert "README.md" in done.out
    store = ClipStore.open(tmp_path / "mine")
    assert store.class_names == ("sit down", "wave")
    assert store.clip_ids == sorted(made)
    for i, clip_id in enumerate(store.clip_ids):
        assert_allclose(store.clip(i)[0], made[clip_id].astype(np.float32))
        assert store.class_names[store.labels[i]] == clip_id.partition("/")[0]
    counts = store.summary()["benchmarks"]["mine"]
    assert (counts["train"]["clips"], counts["test"]["clips"]) == (6, 2)


def test_labels_with_stretches_groups_and_splits(tmp_path: Path):
    joints_TVC = own_files.walk("kinect_v1_20", frames=60)[0]
    (tmp_path / "clips").mkdir()
    own_files.wide_csv(tmp_path / "clips", joints_TVC[None], JOINTS).rename(tmp_path / "clips" / "r1.csv")
    np.save(tmp_path / "clips" / "r2.npy", joints_TVC[:30])
    own_files.write_csv(
        tmp_path / "labels.csv",
        [
            ["clip", "label", "split", "group", "start", "end"],
            ["r1", "wave", "train", "anna", "0", "9"],
            ["r1.csv", "jump", "train", "anna", "1s", "1.5s"],
            ["r2", "wave", "test", "ben", "", ""],
            ["r2", "jump", "test", "ben", "20", "29"],
        ],
        delimiter=";",
    )
    words = ("--labels", tmp_path / "labels.csv", "--fps", "20", "--layout", "kinect_v1_20")
    done = lst_call("prepare", "own", tmp_path / "clips", *words, "--out", tmp_path / "mine", "--strict")
    assert done.status == 0, done.err
    store = ClipStore.open(tmp_path / "mine")
    clips = {clip_id: store.clip(i) for i, clip_id in enumerate(store.clip_ids)}
    assert sorted(clips) == ["r1#0-9", "r1#1s-1.5s", "r2", "r2#20-29"]
    assert_allclose(clips["r1#0-9"][0], joints_TVC[:10], atol=1e-6)
    assert_allclose(clips["r1#1s-1.5s"][0], joints_TVC[20:31], atol=1e-6)
    assert_allclose(clips["r2#20-29"][0], joints_TVC[20:30], atol=1e-6)
    benchmark = store.benchmark("mine")
    assert [benchmark.rule(clip_id) for clip_id in store.clip_ids] == ["train", "train", "test", "test"]
    assert store.attributes["group"].tolist() == ["anna", "anna", "ben", "ben"]


def test_groups_to_test_on_and_names_for_numbers(tmp_path: Path):
    pytest.importorskip("scipy")
    (tmp_path / "raw").mkdir()
    for action in (1, 2, 10):
        for subject in (1, 2):
            joints_TVC = own_files.walk("kinect_v1_20", seed=10 * action + subject)[0]
            own_files.utd(tmp_path / "raw", joints_TVC, name=f"a{action}_s{subject}_t1_skeleton.mat")
    (tmp_path / "names.txt").write_text("a1,swipe left\na2,wave\na10,draw x\na11,throw\n")
    words = ("--test-groups", "s2", "--class-names", tmp_path / "names.txt", "--out", tmp_path / "mine")
    done = lst_call("prepare", "own", tmp_path / "raw", *words)
    assert done.status == 0, done.err
    store = ClipStore.open(tmp_path / "mine")
    assert store.class_names == ("swipe left", "wave", "draw x")
    assert [store.benchmark("mine").rule(clip_id) for clip_id in store.clip_ids] == ["train", "test"] * 3
    assert store.coordinates is not None
    assert (store.coordinates.unit, store.coordinates.fps) == ("m", 30.0)


def test_one_bad_file_never_stops_the_rest(tmp_path: Path):
    clips_by_class(tmp_path / "clips")
    (tmp_path / "clips" / "wave" / "bad.csv").write_text("x0,y0,x1,y1\n1,2,3,4\n1,2,three,4\n")
    (tmp_path / "clips" / "wave" / "bad.npy").write_bytes(b"\x93NUMPY cut")
    done = lst_call("prepare", "own", tmp_path / "clips", "--out", tmp_path / "mine")
    assert done.status == 0
    assert "left out wave/bad.csv:3: column 'x1': expected a number, got 'three'" in done.out
    with (tmp_path / "mine" / "problems.csv").open(newline="") as file:
        assert [row[0] for row in csv.reader(file)] == ["file", "wave/bad.csv", "wave/bad.npy"]
    assert lst_call("prepare", "own", tmp_path / "clips", "--out", tmp_path / "b", "--strict").status == 1


def test_labels_that_do_not_fit_are_told_by_their_line(tmp_path: Path):
    clips_by_class(tmp_path / "clips")
    lines = [
        "clip,label,start,end",
        "wave/0,wave,,",
        "jump/0,jump,,",  # 3: no such clip
        "0,wave,,",  # 4: two clips are called 0
        "wave/1,wave,9,2",  # 5
        "wave/1,wave,1,1.5",  # 6
        "wave/1,,,",  # 7
        "wave/0,sit,,",  # 8: the same as line 2
        "wave/2,sit,50,60",  # 9: has 12 frames
        "sit down/1,sit,2s,3s",  # 10: no frame rate
        "wave/3.npy,sit,0,3",
        "wave/3,sit,4,7",
        "wave/3,wave,8,9",
    ]
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    words = ("--labels", tmp_path / "labels.csv", "--out", tmp_path / "mine")
    done = lst_call("prepare", "own", tmp_path / "clips", *words)
    assert done.status == 0, done.err
    for line in (3, 4, 5, 6, 7, 8):
        assert f"labels.csv:{line}: " in done.out
    assert "no frame from 50 to 60; it has frames 0 to 11" in done.out
    assert "say --fps" in done.out
    assert "wave/1.npy: no line of the labels names it" in done.out
    assert ClipStore.open(tmp_path / "mine").clip_ids == ["wave/0", "wave/3#0-3", "wave/3#4-7", "wave/3#8-9"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("clip,split\na,train\n", "no column 'label'"),
        ("clip,label,grp\na,b,c\n", "group"),
        ("clip,label\na,b,c\n", ":2: 3 cells"),
        ("", "is empty"),
        ("clip,label\n", "no row below"),
    ],
)
def test_a_file_that_is_no_labels(text: str, reason: str, tmp_path: Path):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(ValueError, match=reason):
        read_labels(tmp_path / "labels.csv")


def test_what_stops_a_preparation(tmp_path: Path):
    clips_by_class(tmp_path / "clips", classes=1)
    out = ("--out", tmp_path / "mine")
    assert "no such file or folder" in refused("prepare", "own", tmp_path / "nothing", *out)
    assert "all 4 clips are of class 'wave'" in refused("prepare", "own", tmp_path / "clips", *out)
    assert "have no label" in refused("prepare", "own", tmp_path / "clips" / "wave", *out)
    assert "kinect_v1_20" in refused("prepare", "own", tmp_path / "clips", "--layout", "kinect_v1", *out)
    assert "--min-score" in refused("prepare", "own", tmp_path / "clips", "--min-score", "2", *out)
    assert "npz" in refused("prepare", "own", tmp_path / "clips", "--format", "npi", *out)
    (tmp_path / "empty").mkdir()
    assert "no recording there" in refused("prepare", "own", tmp_path / "empty", *out)
    assert not (tmp_path / "mine").exists()


def test_poses_of_a_picture_keep_their_score(tmp_path: Path):
    for k, name in enumerate(("wave", "sit")):
        for i in range(2):
            joints_MTVC = own_files.walk("coco_17", seed=2 * k + i)
            (tmp_path / "clips" / name / f"{i}").mkdir(parents=True)
            own_files.alphapose(
                tmp_path / "clips" / name / f"{i}", joints_MTVC, own_files.scores(joints_MTVC)
            )
    done = lst_call("prepare", "own", tmp_path / "clips", "--out", tmp_path / "mine")
    assert done.status == 0, done.err
    store = ClipStore.open(tmp_path / "mine")
    assert store.coordinates is not None
    assert (store.coordinates.channels, store.coordinates.unit, store.coordinates.up) == ("xyc", "px", "y")
    joints_MTVC = own_files.walk("coco_17", seed=2)
    assert_allclose(store.clip(0)[..., :2], joints_MTVC * [1, -1], rtol=1e-6)
    assert_allclose(store.clip(0)[..., 2], own_files.scores(joints_MTVC), rtol=1e-6)


def test_frames_of_openpose_become_clips_with_the_names_of_their_folders(tmp_path: Path):
    joints_MTVC = own_files.walk("openpose_body25", frames=3)
    for place in ("wave/one", "wave/two", "sit"):
        (tmp_path / place).mkdir(parents=True)
        own_files.openpose(tmp_path / place, joints_MTVC, own_files.scores(joints_MTVC))
    sources, _ = sources_in(tmp_path)
    assert [(source.clip, len(source.files)) for source in sources] == [
        ("sit/a", 3),
        ("wave/one", 3),
        ("wave/two", 3),
    ]

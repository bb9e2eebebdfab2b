"""A store from pickles as pyskl and mmaction2 write them; the pickles are made here, from random numbers."""

import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lst.data.exchange.pyskl_import import import_pyskl
from lst.data.store.clip_store import StoredClip, write_store
from lst.facts.clip_ids import parse_ntu_id
from test_ntu_export import golden, stores

__all__ = ["golden", "stores"]

TRAIN, TEST = "S001C002P001R001A005", "S002C001P003R002A060"
NEW = "S018C001P041R001A061"


def joints(*shape: int, seed: int = 0) -> np.ndarray:
    """(M, T, 25, 3) in camera space: nobody stands at 0."""
    return np.random.default_rng(seed).normal((0, 0, 3), size=(*shape, 25, 3)).astype(np.float16)


def annotation(clip_id: str, keypoint: np.ndarray | None = None, **changed: Any) -> dict[str, Any]:
    """As in pyskl's NTU files; a field that is changed to None is left out."""
    keypoint = joints(1, 4) if keypoint is None else keypoint
    entry = {
        "frame_dir": clip_id,
        "label": int(clip_id[-3:]) - 1,
        "keypoint": keypoint,
        "total_frames": keypoint.shape[1],
    }
    return {key: value for key, value in (entry | changed).items() if value is not None}


def write(path: Path, content: Any, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def one_clip(folder: Path, entry: dict[str, Any]) -> np.ndarray:
    store = import_pyskl(write(folder / "x.pkl", [entry]), folder / "store").store
    assert len(store) == 1
    return store.clip(0)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_both_forms_of_the_file(protocol: int, tmp_path: Path):
    entries = [annotation(TEST, joints(2, 3)), annotation(TRAIN)]
    splits = {"xsub_train": [TRAIN], "xsub_val": [TEST], "xview_train": [TRAIN], "xview_val": [TEST]}
    whole = import_pyskl(
        write(tmp_path / "a.pkl", {"split": splits, "annotations": entries}, protocol), tmp_path / "a"
    )
    renamed = [{"filename": entry.pop("frame_dir"), **entry} for entry in entries]
    bare = import_pyskl(write(tmp_path / "b.pkl", renamed, protocol), tmp_path / "b")
    for prepared in (whole, bare):
        store = prepared.store
        assert store.clip_ids == [TRAIN, TEST]
        assert store.labels.tolist() == [4, 59]
        assert (store.persons.tolist(), store.frames.tolist()) == ([1, 2], [4, 3])
        assert store.attributes["camera"].tolist() == [2, 1]
        assert store.joints.dtype == np.float32
        assert not prepared.problems
        assert not [remark for remark in prepared.remarks if remark.startswith("split")]
    assert np.array_equal(whole.store.joints, bare.store.joints)


def test_the_manifest_says_where_it_comes_from(tmp_path: Path):
    path = write(tmp_path / "ntu60_3danno.pkl", [annotation(TRAIN), annotation(TEST, label=0)])
    prepared = import_pyskl(path, tmp_path / "store")
    assert prepared.store.manifest["source"] == {
        "name": "ntu60_3danno.pkl",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "annotations": 2,
        "pipeline": "pyskl",
        "centred": True,
        "notes": {},
    }
    assert "prepared by pyskl's rules, so results are not comparable" in prepared.remarks[-1]
    assert "ntu60-xsub: expected 40,091 train clips, found 1 (40,090 missing)" in prepared.remarks


@pytest.mark.parametrize(
    ("clip_ids", "dataset"),
    [([TRAIN], "ntu60"), ([TRAIN, NEW], "ntu120"), ([NEW], "ntu120"), ([TRAIN, "no id"], "ntu60")],
)
def test_the_data_set_follows_from_the_clip_ids(clip_ids: list[str], dataset: str, tmp_path: Path):
    entries = [annotation(x) if x[0] == "S" else annotation(TRAIN, frame_dir=x) for x in clip_ids]
    store = import_pyskl(write(tmp_path / "x.pkl", entries), tmp_path / "store").store
    assert store.manifest["dataset"] == dataset


def test_a_clip_is_centred_on_the_first_persons_spine(tmp_path: Path):
    keypoint = joints(2, 3)
    keypoint[0, 0] = 0  # the first person comes in frame 1
    keypoint[1, 2] = 0  # the second is gone in frame 2
    origin = keypoint[0, 1, 1].astype(np.float32)
    clip = one_clip(tmp_path, annotation(TEST, keypoint))
    assert not clip[0, 0].any()
    assert not clip[1, 2].any()
    assert not clip[0, 1, 1].any()
    assert np.array_equal(clip[1, 0, 7], keypoint[1, 0, 7].astype(np.float32) - origin)
    assert np.array_equal(clip[0, 2, 24], keypoint[0, 2, 24].astype(np.float32) - origin)


def test_padding_is_left_out(tmp_path: Path):
    keypoint = np.zeros((4, 6, 25, 3), dtype=np.float16)
    keypoint[1, :2] = joints(1, 2)[0]
    keypoint[3, 3:5] = joints(1, 2, seed=1)[0]
    clip = one_clip(tmp_path, annotation(TEST, keypoint))
    assert clip.shape == (2, 5, 25, 3)  # frame 5 and two persons are never there; frame 2 is a gap
    spread = np.ptp(clip[1, 4].astype(np.float64), axis=0)
    assert spread == pytest.approx(np.ptp(keypoint[3, 4].astype(np.float64), axis=0), abs=1e-6)


def test_empty_frames_of_one_person_are_told(tmp_path: Path):
    keypoint = joints(1, 5)
    keypoint[0, 1:3] = 0
    prepared = import_pyskl(write(tmp_path / "x.pkl", [annotation(TRAIN, keypoint)]), tmp_path / "store")
    assert prepared.store.manifest["source"]["notes"] == {"zero_frames": {TRAIN: 2}}
    assert prepared.remarks[0].startswith("frames of a single person with all joints at 0, kept")


def test_clips_on_the_published_list_are_left_out(tmp_path: Path):
    listed = "S001C002P005R002A008"  # the first of the 302
    prepared = import_pyskl(
        write(tmp_path / "x.pkl", [annotation(TRAIN), annotation(listed)]), tmp_path / "store"
    )
    assert prepared.store.clip_ids == [TRAIN]
    assert not prepared.problems
    assert "published list of missing or incomplete skeletons, left out: 1 in 1" in prepared.remarks[0]


def with_nan() -> np.ndarray:
    keypoint = joints(2, 3)
    keypoint[1, 2, 24, 1] = np.nan
    return keypoint


PROBLEMS: dict[str, tuple[Any, str]] = {
    "label": (annotation(TEST, label=4), "label 4 disagrees with the clip id: action 60 has label 59"),
    "label of another kind": (annotation(TEST, label="59"), "label '59' disagrees with the clip id"),
    "frames": (annotation(TEST, total_frames=9), "total_frames is 9, but `keypoint` has 4 frames"),
    "joints": (
        annotation(TEST, np.ones((1, 4, 17, 3))),
        "expected shape (persons, frames, 25, 3), got (1, 4, 17, 3)",
    ),
    "axes": (annotation(TEST, np.ones((4, 25, 3)), total_frames=4), "got (4, 25, 3)"),
    "no frame": (annotation(TEST, np.ones((1, 0, 25, 3))), "got (1, 0, 25, 3)"),
    "persons": (annotation(TEST, joints(3, 4)), "has 3 persons; expected at most 2"),
    "nobody": (annotation(TEST, np.zeros((2, 4, 25, 3))), "all joints of all persons are 0 in all frames"),
    "nan": (
        annotation(TEST, with_nan()),
        "1 coordinates are NaN or infinite, the first at person 1, frame 2, joint 24, y",
    ),
    "too large": (annotation(TEST, np.full((1, 4, 25, 3), 1e300)), "300 coordinates are NaN or infinite"),
    "list": (
        annotation(TEST) | {"keypoint": [[0.0]]},
        "`keypoint`: expected an array of numbers, got a list",
    ),
    "text": (annotation(TEST, np.full((1, 4, 25, 3), "1")), "`keypoint`: expected an array of numbers"),
    "id": (annotation(TEST, frame_dir="v_Archery_g01_c01"), "expected the form SsssCcccPpppRrrrAaaa"),
    "no id": (annotation(TEST, frame_dir=None), "has no clip id"),
    "subject": (annotation("S002C001P077R002A060"), "is no clip of ntu60 by its setup, camera or subject"),
    "twice": (annotation(TRAIN), f"clip {TRAIN} was already read; keep one of the two"),
    "no joints": ({"frame_dir": TEST, "label": 59}, "lacks keypoint; it has the keys frame_dir, label"),
    "no dictionary": ([TEST], "expected an annotation (a dictionary), got a list"),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_an_annotation_that_cannot_be_used_is_told_and_the_others_go_on(case: str, tmp_path: Path):
    entry, message = PROBLEMS[case]
    prepared = import_pyskl(write(tmp_path / "x.pkl", [annotation(TRAIN), entry]), tmp_path / "store")
    assert prepared.store.clip_ids == [TRAIN]
    (problem,) = prepared.problems
    assert message in problem.problem
    name = entry.get("frame_dir", "annotation 1") if isinstance(entry, dict) else "annotation 1"
    assert problem.file == f"x.pkl/{name}"
    assert prepared.store.problems() == [problem]


FILES: dict[str, tuple[Any, str]] = {
    "nothing": ([], "holds no annotation; expected a dictionary with `split` and `annotations`"),
    "another dictionary": ({"a": 1}, "is no pickle of pyskl or mmaction2"),
    "splits in a list": ({"annotations": [annotation(TRAIN)], "split": [1]}, "is no pickle of pyskl"),
    "a text": ("annotations", "is no pickle of pyskl"),
    "2-D": (
        [annotation(TRAIN, np.ones((1, 4, 17, 2)), keypoint_score=np.ones((1, 4, 17)))],
        "holds 2-D poses of 17 joints, by their number layout coco_17. Training on 2-D poses is not",
    ),
    "2-D with 18": (
        [annotation(TRAIN, np.ones((1, 4, 18, 2)))],
        "by their number layout openpose_coco18",
    ),
    "2-D of an own kind": ([annotation(TRAIN, np.ones((1, 4, 16, 2)))], r"2-D poses of 16 joints\. Training"),
    "another data set": (
        [annotation(TRAIN, frame_dir="A001")],
        r"no usable clip of NTU RGB\+D among 1 annotations; .* The first problem: x.pkl/A001: clip id 'A001'",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_files_that_are_refused(case: str, tmp_path: Path):
    content, message = FILES[case]
    with pytest.raises(ValueError, match=message):
        import_pyskl(write(tmp_path / "x.pkl", content), tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_split_lists_are_compared_with_our_rules(tmp_path: Path):
    splits = {
        "xsub_train": [TRAIN, TEST, "S001C001P001R001A001"],
        "xsub_val": [],
        "xview_train": [TRAIN],
        "xview_val": [TEST],
        "xset_train": [TRAIN],
        "mine": [TRAIN],
        "xview_test": 3,
    }
    content = {"split": splits, "annotations": [annotation(TRAIN), annotation(TEST)]}
    prepared = import_pyskl(write(tmp_path / "x.pkl", content), tmp_path / "store")
    rule = "such clips); lst goes by its rules"
    assert [remark for remark in prepared.remarks if remark.startswith("split")] == [
        f"split 'xsub_train': {TEST} is listed, but not in train by the rule of ntu60-xsub (1 {rule}",
        f"split 'xsub_train': S001C001P001R001A001 is listed, but not among the usable annotations (1 {rule}",
        f"split 'xsub_val': {TEST} is in test by the rule of ntu60-xsub, but not listed (1 {rule}",
        "split 'xset_train': ntu60 has no such protocol in lst, so it is not compared",
        "split 'mine': ntu60 has no such protocol in lst, so it is not compared",
        "split 'xview_test': ntu60 has no such protocol in lst, so it is not compared",
    ]


def test_a_store_as_pickle_comes_back(stores: dict[str, Any], tmp_path: Path):
    """Synthetic raw files, prepared by the rules of the reference -> float16 pickle -> store."""
    store = stores["ntu120"]
    # The reference moves a person who is absent to minus the origin; no pickle of pyskl has such frames.
    moved = store.manifest["source"]["notes"]["zero_frames"]
    clips = {x: store.clip(i) for i, x in enumerate(store.clip_ids) if x not in moved}
    entries = [annotation(clip_id, x.astype(np.float16)) for clip_id, x in clips.items()]
    back = import_pyskl(write(tmp_path / "x.pkl", entries), tmp_path / "back").store
    assert back.clip_ids == list(clips)
    assert len(back) > 20
    assert back.labels.tolist() == [int(clip_id[-3:]) - 1 for clip_id in clips]
    for i, expected in enumerate(clips.values()):
        got = back.clip(i)
        assert np.array_equal(got, expected[: len(got)].astype(np.float16).astype(np.float32))
        assert not expected[len(got) :].any()  # a second person who is never there is padding in a pickle


def test_an_uncentred_pickle_gives_the_same_clip(tmp_path: Path):
    """Eighths of a metre are exact in float16, so moving the camera changes nothing."""
    x = (np.random.default_rng(3).integers(-16, 16, size=(2, 5, 25, 3)) / 8).astype(np.float32)
    x -= x[0, 0, 1]
    clip = StoredClip(TEST, 59, x, parse_ntu_id(TEST)._asdict())
    store = write_store(
        tmp_path / "a", [clip], dataset="ntu60", layout="kinect_v2_25", source={}, problems=[]
    )
    moved = (store.clip(0) + np.float32([0.25, -1, 3])).astype(np.float16)
    assert np.array_equal(one_clip(tmp_path, annotation(TEST, moved)), x)

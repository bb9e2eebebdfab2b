"""Files of other repositories that differ from the usual ones: read, or refused by name, without memory."""

import io
import json
import pickle
import pickletools
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lst.data.exchange.npz_arrays import open_npz
from lst.data.exchange.npz_import import import_npz
from lst.data.exchange.pyskl_import import import_pyskl
from lst.data.exchange.safe_pickle import load_plain_pickle
from lst.facts.benchmarks import get_benchmark
from lst.facts.clip_ids import ntu_id_in
from skeleton_files import frames_of, make_skeleton_file, moving
from test_cli import lst_call, refused
from test_foreign_names import CLIP, ucla
from test_ntu_import import npz
from test_pyskl_import import NEW, TEST, TRAIN, annotation, joints, one_clip, write

XSUB = get_benchmark("ntu60-xsub")


def test_scores_beside_3d_joints_are_no_2d_poses(tmp_path: Path):
    keypoint = joints(2, 5)
    scored = annotation(TEST, keypoint, keypoint_score=np.ones((2, 5, 25), np.float16))
    (tmp_path / "a").mkdir()
    assert np.array_equal(one_clip(tmp_path, scored), one_clip(tmp_path / "a", annotation(TEST, keypoint)))
    pixels = np.concatenate([np.full((1, 4, 25, 2), 500.0), np.full((1, 4, 25, 1), 0.9)], axis=-1)
    with pytest.raises(
        ValueError, match="holds 2-D poses of 25 joints, by their number layout openpose_body25"
    ):
        import_pyskl(write(tmp_path / "x.pkl", [annotation(TEST, pixels)]), tmp_path / "other")


def test_the_axes_of_st_gcn(tmp_path: Path):
    for persons in (1, 2):
        turned = annotation(TEST, joints(persons, 5).transpose(3, 1, 2, 0), total_frames=5)
        with pytest.raises(
            ValueError, match=r"\(channels, frames, joints, persons\).*keypoint\.transpose\(3, 1"
        ):
            import_pyskl(write(tmp_path / "x.pkl", [turned]), tmp_path / "other")
    message = (
        r"one array of shape \(7, 3, 5, 25, 2\).*its axes are \(clips, channels, frames, joints, persons\)"
    )
    with pytest.raises(ValueError, match=message):
        import_pyskl(write(tmp_path / "x.pkl", np.zeros((7, 3, 5, 25, 2), np.float32)), tmp_path / "other")
    x = np.zeros((3, 3, 4, 25, 2), np.float32)
    with pytest.raises(
        ValueError, match=r"x_train: .*its axes are \(clips, channels, .*x\.transpose\(0, 2, 4, 3"
    ):
        import_npz([(npz(tmp_path / "x.npz", x_train=x), XSUB)], tmp_path / "other")


def test_one_protocol_in_two_pickles(tmp_path: Path):
    train = write(tmp_path / "train.pkl", [annotation(TRAIN), annotation(NEW)])
    val = write(tmp_path / "val.pkl", {"split": {"xsub_val": [TEST]}, "annotations": [annotation(TEST)]})
    done = lst_call("import-data", train, val, tmp_path / "store")
    assert done.status == 0
    assert "3 clips" in done.out
    together = import_pyskl([train, val], tmp_path / "two").store
    assert together.clip_ids == [TRAIN, TEST, NEW]
    assert together.manifest["dataset"] == "ntu120"
    assert together.manifest["source"]["name"] == "train.pkl + val.pkl"
    twice = import_pyskl([train, val, write(tmp_path / "c.pkl", [annotation(TEST)])], tmp_path / "three")
    assert twice.store.clip_ids == together.clip_ids
    assert [problem.file for problem in twice.problems] == [f"c.pkl/{TEST}"]
    with pytest.raises(ValueError, match="expected different pickles"):
        import_pyskl([train, train], tmp_path / "four")
    assert "only .pkl, can be joined" in refused(
        "import-data", train, npz(tmp_path / "x.npz"), tmp_path / "five"
    )


def normalised(frames: int, *, turned: bool) -> np.ndarray:
    x_MTVC = joints(2, frames).astype(np.float32)
    x_MTVC[:, :, 0] = x_MTVC[:, :, 1] - np.float32([0, 0, 0.25] if turned else [0, 0.25, 0.01])
    return x_MTVC - x_MTVC[:1, :, 1:2]


@pytest.mark.parametrize("turned", [False, True])
def test_clips_that_were_normalised_before_are_told_and_marked(turned: bool, tmp_path: Path):
    entries = [
        annotation(TRAIN, normalised(4, turned=turned)),
        annotation(TEST, normalised(6, turned=turned)),
    ]
    done = import_pyskl(write(tmp_path / "x.pkl", entries), tmp_path / "store")
    source = done.store.manifest["source"]
    assert source["pre_normalised"] == 2
    assert source["notes"]["pre_centred"] == {TRAIN: 4, TEST: 6}
    assert ("pre_turned" in source["notes"]) == turned
    assert any("2 of 2 clips are normalised already" in remark for remark in done.remarks)
    raw = import_pyskl(write(tmp_path / "y.pkl", [annotation(TRAIN)]), tmp_path / "raw")
    assert "pre_normalised" not in raw.store.manifest["source"]


NAMES = {
    f"data/nturgb+d/{TRAIN}.skeleton": TRAIN,
    f"C:\\data\\{TRAIN}_rgb.avi": TRAIN,
    f"{TRAIN}_rgb": TRAIN,
    f"{TRAIN}.skeleton.txt": TRAIN,
    TRAIN: TRAIN,
    f"{TRAIN}5": f"{TRAIN}5",
    f"x{TRAIN}": f"x{TRAIN}",
    f"{TRAIN}/x": f"{TRAIN}/x",
    "v_Archery_g01_c01": "v_Archery_g01_c01",
}


@pytest.mark.parametrize("name", NAMES)
def test_the_clip_id_in_a_name(name: str):
    assert ntu_id_in(name) == NAMES[name]


def test_names_of_files_instead_of_clip_ids(tmp_path: Path):
    entries = [
        annotation(TRAIN, frame_dir=f"raw/{TRAIN}.skeleton"),
        annotation(TEST, frame_dir=f"{TEST}_rgb"),
    ]
    content = {"split": {"xsub_train": [f"raw/{TRAIN}.skeleton"], "xsub_val": [TEST]}, "annotations": entries}
    done = import_pyskl(write(tmp_path / "x.pkl", content), tmp_path / "store")
    assert done.store.clip_ids == [TRAIN, TEST]
    assert not [remark for remark in done.remarks if remark.startswith("split")]


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "uint8", "bool"])
def test_labels_of_any_type_and_unused_objects(dtype: str, tmp_path: Path):
    y = {
        f"y_{split}": np.eye(60)[rows].astype(dtype) for split, rows in (("train", [5, 0, 59]), ("test", [2]))
    }
    odd = npz(tmp_path / "odd.npz", **y, names=np.array([{"a": 1}], dtype=object))
    store = import_npz([(odd, XSUB)], tmp_path / "odd").store
    plain = npz(tmp_path / "plain.npz", y_train=np.eye(60)[[5, 0, 59]], y_test=np.eye(60)[[2]])
    expected = import_npz([(plain, XSUB)], tmp_path / "plain").store
    assert store.labels.tolist() == expected.labels.tolist()
    assert np.array_equal(store.joints, expected.joints)
    objects = npz(tmp_path / "objects.npz", y_train=np.array([{}] * 3, dtype=object))
    with pytest.raises(ValueError, match=r"objects\.npz: .*y_train\.npy holds Python objects"):
        import_npz([(objects, XSUB)], tmp_path / "other")


def with_header(
    path: Path, header: bytes, method: int = zipfile.ZIP_STORED, content: bytes = bytes(64)
) -> Path:
    entry = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("x_train.npy", entry)
    return path


HEADERS = [
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 20, 150), }\n",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (-4, 4), }\n",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999, 0), }\n",
    b"{'descr': '<U999999999', 'fortran_order': False, 'shape': (2,), }\n",
    b"{'descr': '|O', 'fortran_order': False, 'shape': (8,), }\n",
    b"{'descr': [('a', '<f4', 99999999)], 'fortran_order': False, 'shape': (8,), }\n",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': ((((((((\n",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': " + b"(" * 5000 + b"\n",
    b"{'descr': '<f4', 'shape': (16,), }\n",
    b"\x00\xff\n",
    b"",
]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_absurd_headers_of_arrays(header: bytes, method: int, tmp_path: Path):
    tracemalloc.start()
    tracemalloc.reset_peak()
    with pytest.raises(ValueError, match=r"x\.npz: cannot be read as npz"):
        open_npz(with_header(tmp_path / "x.npz", header, method))
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_a_compressed_array_of_zeros_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LST_MAX_UNPACKED_MB", "1")
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (5000000,), }\n"
    path = with_header(tmp_path / "x.npz", header, zipfile.ZIP_DEFLATED, bytes(20_000_000))
    with pytest.raises(ValueError, match=r"x\.npz: .*has 20 MB unpacked, .* set LST_MAX_UNPACKED_MB=21"):
        open_npz(path)
    monkeypatch.setenv("LST_MAX_UNPACKED_MB", "21")
    assert open_npz(path)["x_train"].shape == (5_000_000,)


def test_damaged_npz_are_refused_by_name(tmp_path: Path):
    """Any bytes of a small file: an error that names it, or arrays of the size that the file has."""
    np.savez(tmp_path / "x.npz", x=np.arange(6.0), y=np.eye(2, dtype=np.float32))
    whole = (tmp_path / "x.npz").read_bytes()
    rng = np.random.default_rng(0)
    said: list[str] = []
    for _ in range(400):
        changed = bytearray(whole)
        for place in rng.integers(len(whole), size=rng.integers(1, 4)):
            changed[place] = rng.integers(256)
        (tmp_path / "y.npz").write_bytes(changed)
        try:
            assert all(x.nbytes <= len(whole) for x in open_npz(tmp_path / "y.npz").values())
        except ValueError as error:
            said.append(str(error))
    assert len(said) > 50
    assert all(text.startswith(f"{tmp_path / 'y.npz'}: ") and text.isprintable() for text in said)


ABSURD = {
    "bytes": b"\x80\x04\x8e\x00\x00\x00\x00\x00\x00\x00\x10.",
    "text": b"\x80\x04\x8d\x00\x00\x00\x00\x10\x00\x00\x00.",
    "memo": b"\x80\x04Nr\xff\xff\xff\x0f.",
    "long": b"\x80\x04\x8b\xff\xff\xff\x7f.",
    "buffer": b"\x80\x05\x96\x00\x00\x00\x00\x10\x00\x00\x00.",
    "letters": b"cnumpy\ndtype\n(VU2000000000\ntR.",
    "more letters": b"cnumpy\ndtype\n(VU" + b"9" * 40 + b"\ntR.",
    "tuples in a key": b"()" + b"2\x86" * 60 + b"Nd.",
}


@pytest.mark.parametrize("case", ABSURD)
def test_absurd_sizes_in_pickles(case: str, tmp_path: Path):
    (tmp_path / "x.pkl").write_bytes(ABSURD[case])
    tracemalloc.start()
    tracemalloc.reset_peak()
    with pytest.raises(ValueError, match=r"x\.pkl: cannot be read as pickle, perhaps cut short \(.+\)"):
        load_plain_pickle(tmp_path / "x.pkl")
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_an_array_that_says_it_is_larger(tmp_path: Path):
    plain = pickle.dumps(np.zeros((2, 3), np.float32), 4)
    huge = plain.replace(b"K\x02K\x03\x86", b"\x8a\x08" + (2**62).to_bytes(8, "little") + b"K\x04\x86")
    end = huge.index(b"\x95") + 1
    huge = huge[:end] + (len(huge) - end - 8).to_bytes(8, "little") + huge[end + 8 :]
    pickletools.dis(huge, io.StringIO())
    (tmp_path / "x.pkl").write_bytes(huge)
    with pytest.raises(
        ValueError, match=r"an array of shape \(4611686018427387904, 4\) and type float32 with 24"
    ):
        load_plain_pickle(tmp_path / "x.pkl")


ENTRIES: dict[str, dict[str, Any]] = {
    "deep label": {"label": [[[[[[1]]]]]]},
    "huge label": {"label": 10**6000},
    "huge text": {"label": "\x1b[2J" * 10**5},
    "huge total": {"total_frames": 10**6000},
    "escape codes": {"frame_dir": "\x1b[2J" + "x" * 10**5},
}


@pytest.mark.parametrize("case", ENTRIES)
def test_fields_that_no_message_can_hold(case: str, tmp_path: Path):
    entries = [annotation(TRAIN), annotation(TEST) | ENTRIES[case]]
    done = import_pyskl(write(tmp_path / "x.pkl", entries), tmp_path / "store")
    (problem,) = done.problems
    assert problem.problem.isprintable()
    assert len(problem.problem) < 400
    assert problem.file.isprintable()
    assert done.store.problems() == [problem]


@pytest.mark.parametrize("name", [f"{TEST}.skeleton.txt", TEST, f"deep/{TEST}.skeleton.gz", f"{TEST}.txt"])
def test_a_clip_under_another_ending_is_left_out_by_name(name: str, tmp_path: Path):
    content = make_skeleton_file(frames_of(5, {"7": (range(5), moving(7, 5))}))
    raw = tmp_path / "raw"
    for other in (f"{TRAIN}.skeleton", name, f"{TRAIN}.skeleton.bak", f"{TEST}_rgb.avi", "README.txt"):
        (raw / other).parent.mkdir(parents=True, exist_ok=True)
        (raw / other).write_bytes(content)
    done = lst_call("prepare", "ntu60", raw, "--out", tmp_path / "store", "--strict", "--workers", "1")
    assert done.status == 1
    assert f"left out {name}: is named like a clip, but " in done.out
    assert done.out.count("left out ") == 1


def test_a_clip_of_nw_ucla_under_another_ending(tmp_path: Path):
    (tmp_path / "raw").mkdir()
    for name in (f"{CLIP}.json", "a04_s01_e08_v03.json.txt"):
        (tmp_path / "raw" / name).write_text(json.dumps(ucla()))
    done = lst_call("prepare", "nw-ucla", tmp_path / "raw", "--out", tmp_path / "store", "--strict")
    assert done.status == 1
    assert (
        "left out a04_s01_e08_v03.json.txt: is named like a clip, but ends in .json.txt, not .json"
        in done.out
    )

"""From raw files of NTU RGB+D to a store: the reference's numbers, every edge case, damaged files."""

import inspect
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lst.data.ntu import clean as ntu_clean
from lst.data.ntu import clip as ntu_clip
from lst.data.ntu import noise as ntu_noise
from lst.data.ntu import persons as ntu_persons
from lst.data.ntu.notes import NOTES
from lst.data.ntu.prepare import prepare_ntu
from lst.data.store.clip_store import Problem
from lst.data.store.prepared import Prepared
from lst.facts.ntu_missing import ntu_missing_skeletons
from skeleton_files import frames_of, joint_line, make_skeleton_file, moving

GOOD = "S001C001P001R001A001"
NAME = "S001C002P001R001A050"
ONE = make_skeleton_file(frames_of(2, {"7": (range(2), moving(7, 2))}))


def folder_of(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / f"{name}.skeleton"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def with_good(tmp_path: Path, content: bytes, **rules: Any) -> Prepared:
    """A run with a good file and one of that content."""
    raw = folder_of(tmp_path / "raw", {GOOD: ONE, NAME: content})
    return prepare_ntu("ntu60", raw, tmp_path / "store", **rules)


def bodies(num_frames: int, *seen: Sequence[int], **text: Any) -> bytes:
    """A file with one body for each list of frames; the first moves most, the next less, and so on."""
    found = {
        str(10 + i): (frames, moving(i, len(frames), amount=0.4 / 3**i)) for i, frames in enumerate(seen)
    }
    return make_skeleton_file(frames_of(num_frames, found), **text)


def replaced(content: bytes, line: int, *new: str) -> bytes:
    """The file with other lines from number `line` (from 1) on."""
    lines = content.decode().splitlines()
    lines[line - 1 : line - 1 + len(new)] = new
    return "\n".join(lines).encode()


def zero_joints(frame: int, content: bytes) -> bytes:
    """A file of one body with the joints of a frame (from 0) at 0."""
    return replaced(content, 5 + 28 * frame, *[joint_line(["0", "0", "0"])] * 25)


NINE = bodies(9, range(9))
# data.md 1.6, rows of files that can be used: text, persons, frames, notes
USABLE: dict[str, tuple[bytes, int, int, dict[str, int]]] = {
    "some frames without body": (bodies(9, [1, 2, 5]), 1, 3, {"frames_without_body": 6}),
    "1 frame, 1 body": (bodies(1, [0]), 1, 1, {}),
    "2 bodies with 12 frames each": (bodies(12, range(12), range(12)), 2, 12, {}),
    "fewer frames promised": (bodies(20, range(20), promised=18), 1, 18, {"extra_lines": 56}),
    "NaN coordinate": (replaced(NINE, 7, joint_line(["0.1", "nan", "3"])), 1, 9, {"not_finite": 1}),
    "all-zero frame, one person": (zero_joints(4, NINE), 1, 9, {"zero_frames": 1}),
    "all-zero frame at the start": (zero_joints(0, NINE), 1, 9, {"zero_frames": 1}),
    "three overlapping bodies": (bodies(15, *[range(15)] * 3), 2, 15, {"left_out_bodies": 1}),
    "a new id, no overlap": (bodies(30, range(15), range(15, 30)), 2, 30, {}),
    "a body with a gap": (bodies(30, range(30), [*range(9), *range(12, 30)]), 2, 30, {"gap_frames": 3}),
    "short noise and a gap": (
        bodies(20, [*range(8), *range(10, 20)], range(6, 12)),
        *(1, 18, {"short_bodies": 1, "gap_frames": 2, "empty_frames": 2}),
    ),
    "Windows line ends": (bodies(13, range(13), range(13), newline="\r\n"), 2, 13, {}),
}


@pytest.mark.parametrize("case", USABLE)
def test_usable_edge_cases(tmp_path: Path, case: str):
    content, persons, frames, notes = USABLE[case]
    prepared = with_good(tmp_path, content)
    assert prepared.problems == ()
    store = prepared.store
    assert store.clip_ids == [GOOD, NAME]
    assert store.clip(1).shape == (persons, frames, 25, 3)
    assert store.manifest["source"]["notes"] == {kind: {NAME: count} for kind, count in notes.items()}
    for kind, count in notes.items():
        assert f"{NOTES[kind]}: {count} in 1 clips such as {NAME}" in prepared.remarks


def test_the_numbers_of_edge_cases(tmp_path: Path):
    first, second = moving(0, 15, amount=0.4), moving(1, 15, amount=0.4 / 3)
    files = {
        "S001C001P001R001A002": zero_joints(4, NINE),
        "S001C001P001R001A003": bodies(30, range(15), range(15, 30)),
        "S001C001P001R001A004": replaced(NINE, 7, joint_line(["0.1", "nan", "3"])),
    }
    store = prepare_ntu("ntu60", folder_of(tmp_path / "raw", files), tmp_path / "store").store
    nine = np.float32(
        [[[float(f"{x:.7g}") for x in joint] for joint in frame] for frame in moving(0, 9, amount=0.4)]
    )
    origin = nine[0, 1]
    zero = nine - origin
    zero[4] = -origin
    assert np.array_equal(store.clip(0)[0], zero)
    assert np.abs(store.clip(1)[0, :15] - (first - first[0, 1])).max() < 1e-5
    assert np.abs(store.clip(1)[0, 15:] - (second - first[0, 1])).max() < 1e-5
    assert not store.clip(1)[1].any()
    assert np.argwhere(np.isnan(store.clip(2))).tolist() == [[0, 0, 2, 1]]


ZERO_BODIES = b"4\n0\n0\n0\n0\n"
SHORT = bodies(11, range(11), range(11))
# data.md 1.6, rows of files that cannot be used: text, line, message
PROBLEMS = {
    "no body": (ZERO_BODIES, None, "no body in any of 4 frames"),
    "frame count 0": (b"0\n", None, "no body in any of 0 frames"),
    "empty": (b"", None, "is empty"),
    "1 frame, 2 bodies": (bodies(1, [0], [0]), None, "all 2 bodies shorter than 12 frames"),
    "all bodies short": (SHORT, None, "all 2 bodies shorter than 12 frames"),
    "same id twice": (bodies(12, range(12), range(12)).replace(b"\n11 ", b"\n10 "), 30, "'10' comes twice"),
    "more frames promised": (bodies(9, range(9), promised=10), 253, "cut short before frame 10 of 10"),
    "24 joints": (replaced(NINE, 4, "24"), 4, "expected 25 joints, got 24"),
    "26 joints": (replaced(NINE, 4, "26"), 4, "expected 25 joints, got 26"),
    "a word": (replaced(NINE, 7, joint_line(["0.1", "-1.#IND", "3"])), 7, "'-1.#IND' is no number"),
    "first person never there": (
        zero_joints(0, zero_joints(1, ONE)),
        None,
        "all joints of the first person are 0",
    ),
    "not text": (b"\x89PNG\r\n\x1a\n\0\0", 1, "expected the number of frames"),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_unusable_edge_cases(tmp_path: Path, case: str):
    content, line, message = PROBLEMS[case]
    prepared = with_good(tmp_path, content)
    assert prepared.store.clip_ids == [GOOD]  # the run goes on
    (problem,) = prepared.problems
    assert (problem.file, problem.line) == (f"{NAME}.skeleton", line)
    assert message in problem.problem
    assert prepared.store.problems() == [problem]


def test_short_bodies_can_be_kept(tmp_path: Path):
    prepared = with_good(tmp_path, SHORT, short="keep")
    assert prepared.problems == ()
    assert prepared.store.clip(1).shape == (1, 11, 25, 3)
    assert prepared.store.manifest["source"]["notes"] == {"kept_short": {NAME: 1}}


def test_labels_attributes_and_order(tmp_path: Path):
    names = ["S017C003P040R002A060", "S001C002P003R001A002", "S018C001P106R002A061"]
    raw = folder_of(tmp_path / "raw", dict.fromkeys(names, ONE))
    store = prepare_ntu("ntu120", raw, tmp_path / "store").store
    assert store.clip_ids == sorted(names)
    assert store.labels.tolist() == [1, 59, 60]
    assert {name: values.tolist() for name, values in store.attributes.items()} == {
        "setup": [1, 17, 18],
        "camera": [2, 3, 1],
        "subject": [3, 40, 106],
        "replication": [1, 2, 2],
        "action": [2, 60, 61],
    }
    assert store.skeleton.name == "kinect_v2_25"
    assert store.manifest["dataset"] == "ntu120"


def zip_of(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_folders_zips_and_workers_give_the_same_store(tmp_path: Path):
    old = {f"S001C00{1 + i % 3}P001R001A{1 + i:03d}": bodies(14, range(14), range(i, 14)) for i in range(20)}
    old["S002C001P001R001A001"] = ZERO_BODIES
    new = {"S020C001P050R001A100": ONE, "S021C001P050R001A120": bodies(12, [1, 3])}
    folders = [
        folder_of(tmp_path / "a", {f"deep/er/{k}": v for k, v in old.items()}),
        folder_of(tmp_path / "b", new),
    ]
    expected = prepare_ntu("ntu120", folders, tmp_path / "one")
    assert len(expected.store) == 22
    assert [p.file for p in expected.problems] == ["a/deep/er/S002C001P001R001A001.skeleton"]
    zips = [
        zip_of(tmp_path / "a.zip", {f"nturgb+d_skeletons/{k}.skeleton": v for k, v in old.items()}),
        zip_of(tmp_path / "b.zip", {f"{k}.skeleton": v for k, v in new.items()}),
    ]
    for sources, workers in ((folders, 2), (zips, 1), (zips, 2)):
        got = prepare_ntu("ntu120", sources, tmp_path / f"store{workers}", workers=workers, overwrite=True)
        assert _bytes(got, "joints.npy", "clips.csv") == _bytes(expected, "joints.npy", "clips.csv")
        assert got.store.manifest["source"]["sha256"] == expected.store.manifest["source"]["sha256"]
        assert got.store.manifest["source"]["notes"] == expected.store.manifest["source"]["notes"]
        assert [p.problem for p in got.problems] == [p.problem for p in expected.problems]


def _bytes(prepared: Prepared, *names: str) -> list[bytes]:
    return [(prepared.store.folder / name).read_bytes() for name in names]


def test_the_manifest_says_where_the_clips_come_from(tmp_path: Path):
    raw = folder_of(tmp_path / "raw", {GOOD: ONE})
    (raw / "readme.txt").write_text("hello")
    prepared = prepare_ntu("ntu60", raw, tmp_path / "store")
    source = json.loads((tmp_path / "store" / "manifest.json").read_text())["source"]
    assert source == prepared.store.manifest["source"]
    assert source["name"] == "raw"
    assert (source["files"], source["ignored"], source["notes"]) == (1, 1, {})
    assert re.fullmatch("[0-9a-f]{64}", source["sha256"])
    assert f"{raw}: ignored 1 files of another kind, such as readme.txt" in prepared.remarks
    assert "ntu60-xsub: expected 40,091 train clips, found 1 (40,090 missing)" in prepared.remarks
    (raw / f"{GOOD}.skeleton").write_bytes(ONE.replace(b" 2\n", b" 1\n"))
    other = prepare_ntu("ntu60", raw, tmp_path / "store", overwrite=True)
    assert other.store.manifest["source"]["sha256"] != source["sha256"]


def test_files_on_the_published_list_are_left_out_unless_asked_for(tmp_path: Path):
    listed = min(ntu_missing_skeletons())
    raw = folder_of(tmp_path / "raw", {GOOD: ONE, listed: ONE})
    prepared = prepare_ntu("ntu60", raw, tmp_path / "store")
    assert prepared.store.clip_ids == [GOOD]
    assert prepared.problems == ()
    assert prepared.store.manifest["source"]["notes"] == {"listed": {listed: 1}}
    assert f"{NOTES['listed']}: 1 in 1 clips such as {listed}" in prepared.remarks
    kept = prepare_ntu("ntu60", raw, tmp_path / "store", listed="use", overwrite=True)
    assert kept.store.clip_ids == sorted([GOOD, listed])


def test_names_that_do_not_belong(tmp_path: Path):
    names = [
        "notes",
        "S001C001P001R001A061",
        "S033C001P001R001A061",
        "S018C001P001R001A061",
        "S001C001P041R001A001",
    ]
    raw = folder_of(tmp_path / "raw", {GOOD: ONE, **dict.fromkeys(names, ONE)})
    prepared = prepare_ntu("ntu60", raw, tmp_path / "store")
    assert prepared.store.clip_ids == [GOOD]
    no_clip = "is no clip of NTU RGB+D:"
    assert {p.file: p.problem.split(";")[0] for p in prepared.problems} == {
        "notes.skeleton": "clip id 'notes': expected the form SsssCcccPpppRrrrAaaa, for example "
        "S001C002P003R001A060",
        "S001C001P001R001A061.skeleton": f"{no_clip} setup 1, camera 1, subject 1, replication 1, action 61",
        "S033C001P001R001A061.skeleton": f"{no_clip} setup 33, camera 1, subject 1, replication 1, action 61",
    }
    assert list(prepared.store.manifest["source"]["notes"]["other_dataset"]) == [
        "S001C001P041R001A001",
        "S018C001P001R001A061",
    ]


def test_one_clip_in_two_sources(tmp_path: Path):
    first = folder_of(tmp_path / "first", {GOOD: ZERO_BODIES, NAME: ONE})
    second = folder_of(tmp_path / "second", {GOOD: ONE, NAME: ONE})
    prepared = prepare_ntu("ntu60", [first, second], tmp_path / "store")
    assert prepared.store.clip_ids == [GOOD, NAME]
    assert prepared.problems == (
        Problem(f"first/{GOOD}.skeleton", None, "no body in any of 4 frames"),
        Problem(
            f"second/{NAME}.skeleton",
            None,
            f"clip {NAME} was already read from first/{NAME}.skeleton; keep one of the two",
        ),
    )


def test_wanted_clips(tmp_path: Path):
    raw = folder_of(tmp_path / "raw", {GOOD: ONE, NAME: ONE})
    absent = ["S001C001P001R001A003", "S001C001P001R001A002"]
    prepared = prepare_ntu("ntu60", raw, tmp_path / "store", wanted=[*absent, NAME])
    assert prepared.store.clip_ids == [NAME]
    text = "this clip is wanted, but there is no such file"
    assert prepared.problems == tuple(Problem(f"{name}.skeleton", None, text) for name in sorted(absent))


def test_what_stops_a_run(tmp_path: Path):
    raw = folder_of(tmp_path / "raw", {GOOD: ZERO_BODIES})
    with pytest.raises(
        ValueError, match=r"no usable clip of ntu60 among 1 .*first problem: S001.*: no body in any"
    ):
        prepare_ntu("ntu60", raw, tmp_path / "store")
    assert not (tmp_path / "store").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        ValueError, match=r"no usable clip .* among 0 .skeleton files; expected files such as S001"
    ):
        prepare_ntu("ntu60", tmp_path / "empty", tmp_path / "store")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        prepare_ntu("ntu60", tmp_path / "nowhere", tmp_path / "store")
    with pytest.raises(ValueError, match="unknown NTU data set 'ntu'"):
        prepare_ntu("ntu", raw, tmp_path / "store")
    with pytest.raises(ValueError, match="unknown rule for short bodies 'kept'"):
        prepare_ntu("ntu60", raw, tmp_path / "store", short="kept")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="workers: expected at least 1"):
        prepare_ntu("ntu60", raw, tmp_path / "store", workers=0)


def test_a_damaged_zip_entry_is_a_problem(tmp_path: Path):
    path = zip_of(tmp_path / "raw.zip", {f"{GOOD}.skeleton": ONE, f"{NAME}.skeleton": bodies(12, range(12))})
    content = bytearray(path.read_bytes())
    at = content.index(NAME.encode()) + 200
    content[at] ^= 255
    path.write_bytes(content)
    prepared = prepare_ntu("ntu60", path, tmp_path / "store")
    assert prepared.store.clip_ids == [GOOD]
    assert prepared.problems[0].problem.startswith("cannot be read (")


def test_every_note_has_its_sentence():
    modules = (ntu_persons, ntu_clip, ntu_noise, ntu_clean)
    used = set(re.findall(r'notes\["(\w+)"\]', "".join(map(inspect.getsource, modules))))
    assert used == NOTES.keys() - {"listed", "other_dataset", "pre_centred", "pre_turned"}

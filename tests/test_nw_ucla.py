"""The reader of NW-UCLA: what it reads, and what it says about every kind of broken file."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lst.data.nw_ucla import OFFICIAL_SHA256, checksum, read_clip, read_nw_ucla
from lst.data.store.clip_store import Problem, StoredClip, write_store
from lst.data.store.raw_files import RawFiles
from lst.facts.benchmarks import get_benchmark

NAME = "a08_s01_e00_v03"  # file number 08 is label 7 in the JSON, class index 6
V = 20


def frames(count: int = 2) -> list[list[list[float]]]:
    return np.random.default_rng(count).normal(size=(count, V, 3)).round(6).tolist()


def text(name: str = NAME, label: Any = 7, skeletons: Any = None, **more: Any) -> str:
    return json.dumps({"file_name": name, "skeletons": skeletons or frames(), "label": label, **more})


def read(folder: Path) -> tuple[list[StoredClip], list[Problem]]:
    problems: list[Problem] = []
    with RawFiles(folder, ".json") as raw:
        return list(read_nw_ucla(raw, problems)), problems


def problem_of(folder: Path, content: str | bytes, name: str = NAME) -> Problem:
    """The one problem of a folder with a good clip and a file of that content."""
    (folder / "a01_s01_e00_v01.json").write_text(text("a01_s01_e00_v01", 1))
    (folder / f"{name}.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    clips, problems = read(folder)
    assert [clip.clip_id for clip in clips] == ["a01_s01_e00_v01"]  # the others go on
    assert len(problems) == 1
    assert problems[0].file == f"{name}.json"
    return problems[0]


def test_one_clip_by_hand(tmp_path: Path):
    skeletons = [[[float(v), 10.0 + v, 0.1] for v in range(V)], [[-1.5, 0, 5] for _ in range(V)]]
    (tmp_path / f"{NAME}.json").write_text(text(skeletons=skeletons))
    (clip,), problems = read(tmp_path)
    assert problems == []
    assert clip.clip_id == NAME
    assert clip.label == 6
    assert clip.attributes == {"action": 8, "subject": 1, "episode": 0, "view": 3}
    assert clip.joints_MTVC.shape == (1, 2, V, 3)
    assert clip.joints_MTVC.dtype == np.float32
    assert clip.joints_MTVC[0, 0, 4].tolist() == [4.0, 14.0, float(np.float32(0.1))]
    assert clip.joints_MTVC[0, 1, 19].tolist() == [-1.5, 0.0, 5.0]


# data.md 2.2: file number -> label in the JSON
LABELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 8: 7, 9: 8, 11: 9, 12: 10}


@pytest.mark.parametrize(("action", "label"), LABELS.items())
def test_label_table(action: int, label: int):
    name = f"a{action:02d}_s01_e00_v01"
    assert read_clip(name, text(name, label).encode(), get_benchmark("nw-ucla")).label == label - 1
    with pytest.raises(ValueError, match=f"label {label + 1} disagrees .* has label {label};"):
        read_clip(name, text(name, label + 1).encode(), get_benchmark("nw-ucla"))


@settings(max_examples=20, deadline=None)
@given(joints=arrays(np.float64, (3, V, 3), elements=st.floats(-1e30, 1e30)))
def test_json_numbers_become_the_nearest_float32(joints: np.ndarray):
    clip = read_clip(NAME, text(skeletons=joints.tolist()).encode(), get_benchmark("nw-ucla"))
    np.testing.assert_array_equal(clip.joints_MTVC[0], joints.astype(np.float32))


def test_clips_come_in_clip_id_order_from_folder_and_zip_alike(tmp_path: Path):
    names = ["a02_s01_e00_v01", "a01_s10_e00_v02", "a01_s02_e00_v03"]
    (tmp_path / "raw").mkdir()
    with zipfile.ZipFile(tmp_path / "raw.zip", "w") as archive:
        for folder, name in zip(["", "z/", "a/b/"], names, strict=True):
            content = text(name, int(name[1:3]))
            archive.writestr(f"{folder}{name}.json", content)
            (tmp_path / "raw" / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / "raw" / folder / f"{name}.json").write_text(content)
        archive.writestr(f"__MACOSX/._{names[0]}.json", "\x00\x05")
    for source in ("raw", "raw.zip"):
        clips, problems = read(tmp_path / source)
        assert [clip.clip_id for clip in clips] == sorted(names)
        assert problems == []


def without(key: str) -> str:
    data = json.loads(text())
    del data[key]
    return json.dumps(data)


def with_joint(joint: str) -> str:
    """Two frames; joint 7 of the second is `joint`, written as it stands."""
    skeletons: list[Any] = frames()
    skeletons[1][7] = "HERE"
    return text(skeletons=skeletons).replace('"HERE"', joint)


ragged, short, long = frames(), frames(), frames()
ragged[1].pop()
short[0][3].pop()
long[1] += [[0.0, 0.0, 0.0]] * 5

BROKEN: dict[str, tuple[str | bytes, str]] = {
    "empty file": ("", "broken JSON: Expecting value (column 1)"),
    "no dictionary": ("[1, 2]", "expected a JSON object with skeletons and label, got a list"),
    "not text": (b"\xff\xfe\xfa\x00\xd8", "is not text"),
    "nested too deep": ("[" * 100_000, "nested too deep"),
    "no label": (without("label"), "lacks label; it has the keys file_name, skeletons"),
    "no skeletons": (without("skeletons"), "lacks skeletons; it has the keys file_name, label"),
    "empty dictionary": ("{}", "lacks skeletons and label; it has the keys (none)"),
    "label of another action": (text(label=8), "label 8 disagrees with the name: action 08 has label 7"),
    "label as text": (text(label="7"), "label '7' disagrees"),
    "label null": (text(label=None), "label None disagrees"),
    "name inside": (text("a08_s01_e00_v01"), "the file says it is 'a08_s01_e00_v01'"),
    "no frames": (text().replace(json.dumps(frames()), "[]"), "no frame: expected `skeletons`"),
    "frames null": (text().replace(json.dumps(frames()), "null"), "no frame: expected `skeletons`"),
    "25 joints": (text(skeletons=[[[0.0] * 3] * 25]), "frame 0: expected 20 joints, got 25"),
    "ragged frames": (text(skeletons=ragged), "frame 1: expected 20 joints, got 19"),
    "long frame": (text(skeletons=long), "frame 1: expected 20 joints, got 25"),
    "frame is a number": (text(skeletons=[1, 2]), "frame 0: expected 20 joints, got 1"),
    "short joint": (text(skeletons=short), "frame 0, joint 3: expected 3 coordinates, got 2"),
    "long joint": (with_joint("[1, 2, 3, 4]"), "frame 1, joint 7: expected 3 coordinates, got 4"),
    "joint null": (with_joint("null"), "frame 1, joint 7: expected 3 coordinates, got None"),
    "NaN": (with_joint("[1, NaN, NaN]"), "2 coordinates are NaN or infinite"),
    "where": (with_joint("[1, NaN, NaN]"), "the first at frame 1, joint 7, y"),
    "infinity": (with_joint("[1, 2, -Infinity]"), "the first at frame 1, joint 7, z"),
    "1e999": (with_joint("[1e999, 2, 3]"), "the first at frame 1, joint 7, x"),
    "beyond float32": (with_joint("[1e39, 2, 3]"), "the first at frame 1, joint 7, x"),
    "number as text": (with_joint('[1, "2", 3]'), "a coordinate is not a number"),
    "coordinate null": (with_joint("[1, null, 3]"), "a coordinate is not a number"),
    "coordinate a list": (with_joint("[1, [2], 3]"), "a coordinate is a list; expected a number"),
    "all lists": (text(skeletons=[[[[1.0]] * 3] * V]), "a coordinate is not a number"),
    "all true": (text(skeletons=[[[True] * 3] * V]), "frame 0, joint 0, x: is true, no number"),
    "huge whole number": (with_joint(f"[1, {10**400}, 3]"), "a coordinate is not a number"),
    "5000 digits": (with_joint(f"[1, {'9' * 5000}, 3]"), "digits"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_files(tmp_path: Path, content: str | bytes, message: str):
    assert message in problem_of(tmp_path, content).problem


def test_true_is_no_label_although_it_equals_one(tmp_path: Path):
    name = "a01_s01_e00_v02"
    assert "label True disagrees" in problem_of(tmp_path, text(name, True), name).problem


def test_broken_json_has_a_line_number(tmp_path: Path):
    lines = json.dumps(json.loads(text()), indent=1).split("\n")
    lines[6] = lines[6].replace(",", ";")  # line 7: a coordinate of the first joint
    problem = problem_of(tmp_path, "\n".join(lines))
    assert problem.line == 7
    assert "broken JSON: Expecting ',' delimiter" in problem.problem


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 0.999])
def test_a_file_cut_short_anywhere(tmp_path: Path, share: float):
    whole = text()
    problem = problem_of(tmp_path, whole[: int(share * len(whole))])
    assert problem.line == 1
    assert "broken JSON" in problem.problem


NAMES = {
    "notes": "aAA_sSS_eEE_vVV",
    "a1_s1_e0_v1": "aAA_sSS_eEE_vVV",
    "a08_s01_e00_v03 (1)": "aAA_sSS_eEE_vVV",
    "A08_s01_e00_v03": "aAA_sSS_eEE_vVV",
    "a08_s01_e00_v٠٣": "aAA_sSS_eEE_vVV",
    "a07_s01_e00_v01": "action 7 is no class",
    "a13_s01_e00_v01": "action 13 is no class",
    "a08_s01_e00_v04": "view 4 is unknown; expected 1, 2 or 3",
    "a08_s01_e00_v00": "view 0 is unknown",
}


@pytest.mark.parametrize(("name", "message"), NAMES.items())
def test_names(tmp_path: Path, name: str, message: str):
    assert message in problem_of(tmp_path, text(name), name).problem


def test_file_name_inside_may_be_missing(tmp_path: Path):
    (tmp_path / f"{NAME}.json").write_text(without("file_name"))
    assert read(tmp_path)[1] == []


def test_the_second_file_of_a_clip_is_a_problem(tmp_path: Path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{NAME}.json").write_text(text())
    clips, problems = read(tmp_path)
    assert len(clips) == 1
    expected = f"clip {NAME} was already read from one/{NAME}.json; keep one of the two"
    assert problems == [Problem(f"two/{NAME}.json", None, expected)]


def test_a_good_copy_stands_in_for_a_broken_one(tmp_path: Path):
    for folder, content in (("one", "{"), ("two", text())):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{NAME}.json").write_text(content)
    clips, problems = read(tmp_path)
    assert len(clips) == 1
    assert [problem.file for problem in problems] == [f"one/{NAME}.json"]


def test_nothing_usable_says_what_was_searched_and_what_is_expected(tmp_path: Path):
    with pytest.raises(
        ValueError, match=r"no usable NW-UCLA clip among 0 JSON files; expected .*all_sqe"
    ) as error:
        read(tmp_path)
    assert str(tmp_path) in str(error.value)
    (tmp_path / "notes.json").write_text("{}")
    (tmp_path / "all_sqe.zip").write_bytes(b"")
    with pytest.raises(ValueError, match=r"among 1 JSON files \(1 other files\)") as error:
        read(tmp_path)
    assert "The first problem: notes.json: clip id 'notes'" in str(error.value)
    assert f"Perhaps you meant {tmp_path / 'all_sqe.zip'}" in str(error.value)


def test_a_file_name_that_is_not_unicode_is_a_problem_like_others(tmp_path: Path):
    try:
        (tmp_path / "caf\udce9.json").write_text(text())
    except (OSError, UnicodeError):
        pytest.skip("this file system accepts Unicode names only")
    (tmp_path / f"{NAME}.json").write_text(text())
    with RawFiles(tmp_path, ".json") as raw:
        assert len(checksum(raw.files)) == 64
        problems: list[Problem] = []
        clips = read_nw_ucla(raw, problems)
        source = {"name": "caf\udce9", "sha256": ""}
        store = write_store(
            tmp_path / "s", clips, dataset="nw-ucla", layout="kinect_v1_20", source=source, problems=problems
        )
    assert store.problems()[0].file == "caf\\udce9.json"


def test_checksum_by_hand(tmp_path: Path):
    # Only base names count, so a copy in other folders has the same checksum.
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "a.json").write_bytes(b"A")
    (tmp_path / "b.json").write_bytes(b"B")
    (tmp_path / "val_label.pkl").write_bytes(b"ignored")
    a, b = (hashlib.sha256(content).hexdigest() for content in (b"A", b"B"))
    lines = f"{a}  all_sqe/a.json\n{b}  all_sqe/b.json\n"
    with RawFiles(tmp_path, ".json") as raw:
        assert checksum(raw.files) == checksum(raw.files[::-1])
        assert checksum(raw.files) == hashlib.sha256(lines.encode()).hexdigest() != OFFICIAL_SHA256


def test_a_real_clip_equals_its_json(shared: Path):
    with zipfile.ZipFile(shared / "data" / "nw_ucla_all_sqe.zip") as archive:
        for name, length in (("a01_s04_e04_v01", None), ("a02_s09_e04_v02", 1)):
            content = archive.read(f"all_sqe/{name}.json")
            clip = read_clip(name, content, get_benchmark("nw-ucla"))
            exact = np.array(json.loads(content)["skeletons"], dtype=np.float64)
            assert clip.joints_MTVC.shape == (1, length or len(exact), V, 3)
            np.testing.assert_array_equal(clip.joints_MTVC[0], exact.astype(np.float32))

"""What foreign files put into a message is escaped, cut and quoted; and raw files that are not honest."""

import json
import shlex
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lst.data.ntu.clip import convert
from lst.data.prepare import prepare_nw_ucla
from lst.data.store.raw_files import RawFiles
from lst.facts.shown import printable, shown, shown_value
from lst.facts.wording import command
from skeleton_files import frames_of, make_skeleton_file, moving
from test_cli import lst_call, refused

CLIP = "a04_s01_e07_v03"
ESCAPES = "a\x1b[2J\x1b[31m_s01.json"


def ucla(clip_id: str = CLIP, **changed: Any) -> dict[str, Any]:
    joints = np.random.default_rng(0).normal(size=(3, 20, 3)).round(3).tolist()
    return {"file_name": clip_id, "skeletons": joints, "label": int(clip_id[1:3])} | changed


@given(st.text())
def test_any_name_is_one_short_printable_line(name: str):
    assert printable(name).isprintable()
    assert shown(name).isprintable()
    assert shown_value(name).isprintable()
    assert shown(shown(name)) == shown(name) or len(name) > 20
    if name.isprintable() and len(name) <= 100:
        assert shown(name) == name


def test_long_names_and_deep_values_are_cut():
    assert len(shown("x" * 60_000)) < 130
    assert "(60,000 characters)" in shown("x" * 60_000)
    assert shown("a\nb\x1b[2J\u202e\ud800é") == "a\\nb\\x1b[2J\\u202e\\ud800é"
    deep: Any = []
    twice: Any = ()
    for _ in range(100_000):
        deep = [deep]
    for _ in range(60):
        twice = (twice, twice)  # 2 ** 60 empty tuples, if they were all printed
    for value in (deep, twice, "x" * 10**6, 10**6000, {"k" * 10**5: [1] * 10**5}):
        assert len(shown_value(value)) < 400


def test_commands_are_quoted_for_the_shell():
    words = ["info", Path("my store"), "it's"]
    assert shlex.split(command(*words)) == ["lst", "info", "my store", "it's"]
    assert command("info", Path("data/ntu60")) == "lst info data/ntu60"


def test_a_store_in_a_folder_with_a_blank(tmp_path: Path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / f"{CLIP}.json").write_text(json.dumps(ucla()))
    store = tmp_path / "my store"
    done = lst_call("prepare", "nw-ucla", tmp_path / "raw", "--out", store)
    assert f"next: lst info '{store}'" in done.out


def test_names_in_a_zip_do_not_reach_the_terminal(tmp_path: Path):
    names = [ESCAPES, "x\ny.json", "é\u202e.json", "l" * 60_000 + ".json", "\x1b]0;title.txt"]
    with zipfile.ZipFile(tmp_path / "names.zip", "w") as archive:
        for name in names:
            archive.writestr(name, "{}")
        archive.writestr(f"{CLIP}.json", json.dumps(ucla()))
    done = lst_call("prepare", "nw-ucla", tmp_path / "names.zip", "--out", tmp_path / "store")
    assert done.status == 0
    assert printable(done.out.replace("\n", "")) == done.out.replace("\n", "")
    assert "left out a\\x1b[2J\\x1b[31m_s01.json: clip id 'a\\x1b[2J" in done.out
    assert max(map(len, done.out.splitlines())) < 700
    problems = (tmp_path / "store" / "problems.csv").read_text(encoding="utf-8")
    assert printable(problems.replace("\n", "")) == problems.replace("\n", "")
    assert len(problems.splitlines()) == 5
    message = refused("prepare", "ntu60", tmp_path / "names.zip", "--out", tmp_path / "other")
    assert "no usable clip of ntu60" in message


def test_a_bomb_in_a_zip_is_left_out_and_takes_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The limit is set to 1 MB, so that the bomb need not be large; the ratio is that of the real thing."""
    monkeypatch.setenv("LST_MAX_UNPACKED_MB", "1")
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a04_s01_e01_v01.json", bytes(50_000_000))
        archive.writestr(f"{CLIP}.json", json.dumps(ucla()))
    tracemalloc.start()
    tracemalloc.reset_peak()
    prepared = prepare_nw_ucla(tmp_path / "all.zip", tmp_path / "store")
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert prepared.store.clip_ids == [CLIP]
    (problem,) = prepared.problems
    assert problem.file == "a04_s01_e01_v01.json"
    assert "has 50 MB unpacked, more than the 1 MB" in problem.problem
    assert "set LST_MAX_UNPACKED_MB=51" in problem.problem
    monkeypatch.setenv("LST_MAX_UNPACKED_MB", "51")
    with RawFiles(tmp_path / "all.zip", ".json") as raw:
        assert len(raw.files[0].read()) == 50_000_000
    monkeypatch.setenv("LST_MAX_UNPACKED_MB", "many")
    with (
        RawFiles(tmp_path / "all.zip", ".json") as raw,
        pytest.raises(ValueError, match="UNPACKED_MB='many'"),
    ):
        raw.files[0].read()


def test_the_limit_is_for_files_in_folders_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LST_MAX_UNPACKED_MB", "1")
    (tmp_path / "a.json").write_bytes(bytes(1_000_001))
    with RawFiles(tmp_path, ".json") as raw, pytest.raises(ValueError, match="more than the 1 MB"):
        raw.files[0].read()


def test_an_entry_that_says_it_is_small_is_not_unpacked_further(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", bytes(20_000_000))
    content = (tmp_path / "all.zip").read_bytes()
    size = (20_000_000).to_bytes(4, "little")
    (tmp_path / "all.zip").write_bytes(content.replace(size, (2).to_bytes(4, "little")))
    tracemalloc.start()
    tracemalloc.reset_peak()
    with RawFiles(tmp_path / "all.zip", ".json") as raw, pytest.raises(ValueError, match="Bad CRC"):
        raw.files[0].read()
    assert tracemalloc.get_traced_memory()[1] < 8_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_a_bound_are_refused(method: int, tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w", method) as archive:
        archive.writestr("a.json", "{}")
    with (
        RawFiles(tmp_path / "all.zip", ".json") as raw,
        pytest.raises(ValueError, match="pack it again by def"),
    ):
        raw.files[0].read()


@pytest.mark.parametrize("seed", range(3))
def test_damaged_zips_are_refused_or_read(seed: int, tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(3):
            archive.writestr(f"a0{i + 1}_s01_e01_v01.json", json.dumps(ucla(f"a0{i + 1}_s01_e01_v01")))
    whole = (tmp_path / "all.zip").read_bytes()
    rng = np.random.default_rng(seed)
    said: list[str] = []
    for _ in range(100):
        changed = bytearray(whole)
        # Most of them where the names, sizes and methods stand: at the end.
        low = 0 if rng.random() < 0.3 else len(whole) - 350
        for place in rng.integers(low, len(whole), size=rng.integers(1, 4)):
            changed[place] = rng.integers(256)
        (tmp_path / "x.zip").write_bytes(changed)
        try:
            with RawFiles(tmp_path / "x.zip", ".json") as raw:
                for file in raw.files:
                    try:
                        file.read()
                    except ValueError as error:
                        said.append(str(error))
        except ValueError as error:
            said.append(str(error))
    assert len(said) > 20
    assert all(text.isprintable() and len(text) < 700 for text in said)


CASES: dict[str, tuple[Any, str]] = {
    "true": (
        ucla(skeletons=[[[0.5, 1.0, 2.0]] * 19 + [[0.5, True, 2]]]),
        "frame 0, joint 19, y: is true, no",
    ),
    "false": (ucla(skeletons=[[[False, 1.0, 2.0]] * 20]), "frame 0, joint 0, x: is false, no number"),
    "all": (ucla(skeletons=[[[True] * 3] * 20]), "frame 0, joint 0, x: is true, no number"),
    "name": (ucla(file_name="\x1b[2J" * 9999), r"the file says it is '\\x1b"),
    "label": (ucla(label=[[[[1]]]]), "label [[[...]]] disagrees"),
    "joints": (ucla(skeletons=[[0] * 20]), "frame 0, joint 0: expected 3 coordinates, got 0"),
    "keys": ({"\x1b[2J": 1}, r"it has the keys \x1b[2J"),
}


@pytest.mark.parametrize("case", CASES)
def test_clips_that_are_none(case: str, tmp_path: Path):
    content, message = CASES[case]
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / f"{CLIP}.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="no usable NW-UCLA clip") as caught:
        prepare_nw_ucla(tmp_path / "raw", tmp_path / "store")
    assert message.replace("\\\\", "\\") in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 900


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"skeletons":' + "[" * 100_000, "[" * 9000 + "]" * 9000])
def test_brackets_without_end(deep: str, tmp_path: Path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / f"{CLIP}.json").write_text(deep)
    with pytest.raises(ValueError, match=f"{CLIP}.json: brackets are nested too deep"):
        prepare_nw_ucla(tmp_path / "raw", tmp_path / "store")


def test_marks_of_editors_before_a_text(tmp_path: Path):
    plain = make_skeleton_file(frames_of(5, {"7": (range(5), moving(7, 5))}))
    expected = convert(plain)[0]
    for content in (b"\xef\xbb\xbf" + plain, plain.decode().encode("utf-16")):
        assert np.array_equal(convert(content)[0], expected)
    with pytest.raises(ValueError, match="is no whole text in UTF-16"):
        convert(plain.decode().encode("utf-16")[:-1])
    (tmp_path / "raw").mkdir()
    for start in ("utf-8-sig", "utf-16"):
        (tmp_path / "raw" / f"{CLIP}.json").write_text(json.dumps(ucla()), encoding=start)
        assert len(prepare_nw_ucla(tmp_path / "raw", tmp_path / "store", overwrite=True).store) == 1

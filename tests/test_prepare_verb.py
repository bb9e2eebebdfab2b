"""`lst prepare` for NTU RGB+D as a person meets it: the bar, the summary, the exit status, the choices."""

import io
import os
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from lst.cli import data_verbs
from lst.cli.main import main
from lst.data.ntu import files as ntu_files
from lst.data.ntu.prepare import prepare_ntu
from lst.data.store.clip_store import ClipStore
from lst.data.store.raw_files import RawFiles
from skeleton_files import frames_of, make_skeleton_file, moving

ONE = make_skeleton_file(frames_of(5, {"7": (range(5), moving(7, 5))}))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    for i in range(1, 13):
        (folder / f"S001C001P001R001A{i:03d}.skeleton").write_bytes(ONE)
    return folder


def prepare(*words: object) -> int | str | None:
    """The exit status."""
    try:
        return main(["prepare", *map(str, words)])
    except SystemExit as stop:
        return stop.code


def test_a_bar_with_the_time_left_on_a_terminal_only(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", Terminal())
        assert prepare("ntu60", raw, "--out", tmp_path / "store") == 0
        shown = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "| 12/12 [00:00<00:00, " in shown
    assert shown.endswith("looking for poses that clips share ...\n")
    assert f"{tmp_path / 'store'}: 12 clips, 60 frames, 0 files left out" in capsys.readouterr().out
    assert prepare("ntu60", raw, "--out", tmp_path / "again") == 0
    assert capsys.readouterr().err == ""


def test_the_bar_goes_on_where_the_run_was(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def stop(outcomes: Any, total: int, done: int) -> Any:
        yield from (next(outcomes) for _ in range(9))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_ntu("ntu60", raw, tmp_path / "store", progress=stop)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert prepare("ntu60", raw, "--out", tmp_path / "store") == 0
    first = sys.stderr.getvalue().split("\r")[1]  # type: ignore[attr-defined]
    assert "| 9/12 [" in first


def test_strict_ends_with_1_if_a_file_was_left_out(raw: Path, tmp_path: Path):
    assert prepare("ntu60", raw, "--out", tmp_path / "all", "--strict") == 0
    (raw / "S001C001P001R001A003.skeleton").write_bytes(ONE[:200])
    assert prepare("ntu60", raw, "--out", tmp_path / "loose") == 0
    assert prepare("ntu60", raw, "--out", tmp_path / "strict", "--strict") == 1
    assert len(ClipStore.open(tmp_path / "strict")) == 11


@pytest.mark.parametrize(("words", "expected"), [([], None), (["--workers", "3"], 3)])
def test_as_many_workers_as_cores_unless_told(
    words: list[str], expected: int | None, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    given: list[int] = []

    def counted(*args: Any, workers: int, **options: Any) -> Any:
        given.append(workers)
        return prepare_ntu(*args, **options)

    monkeypatch.setattr(data_verbs, "prepare_ntu", counted)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 3, 4, 9, 11}, raising=False)
    assert prepare("ntu60", raw, "--out", tmp_path / "store", *words) == 0
    assert given == [expected or 5]


def test_the_clean_pipeline_has_its_own_folder_and_is_for_ntu(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    assert prepare("ntu60", raw, "--pipeline", "clean") == 0
    assert ClipStore.open("data/ntu60-clean").manifest["source"]["pipeline"] == "clean"
    assert prepare("ntu60", raw) == 0
    assert ClipStore.open("data/ntu60").manifest["source"]["pipeline"] == "reference"
    capsys.readouterr()
    assert main(["info", "data/ntu60-clean"]) == 0
    assert "  pipeline clean" in capsys.readouterr().out.splitlines()
    assert prepare("synthetic", "--pipeline", "clean") == 2
    assert capsys.readouterr().err == "lst: --pipeline clean is for ntu60 and ntu120, not for synthetic\n"


def test_a_worker_that_dies_is_a_readable_error_and_the_run_can_go_on(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    convert = ntu_files.convert_file

    def dying(chunks: Any, rules: Any, workers: int) -> Any:
        with RawFiles(raw, ".skeleton") as files:
            yield from (convert(files.files[task.number], task, rules) for task in chunks[0])
        raise BrokenProcessPool("a process was killed")

    with monkeypatch.context() as patch:
        patch.setattr(ntu_files, "_CHUNK", 5)
        patch.setattr(ntu_files, "_convert_in_processes", dying)
        assert prepare("ntu60", raw, "--out", tmp_path / "store", "--workers", 2) == 2
    assert capsys.readouterr().err.startswith("lst: one of 2 processes died, perhaps for lack of memory.")
    assert prepare("ntu60", raw, "--out", tmp_path / "store") == 0
    assert "note: went on after 5 files that an earlier run had converted" in capsys.readouterr().out


def test_a_zip_inside_the_folder_is_named(raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for path in raw.iterdir():
        path.unlink()
    (raw / "nturgbd_skeletons.zip").write_bytes(b"PK")
    assert prepare("ntu60", raw, "--out", tmp_path / "store") == 2
    assert "nturgbd_skeletons.zip is a zip inside: name the zip itself." in capsys.readouterr().err


def test_a_seed_is_for_synthetic_clips(raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert prepare("ntu60", raw, "--out", tmp_path / "store", "--seed", "3") == 2
    assert "--seed is for synthetic clips, not for ntu60" in capsys.readouterr().err

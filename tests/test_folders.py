"""A folder is complete or not there, whatever happens while it is written."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lst.files.whole import is_unfinished, new_folder

OURS = frozenset({"a.txt"})


def fill(folder: Path, text: str, *, overwrite: bool = False) -> None:
    with new_folder(folder, overwrite=overwrite, own_files=OURS) as temporary:
        (temporary / "a.txt").write_text(text)


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_folder_appears_only_at_the_end(tmp_path: Path):
    target = tmp_path / "deep" / "store"
    with new_folder(target, overwrite=False, own_files=OURS) as temporary:
        (temporary / "a.txt").write_text("1")
        assert not target.exists()
        assert is_unfinished(temporary)
        assert temporary.name == f"store.tmp-{os.getpid()}"
    assert (target / "a.txt").read_text() == "1"
    assert not is_unfinished(target)
    assert os.listdir(target.parent) == ["store"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_nothing_and_keeps_the_old_folder(tmp_path: Path, error: type[BaseException]):
    def fail(overwrite: bool) -> None:
        with new_folder(tmp_path / "store", overwrite=overwrite, own_files=OURS) as temporary:
            (temporary / "a.txt").write_text("half")
            raise error

    with pytest.raises(error):
        fail(overwrite=False)
    assert os.listdir(tmp_path) == []
    fill(tmp_path / "store", "old")
    with pytest.raises(error):
        fail(overwrite=True)
    assert os.listdir(tmp_path) == ["store"]
    assert (tmp_path / "store" / "a.txt").read_text() == "old"


def test_overwrite_replaces_all_files(tmp_path: Path):
    (tmp_path / "store").mkdir()  # an empty folder is no obstacle
    fill(tmp_path / "store", "old")
    with pytest.raises(ValueError, match=r"exists already.*--overwrite"):
        fill(tmp_path / "store", "new")
    assert (tmp_path / "store" / "a.txt").read_text() == "old"
    fill(tmp_path / "store", "new", overwrite=True)
    assert (tmp_path / "store" / "a.txt").read_text() == "new"
    assert os.listdir(tmp_path) == ["store"]


def test_foreign_files_are_never_deleted(tmp_path: Path):
    fill(tmp_path / "store", "old")
    (tmp_path / "store" / "thesis.tex").write_text("dear")
    with pytest.raises(ValueError, match=r"thesis\.tex"):
        fill(tmp_path / "store", "new", overwrite=True)
    assert (tmp_path / "store" / "thesis.tex").read_text() == "dear"
    (tmp_path / "file").write_text("dear")
    with pytest.raises(ValueError, match="not a folder"):
        fill(tmp_path / "file", "new", overwrite=True)


def test_another_run_that_finished_first_wins(tmp_path: Path):
    def late() -> None:
        with new_folder(tmp_path / "store", overwrite=False, own_files=OURS) as temporary:
            (temporary / "a.txt").write_text("late")
            (tmp_path / "store").mkdir()
            (tmp_path / "store" / "a.txt").write_text("first")

    with pytest.raises(ValueError, match="exists already"):
        late()
    assert (tmp_path / "store" / "a.txt").read_text() == "first"


@pytest.mark.parametrize("pid", [dead_pid, os.getpid], ids=["dead", "own number again"])
def test_leftovers_of_dead_runs_go_and_others_stay(tmp_path: Path, pid: Callable[[], int]):
    number = pid()
    names = [
        f"store.tmp-{number}",
        f"store.tmp-{os.getppid()}",
        f"other.tmp-{number}",
        f"store.tmp-{number}.txt",
    ]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "joints.npy").write_text("half")
    fill(tmp_path / "store", "new")
    assert sorted(os.listdir(tmp_path)) == sorted(["store", *names[1:]])


def test_killed_between_the_two_renames_the_old_folder_comes_back(tmp_path: Path):
    fill(tmp_path / "store", "old")
    (tmp_path / "store").rename(tmp_path / f"store.old-{dead_pid()}")
    with pytest.raises(ValueError, match="exists already"):
        fill(tmp_path / "store", "new")
    assert (tmp_path / "store" / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["store"]


def test_a_failing_rename_brings_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fill(tmp_path / "store", "old")
    replace = os.replace

    def no_tmp(source: Path, target: Path) -> None:
        if ".tmp-" in source.name:
            raise OSError("disk on fire")
        replace(source, target)

    monkeypatch.setattr(os, "replace", no_tmp)
    with pytest.raises(OSError, match="on fire"):
        fill(tmp_path / "store", "new", overwrite=True)
    assert (tmp_path / "store" / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["store"]

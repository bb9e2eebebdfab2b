"""A folder has one worker at a time; a dead one blocks nobody, and a living one is named."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lst.data.prepare import prepare_synthetic
from lst.files.locks import FolderBusy, lock_file, locked
from lst.files.whole import new_folder

HOLDER = """
import sys, time
from pathlib import Path
from lst.files.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder until the block ends."""
    words = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_lock_lies_beside_the_folder_says_who_holds_it_and_goes(tmp_path: Path):
    folder = tmp_path / "runs" / "a"
    with locked(folder):
        path = tmp_path / "runs" / "a.lock"
        assert path == lock_file(folder)
        found = json.loads(path.read_bytes()[1:])
        assert found["pid"] == os.getpid()
        assert set(found) == {"pid", "host", "since", "command"}
        with locked(folder):  # once more in the same thread
            pass
        assert path.exists()
    assert os.listdir(tmp_path) == []  # not even the folder that was made for the lock


def test_another_process_is_told_who_works_there(tmp_path: Path):
    with holder(tmp_path / "a") as process:
        with pytest.raises(FolderBusy, match=rf"a: another command is at work there.*{process.pid}") as error:
            locked(tmp_path / "a").__enter__()
        assert "\n" not in str(error.value)
        with locked(tmp_path / "b"):  # its neighbour is free
            pass


def test_a_killed_holder_blocks_nobody(tmp_path: Path):
    with holder(tmp_path / "a") as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert (tmp_path / "a.lock").exists()
        with locked(tmp_path / "a"):
            assert json.loads((tmp_path / "a.lock").read_bytes()[1:])["pid"] == os.getpid()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b" {", b" [1]", b"\xff" * 40, b' {"pid": 1}'])
def test_whatever_the_file_holds_the_holder_is_respected(tmp_path: Path, content: bytes):
    with holder(tmp_path / "a"):
        (tmp_path / "a.lock").write_bytes(content)
        with pytest.raises(FolderBusy, match="another command is at work there"):
            locked(tmp_path / "a").__enter__()


def test_names_of_one_folder_have_one_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path)
    assert lock_file(Path("link")) == lock_file(Path("real/")) == lock_file(tmp_path / "x" / ".." / "real")


def test_threads_of_one_process_exclude_each_other(tmp_path: Path):
    refused: list[BaseException] = []

    def other() -> None:
        try:
            with locked(tmp_path / "a"):
                pass
        except FolderBusy as error:
            refused.append(error)

    with locked(tmp_path / "a"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(refused) == 1


def test_two_preparations_into_one_folder(tmp_path: Path):
    """Nothing of the second one is written, and its message comes before its work."""
    with holder(tmp_path / "store"):
        for overwrite in (False, True):
            with pytest.raises(FolderBusy, match="store: another command"):
                prepare_synthetic(tmp_path / "store", overwrite=overwrite)
            with (
                pytest.raises(FolderBusy),
                new_folder(tmp_path / "store", overwrite=overwrite, own_files=frozenset()),
            ):
                pass
        assert os.listdir(tmp_path) == ["store.lock"]


def test_a_race_for_one_folder_has_one_winner_at_a_time(tmp_path: Path):
    """Six processes add one to a number, each 20 times, with nothing but the lock between them."""
    code = """
import sys
from pathlib import Path
from lst.files.locks import FolderBusy, locked
folder = Path(sys.argv[1])
done = 0
while done < 20:
    try:
        with locked(folder):
            path = folder / "number"
            path.write_text(str(int(path.read_text()) + 1))
            done += 1
    except FolderBusy:
        pass
"""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "number").write_text("0")
    words = [sys.executable, "-c", code, str(tmp_path / "a")]
    processes = [subprocess.Popen(words) for _ in range(6)]
    assert [process.wait() for process in processes] == [0] * 6
    assert (tmp_path / "a" / "number").read_text() == "120"
    assert os.listdir(tmp_path) == ["a"]

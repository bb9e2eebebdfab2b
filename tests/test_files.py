"""A file appears whole or not at all."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lst.files.whole import atomic_path, write_json, write_text


def test_file_appears_only_at_the_end(tmp_path: Path):
    target = tmp_path / "deep" / "er" / "a.txt"
    with atomic_path(target) as temporary:
        assert temporary.parent == target.parent  # a rename must not cross file systems
        assert temporary.name == f"a.txt.tmp-{os.getpid()}"
        temporary.write_text("1")
        assert not target.exists()
    assert target.read_text() == "1"
    assert os.listdir(target.parent) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_nothing_and_keeps_the_old_file(tmp_path: Path, error: type[BaseException]):
    target = tmp_path / "a.txt"

    def fail() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert os.listdir(tmp_path) == []
    target.write_text("old")
    with pytest.raises(error):
        fail()
    assert os.listdir(tmp_path) == ["a.txt"]
    assert target.read_text() == "old"


def test_an_older_file_is_replaced(tmp_path: Path):
    target = tmp_path / "a.txt"
    for text in ("old and longer", "new"):
        with atomic_path(target) as temporary:
            temporary.write_text(text)
    assert target.read_text() == "new"


def test_a_block_that_writes_nothing_is_an_error_and_keeps_the_old_file(tmp_path: Path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(FileNotFoundError), atomic_path(target):
        pass
    assert target.read_text() == "old"


def test_text_of_a_path_is_taken_too(tmp_path: Path):
    with atomic_path(str(tmp_path / "a.txt")) as temporary:  # type: ignore[arg-type]
        temporary.write_text("1")
    assert (tmp_path / "a.txt").read_text() == "1"


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_others_may_read_the_file_as_the_umask_says(tmp_path: Path):
    old = os.umask(0o022)
    try:
        with atomic_path(tmp_path / "a.txt") as temporary:
            temporary.write_text("1")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o644


@pytest.fixture
def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_a_killed_run_left_is_removed_by_the_next_write_of_that_file(tmp_path: Path, dead_pid: int):
    for name in (f"a.txt.tmp-{dead_pid}", f"b.txt.tmp-{dead_pid}", "a.txt.tmp-1", "a.txt.tmp-x"):
        (tmp_path / name).write_text("half")
    write_text(tmp_path / "a.txt", "1")
    left = {"a.txt", f"b.txt.tmp-{dead_pid}", "a.txt.tmp-1", "a.txt.tmp-x"}  # process 1 is alive
    assert set(os.listdir(tmp_path)) == left


def test_text_has_the_same_bytes_everywhere(tmp_path: Path):
    write_text(tmp_path / "a.txt", "ä\nb\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa4\nb\n"


def test_json_is_sorted_and_readable(tmp_path: Path):
    write_json(tmp_path / "a.json", {"b": [1.5, None], "a": "ä"})
    assert (tmp_path / "a.json").read_bytes() == (
        b'{\n  "a": "\xc3\xa4",\n  "b": [\n    1.5,\n    null\n  ]\n}\n'
    )


def test_numbers_that_json_does_not_know_are_refused_and_nothing_is_written(tmp_path: Path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert os.listdir(tmp_path) == []

"""A preparation of NTU RGB+D that is killed goes on where it was and gives the store of an unbroken run."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lst.data.ntu import journal as ntu_journal
from lst.data.ntu.prepare import prepare_ntu
from lst.data.store.clip_store import ClipStore
from skeleton_files import damaged, frames_of, make_skeleton_file, moving

TESTS = Path(__file__).parent
COUNT = 48
"""Three pieces of work for the worker processes."""


def content(i: int) -> bytes:
    """Clips of one and of two persons; every fifth file is damaged."""
    bodies = {"7": (range(13), moving(i, 13)), "8": (range(i % 3, 13), moving(i + 1, 13 - i % 3))}
    good = make_skeleton_file(frames_of(13, dict(list(bodies.items())[: 1 + i % 2])))
    return damaged(good, random.Random(i)) if i % 5 == 4 else good  # noqa: S311


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    for i in range(COUNT):
        (folder / f"S001C001P001R001A{i + 1:03d}.skeleton").write_bytes(content(i))
    return folder


@pytest.fixture(scope="module")
def unbroken(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("unbroken") / "store"
    prepared = prepare_ntu("ntu60", raw, folder)
    assert len(prepared.store) > 30
    assert len(prepared.problems) > 2
    assert not folder.with_name("store.unfinished").exists()
    return files_of(folder)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def run_killed(tmp_path: Path, jobs: list[dict[str, Any]]) -> None:
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps(jobs))
    done = subprocess.run(
        [sys.executable, TESTS / "killed_prepare.py", path], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr


def lives(log: Path) -> list[tuple[list[str], int]]:
    """For every life: the clips whose conversion began, and the outcomes in the journal at its end."""
    found: list[tuple[list[str], int]] = []
    started: list[str] = []
    for line in log.read_text().splitlines():
        if line.startswith("done"):
            found.append((started, int(line.split()[1])))
            started = []
        else:
            started.append(line)
    return found


MOMENTS = {
    "while it begins": [("before key.json", 1), ("after key.json", 1), ("convert", 1), ("half", 1)],
    "in the middle of writes": [("half", n) for n in (1, 2, 3, 4, 9, 16)],
    "between joints and line": [("put", n) for n in (1, 2, 7, 12, 3)],
    "before conversions": [("convert", 1), ("convert", 5), ("convert", 20), ("convert", 15)],
    "at the end": [("put", 70), ("before store", 1), ("before store", 1), ("after store", 1)],
    "before the journal goes": [("before store.tmp", 1), ("before store.tmp", 1)],
}


def test_killed_at_any_moment_it_gives_the_same_store_and_converts_nothing_twice(
    raw: Path, unbroken: dict[str, bytes], tmp_path: Path
):
    rng = random.Random(5)  # noqa: S311
    moments = {**MOMENTS, "from outside": [("seconds", rng.uniform(0.005, 0.08)) for _ in range(8)]}
    jobs = [
        {
            "sources": str(raw),
            "store": str(tmp_path / str(i) / "store"),
            "log": str(tmp_path / f"{i}.log"),
            "moments": moments[name],
        }
        for i, name in enumerate(moments)
    ]
    run_killed(tmp_path, jobs)
    ids = sorted(path.stem for path in raw.iterdir())
    for job, name in zip(jobs, moments, strict=True):
        assert files_of(Path(job["store"])) == unbroken, name
        assert [p.name for p in Path(job["store"]).parent.iterdir()] == ["store"], name  # nothing left behind
        done, started = 0, 0
        for life, (clips, now_done) in enumerate(lives(Path(job["log"]))):
            assert clips == ids[done : done + len(clips)], f"{name}, life {life}"
            started += len(clips)
            done = max(done, now_done)
        assert COUNT <= started <= COUNT + len(moments[name]), name


def command(raw: Path, store: Path, workers: int) -> list[str]:
    code = "import sys; from lst.cli.main import main; sys.exit(main())"
    options = ["--out", str(store), "--workers", str(workers)]
    return [sys.executable, "-c", code, "prepare", "ntu60", str(raw), *options]


def killed_at_work(raw: Path, store: Path) -> list[int]:
    """Start the command with two workers and kill it after its first outcomes -> its child processes."""
    journal = store.with_name("store.unfinished") / "outcomes.jsonl"
    with subprocess.Popen(
        command(raw, store, 2), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        while not (journal.exists() and journal.stat().st_size):
            assert run.poll() is None, "it ended before it could be killed"
            time.sleep(0.001)
        listed = Path(f"/proc/{run.pid}/task/{run.pid}/children")
        children = [int(pid) for pid in listed.read_text().split()] if listed.exists() else []
        run.send_signal(signal.SIGKILL)
    assert run.returncode == -signal.SIGKILL
    return children


def test_the_command_killed_with_its_workers_at_work(raw: Path, unbroken: dict[str, bytes], tmp_path: Path):
    store = tmp_path / "store"
    children = killed_at_work(raw, store)
    assert not store.exists()
    done = subprocess.run(command(raw, store, 1), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "note: went on after " in done.stdout
    assert files_of(store) == unbroken
    end = time.monotonic() + 10
    while alive := [pid for pid in children if not is_dead(pid)]:
        assert time.monotonic() < end, f"worker processes {alive} outlive the run"
        time.sleep(0.01)


def is_dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def interrupted(raw: Path, store: Path, after: int) -> None:
    """A run that is stopped after so many outcomes."""

    def stop(outcomes: Any, total: int, done: int) -> Any:
        for number, outcome in enumerate(outcomes):
            if number == after:
                raise KeyboardInterrupt
            yield outcome
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_ntu("ntu60", raw, store, progress=stop)


def seen_by_watch(raw: Path, store: Path, **options: Any) -> tuple[int, int, int]:
    """A whole run -> its watch's numbers: all files, those done before, and outcomes that came through."""
    seen: list[tuple[int, int]] = []
    came = []

    def watch(outcomes: Any, total: int, done: int) -> Any:
        seen.append((total, done))
        for outcome in outcomes:
            came.append(outcome)
            yield outcome

    prepare_ntu("ntu60", raw, store, progress=watch, **options)
    ((total, done),) = seen
    return total, done, len(came)


def test_the_watch_sees_what_is_left(raw: Path, unbroken: dict[str, bytes], tmp_path: Path):
    interrupted(raw, tmp_path / "store", 25)
    assert seen_by_watch(raw, tmp_path / "store") == (COUNT, 25, COUNT - 25)
    assert files_of(tmp_path / "store") == unbroken


def copy_of(raw: Path, folder: Path) -> Path:
    folder.mkdir()
    for path in raw.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_work_for_other_files_or_options_is_thrown_away(raw: Path, tmp_path: Path):
    files, store = copy_of(raw, tmp_path / "raw"), tmp_path / "store"
    interrupted(files, store, 9)
    changed = files / "S001C001P001R001A001.skeleton"
    os.utime(changed, ns=(1, 1))
    remark = "threw away the work of an unfinished run: other {} now"
    assert remark.format("files") in prepare_ntu("ntu60", files, store).remarks
    interrupted(files, tmp_path / "other", 9)
    prepared = prepare_ntu("ntu60", files, tmp_path / "other", short="keep")
    assert remark.format("options") in prepared.remarks
    interrupted(files, tmp_path / "third", 9)
    key = tmp_path / "third.unfinished" / "key.json"
    key.write_text(json.dumps({**json.loads(key.read_text()), "version of lst": "0.0"}))
    assert remark.format("version of lst") in prepare_ntu("ntu60", files, tmp_path / "third").remarks


DAMAGES = ("joints cut", "joints changed", "line cut", "line changed", "last line unfinished", "lines gone")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_journal_is_used_up_to_the_damage(
    raw: Path, unbroken: dict[str, bytes], tmp_path: Path, damage: str
):
    interrupted(raw, tmp_path / "store", 20)
    name = "joints.f32" if damage.startswith("joints") else "outcomes.jsonl"
    path = tmp_path / "store.unfinished" / name
    data = bytearray(path.read_bytes())
    half = len(data) // 2
    if damage.endswith("cut"):
        data = data[:half]
    elif damage.endswith("unfinished"):
        data = data[:-1]
    elif damage.endswith("changed"):
        data[half] ^= 255
    else:
        data = bytearray(len(data))  # what a power cut may leave
    path.write_bytes(data)
    total, done, came = seen_by_watch(raw, tmp_path / "store")
    assert (total, came) == (COUNT, COUNT - done)
    assert done == 0 if damage == "lines gone" else 0 < done < 20
    assert files_of(tmp_path / "store") == unbroken


def test_two_runs_do_not_share_a_journal(raw: Path, tmp_path: Path):
    def meanwhile(outcomes: Any, total: int, done: int) -> Any:
        with pytest.raises(ValueError, match=r"store: this process is at work there"):
            prepare_ntu("ntu60", raw, tmp_path / "store")
        yield from outcomes

    assert len(prepare_ntu("ntu60", raw, tmp_path / "store", progress=meanwhile).store) > 30


def test_a_folder_of_that_name_that_is_not_ours_stays(raw: Path, tmp_path: Path):
    other = tmp_path / "store.unfinished"
    other.mkdir()
    (other / "novel.txt").write_text("It was a dark and stormy night.")
    with pytest.raises(ValueError, match=r"holds 'novel.txt', which lst did not write"):
        prepare_ntu("ntu60", raw, tmp_path / "store")
    assert [path.name for path in other.iterdir()] == ["novel.txt"]


def test_a_finished_journal_does_not_replace_another_store(raw: Path, tmp_path: Path):
    """Killed before the last rename; meanwhile another store came to its place."""
    interrupted(raw, tmp_path / "store", COUNT)
    prepare_ntu("ntu60", raw, tmp_path / "other", wanted=["S001C001P001R001A001"])
    os.rename(tmp_path / "other", tmp_path / "store")
    before = files_of(tmp_path / "store")
    for _ in range(2):
        with pytest.raises(ValueError, match="exists already"):
            prepare_ntu("ntu60", raw, tmp_path / "store")
    assert files_of(tmp_path / "store") == before
    assert len(prepare_ntu("ntu60", raw, tmp_path / "store", overwrite=True).store) > 30
    assert not (tmp_path / "store.unfinished").exists()


def test_nothing_is_left_when_there_is_nothing_to_keep(raw: Path, tmp_path: Path):
    prepare_ntu("ntu60", raw, tmp_path / "store")
    with pytest.raises(ValueError, match="exists already"):
        prepare_ntu("ntu60", raw, tmp_path / "store")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]
    assert ntu_journal.SUFFIX == ".unfinished"
    assert len(ClipStore.open(tmp_path / "store")) > 30

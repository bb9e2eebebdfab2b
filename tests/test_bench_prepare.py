"""The benchmark of the preparation: its rival reads the same, and its lines follow from what it measured."""

import json
import os
import re
from pathlib import Path

import pytest

from lst.cli.main import main
from lst.data.ntu.files import usable_cores
from lst.data.ntu.raw import read_bodies
from lst.data.ntu.write import write_bodies
from lst.data.synthetic.ntu import make_raw, ntu_clip_ids
from lst.workflows import bench_prepare as bench
from lst.workflows.bench_prepare import Candidate, Target, read_plainly
from lst.workflows.memory import Peak, can_measure, run_lst

CLIP = ntu_clip_ids("ntu120", 1)[0]


def text() -> bytes:
    return write_bodies(make_raw(0, CLIP, mean_frames=30, accidents=0))


def test_the_plain_reader_reads_the_same_numbers(tmp_path: Path):
    path = tmp_path / "x.skeleton"
    path.write_bytes(text())
    counts, ids, joints_BVC = read_plainly(path)
    raw = read_bodies(text())
    assert counts == raw.bodies_T.tolist()
    assert [i.encode() for i in ids] == raw.ids
    assert joints_BVC.tobytes() == raw.joints_BVC.tobytes()


@pytest.mark.parametrize(
    ("old", "new"), [(b"\n25\n", b"\n24\n"), (b" 2\n", b"\n"), (b" 0 1 1 ", b" 0 1 "), (b".", b",")]
)
def test_the_plain_reader_checks_too(tmp_path: Path, old: bytes, new: bytes):
    path = tmp_path / "x.skeleton"
    path.write_bytes(text().replace(old, new))
    with pytest.raises(ValueError, match=r"not|could"):
        read_plainly(path)


def given(monkeypatch: pytest.MonkeyPatch, times: dict[str, tuple[float, float]]) -> None:
    """In place of the clock: seconds and processor seconds by the first words of a way's name."""

    def fake(candidates: list[Candidate], repeats: int) -> None:
        candidates[2].work()  # somebody has to write the store
        for way in candidates:
            way.seconds, way.cpu_seconds = times[way.name]

    monkeypatch.setattr(bench, "_time_all", fake)


def test_lines_and_record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    names = ("plain reader, reads only", "lst reader, reads only", "prepare, 1 worker", "prepare, 2 workers")
    times = [(4.0, 3.0), (1.0, 0.5), (2.0, 1.0), (0.01, 2.0)]
    given(monkeypatch, dict(zip(names, times, strict=True)))
    peaks = iter([Peak(1.0, 90_000_000, 150_000_000), Peak(9.0, 170_000_000, 600_000_000)])
    monkeypatch.setattr(bench, "_peak", lambda *args: next(peaks))
    monkeypatch.setattr(bench, "can_measure", lambda: True)
    out = tmp_path / "b.json"
    lines = list(bench.bench_prepare(clips=6, seed=0, repeats=1, large=True, workers=2, out=out))
    table = {name: line for name in names for line in lines if line.startswith(name)}
    assert [re.findall(r"([\d.]+)x", table[name]) for name in names] == [
        ["1.00"],
        ["6.00"],
        ["3.00"],
        ["1.50"],
    ]
    assert re.findall(r"\d+", table[names[3]].split("workers")[1])[:2] == ["600", "3"]
    assert f"{114_480 / 6 * 2 / 60:.1f} min" in table[names[2]]
    verdicts = {
        line[:52].strip(): line.split(": ")[-1] for line in lines if "at least" in line or "at most" in line
    }
    assert verdicts == {
        "prepare, times the plain reader per core": "MISSED",  # 3 of 4
        "lst prepare of 60, clips/s with 2 workers": "MISSED",  # 7 of 1000
        "store, share of a dense npz": "met",
        "peak memory with mapped files, MB": "MISSED",
        "growth of memory at 10 times the clips, MB": "MISSED",
    }
    record = json.loads(out.read_text())
    assert record["synthetic"] is True
    assert [row["ratio_per_core"] for row in record["rows"]] == [1, 6, 3, 1.5]
    assert [m["clips"] for m in record["memory"]] == [6, 60]
    assert [t["met"] for t in record["targets"]] == [v == "met" for v in verdicts.values()]
    assert 0.05 < record["store_to_dense"] < 0.3


def test_the_smallest_times_count(monkeypatch: pytest.MonkeyPatch):
    clock, cpu = iter([0.0, 5.0, 10.0, 12.0]), iter([0.0, 1.0, 2.0, 6.0])
    monkeypatch.setattr(bench.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(bench, "_cpu_seconds", lambda: next(cpu))
    way = Candidate("x", 1, lambda: None)
    bench._time_all([way], 2)
    assert (way.seconds, way.cpu_seconds) == (2.0, 1.0)


def test_work_too_short_for_the_clock_is_not_infinitely_fast(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bench, "_cpu_seconds", lambda: 5.0)
    way = Candidate("x", 1, lambda: None)
    way.run()
    assert way.cpu_seconds == 0.01


def test_targets_on_their_limit_are_met():
    assert Target("a", 4.0, 4, at_least=True).met
    assert Target("a", 0.25, 0.25, at_least=False).met
    assert not Target("a", 3.999, 4, at_least=True).met
    assert "MISSED" in Target("a", 0.26, 0.25, at_least=False).line()


@pytest.mark.skipif(not can_measure(), reason="needs /proc")
def test_memory_is_that_of_the_whole_tree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A stand-in for `lst` whose child holds 60 MB while it holds 40 MB itself."""
    package = tmp_path / "lst"
    package.mkdir()
    (package / "__init__.py").write_text("")
    child = "import time; x = bytearray(60_000_000); time.sleep(0.4)"
    (package / "__main__.py").write_text(
        "import subprocess, sys\n"
        "x = bytearray(40_000_000)\n"
        f"sys.exit(subprocess.call([sys.executable, '-c', {child!r}]) or int(sys.argv[1]))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    peak = run_lst(["0"])
    assert 100e6 < peak.own < 160e6
    assert peak.own < peak.resident
    assert 0.4 < peak.seconds < 20
    with pytest.raises(ValueError, match="lst 3: ended with status 3"):
        run_lst(["3"])


def test_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    seen: dict[str, object] = {}

    def fake(**options: object) -> list[str]:
        seen.update(options)
        return ["one"]

    monkeypatch.setattr(bench, "bench_prepare", fake)
    assert main(["bench", "prepare", "--clips", "9", "--large", "--seed", "2", "--out", "b.json"]) == 0
    assert seen == {
        **{"clips": 9, "seed": 2, "repeats": 3, "large": True, "workers": None},
        "out": Path("b.json"),
    }
    assert capsys.readouterr().out == "one\n"
    assert main(["bench", "prepair"]) == 2
    assert "Did you mean 'prepare'?" in capsys.readouterr().err


def test_cores_are_those_of_this_process():
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
    before = bench._cpu_seconds()
    sum(range(3_000_000))
    assert bench._cpu_seconds() > before

"""`lst bench encoders`: every encoder once, CTR-GCN first, ratios that are those of the times."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lst.cli.main import main
from lst.facts.benchmarks import get_benchmark
from lst.nets.classifier import ENCODERS
from lst.workflows import bench, bench_encoders


@pytest.mark.usefixtures("one_thread")
def test_the_table(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for module in (bench, bench_encoders):
        monkeypatch.setattr(module, "get_benchmark", lambda name: replace(get_benchmark(name), clip_length=4))
    out = tmp_path / "bench.json"
    assert (
        main(["bench", "encoders", "--device", "cpu", *["--batch", "2", "--repeats", "1", "--out"], str(out)])
        == 0
    )
    rows = json.loads(out.read_text())["rows"]
    assert [row["name"] for row in rows] == list(ENCODERS)
    assert rows[0]["train_ratio"] == rows[0]["infer_ratio"] == 1
    for row in rows:
        assert row["train_ratio"] == pytest.approx(rows[0]["train_seconds"] / row["train_seconds"])
        assert row["infer_ratio"] == pytest.approx(rows[0]["infer_seconds"] / row["infer_seconds"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in ENCODERS)


def test_a_wrong_name_gets_the_nearest(capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "encoders", "--names", "dgstcgn"]) == 2
    assert "dgstgcn" in capsys.readouterr().err

"""lst bench texts on a small encoder: what it prints and keeps."""

import json
from pathlib import Path

import pytest

from lst.text.descriptions import default_descriptions
from lst.workflows.bench_texts import OFFICIAL, ONCE, bench_texts
from small_encoders import small_bert

pytestmark = pytest.mark.usefixtures("one_thread")


def test_lines_and_record(tmp_path: Path):
    words = sorted({word for action in default_descriptions("nw-ucla") for word in action.sentence.split()})
    folder = small_bert(tmp_path / "bert", words, 80)
    out = tmp_path / "out.json"
    lines = list(bench_texts(str(folder), "cpu", dataset="nw-ucla", batch=16, repeats=1, out=out))
    assert lines[1].startswith(f"{folder}, 16 clips of nw-ucla: ")
    assert lines[1].endswith(" distinct texts among 5 x 16")
    assert lines[2].startswith(ONCE)
    assert lines[4].startswith(OFFICIAL)
    assert lines[-1] == f"wrote {out}"
    record = json.loads(out.read_text())
    assert record["subject"] == "texts"
    assert set(record["seconds"]) == {ONCE, "one per head and clip", OFFICIAL}
    assert record["error"] < 1e-5
    assert 0 < record["distinct_texts"] < 5 * 16

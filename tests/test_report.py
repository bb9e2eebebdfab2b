"""Reports against hand-counted clips; the copied clips of NW-UCLA are told apart."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lst.evaluation import report as report_module
from lst.evaluation.report import make_report, summary_line, write_report
from lst.evaluation.scores import Scores
from lst.facts.benchmarks import Benchmark, get_benchmark

NAMES = ("sit", "stand", "wave", "bow", "clap", "jump")
TOY = Benchmark(
    name="toy",
    dataset="toy",
    layout="kinect_v1_20",
    class_names=NAMES,
    num_persons=1,
    clip_length=8,
    frames="random_frames",
    rule=lambda clip_id: "test",
    expected={"test": 5},
)
COPIED = replace(TOY, notice="some clips are copies", copied_test_clips=frozenset({"a", "b", "never scored"}))


def scores_of(given: list[int], labels: list[int], names: tuple[str, ...] = NAMES) -> Scores:
    """Clips a, b, c, ...: each is given one class."""
    ids = tuple("abcdefghij"[: len(given)])
    return Scores(
        ids,
        np.eye(len(names))[given] * 2 - np.arange(len(names)) * 0.01,
        np.array(labels),
        names,
        {"run": "r1"},
    )


# Clips a to e. Right: a, b, c. The last two are stand taken for sit and clap taken for sit.
FIVE = scores_of([0, 0, 1, 0, 0], [0, 0, 1, 1, 4])


def test_hand_counted_report():
    report = make_report(FIVE, TOY)
    assert report["clips"] == 5
    assert report["top1"] == 0.6
    assert report["top5"] == 1.0  # below `given`, classes fall with their number: clap is fifth
    assert report["mean_class_accuracy"] == pytest.approx((1 + 0.5 + 0) / 3)
    assert report["per_class"][1] == {
        "name": "stand",
        "clips": 2,
        "correct": 1,
        "accuracy": 0.5,
        "confused_with": "sit",
        "confused_clips": 1,
    }
    assert (report["benchmark"], report["notice"], report["info"]) == ("toy", None, {"run": "r1"})
    assert not [key for key in report if key.endswith("_unseen")]
    assert json.loads(json.dumps(report, allow_nan=False)) == report  # plain values only


def test_copied_clips_are_told_apart():
    report = make_report(FIVE, COPIED)
    assert report["top1"] == 0.6
    assert report["clips_unseen"] == 3  # without a and b
    assert report["top1_unseen"] == pytest.approx(1 / 3)
    assert report["mean_class_accuracy_unseen"] == pytest.approx((0.5 + 0) / 2)
    assert report["notice"] == "some clips are copies"


def test_only_copies():
    report = make_report(scores_of([0, 1], [0, 0]), COPIED)
    assert (report["clips_unseen"], report["top1_unseen"], report["top5_unseen"]) == (0, None, None)
    assert summary_line(report).endswith("on 2 clips (0 not copied from training)")


def test_no_copy_among_the_scored_clips():
    assert "top1_unseen" not in make_report(scores_of([0, 0, 1], [0, 0, 1]).select([2]), COPIED)


def test_nw_ucla_has_369_clips_that_are_no_copies():
    benchmark = get_benchmark("nw-ucla")
    others = [f"a01_s01_e{n:03}_v03" for n in range(369)]
    ids = (*sorted(benchmark.copied_test_clips), *others)
    logits = np.tile(-np.arange(10.0), (len(ids), 1))  # always class 0
    labels = np.array([1] * 95 + [0] * 369)
    report = make_report(Scores(ids, logits, labels, benchmark.class_names), benchmark)
    assert (report["clips"], report["clips_unseen"]) == (464, 369)
    assert report["top1"] == pytest.approx(369 / 464)
    assert report["top1_unseen"] == 1.0


def test_other_classes_are_refused():
    with pytest.raises(ValueError, match=r"6 classes \('sit', ...\), benchmark 'nw-ucla' is for 10"):
        make_report(FIVE, get_benchmark("nw-ucla"))


def test_summary_line():
    report = {
        "top1": 0.912,
        "top5": 0.991,
        "mean_class_accuracy": 0.9081,
        "clips": 464,
        "per_class": [{}] * 10,
    }
    plain = "top-1 91.2 %  top-5 99.1 %  mean class 90.8 %  on 464 clips"
    assert summary_line(report) == plain
    unseen = {"clips_unseen": 369, "top1_unseen": 0.891}
    assert summary_line(report | unseen) == f"{plain} (369 not copied from training: 89.1 %)"
    assert "top-5" not in summary_line(report | {"per_class": [{}] * 5})


def test_files(tmp_path: Path):
    folder = tmp_path / "runs" / "test"
    report = write_report(folder, FIVE, COPIED)
    assert sorted(path.name for path in folder.iterdir()) == ["confusion.png", "per_class.csv", "report.json"]
    assert (
        json.loads((folder / "report.json").read_text(encoding="utf-8"))
        == report
        == make_report(FIVE, COPIED)
    )
    with (folder / "per_class.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["class", "clips", "correct", "accuracy", "most_confused_with", "clips_confused"]
    assert rows[1] == ["sit", "2", "2", "1.0000", "", "0"]
    assert rows[2] == ["stand", "2", "1", "0.5000", "sit", "1"]
    assert rows[3] == ["wave", "0", "0", "", "", "0"]
    assert len(rows) == 7
    assert (folder / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_a_report_that_breaks_off_leaves_no_report_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(report_module, "plot_confusion", broken)
    with pytest.raises(OSError, match="disk full"):
        write_report(tmp_path, FIVE, TOY)
    assert [path.name for path in tmp_path.iterdir()] == ["per_class.csv"]

"""`lst predict`: the answers of the run, in order; bad files are rows; files appear whole."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lst
from command_line import lst_call, refused
from lst.data.input.body_statistics import statistics_json, store_statistics
from lst.data.store.clip_store import ClipStore
from lst.nets.checkpoint import load_checkpoint
from lst.recognizer import evidence_picture

pytestmark = pytest.mark.usefixtures("one_thread", "quick")


@pytest.fixture
def run(unbroken: Callable[..., Path]) -> Path:
    return unbroken(encoder_width=16)


def noise(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(frames, 20, 3)).astype(np.float32)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Two good files and four bad ones."""
    folder = tmp_path / "new"
    (folder / "deep").mkdir(parents=True)
    np.save(folder / "a.npy", noise(9))
    np.savez(folder / "deep" / "b.npz", joints=noise(5, 1))
    np.save(folder / "c.npy", np.zeros((9, 20, 3)))
    np.save(folder / "d.npy", noise(4)[:, :17])
    (folder / "e.npy").write_bytes(b"no array")
    (folder / "f.npz").write_bytes(b"PK\x03\x04 broken")
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_answers_are_those_of_the_recogniser_and_bad_files_stop_nothing(run: Path, new: Path, tmp_path: Path):
    out = tmp_path / "answers.csv"
    done = lst_call("predict", run, new, "-o", out, "--top-k", "2", "--device", "cpu")
    assert done.status == 1
    assert "4 of 6 clips could not be read" in done.out
    rows = {row["clip"]: row for row in rows_of(out)}
    assert list(rows) == [
        "a.npy",
        "c.npy",
        "d.npy",
        "deep/b.npz",
        "e.npy",
        "f.npz",
    ]
    expected = lst.load(run, "cpu").predict([noise(9), noise(5, 1)], top_k=2)
    for clip, answer in zip(("a.npy", "deep/b.npz"), expected, strict=True):
        row = rows[clip]
        assert (row["name"], int(row["label"]), row["problem"]) == (answer.name, answer.label, "")
        assert float(row["probability"]) == pytest.approx(answer.probability, abs=1e-6)
        assert row["name_2"] == answer.choices[1].name
    assert rows["c.npy"]["problem"]
    assert "17 joints" in rows["d.npy"]["problem"]
    assert rows["e.npy"]["problem"]
    assert rows["f.npz"]["problem"]


def test_json_lines_of_a_store(run: Path, tiny_store: ClipStore, tmp_path: Path):
    out = tmp_path / "answers.jsonl"
    assert lst_call("predict", run, tiny_store.folder, "--out", out, "--device", "cpu").status == 0
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["clip"] for row in rows] == tiny_store.clip_ids
    clips = [np.array(tiny_store.clip(i)) for i in range(len(tiny_store))]
    assert rows == [
        {**answer.as_json(), "clip": clip}
        for answer, clip in zip(lst.load(run, "cpu").predict(clips), tiny_store.clip_ids, strict=True)
    ]


def test_without_out_the_answers_are_printed(run: Path, tmp_path: Path):
    np.save(tmp_path / "a.npy", noise(9))
    done = lst_call("predict", run, tmp_path / "a.npy", "--top-k", "1", "--why", "--device", "cpu")
    [answer] = lst.load(run, "cpu").predict(noise(9))
    assert done.status == 0
    assert done.out.startswith(f"a.npy: {answer.name} {100 * answer.probability:.1f} %  (heads lie")  # noise
    assert "occlusion" in done.out


def test_reasons_are_written_as_text_and_picture(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    np.save(tmp_path / "a.npy", noise(9))
    words = ("predict", run, tmp_path / "a.npy", "-o", tmp_path / "x.jsonl", "--why", "--device", "cpu")
    assert lst_call(*words).status == 0
    assert (tmp_path / "x-why" / "a.npy.png").read_bytes().startswith(b"\x89PNG")
    assert "nearest words" in (tmp_path / "x-why" / "a.npy.txt").read_text(encoding="utf-8")
    [row] = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(row["evidence"]["joints"]) == 20
    (tmp_path / "x-why" / "a.npy.png").unlink()
    evidence_picture._can_draw.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert lst_call(*words).status == 0
    evidence_picture._can_draw.cache_clear()
    assert caplog.text.count("matplotlib is not installed") == 1
    assert not (tmp_path / "x-why" / "a.npy.png").exists()


def test_mistakes_are_told_before_anything_is_computed(run: Path, new: Path, tmp_path: Path):
    assert ".jsonl" in refused("predict", run, new, "-o", tmp_path / "answers.txt")
    assert "--top-k" in refused("predict", run, new, "--top-k", "0")
    assert "no such file" in refused("predict", run, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "holds no recordings" in refused("predict", run, tmp_path / "empty")
    assert "no finished checkpoint" in refused("predict", tmp_path / "empty", new)
    assert not (tmp_path / "answers.txt").exists()


def test_a_store_of_another_layout_is_a_problem_by_name(run: Path, ntu: ClipStore, tmp_path: Path):
    done = lst_call("predict", run, ntu.folder, "-o", tmp_path / "x.csv", "--device", "cpu")
    assert done.status == 1
    problems = {row["problem"] for row in rows_of(tmp_path / "x.csv")}
    assert len(problems) == 1
    assert "kinect_v2_25" in problems.pop()


def test_named_joints_are_matched_and_units_turned(run: Path, tmp_path: Path, tiny_store: ClipStore):
    """A csv of named joints in another order, in millimetres, is the clip that the store has in metres."""
    clip = np.array(tiny_store.clip(0))[0]
    names = list(tiny_store.skeleton.joints)
    order = [7, 3, *range(19, 7, -1), 0, 1, 2, 4, 5, 6]
    head = ["frame", *(f"{names[v]}_{axis}" for v in order for axis in "xyz")]
    lines = [",".join(head)]
    for t, pose in enumerate(clip):
        lines.append(",".join([str(t), *(repr(float(x) * 1000) for v in order for x in pose[v])]))
    (tmp_path / "mm.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    out = tmp_path / "x.jsonl"
    assert (
        lst_call("predict", run, tmp_path / "mm.csv", "--unit", "mm", "-o", out, "--device", "cpu").status
        == 0
    )
    row = json.loads(out.read_text(encoding="utf-8"))
    [expected] = lst.load(run, "cpu").predict(clip)
    assert (row["name"], row["probability"]) == (
        expected.name,
        pytest.approx(expected.probability, rel=1e-3),
    )
    assert any("mm" in note for note in row["notes"])


def test_implausible_clips_are_told_of(run: Path, tiny_store: ClipStore, caplog: pytest.LogCaptureFixture):
    """Upside down: heads below feet."""
    checkpoint = load_checkpoint(run)
    body = statistics_json(store_statistics(tiny_store, np.arange(len(tiny_store))))
    recognizer = lst.Recognizer(replace(checkpoint, card={**checkpoint.card, "body": body}))
    clip = np.array(tiny_store.clip(0))
    assert recognizer.predict(clip)[0].notes == ()
    clip[..., 1] *= -1
    for _ in range(2):
        [answer] = recognizer.predict(clip)
        assert any("--up -y" in note for note in answer.notes)
    assert caplog.text.count("--up -y") == 1

"""Measures against hand values and scikit-learn; the score file against what can be wrong with a file."""

import io
import json
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from lst.evaluation.scores import (
    Scores,
    confusion_matrix,
    load_scores,
    mean_class_accuracy,
    per_class,
    predicted_classes,
    save_scores,
    top_k_accuracy,
)

# Four clips of three classes; by eye: the given classes are 0, 0, 1, 2.
LOGITS = np.array([[3.0, 1, 2], [5, 4, 0], [0, 9, 8], [1, 2, 3]])
LABELS = np.array([0, 1, 2, 2])


def some_scores(**changes) -> Scores:
    values = {
        "clip_ids": ("c", "a", "d", "b"),
        "logits_NK": LOGITS,
        "labels_N": LABELS,
        "class_names": ("sit", "stand", "wave"),
        "info": {"split": "test", "modality": "joint", "epoch": 3},
    }
    return Scores(**(values | changes))


@st.composite
def logits_and_labels(draw):
    N, K = draw(st.integers(1, 12)), draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    coarse = draw(st.booleans())  # whole numbers 0..2 give many ties
    logits = rng.integers(0, 3, (N, K)).astype(float) if coarse else rng.normal(size=(N, K))
    return logits, rng.integers(0, K, N)


# --- measures ---------------------------------------------------------------------------------------------


def test_hand_values():
    assert top_k_accuracy(LOGITS, LABELS, 1) == 0.5  # clips 0 and 3
    assert top_k_accuracy(LOGITS, LABELS, 2) == 1.0  # clips 1 and 2 are second
    assert confusion_matrix(LOGITS, LABELS).tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 1]]
    assert mean_class_accuracy(LOGITS, LABELS) == pytest.approx((1 + 0 + 0.5) / 3)


def test_constant_classifier_is_never_right():
    logits, labels = np.zeros((6, 3)), np.array([0, 1, 2, 0, 1, 2])
    assert [top_k_accuracy(logits, labels, k) for k in (1, 2, 3, 4)] == [0, 0, 1, 1]
    assert mean_class_accuracy(logits, labels) == 0
    assert confusion_matrix(logits, labels).diagonal().sum() == 0


def test_a_tie_counts_as_the_other_class():
    logits = np.array([[2.0, 2, 1]])
    assert predicted_classes(logits, np.array([0])).tolist() == [1]
    assert predicted_classes(logits, np.array([1])).tolist() == [0]
    assert predicted_classes(logits, np.array([2])).tolist() == [0]  # wrong either way: the first of equals


@pytest.mark.parametrize(
    "row", [[np.nan, 0, 1], [5, np.nan, 1], [np.inf, np.inf, 0], [-np.inf] * 3, [np.nan] * 3]
)
def test_broken_numbers_never_help(row):
    logits, labels = np.array([row]), np.array([0])
    assert top_k_accuracy(logits, labels, 1) == 0
    assert confusion_matrix(logits, labels)[0, 0] == 0


def test_mean_class_accuracy_leaves_out_absent_classes():
    logits = np.array([[1.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    assert mean_class_accuracy(logits, np.array([0, 1, 1])) == 0.75  # class 2 absent: mean of 1 and 1/2


@given(logits_and_labels())
def test_measures_agree_with_each_other(case):
    logits, labels = case
    K = logits.shape[1]
    by_k = [top_k_accuracy(logits, labels, k) for k in range(1, K + 1)]
    assert by_k == sorted(by_k)
    assert by_k[-1] == 1.0
    matrix = confusion_matrix(logits, labels)
    assert matrix.diagonal().sum() / len(labels) == pytest.approx(by_k[0])
    assert matrix.sum(axis=1).tolist() == np.bincount(labels, minlength=K).tolist()


@given(logits_and_labels(), st.integers(0, 2**32 - 1))
def test_order_of_clips_makes_no_difference(case, seed):
    logits, labels = case
    order = np.random.default_rng(seed).permutation(len(labels))
    assert top_k_accuracy(logits, labels, 2) == pytest.approx(top_k_accuracy(logits[order], labels[order], 2))
    assert (confusion_matrix(logits, labels) == confusion_matrix(logits[order], labels[order])).all()


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(size=(200, 12)), rng.integers(0, 12, 200)
    logits[np.arange(200), labels] += 1.5
    classes = list(range(12))
    for k in (1, 2, 5, 11):
        expected = metrics.top_k_accuracy_score(labels, logits, k=k, labels=classes)
        assert top_k_accuracy(logits, labels, k) == pytest.approx(expected)
    given_classes = logits.argmax(axis=1)
    assert (
        confusion_matrix(logits, labels) == metrics.confusion_matrix(labels, given_classes, labels=classes)
    ).all()
    expected = metrics.balanced_accuracy_score(labels, given_classes)
    assert mean_class_accuracy(logits, labels) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("logits", "labels", "words"),
    [
        (np.zeros((0, 3)), np.zeros(0, int), "at least 1"),
        (np.zeros((2, 3)), np.zeros(3, int), r"\(2, 3\), \(3,\)"),
        (np.zeros(3), np.zeros(3, int), "expected logits"),
        (np.zeros((2, 3)), np.array([0, 3]), r"0\.\.3 lie outside 0\.\.2"),
        (np.zeros((2, 3)), np.array([-1, 0]), r"-1\.\.0 lie outside"),
        (np.zeros((2, 3)), np.array([0.0, 1.0]), "whole numbers"),
    ],
)
def test_measures_refuse_what_does_not_fit(logits, labels, words):
    for measure in (mean_class_accuracy, confusion_matrix, lambda a, b: top_k_accuracy(a, b, 1)):
        with pytest.raises(ValueError, match=words):
            measure(logits, labels)


def test_top_k_refuses_k_below_1():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        top_k_accuracy(LOGITS, LABELS, 0)


def test_per_class_rows():
    matrix = np.array([[3, 1, 1], [0, 2, 0], [0, 0, 0]])
    first, second, third = per_class(matrix, ("sit", "stand", "wave"))
    assert (first.name, first.clips, first.correct, first.accuracy) == ("sit", 5, 3, 0.6)
    assert (first.confused_with, first.confused_clips) == ("stand", 1)  # the first of two equals
    assert (second.accuracy, second.confused_with, second.confused_clips) == (1.0, None, 0)
    assert (third.clips, third.accuracy, third.confused_with) == (0, None, None)
    assert matrix.tolist() == [[3, 1, 1], [0, 2, 0], [0, 0, 0]]  # left as it was


def test_per_class_refuses_other_names():
    with pytest.raises(ValueError, match=r"\(3, 3\) for 2 class names"):
        per_class(np.zeros((3, 3), int), ("a", "b"))


# --- the value --------------------------------------------------------------------------------------------


def test_scores_keep_their_own_types():
    scores = some_scores(logits_NK=LOGITS.tolist(), labels_N=[0, 1, 2, 2], clip_ids=list("cadb"))
    assert (scores.logits_NK.dtype, scores.labels_N.dtype) == (np.float32, np.int64)
    assert scores.clip_ids == ("c", "a", "d", "b")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clip_ids": ("a", "b")}, r"shape \(4, 3\), expected \(2, 3\)"),
        ({"class_names": ("a", "b")}, r"expected \(4, 2\)"),
        ({"labels_N": np.zeros(3, int)}, r"expected \(4,\)"),
        ({"clip_ids": ("a", "b", "a", "a")}, "2 clip ids occur more than once, e.g. 'a'"),
        ({"class_names": ("a", "a", "b")}, "1 class names occur more than once"),
        ({"labels_N": np.array([0, 1, 3, 2])}, r"label 3 of clip 'd' lies outside 0\.\.2"),
        ({"labels_N": np.array([0, 1, -1, -1])}, r"label -1 of clip 'd'.*2 such"),
        ({"labels_N": np.array([0, 1, 1.5, 2])}, "whole numbers"),
        (
            {"logits_NK": np.where(LOGITS == 9, np.nan, LOGITS)},
            "1 of 4 clips .* 'd': the network has diverged",
        ),
        ({"logits_NK": LOGITS * 1e300}, "not finite"),
        ({"clip_ids": (), "logits_NK": np.zeros((0, 3)), "labels_N": np.zeros(0, int)}, "got 0 clips"),
    ],
)
def test_scores_refuse_what_does_not_fit(changes, words):
    with pytest.raises(ValueError, match=words):
        some_scores(**changes)


def test_select_keeps_clip_and_score_together():
    by_row, by_mask = some_scores().select([3, 0]), some_scores().select(np.array([True, False, False, True]))
    assert by_row.clip_ids == ("b", "c")
    assert by_row.logits_NK.tolist() == [[1, 2, 3], [3, 1, 2]]
    assert by_row.labels_N.tolist() == [2, 0]
    assert by_mask.clip_ids == ("c", "b")


# --- the file ---------------------------------------------------------------------------------------------


def assert_same(a: Scores, b: Scores) -> None:
    assert (a.clip_ids, a.class_names, a.info) == (b.clip_ids, b.class_names, b.info)
    assert (a.logits_NK == b.logits_NK).all()
    assert (a.labels_N == b.labels_N).all()


names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


@settings(max_examples=30)
@given(
    st.lists(names, min_size=1, max_size=5, unique=True), st.lists(names, min_size=1, max_size=4, unique=True)
)
def test_what_is_written_is_read(tmp_path_factory, clip_ids, class_names):
    rng = np.random.default_rng(len(clip_ids))
    logits = rng.normal(size=(len(clip_ids), len(class_names)))
    labels = rng.integers(0, len(class_names), len(clip_ids))
    scores = Scores(
        tuple(clip_ids), logits, labels, tuple(class_names), {"run": "é", "n": 1, "x": [None, 1.5]}
    )
    path = tmp_path_factory.mktemp("scores") / "scores.npz"
    save_scores(path, scores)
    assert_same(load_scores(path), scores)


def test_same_scores_same_bytes_and_no_pickle(tmp_path: Path):
    for name in ("a.npz", "b.npz"):
        save_scores(tmp_path / name, some_scores())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:  # readable without lst
        assert arrays["clip_ids"].tolist() == ["c", "a", "d", "b"]
        assert json.loads(str(arrays["info"]))["split"] == "test"


def test_a_failed_write_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "runs" / "scores.npz"
    save_scores(path, some_scores())
    before = path.read_bytes()
    with pytest.raises(TypeError):
        save_scores(path, some_scores(info={"thing": object()}))
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_scores(path, some_scores(info={"top1": float("nan")}))
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["scores.npz"]


def test_a_write_that_breaks_off_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(file, **arrays):
        file.write(b"PK half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", broken)
    with pytest.raises(OSError, match="disk full"):
        save_scores(tmp_path / "scores.npz", some_scores())
    assert list(tmp_path.iterdir()) == []


def test_missing_file_says_how_to_make_one(tmp_path: Path):
    for path in (tmp_path / "none.npz", tmp_path):
        with pytest.raises(FileNotFoundError, match="no such score file"):
            load_scores(path)


def npz_with(**changes) -> bytes:
    buffer = io.BytesIO()
    save_as = {
        "format": np.array("lst-scores"),
        "version": np.array(1),
        "clip_ids": np.array(["c", "a", "d", "b"]),
        "logits": LOGITS.astype(np.float32),
        "labels": LABELS,
        "class_names": np.array(["sit", "stand", "wave"]),
        "info": np.array("{}"),
    } | changes
    np.savez(buffer, **{name: array for name, array in save_as.items() if array is not None})  # type: ignore[arg-type]
    return buffer.getvalue()


def npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, LOGITS)
    return buffer.getvalue()


def zip_of_text() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "not a score file of lst"),
        (b"PK", "damaged or cut short"),
        (pickle.dumps({"test_0": LOGITS[0]}), "a pickle can run code"),
        (npy(), "not a score file of lst"),
        (zip_of_text(), "not a score file of lst: format, version"),
        (npz_with(labels=None), "labels missing, it holds class_names"),
        (npz_with(format=np.array("lst-store")), "expected format 'lst-scores', got 'lst-store'"),
        (npz_with(version=np.array(2)), "format version 2, this lst reads version 1: update lst"),
        (npz_with(clip_ids=np.array(["c", None], dtype=object)), "damaged"),
        (npz_with(labels=np.array([0, 1, 2, 9])), r"label 9 of clip 'b'"),
        (npz_with(logits=np.array([["x"] * 3] * 4)), "could not convert"),
        (npz_with(info=np.array("[1]")), "must be a JSON object, got list"),
        (npz_with(info=np.array("{")), "Expecting property name"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_foreign_and_damaged_files(tmp_path: Path, raw: bytes, words: str):
    path = tmp_path / "scores.npz"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=words) as caught:
        load_scores(path)
    assert str(path) in str(caught.value)


def test_the_table_above_starts_from_a_good_file(tmp_path: Path):
    (tmp_path / "scores.npz").write_bytes(npz_with())
    assert_same(load_scores(tmp_path / "scores.npz"), replace(some_scores(), info={}))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_damage_is_found_or_harmless(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damage") / "scores.npz"
    save_scores(path, some_scores())
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    if data.draw(st.booleans()):
        del raw[at:]
    else:
        raw[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    try:
        loaded = load_scores(path)
    except ValueError as error:
        message = str(error)
    else:
        assert_same(loaded, some_scores())
        message = str(path)
    assert str(path) in message

"""Clips beside texts: cosines by hand, and the command with an encoder whose vectors are known."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lst.workflows.new_texts as new_texts_module
from command_line import lst_call, refused
from lst.data.store.clip_store import ClipStore
from lst.evaluation.by_text import (
    Actions,
    action_cosines,
    described_actions,
    known_actions,
    mean_directions,
    named_actions,
)
from lst.evaluation.by_text_report import ByText, folder_name
from lst.evaluation.scores import load_scores
from lst.facts.benchmarks import get_benchmark
from lst.nets.checkpoint import load_checkpoint
from lst.nets.language import load_language
from lst.text.descriptions import ActionText, default_descriptions
from lst.text.embed import SentenceEncoder
from lst.text.prompt_choices import prompt_heads
from lst.text.vectors import default_vectors
from lst.training.text_config import TextConfig
from lst.workflows.by_text import score_by_text
from lst.workflows.measure import batches_for
from lst.workflows.new_texts import encode_like, new_descriptions, own_classes

pytestmark = pytest.mark.usefixtures("one_thread", "quick")
NAMES = get_benchmark("synthetic").class_names


# --- by hand ---


def test_the_direction_of_an_action_is_the_mean_of_its_unit_vectors():
    vectors_TD = np.array([[3, 0], [0, 2], [5, 5]], np.float32)
    index_PKS = np.array([[[0, 1], [2, -1]]])  # two texts for the first action, one for the second
    expected = [[[0.5, 0.5], [2**-0.5, 2**-0.5]]]
    np.testing.assert_allclose(mean_directions(vectors_TD, index_PKS), expected, rtol=1e-6)


def test_cosines_are_averaged_over_texts_and_then_over_heads():
    """Angles of the 3-4-5 triangle: a clip at (3, 4) has cosine 0.6 with x and 0.8 with y."""
    directions = mean_directions(
        np.array([[2, 0], [0, 7]], np.float32),
        np.array([[[0, -1], [1, -1]], [[1, -1], [0, 1]]]),  # second head: y; and x or y
    )
    actions = Actions(("a", "b"), directions)
    embedded_PND = np.array([[[3, 4]], [[30, 40]]], np.float32)
    expected = [[(0.6 + 0.8) / 2, (0.8 + (0.6 + 0.8) / 2) / 2]]
    np.testing.assert_allclose(action_cosines(embedded_PND, actions), expected, rtol=1e-6)
    np.testing.assert_allclose(
        action_cosines(embedded_PND, actions.of_heads("whole")), [[0.6, 0.8]], rtol=1e-6
    )
    assert actions.of_heads("all") is actions


def test_a_clip_without_direction_is_near_nothing():
    actions = Actions(("a",), np.ones((1, 1, 2), np.float32))
    assert action_cosines(np.zeros((1, 1, 2), np.float32), actions).tolist() == [[0.0]]


def letters(texts: list[str]) -> np.ndarray:
    """A text as the numbers of its a, b and c."""
    return np.array([[text.count(letter) for letter in "abc"] for text in texts], np.float32)


def test_bare_names_are_for_the_whole_body_alone():
    actions = named_actions(["aa", "abb"], letters)
    assert actions.names == ("aa", "abb")
    np.testing.assert_allclose(actions.directions_PKD, [[[1, 0, 0], [5**-0.5, 2 * 5**-0.5, 0]]], rtol=1e-6)


def test_descriptions_are_for_all_heads_and_each_text_is_encoded_once():
    classes = [ActionText(name, (name,), "c", *["c"] * 6) for name in ("aa", "b")]
    asked: list[str] = []

    def encode(texts: list[str]) -> np.ndarray:
        asked.extend(texts)
        return letters(texts)

    actions = described_actions(classes, "parts2", encode)
    assert actions.directions_PKD.shape == (3, 2, 3)
    assert len(asked) == len(set(asked)) == 4  # name and "name, c, c, c" of each; both halves have the same
    lower = np.array([0, 1, 3]) / 10**0.5  # "b, c, c, c"
    np.testing.assert_allclose(actions.directions_PKD[2, 1], lower, rtol=1e-6)


def test_the_runs_own_texts_are_those_of_its_heads():
    vectors = default_vectors("synthetic")
    heads = prompt_heads("parts4", vectors.classes)
    actions = known_actions(vectors, heads)
    assert actions.names == NAMES
    assert actions.directions_PKD.shape == (5, 12, 384)
    (text,) = heads[2].texts_KS[3]
    np.testing.assert_allclose(
        actions.directions_PKD[2, 3], vectors.vectors_TD[vectors.texts.index(text)], atol=1e-6
    )


@pytest.mark.parametrize(
    ("names", "says"),
    [((), "no action is named"), (("a", "b", "a"), "'a' is named twice")],
)
def test_actions_are_checked(names: tuple[str, ...], says: str):
    with pytest.raises(ValueError, match=says):
        named_actions(names, letters)


# --- what is made of them ---


def found(actions: tuple[str, ...], labels: list[int]) -> ByText:
    cosines = np.array([[0.9, 0.1], [0.2, 0.3], [0.5, 0.4]], np.float32)
    return ByText(get_benchmark("synthetic"), ("x", "y", "z"), np.array(labels), actions, cosines, {})


def test_scores_are_those_of_the_clips_whose_class_is_among_the_actions():
    scores = found(("jump", "clap"), [11, 0, 2]).scores()
    assert scores is not None
    assert scores.clip_ids == ("x", "z")
    assert scores.labels_N.tolist() == [0, 1]
    assert scores.class_names == ("jump", "clap")
    assert found(("jump", "fly"), [11, 0, 2]).scores() is None
    assert found(("jump", "clap"), [0, 0, 1]).scores() is None


def test_folder_names_tell_lists_apart():
    assert folder_name(["wave", "sit down"]) == "wave+sit-down"
    alike = [
        ["wave", "sit down"],
        ["Wave!", "sit down"],
        ["wave", "sit-down"],
        ["wave+sit down"],
        ["!!!"],
        ["?"],
    ]
    assert len({folder_name(actions) for actions in alike}) == len(alike)
    assert "" not in map(folder_name, alike)
    long = [f"an action with number {i}" for i in range(9)]
    assert len(folder_name(long)) < 62
    assert folder_name(long) != folder_name([*long, "more"])
    assert folder_name(["走る"]) != folder_name(["跳ぶ"])


# --- the command ---


@pytest.fixture
def known_encoder(monkeypatch: pytest.MonkeyPatch) -> SentenceEncoder:
    """In place of MiniLM: the shipped vector of a text, or of the first synonym of jump for new texts."""
    vectors = default_vectors("synthetic")

    def encode(texts: list[str]) -> np.ndarray:
        return vectors.vectors_TD[[vectors.place.get(text, vectors.place["jump"]) for text in texts]]

    encoder = SentenceEncoder(encode, {})
    monkeypatch.setattr(new_texts_module, "minilm_encoder", lambda: encoder)
    return encoder


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_own_classes_by_hand(unbroken: Callable[..., Path], tiny_store: ClipStore):
    """Every cosine again, one text at a time, in float64."""
    found = score_by_text(unbroken(), tiny_store, own_classes, device="cpu")
    checkpoint = load_checkpoint(unbroken())
    language = load_language(checkpoint)
    test = tiny_store.select(get_benchmark("synthetic"), "test")
    (batch,) = batches_for(checkpoint, tiny_store, test).test()
    with torch.inference_mode():
        embedded_PND = language.embed(checkpoint.classifier.features(batch.x_NCTVM)).double().numpy()
    for n, k in [(0, 0), (5, 11), (11, 3)]:
        per_head = []
        for p, head in enumerate(language.heads):
            u = embedded_PND[p, n]
            texts = [language.texts.vectors_TD[language.texts.texts.index(t)] for t in head.texts_KS[k]]
            per_head.append(np.mean([u @ w / np.linalg.norm(u) / np.linalg.norm(w) for w in texts]))
        assert found.cosines_NK[n, k] == pytest.approx(np.mean(per_head), abs=1e-5)
    assert found.clip_ids == tuple(tiny_store.clip_ids[i] for i in test)
    assert found.info["heads"] == ["whole", "head", "hand", "hip", "foot"]


def test_own_classes_from_the_command_line(copied_run: Path, tiny_store: ClipStore):
    done = lst_call("classify-by-text", copied_run, "--data", tiny_store.folder, "--device", "cpu")
    assert done.status == 0, done.err
    folder = copied_run / "by-text" / "own-classes"
    report = json.loads((folder / "by_text.json").read_text())
    rows = rows_of(folder / "clips.csv")
    assert len(rows) == 12
    for row in rows:
        cosines = {name: float(row[name]) for name in NAMES}
        assert row["best_action"] == max(cosines, key=cosines.__getitem__)
        assert float(row["cosine"]) == max(cosines.values())
        assert row["class"] == NAMES[int(row["label"])]
    scores = load_scores(folder / "scores.npz")
    assert scores.class_names == NAMES
    right = sum(row["best_action"] == row["class"] for row in rows)
    assert report["top1"] == pytest.approx(right / 12)
    assert f"top-1 {100 * right / 12:.1f} % on the 12 clips of these classes (chance 8.3 %)" in done.out
    assert sum(row["clips"] for row in report["actions"]) == 12
    assert "12 synthetic clips, 12 actions, heads: whole, head, hand, hip, foot" in done.out


@pytest.fixture
def copied_run(unbroken: Callable[..., Path], tmp_path: Path) -> Path:
    """A finished run that may be changed."""
    return Path(shutil.copytree(unbroken(), tmp_path / "run"))


@pytest.mark.usefixtures("known_encoder")
def test_new_names(copied_run: Path, tiny_store: ClipStore, tmp_path: Path):
    data = ("--data", tiny_store.folder, "--device", "cpu")
    done = lst_call("classify-by-text", copied_run, *data, "--actions", "leap in the air, squat,, nod head ")
    assert done.status == 0, done.err
    folder = copied_run / "by-text" / "leap-in-the-air+squat+nod-head"
    report = json.loads((folder / "by_text.json").read_text())
    assert [row["action"] for row in report["actions"]] == ["leap in the air", "squat", "nod head"]
    assert report["heads"] == ["whole"]
    assert report["top1"] is None
    assert not (folder / "scores.npz").exists()
    for row in report["actions"]:
        column = [float(clip[row["action"]]) for clip in rows_of(folder / "clips.csv")]
        nearest = [best["cosine"] for best in row["best"]]
        assert nearest == pytest.approx(sorted(column, reverse=True)[:3], abs=1e-4)
        assert f"{row['best'][0]['clip']} {nearest[0]:.3f}" in done.out
    (tmp_path / "few.txt").write_text("squat\n\njump\n")
    done = lst_call("classify-by-text", copied_run, *data, "--actions", tmp_path / "few.txt", "--name", "few")
    assert "on the 2 clips of these classes (chance 50.0 %)" in done.out
    assert load_scores(copied_run / "by-text" / "few" / "scores.npz").class_names == ("squat", "jump")


@pytest.mark.usefixtures("known_encoder")
def test_descriptions_of_the_classes_give_what_the_run_has(
    unbroken: Callable[..., Path], tiny_store: ClipStore
):
    described = new_descriptions(default_descriptions("synthetic"))
    theirs, ours = (
        score_by_text(unbroken(), tiny_store, make, device="cpu") for make in (described, own_classes)
    )
    np.testing.assert_allclose(theirs.cosines_NK, ours.cosines_NK, atol=1e-6)


def test_clips_by_name(copied_run: Path, tiny_store: ClipStore):
    data = ("--data", tiny_store.folder, "--device", "cpu")
    done = lst_call("classify-by-text", copied_run, *data, "--clips", "a05_s01_e00_v01", "a03_s09_e00_v01")
    assert done.status == 0, done.err
    assert "note: 1 of the clips are of the training split, such as a05_s01_e00_v01" in done.out
    rows = rows_of(copied_run / "by-text" / "own-classes" / "clips.csv")
    assert [row["clip_id"] for row in rows] == ["a05_s01_e00_v01", "a03_s09_e00_v01"]
    done = lst_call("classify-by-text", copied_run, *data, "--clips", "a99")
    assert done.status == 2
    assert "no clip 'a99'" in done.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--actions", " , "), "names no action"),
        (("--actions", "a", "--descriptions", "b.json"), "not both"),
        (("--actions", "missing.txt"), "missing.txt: no such file of action names"),
    ],
)
def test_wrong_options_are_refused(words: tuple[str, ...], says: str, unbroken: Callable[..., Path]):
    assert says in refused("classify-by-text", unbroken(), *words)


def test_a_run_without_text_is_refused(unbroken: Callable[..., Path], tiny_store: ClipStore):
    folder = unbroken(text=TextConfig(weight=0.0))
    done = lst_call("classify-by-text", folder, "--data", tiny_store.folder)
    assert done.status == 2
    assert "trained without text" in done.err


# --- the encoder must be the run's ---


def stored(**meta: Any) -> Any:
    vectors = default_vectors("synthetic")
    return type(vectors)(vectors.classes, vectors.texts, vectors.vectors_TD, {**vectors.meta, **meta})


@pytest.mark.usefixtures("known_encoder")
def test_the_encoder_is_made_sure_of():
    encode = encode_like(stored())
    np.testing.assert_array_equal(encode(["jump"])[0], stored().vectors_TD[stored().place["jump"]])


def test_another_encoder_is_refused(known_encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(FileNotFoundError, match="/no/such/encoder: no such folder"):
        encode_like(stored(encoder="/no/such/encoder"))(["new words"])
    shifted = SentenceEncoder(lambda texts: np.roll(known_encoder.encode(texts), 1, axis=1), {})
    monkeypatch.setattr(new_texts_module, "minilm_encoder", lambda: shifted)
    with pytest.raises(ValueError, match=r"gives another vector .* install that"):
        encode_like(stored())(["new words"])
    narrow = SentenceEncoder(lambda texts: known_encoder.encode(texts)[:, :9], {})
    monkeypatch.setattr(new_texts_module, "minilm_encoder", lambda: narrow)
    with pytest.raises(ValueError, match="gives another vector"):
        encode_like(stored())(["new words"])

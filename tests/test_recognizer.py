"""The door: the same numbers as `lst test`, clips in every usual form, refusals, short reprs, evidence."""

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lst
from lst.data.store.clip_store import ClipStore
from lst.evaluation.by_text import action_cosines, known_actions
from lst.evaluation.evaluate import embed_clips, score_and_embed
from lst.evaluation.scores import Scores, load_scores
from lst.facts.skeleton import get_layout
from lst.recognizer.answers import log_odds, predictions, probabilities
from lst.recognizer.clips import ClipForm, as_clips
from lst.recognizer.evidence import _held_frames, _still_joint, _stretches, effects
from lst.training.text_config import TextConfig
from lst.workflows.measure import SCORES, batches_for, measure_run

pytestmark = pytest.mark.usefixtures("one_thread", "quick")
LAYOUT = get_layout("kinect_v1_20")


@pytest.fixture
def run_folder(unbroken: Callable[..., Path]) -> Path:
    """A run trained with text, wide enough for the kernels that real runs use."""
    return unbroken(encoder_width=16)


@pytest.fixture
def run(run_folder: Path) -> lst.Recognizer:
    return lst.load(run_folder, "cpu")


@pytest.fixture
def tested(run_folder: Path, tiny_store: ClipStore, quick_pictures: None) -> Scores:
    if not (run_folder / SCORES).is_file():
        measure_run(run_folder, tiny_store, "cpu")
    return load_scores(run_folder / SCORES)


def clips_of(store: ClipStore, scores: Scores) -> list[np.ndarray]:
    return [np.array(store.clip(store.index_of(clip))) for clip in scores.clip_ids]


# --- the numbers of `lst test` ---


def test_a_clip_has_the_bits_of_lst_test_alone_and_among_others(
    run: lst.Recognizer, tested: Scores, tiny_store: ClipStore
):
    clips = clips_of(tiny_store, tested)
    np.testing.assert_array_equal(run.logits(clips), tested.logits_NK)
    for n, clip in enumerate(clips):
        np.testing.assert_array_equal(run.logits(clip)[0], tested.logits_NK[n])
    np.testing.assert_array_equal(run.logits(clips[3:5]), tested.logits_NK[3:5])


def test_few_clips_have_the_bits_that_they_have_among_many(run: lst.Recognizer, tiny_store: ClipStore):
    """36 clips are enough for the kernels of large batches."""
    clips = [np.array(tiny_store.clip(i)) for i in range(36)]
    many = run.logits(clips)
    for first, count in ((0, 1), (7, 1), (20, 3), (4, 15), (9, 17)):
        np.testing.assert_array_equal(run.logits(clips[first : first + count]), many[first : first + count])


def test_predictions_are_the_softmax_of_these_numbers(
    run: lst.Recognizer, tested: Scores, tiny_store: ClipStore
):
    answers = run.predict(clips_of(tiny_store, tested), top_k=3)
    assert [answer.label for answer in answers] == tested.logits_NK.argmax(1).tolist()
    powers = [math.exp(x) for x in tested.logits_NK[0].astype(float)]
    assert answers[0].probability == pytest.approx(max(powers) / sum(powers), rel=1e-9)
    assert [len(answer.choices) for answer in answers] == [3] * len(answers)
    assert answers[0].name == run.class_names[answers[0].label] == answers[0].choices[0].name


def test_one_pass_gives_the_same_bits_as_two(run: lst.Recognizer, tested: Scores, tiny_store: ClipStore):
    language = run.language
    assert language is not None
    batches = batches_for(
        run.checkpoint, tiny_store, np.array([tiny_store.index_of(c) for c in tested.clip_ids])
    )
    scores, embedded = score_and_embed(run.module, language, batches, run.class_names, {})
    np.testing.assert_array_equal(scores.logits_NK, tested.logits_NK)
    np.testing.assert_array_equal(embedded, embed_clips(run.module, language, batches))


def test_probabilities_by_hand():
    logits = np.array([[0.0, math.log(3), 0.0]], np.float32)
    np.testing.assert_allclose(probabilities(logits), [[0.2, 0.6, 0.2]], rtol=1e-6)
    np.testing.assert_allclose(log_odds(logits, 1), [math.log(0.6 / 0.4)], rtol=1e-6)
    [answer] = predictions(logits, ["a", "b", "c"], ["x"], top_k=5, notes=[()])
    assert [choice.name for choice in answer.choices] == ["b", "a", "c"]  # equal ones by label
    assert answer.as_json()["choices"][0] == {"name": "b", "probability": pytest.approx(0.6), "label": 1}
    with pytest.raises(ValueError, match="top_k"):
        predictions(logits, ["a", "b", "c"], ["x"], top_k=0, notes=[()])


# --- forms of clips ---


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


FORMS: dict[str, tuple[Any, list[tuple[int, ...]]]] = {
    "one person": (noise(7, 20, 3), [(1, 7, 20, 3)]),
    "persons": (noise(2, 7, 20, 3), [(2, 7, 20, 3)]),
    "many of one length": (noise(4, 1, 7, 20, 3), [(1, 7, 20, 3)] * 4),
    "as a net takes it": (noise(3, 7, 20, 1), [(1, 7, 20, 3)]),
    "as a net takes many": (noise(4, 3, 7, 20, 2), [(2, 7, 20, 3)] * 4),
    "list of arrays": ([noise(7, 20, 3), noise(1, 5, 20, 3)], [(1, 7, 20, 3), (1, 5, 20, 3)]),
    "equal arrays in a list": ([noise(7, 20, 3), noise(7, 20, 3)], [(1, 7, 20, 3)] * 2),
    "nested lists": (noise(7, 20, 3).tolist(), [(1, 7, 20, 3)]),
    "nested lists, many": (
        [noise(7, 20, 3).tolist(), noise(5, 20, 3).tolist()],
        [(1, 7, 20, 3), (1, 5, 20, 3)],
    ),
    "a tensor": (torch.ones(7, 20, 3), [(1, 7, 20, 3)]),
    "whole numbers": (np.ones((7, 20, 3), np.int16), [(1, 7, 20, 3)]),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_usual_form_is_read(form: str):
    given, shapes = FORMS[form]
    found = as_clips(given, ClipForm(LAYOUT, 2)).clips
    assert [clip.shape for clip in found] == shapes
    assert {clip.dtype for clip in found} == {np.dtype(np.float32)}


def test_the_axes_of_a_net_are_put_where_they_belong():
    clip = noise(2, 7, 20, 3)
    [found] = as_clips(clip.transpose(3, 1, 2, 0), ClipForm(LAYOUT, 2)).clips
    np.testing.assert_array_equal(found, clip.astype(np.float32))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "empty list"),
        (noise(7, 25, 3), "25 joints"),
        (noise(7, 60), r"reshape the last axis to \(20, 3\)"),
        (noise(20, 3), r"got \(20, 3\)"),
        (np.zeros((0, 20, 3)), "is empty"),
        (np.zeros((7, 20, 3)), "clip 0: holds nothing but zeros"),
        (np.full((7, 20, 3), np.nan), "NaN"),
        ([noise(7, 20, 3), np.full((7, 20, 3), np.inf)], "clip 1: holds NaN, infinite"),
        ("clip.npy", "'clip.npy'"),
        ({"a": 1}, "a dict"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_clip_is_refused_in_a_line(given: Any, said: str):
    with pytest.raises(ValueError, match=said) as error:
        as_clips(given, ClipForm(LAYOUT, 1))
    assert "\n" not in str(error.value)


def test_nan_is_a_missing_joint_where_the_model_knows_such():
    clip = noise(7, 20, 3)
    clip[2, 5] = np.nan
    form = ClipForm(LAYOUT, 1, may_miss=True)
    np.testing.assert_array_equal(as_clips(clip, form).clips[0][0], clip.astype(np.float32))
    with pytest.raises(ValueError, match="nothing but zeros"):
        as_clips(np.full((7, 20, 3), np.nan), form)
    with pytest.raises(ValueError, match="infinite"):
        as_clips(np.full((7, 20, 3), np.inf), form)


def test_a_person_who_is_left_out_is_noted(run: lst.Recognizer, tiny_store: ClipStore):
    clip = np.array(tiny_store.clip(0))  # as those of the training
    [answer] = run.predict(np.concatenate([clip, clip]))
    assert answer.notes == ("2 persons, the model looks at the first 1",)
    assert "notes" in answer.as_json()
    assert run.predict(clip)[0].notes == ()
    assert any("bones" in note for note in run.predict(noise(7, 20, 3))[0].notes)


# --- what else a recogniser tells ---


def test_features_and_cosines(run: lst.Recognizer, tested: Scores, tiny_store: ClipStore):
    clips = clips_of(tiny_store, tested)[:3]
    joints = run.features(clips, per_joint=True)
    assert joints.shape == (3, run.module.head.in_features, 20)
    head = run.module.head
    with torch.no_grad():
        logits = torch.from_numpy(run.features(clips)) @ head.weight.T + head.bias
    np.testing.assert_allclose(logits, tested.logits_NK[:3], rtol=1e-3, atol=1e-4)
    language = run.language
    assert language is not None
    batches = batches_for(run.checkpoint, tiny_store, np.array([tiny_store.index_of(tested.clip_ids[0])]))
    own = action_cosines(
        embed_clips(run.module, language, batches), known_actions(language.texts, language.heads)
    )
    np.testing.assert_array_equal(run.match_texts(clips[0]), own)


def test_reprs_fit_on_a_screen(run: lst.Recognizer):
    shown = [repr(run), repr(run.predict(noise(7, 20, 3))), repr(run.predict(noise(7, 20, 3))[0])]
    assert max(map(len, shown)) < 240
    assert "kinect_v1_20" in shown[0]
    assert "12 classes" in shown[0]


def test_an_ensemble_adds_up_as_lst_ensemble_does(run_folder: Path, unbroken: Callable[..., Path]):
    other = unbroken(encoder_width=16, modality="bone_motion", text=TextConfig(weight=0.0))
    team = lst.load_ensemble([run_folder, other], device="cpu")
    clips = [noise(7, 20, 3), noise(9, 20, 3)]
    one, two = (lst.load(folder, "cpu").logits(clips).astype(np.float64) for folder in (run_folder, other))
    np.testing.assert_allclose(team.logits(clips), 0.6 * one + 0.4 * two, rtol=1e-5)
    assert team.predict(clips)[1].probability == pytest.approx(
        probabilities(0.6 * one + 0.4 * two)[1].max(), rel=1e-5
    )
    with pytest.raises(ValueError, match="two runs"):
        lst.load_ensemble([run_folder])
    with pytest.raises(ValueError, match="3 weights"):
        lst.load_ensemble([run_folder, other], weights=[1, 2, 3])


# --- evidence ---


def test_a_still_joint_keeps_its_mean_place_beside_its_parent():
    clip = np.zeros((1, 2, 20, 3), np.float32)
    hand, wrist = LAYOUT.joints.index("HandRight"), LAYOUT.joints.index("WristRight")
    assert LAYOUT.parents["HandRight"] == "WristRight"
    clip[0, :, wrist] = [[1, 0, 0], [5, 0, 0]]
    clip[0, :, hand] = [[1, 1, 0], [5, 3, 0]]  # beside the wrist: 1 and 3 up, so 2 in the mean
    still = _still_joint(clip, LAYOUT, hand)
    np.testing.assert_array_equal(still[0, :, hand], [[1, 2, 0], [5, 2, 0]])
    np.testing.assert_array_equal(np.delete(still, hand, 2), np.delete(clip, hand, 2))


def test_an_absent_person_stays_absent():
    clip = np.zeros((2, 4, 20, 3), np.float32)
    clip[0], clip[1, 2:] = 1 + np.arange(4).reshape(4, 1, 1), 7
    assert not _still_joint(clip, LAYOUT, 3)[1, :2].any()
    held = _held_frames(clip, 1, 3)
    assert held[0, :, 0, 0].tolist() == [1, 1, 1, 1]
    np.testing.assert_array_equal(held[1], clip[1])
    assert _held_frames(clip, 0, 1)[0, :, 0, 0].tolist() == [3, 3, 3, 4]


def test_stretches_cover_the_clip_once():
    assert _stretches(3) == [(0, 0), (1, 1), (2, 2)]
    for frames in (1, 7, 8, 9, 100):
        found = [t for first, last in _stretches(frames) for t in range(first, last + 1)]
        assert found == list(range(frames))


def test_the_joint_and_the_frames_that_decide_are_found():
    """A judge that looks at nothing but how far the right hand moves in frames 4 and 5 of 16."""
    hand = LAYOUT.joints.index("HandRight")
    clip = np.ones((1, 16, 20, 3), np.float32)
    clip[0, 4:6, hand, 1] = 5

    def judge(clips: list[np.ndarray]) -> np.ndarray:
        moved = [float(np.ptp(one[0, :, hand, 1])) for one in clips]
        return np.array([[m, 0.0] for m in moved], np.float32)

    joints, frames = effects(clip, judge([clip])[0], judge, LAYOUT)
    assert joints[0].joint == "HandRight"
    assert joints[0].fall == pytest.approx(4.0)  # from log-odds 4 to 0
    assert joints[0].probability == pytest.approx(0.5)
    assert [one.fall for one in joints[1:]] == [0.0] * 19
    assert [(one.first, one.last) for one in frames if one.fall > 0] == [(4, 5)]


def test_why_tells_words_joints_and_frames(run: lst.Recognizer, tested: Scores, tiny_store: ClipStore):
    clip = clips_of(tiny_store, tested)[0]
    [answer] = run.predict(clip, why=True)
    why = answer.evidence
    assert why is not None
    assert [part.part for part in why.parts] == ["whole", "head", "hand", "hip", "foot"]
    assert "HandRight" in why.parts[2].joints
    assert "HandRight" not in why.parts[4].joints
    assert {len(part.nearest) for part in why.parts} == {5}
    assert sorted(one.joint for one in why.joints) == sorted(LAYOUT.joints)
    assert len(why.frames) == 8
    assert (why.name, why.probability) == (answer.name, pytest.approx(answer.probability))
    text = why.as_text()
    assert "occlusion" in text
    assert len(text.splitlines()) == 8
    assert answer.as_json()["evidence"]["method"] == "occlusion"


def test_a_run_without_text_still_tells_joints_and_frames(unbroken: Callable[..., Path]):
    plain = lst.load(unbroken(encoder_width=16, modality="bone_motion", text=TextConfig(weight=0.0)), "cpu")
    assert plain.language is None
    [answer] = plain.predict(noise(7, 20, 3), why=True)
    assert answer.evidence is not None
    assert answer.evidence.parts == ()
    assert len(answer.evidence.joints) == 20
    with pytest.raises(FileNotFoundError, match="without text"):
        plain.match_texts(noise(7, 20, 3))


# --- the package itself ---


def test_the_package_offers_what_it_says_and_imports_nothing_before():
    code = (
        "import sys, time; t = time.process_time(); import lst; print(time.process_time() - t); "
        "assert not {'torch', 'numpy', 'lst.recognizer'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.05
    assert [name for name in lst.__all__ if not hasattr(lst, name)] == []
    assert set(lst.__all__) <= set(dir(lst))
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        lst.lode  # noqa: B018
    assert (Path(lst.__file__).parent / "py.typed").is_file()


def test_types_and_table_name_the_same():
    named = {name for names in lst._HOMES.values() for name in names}
    assert named == set(lst.__all__) - {"__version__"}
    text = Path(lst.__file__).read_text(encoding="utf-8")
    for module, names in lst._HOMES.items():
        assert f"    from {module} import {', '.join(sorted(names))}" in text

"""Streams are added by clip id with documented weights; weights are never fitted on the test split."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lst.evaluation.ensemble import DEFAULT_WEIGHTS, default_weights, ensemble, fit_weights
from lst.evaluation.scores import Scores, top_k_accuracy

CLASSES = ("sit", "stand")
FOUR = ("joint", "bone", "joint_motion", "bone_motion")


def stream(clips: dict[str, list[float]], labels: list[int] | None = None, **info) -> Scores:
    labels_N = np.array(labels if labels is not None else [0] * len(clips))
    return Scores(tuple(clips), np.array(list(clips.values())), labels_N, CLASSES, info)


def random_streams(
    seed: int, names=("joint", "bone"), N: int = 30, K: int = 4, split: str = "val"
) -> dict[str, Scores]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, K, N)
    ids = [f"clip{n:03}" for n in range(N)]
    made = {}
    for name in names:
        logits = rng.normal(size=(N, K)) + 1.2 * np.eye(K)[labels]
        order = rng.permutation(N)
        info = {"modality": name.split("-")[0], "split": split, "benchmark": "toy"}
        class_names = tuple("abcdefgh"[:K])
        made[name] = Scores(tuple(ids[n] for n in order), logits[order], labels[order], class_names, info)
    return made


# --- the sum ----------------------------------------------------------------------------------------------


def test_hand_value_joined_by_id_not_position():
    joint = stream({"b": [1, 2], "a": [3, 4]}, [1, 0])
    bone = stream({"a": [10, 20], "b": [30, 40]}, [0, 1])
    both = ensemble({"joint": joint, "bone": bone}, {"joint": 0.5, "bone": 0.1})
    assert both.clip_ids == ("a", "b")
    assert both.labels_N.tolist() == [0, 1]
    np.testing.assert_allclose(both.logits_NK, [[0.5 * 3 + 1, 0.5 * 4 + 2], [0.5 * 1 + 3, 0.5 * 2 + 4]])


def test_raw_logits_are_added_not_probabilities():
    # Softmax first would make both streams equally sure; raw, the larger logits win.
    sure = stream({"a": [100.0, 0.0]})
    doubtful = stream({"a": [0.0, 60.0]})
    both = ensemble({"joint": sure, "bone": doubtful}, {"joint": 1, "bone": 1})
    assert both.logits_NK.tolist() == [[100, 60]]


@given(st.integers(0, 2**32 - 1), st.permutations(FOUR))
def test_order_of_streams_and_clips_makes_no_difference(seed, order):
    streams = random_streams(seed, FOUR)
    shuffled = {}
    for name in order:
        rows = np.random.default_rng(seed + 1).permutation(len(streams[name].clip_ids))
        shuffled[name] = streams[name].select(rows)
    a, b = ensemble(streams), ensemble(shuffled)
    assert a.clip_ids == b.clip_ids
    assert a.info == b.info
    assert a.logits_NK.tobytes() == b.logits_NK.tobytes()


def test_info_keeps_what_is_shared_and_names_the_members():
    streams = {
        "j": stream({"a": [1, 2]}, modality="joint", split="test", run="x"),
        "b": stream({"a": [1, 2]}, modality="bone", split="test"),
    }
    info = ensemble(streams).info
    assert info["split"] == "test"
    assert "run" not in info
    assert "modality" not in info
    assert info["ensemble"]["b"] == {"weight": 1.0, "info": {"modality": "bone", "split": "test"}}


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (stream({"a": [1, 2], "b": [1, 2]}), "2 only in 'bone', e.g. 'c'|1 only in 'bone'"),
        (
            stream({"x": [1, 2], "y": [1, 2], "z": [1, 2]}),
            "3 only in 'bone', e.g. 'a'; 3 only in 'joint', e.g. 'x'",
        ),
        (
            stream({"a": [1, 2], "b": [1, 2], "c": [1, 2]}, [0, 1, 1]),
            "label 2 of 3 clips differently, e.g. 'b': 0 and 1",
        ),
        (
            replace(stream({"a": [1, 2], "b": [1, 2], "c": [1, 2]}), class_names=("sit", "lie")),
            "name 1 of 2 classes differently, e.g. class 1: 'stand' and 'lie'",
        ),
        (
            Scores(("a",), np.ones((1, 3)), np.zeros(1, int), ("x", "y", "z")),
            "'bone' has 2 classes, 'joint' has 3",
        ),
    ],
    ids=["fewer", "disjoint", "labels", "names", "counts"],
)
def test_streams_that_do_not_belong_together(other, words):
    bone = stream({"a": [1, 2], "b": [1, 2], "c": [1, 2]})
    with pytest.raises(ValueError, match=words):
        ensemble({"joint": other, "bone": bone}, {"joint": 1, "bone": 1})


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"joint": 1}, r"weights are for \['joint'\], scores for \['bone', 'joint'\]"),
        ({"joint": 1, "bone": 1, "hand": 1}, "'hand'"),
        ({"joint": 1, "bone": -0.5}, r"0 or more.*got \{'bone': -0.5\}"),
        ({"joint": 1, "bone": float("nan")}, "nan"),
        ({"joint": 1, "bone": float("inf")}, "inf"),
        ({"joint": 0, "bone": 0}, "not all 0"),
    ],
)
def test_weights_that_do_not_fit(weights, words):
    with pytest.raises(ValueError, match=words):
        ensemble(random_streams(0), weights)


def test_no_streams():
    with pytest.raises(ValueError, match="at least one stream"):
        ensemble({}, {})


# --- the documented weights -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (FOUR, DEFAULT_WEIGHTS),
        (("joint", "bone", "joint_motion"), {"joint": 0.6, "bone": 0.6, "joint_motion": 0.4}),
        (("joint", "bone"), {"joint": 1, "bone": 1}),
        (("bone",), {"bone": 1}),
        (("joint", "bone_motion"), {"joint": 0.6, "bone_motion": 0.4}),
        (("joint_motion", "bone_motion"), {"joint_motion": 1, "bone_motion": 1}),
        (("joint-seed1", "joint-seed2", "bone"), {"joint-seed1": 0.5, "joint-seed2": 0.5, "bone": 1}),
    ],
)
def test_default_weights_of_method_14(names, expected):
    assert default_weights(random_streams(0, names)) == expected


def test_gap_weights_are_applied_without_weights():
    streams = {name: stream({"a": [10.0**n, 0]}, modality=name) for n, name in enumerate(FOUR)}
    assert ensemble(streams).logits_NK[0, 0] == pytest.approx(0.8 * 1 + 0.8 * 10 + 0.2 * 100 + 0.2 * 1000)


def test_stream_name_stands_in_for_the_modality():
    assert default_weights({"joint": stream({"a": [1, 2]})}) == {"joint": 1}
    with pytest.raises(ValueError, match=r"'mine' has modality 'mine'.*Give one weight for each stream"):
        default_weights({"mine": stream({"a": [1, 2]})})


# --- fitting ----------------------------------------------------------------------------------------------


def test_fit_refuses_the_test_split():
    for streams in (
        random_streams(0, split="test"),
        random_streams(0) | {"bone": random_streams(0, split="test")["bone"]},
    ):
        with pytest.raises(ValueError, match=r"test split\. Weights chosen on test clips .*held out"):
            fit_weights(streams)


def test_fit_refuses_an_ensemble_of_test_scores():
    tested = ensemble(random_streams(0, split="test"))
    with pytest.raises(ValueError, match="test split"):
        fit_weights({"both": tested})


def test_fit_refuses_scores_of_no_known_split():
    with pytest.raises(ValueError, match="does not say which split"):
        fit_weights({"joint": stream({"a": [1, 2]})})


def needs_bone_weight(
    above: float | None = None, below: float | None = None
) -> tuple[list[float], list[float]]:
    """Joint and bone logits of a clip of class 0 that is right only for bone weights above or below."""
    if above is not None:
        return [0, 1], [(1 - above) / above, 0]
    assert below is not None
    return [1, 0], [0, (1 - below) / below]


@pytest.mark.parametrize(
    ("bounds", "low", "high"),
    [
        ([{"above": 0.15}, {"below": 0.25}], 0.15, 0.25),  # met by the grid of tenths
        # Met only between grid points: 0.3 is best of the tenths, refining leads to 0.35.
        ([{"above": 0.33}, {"above": 0.27}, {"above": 0.27}, {"below": 0.37}, {"below": 0.37}], 0.33, 0.37),
    ],
)
def test_fit_finds_the_weights_that_are_always_right(bounds, low, high):
    clips = {f"c{n}": needs_bone_weight(**bound) for n, bound in enumerate(bounds)}
    joint = stream({clip: pair[0] for clip, pair in clips.items()}, split="val")
    bone = stream({clip: pair[1] for clip, pair in clips.items()}, split="val")
    weights = fit_weights({"joint": joint, "bone": bone})
    assert low < weights["bone"] < high
    assert sum(weights.values()) == pytest.approx(1)


def test_fit_drops_a_harmful_stream():
    rng = np.random.default_rng(0)
    labels = np.arange(20) % 2
    good = np.eye(2)[labels] + rng.normal(size=(20, 2)) * 0.1
    ids = tuple(f"c{n:02}" for n in range(20))
    streams = {
        "joint": Scores(ids, good, labels, CLASSES, {"split": "val"}),
        "bone": Scores(ids, -5 * good, labels, CLASSES, {"split": "val"}),
    }
    weights = fit_weights(streams)
    assert top_k_accuracy(ensemble(streams, weights).logits_NK, labels, 1) == 1
    assert weights["bone"] < 1 / 6


def test_fit_stays_at_the_default_where_nothing_is_gained():
    streams = {name: stream({"a": [1, 0]}, modality=name, split="val") for name in FOUR}
    assert fit_weights(streams) == pytest.approx({name: w / 2 for name, w in DEFAULT_WEIGHTS.items()})
    own = {name: stream({"a": [1, 0]}, split="val") for name in ("mine", "yours", "theirs")}
    assert fit_weights(own) == dict.fromkeys(own, 1 / 3)  # exactly, though no grid point lies there


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_fit_is_deterministic_and_never_worse_than_the_default(seed):
    streams = random_streams(seed, FOUR)
    weights = fit_weights(streams)
    backwards = fit_weights(dict(reversed(streams.items())))
    assert backwards == weights
    assert list(backwards) == list(reversed(streams))
    assert min(weights.values()) >= 0
    assert sum(weights.values()) == pytest.approx(1)
    fitted, usual = (ensemble(streams, w) for w in (weights, default_weights(streams)))
    quality = [top_k_accuracy(scores.logits_NK, scores.labels_N, 1) for scores in (fitted, usual)]
    assert quality[0] >= quality[1]


@pytest.mark.parametrize("count", [1, 2, 6, 9])
def test_fit_takes_any_number_of_streams(count):
    names = [f"joint-{n}" for n in range(count)]
    weights = fit_weights(random_streams(1, names, N=12))
    assert sum(weights.values()) == pytest.approx(1)


def test_fit_checks_that_streams_belong_together():
    streams = random_streams(0)
    with pytest.raises(ValueError, match="1 only in 'bone'"):
        fit_weights(streams | {"joint": streams["joint"].select(range(1, 30))})

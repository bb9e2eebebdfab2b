"""The audit of a text set, on hand-made vectors whose cosines are known, and on the shipped sets."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lst.text.audit import (
    AUDITED_TEXTS,
    UNSEEN_WORDS,
    WORD_LIMITS,
    LongText,
    NearPair,
    UnseenWord,
    audit_lines,
    audit_texts,
    nearest_pairs,
)
from lst.text.descriptions import PARTS, ActionText, default_descriptions
from lst.text.prompt_choices import prompt_heads
from lst.text.prompts import class_prompts
from lst.text.vectors import TextVectors, build_vectors, default_vectors

SHIPPED = ("nw-ucla", "ntu60", "ntu120", "synthetic")


def action(name: str, **texts) -> ActionText:
    fields = {field: f"{field} while {name}" for field in ("sentence", *PARTS)}
    return ActionText(**{"name": name, "synonyms": (name, f"to {name}"), **fields, **texts})


HOP, SKIP, SIT = action("hop"), action("skip"), action("sit")


def at(degrees: float) -> list[float]:
    """A vector of this direction and some length: the cosine of two is that of the angle between them."""
    angle = np.radians(degrees)
    return [2 * np.cos(angle), 2 * np.sin(angle)]


def vectors_of(classes: list[ActionText], degrees: Mapping[str, float]) -> TextVectors:
    """Texts that are not in `degrees` point to 0 degrees."""

    def encode(texts: list[str]) -> np.ndarray:
        return np.array([at(degrees.get(text, 0)) for text in texts], dtype=np.float32)

    return build_vectors(classes, encode, encoder={}, descriptions_sha256="")


def head_hand_hip_foot(action: ActionText, *degrees: float) -> dict[str, float]:
    return dict(zip(class_prompts(action).parts, degrees, strict=True))


def cosine(audit, text: str, first: int, second: int) -> float:
    """Of any two classes; wanted with `count` large enough to hold all pairs."""
    return next(p.cosine for p in audit.nearest[text] if (p.first, p.second) == (first, second))


def test_nearest_pairs_are_sorted_and_cut():
    cosines = np.array([[1, 0.2, 0.9], [0.2, 1, 0.5], [0.9, 0.5, 1]])
    assert nearest_pairs(cosines) == (NearPair(0, 2, 0.9), NearPair(1, 2, 0.5), NearPair(0, 1, 0.2))
    assert nearest_pairs(cosines, 2) == nearest_pairs(cosines)[:2]
    assert nearest_pairs(cosines, lowest=0.5) == nearest_pairs(cosines)[:2]
    assert nearest_pairs(cosines, 0) == nearest_pairs(np.ones((1, 1))) == ()


def test_ties_stand_in_label_order():
    assert [(p.first, p.second) for p in nearest_pairs(np.ones((3, 3)))] == [(0, 1), (0, 2), (1, 2)]


@given(st.integers(2, 7), st.integers(0, 2**32 - 1))
def test_nearest_pairs_hold_every_pair_once(num_classes: int, seed: int):
    rows = np.random.default_rng(seed).normal(size=(num_classes, 3))
    cosines = rows @ rows.T
    pairs = nearest_pairs(cosines)
    assert len({(p.first, p.second) for p in pairs}) == len(pairs) == num_classes * (num_classes - 1) // 2
    assert all(p.first < p.second and p.cosine == cosines[p.first, p.second] for p in pairs)
    assert [p.cosine for p in pairs] == sorted((p.cosine for p in pairs), reverse=True)


def test_cosine_of_each_text():
    degrees = {
        **head_hand_hip_foot(SKIP, 10, 20, 30, 40),
        "skip": 50,
        "to skip": 70,
        "sentence while skip": 80,
    }
    audit = audit_texts([HOP, SKIP], vectors_of([HOP, SKIP], degrees))
    # Both texts of "hop" point to 0 degrees; the mean of 50 and 70 degrees points to 60.
    expected = {"head": 10, "hand": 20, "hip": 30, "foot": 40, "name": 50, "nearest synonym": 50}
    expected |= {"global": 60, "sentence": 80}
    for text, angle in expected.items():
        assert cosine(audit, text, 0, 1) == pytest.approx(np.cos(np.radians(angle)), abs=1e-6), text
    heads = np.cos(np.radians([60, 10, 20, 30, 40])).mean()
    assert cosine(audit, "overall", 0, 1) == pytest.approx(heads, abs=1e-6)
    assert tuple(audit.nearest) == AUDITED_TEXTS


def test_each_text_has_its_own_order():
    degrees = {"skip": 10, "sit": 60, **head_hand_hip_foot(SIT, 5, 60, 60, 60)}
    degrees |= head_hand_hip_foot(SKIP, 60, 5, 60, 60)
    audit = audit_texts([HOP, SKIP, SIT], vectors_of([HOP, SKIP, SIT], degrees), count=1)
    nearest = {text: (pair.first, pair.second) for text, (pair,) in audit.nearest.items()}
    assert (nearest["name"], nearest["head"], nearest["hand"]) == ((0, 1), (0, 2), (0, 1))
    assert nearest["hip"] == (1, 2)


def test_nearest_synonym_finds_the_two_that_cross():
    classes = [action("hop", synonyms=("hop", "leap", "skip along")), action("sit", synonyms=("sit", "rest"))]
    degrees = {"hop": 0, "leap": 30, "skip along": 110, "sit": 200, "rest": 100}
    vectors = vectors_of(classes, degrees)
    assert vectors.index_PKS(prompt_heads("synonyms", classes))[0, 1, 2] == -1  # filling, which is no text
    audit = audit_texts(classes, vectors)
    assert cosine(audit, "nearest synonym", 0, 1) == pytest.approx(np.cos(np.radians(10)), abs=1e-6)
    assert cosine(audit, "name", 0, 1) == pytest.approx(np.cos(np.radians(160)), abs=1e-6)


def test_filling_never_wins_over_texts_that_point_apart():
    classes = [action("hop", synonyms=("hop", "leap")), action("sit", synonyms=("sit",))]
    audit = audit_texts(classes, vectors_of(classes, {"hop": 0, "leap": 10, "sit": 180}))
    assert cosine(audit, "nearest synonym", 0, 1) == pytest.approx(-np.cos(np.radians(10)), abs=1e-6)


def test_zero_vectors_are_near_nothing():
    zero = build_vectors([HOP, SIT], lambda t: np.zeros((len(t), 2)), encoder={}, descriptions_sha256="")  # type: ignore[arg-type]
    audit = audit_texts([HOP, SIT], zero)
    assert all(pair.cosine == 0 for pairs in audit.nearest.values() for pair in pairs)


@pytest.mark.parametrize(
    ("angles", "alike"),
    [((10, 20, 30, 36), True), ((10, 20, 30, 40), False), ((0, 0, 0, 90), False), ((37, 0, 0, 0), False)],
)
def test_look_alikes_are_near_in_all_four_parts(angles: tuple[float, ...], alike: bool):
    # cos 36 = 0.809, cos 37 = 0.799: the least similar part decides, whichever it is.
    audit = audit_texts([HOP, SKIP], vectors_of([HOP, SKIP], head_hand_hip_foot(SKIP, *angles)), near=0.8)
    assert bool(audit.look_alikes) is alike
    assert audit.num_findings == int(alike)
    if alike:
        (pair,) = audit.look_alikes
        assert (pair.first, pair.second) == (0, 1)
        assert pair.cosine == pytest.approx(np.cos(np.radians(max(angles))), abs=1e-6)


def words(number: int) -> str:
    return " ".join(["word"] * number)


def test_long_texts_are_named_with_their_field():
    classes = [
        action("hop", synonyms=("hop", words(10), "so " + words(10))),
        action("skip", sentence=words(46), hip=words(13)),
        replace(action("sit", hand=words(12), arm=words(12), leg=words(12), foot=words(13)), name=words(16)),
    ]
    audit = audit_texts(classes, vectors_of(classes, {}), near=2)
    assert audit.long_texts == (
        LongText(0, f"synonym 'so {words(10)}'", 11, 10),
        LongText(1, "sentence", 46, 45),
        LongText(1, "hip", 13, 12),
        LongText(2, "foot", 13, 12),
        LongText(2, "foot prompt", 41, 40),  # 16 + 12 + 13; the hand prompt has 40 and fits
    )
    assert audit.num_findings == 5


def test_unseen_words_are_found_as_whole_words_in_any_case():
    classes = [
        action("hop", head="Eyes and eyes on the RED floor", foot="feet are bored, tired, blinkered"),
        action(
            "brushing teeth", hand="hand at the teeth, leather-bound", synonyms=("brushing teeth", "smile")
        ),
    ]
    audit = audit_texts(classes, vectors_of(classes, {}), near=2)
    assert audit.unseen_words == (
        UnseenWord(0, "head", "eyes", "facial detail"),
        UnseenWord(0, "head", "red", "colour"),
        UnseenWord(1, "hand", "leather", "material"),  # "teeth" is excused: it is in the class name
    )


def test_no_word_is_listed_twice_or_needed_to_say_where_a_hand_is():
    listed = [word for words in UNSEEN_WORDS.values() for word in words.split()]
    assert len(listed) == len(set(listed))
    assert all(word == word.lower() and word.isalpha() for word in listed)
    assert not {"face", "mouth", "nose", "ear", "quiet", "tear", "light"} & set(listed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ([HOP], "1 classes are described, the vectors are for 2"),
        ([HOP, replace(SKIP, hip="hips differ")], r"class 1 \('skip'\).* none for 'skip, hips differ'"),
        ([HOP, replace(SKIP, sentence="New.")], r"class 1 .* none for 'New\.'"),
        ([HOP, replace(SKIP, synonyms=("skip", "leap"))], "class 1 .* none for 'leap'"),
        ([HOP, replace(SKIP, synonyms=("to skip", "skip"))], "class 1 .* in another order"),
        ([SKIP, HOP], "class 0 .* none for 'skip'"),
    ],
)
def test_vectors_of_other_texts_are_refused(changed: list[ActionText], message: str):
    with pytest.raises(ValueError, match=message):
        audit_texts(changed, vectors_of([HOP, SKIP], {}))


def test_lines_for_people():
    classes = [action("hop", head="head is green"), SKIP, action("sit", hip=words(14))]
    degrees = {"sit": 60, "to sit": 60, **head_hand_hip_foot(SKIP, 30, 30, 30, 30)}
    degrees |= head_hand_hip_foot(classes[2], 90, 90, 90, 90)
    lines = audit_lines(audit_texts(classes, vectors_of(classes, degrees), count=2, near=0.8))
    assert lines[:11] == [
        "3 classes, 3 findings",
        "",
        "pairs of classes with a cosine of 0.80 or more in all four parts:",
        "  0.866  hop | skip (least similar part)",
        "",
        "words for what a skeleton cannot show:",
        "  hop, head: 'green' (colour)",
        "",
        "texts with too many words:",
        "  sit, hip: 14 words, at most 12",
        "",
    ]
    start = lines.index("nearest pairs by name:")
    assert lines[start + 1 : start + 4] == ["  1.000  hop | skip", "  0.500  hop | sit", ""]
    assert sum(line.startswith("nearest pairs by ") for line in lines) == len(AUDITED_TEXTS)


def test_nothing_found_is_said():
    lines = audit_lines(audit_texts([HOP], vectors_of([HOP], {})))
    assert lines[:4] == [
        "1 classes, 0 findings",
        "",
        "pairs of classes with a cosine of 0.80 or more in all four parts: none",
        "",
    ]
    assert "words for what a skeleton cannot show: none" in lines
    assert "nearest pairs by head: none" in lines


@pytest.mark.parametrize("dataset", SHIPPED)
def test_shipped_sets_pass_the_audit(dataset: str):
    audit = audit_texts(default_descriptions(dataset), default_vectors(dataset))
    assert audit.num_findings == 0, "\n".join(audit_lines(audit))
    assert len(audit.nearest["overall"]) == 10
    # Largest seen: 0.82 of putting on and taking off headphones.
    assert audit.nearest["overall"][0].cosine < 0.85


def test_limits_leave_room_for_the_rule_of_the_shipped_sets():
    assert WORD_LIMITS["phrase"] == 12  # tests/test_descriptions.py holds the shipped phrases to it

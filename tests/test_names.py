"""Class names become words; hashed words become vectors."""

import numpy as np
import pytest

from lst.text.hashed import hashed_vectors
from lst.text.names import name_texts, words_of


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("walk_around", "walk around"),
        ("WalkAround", "walk around"),
        ("A012 wave", "wave"),
        ("a27_knock on door", "knock on door"),
        ("07-sitDown", "sit down"),
        ("3. clap", "clap"),
        ("turnTVOn", "turn tv on"),
        ("right-arm.swipe/left", "right arm swipe left"),
        ("A12", "a12"),
        ("42", "42"),
        ("schütteln", "schütteln"),
        ("3D print", "3 d print"),
    ],
)
def test_words_of(name: str, words: str):
    assert words_of(name) == words


def test_names_that_would_read_the_same_stay():
    assert [a.synonyms for a in name_texts(["A01 wave", "A02 wave", "sit"])] == [
        ("A01 wave",),
        ("A02 wave",),
        ("sit",),
    ]


def test_hashed_vectors_know_words_only():
    rows_TD = hashed_vectors(["sit down", "stand down", "take a seat", "sitting down", "Sit  down!"])
    np.testing.assert_allclose(np.linalg.norm(rows_TD, axis=1), 1, rtol=1e-5)
    cosines = rows_TD[0] @ rows_TD.T
    assert cosines[4] == pytest.approx(1)
    assert cosines[1] > 0.4
    assert abs(cosines[2]) < 0.25
    assert cosines[3] > 0.4


def test_hashed_vectors_take_any_text():
    assert hashed_vectors(["..."]).shape == (1, 256)
    assert hashed_vectors([]).shape == (0, 256)

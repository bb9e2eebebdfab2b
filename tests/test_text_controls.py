"""Control conditions: texts that still tell the classes apart but mean nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lst.data.store.clip_store import ClipStore
from lst.evaluation.results import results_table
from lst.nets.supervision import LanguageSupervision
from lst.text.prompt_choices import Head, gap_heads, prompt_heads
from lst.text.vectors import TextVectors, default_vectors, first_classes
from lst.training.build import assemble
from lst.training.text_config import TextConfig
from lst.training.text_controls import controlled, other_class, random_vectors
from lst.workflows.measure import measure_run
from short_runs import model_bytes, run, tiny

VECTORS = default_vectors("synthetic")
HEADS = prompt_heads("parts4", VECTORS.classes)
CPU = torch.device("cpu")


def test_without_a_control_nothing_is_touched():
    vectors, heads = controlled("none", VECTORS, HEADS, 1)
    assert vectors is VECTORS
    assert heads is HEADS


@given(count=st.integers(2, 130), seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_every_class_gets_another_class_and_each_once(count: int, seed: int):
    other_K = other_class(count, seed)
    assert sorted(other_K) == list(range(count))
    assert (other_K != np.arange(count)).all()
    assert (other_class(count, seed) == other_K).all()


def test_seeds_give_different_orders():
    assert len({tuple(other_class(12, seed)) for seed in range(1, 9)}) == 8


@pytest.mark.parametrize("heads", [HEADS, gap_heads(VECTORS.classes)])
def test_shuffled_exchanges_whole_classes(heads: tuple[Head, ...]):
    vectors, shuffled = controlled("shuffled", VECTORS, heads, 3)
    assert np.array_equal(vectors.vectors_TD, VECTORS.vectors_TD)
    other_K = other_class(12, 3)
    for before, after in zip(heads, shuffled, strict=True):
        assert (after.name, after.parts) == (before.name, before.parts)
        for k, other in enumerate(other_K):
            assert after.texts_KS[k] == before.texts_KS[other]
            assert after.texts_KS[k] != before.texts_KS[k]
    assert vectors.meta["control"] == "shuffled: every class has the texts of another class, seed 3"


def test_one_class_has_no_other():
    with pytest.raises(ValueError, match="at least two classes"):
        controlled("shuffled", first_one(), prompt_heads("label", first_one().classes), 1)


def first_one() -> TextVectors:
    return first_classes(VECTORS, 1)


def test_random_vectors_depend_on_text_and_seed_only():
    vectors, heads = controlled("random", VECTORS, HEADS, 1)
    assert heads == HEADS
    assert vectors.texts == VECTORS.texts
    assert vectors.vectors_TD.shape == VECTORS.vectors_TD.shape
    assert vectors.vectors_TD.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors.vectors_TD, axis=1), 1, atol=1e-6)
    alone = random_vectors(VECTORS.texts[5:6], 384, 1)
    assert np.array_equal(alone[0], vectors.vectors_TD[5])
    assert not np.array_equal(random_vectors(VECTORS.texts[5:6], 384, 2), alone)
    assert vectors.meta["control"].startswith("random: ")
    assert vectors.meta["normalised"] is True


def test_random_directions_are_uniform():
    """Coordinates in D dimensions have mean 0 and variance 1/D, cosines the spread 1/sqrt(D)."""
    vectors_TD = random_vectors(tuple(f"text {t}" for t in range(500)), 64, 7)
    assert abs(vectors_TD.mean()) < 5 / 8 / np.sqrt(500 * 64)
    assert vectors_TD.var() == pytest.approx(1 / 64, rel=0.01)
    cosines = (vectors_TD @ vectors_TD.T)[np.triu_indices(500, 1)]
    assert cosines.std() == pytest.approx(1 / 8, rel=0.02)
    assert abs(cosines.mean()) < 0.002


def test_a_control_changes_the_texts_and_nothing_else(tiny_store: ClipStore):
    made = {
        control: assemble(tiny(text=TextConfig(control=control)), tiny_store, CPU)
        for control in ("none", "shuffled", "random")
    }
    plain = made["none"].supervision
    assert isinstance(plain, LanguageSupervision)
    labels, draws = torch.arange(12), torch.full((12,), 0.3)
    for control in ("shuffled", "random"):
        other = made[control].supervision
        assert isinstance(other, LanguageSupervision)
        for a, b in zip(plain.state_dict().values(), other.state_dict().values(), strict=True):
            assert torch.equal(a, b)
        assert not torch.allclose(other.bank(labels, draws), plain.bank(labels, draws))
    theirs = made["shuffled"].supervision
    assert isinstance(theirs, LanguageSupervision)
    other_K = torch.from_numpy(other_class(12, tiny().seed))
    assert torch.equal(theirs.bank(labels, draws), plain.bank(other_K, draws))


@pytest.mark.usefixtures("one_thread", "quick", "quick_pictures")
def test_card_result_and_table_say_so(tiny_store: ClipStore, tmp_path: Path):
    for control in ("none", "shuffled", "random"):
        out = tmp_path / control
        run(tiny_store, out, tiny(1, text=TextConfig(control=control)))
        card = json.loads((out / "card.json").read_text())
        assert card["config"]["text"]["control"] == control
        if control == "none":
            assert "control" not in card["text"]
            continue
        assert card["text"]["control"].startswith(f"{control}: ")
        measure_run(out, tiny_store, "cpu")
        result = json.loads((out / "result.json").read_text())
        assert result["control"] == card["text"]["control"]
        assert f"; text.control {control}" in results_table([result], "synthetic")
    assert len({model_bytes(tmp_path / control) for control in ("none", "shuffled", "random")}) == 3

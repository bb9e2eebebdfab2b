"""Loss choices beside the published one: by hand, against slow forms, and in training."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lst.data.store.clip_store import ClipStore
from lst.nets.losses import part_contrast, same_class_targets, text_similarity_targets
from lst.text.prompt_choices import prompt_heads
from lst.text.vectors import default_vectors
from lst.training.build import assemble
from lst.training.run_texts import text_bank
from lst.training.text_config import TextConfig
from lst.training.training_run import TrainingRun
from short_runs import log_of, model_bytes, run, tiny

CPU = torch.device("cpu")
AXES = [[1.0, 0.0], [0.0, 1.0]]


def parts(*vectors_ND: list[list[float]]) -> Tensor:
    return torch.tensor(vectors_ND, dtype=torch.float64)


def contrast(skeleton: Tensor, text: Tensor, labels: list[int], scale: float, **choice: Any) -> list[float]:
    scale_P = torch.full((len(skeleton),), scale, dtype=torch.float64)
    return part_contrast(skeleton, text, torch.tensor(labels), scale_P=scale_P, **choice).tolist()


def random_batch(seed: int, n: int = 6, p: int = 2, d: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    skeleton, text = (torch.from_numpy(rng.normal(size=(p, n, d))) for _ in range(2))
    return skeleton, text, torch.from_numpy(rng.integers(3, size=n))


# --- InfoNCE with several positives ---


def test_info_nce_of_three_clips_by_hand():
    # Clips 0 and 2 are of one class. Scale 2, cosines: rows (1, 0, 1), (0, 1, 0), (1, 0, 1).
    vectors = parts([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    e2 = math.e**2
    pair, alone = -math.log(2 * e2 / (2 * e2 + 1)), -math.log(e2 / (e2 + 2))
    got = contrast(vectors, vectors, [0, 1, 0], 2.0, loss="info_nce")
    assert got == pytest.approx([(2 * pair + alone) / 3])
    assert got == pytest.approx([0.123499], abs=1e-6)


def test_one_good_positive_is_enough_for_info_nce_only():
    # Both clips of class 0 match the first text of their class and not the second, which is as far from them
    # as the text of class 1.
    skeleton, text = parts([[1.0, 0], [1.0, 0], [0, 1.0]]), parts([[1.0, 0], [0, 1.0], [0, 1.0]])
    scale = 30.0
    rows = [
        -math.log((math.exp(30) + 1) / (math.exp(30) + 2)),  # about 0
        -math.log((math.exp(30) + 1) / (math.exp(30) + 2)),
        -math.log(math.exp(30) / (2 * math.exp(30) + 1)),  # the far positive of class 0 is its own text too
    ]
    columns = [
        -math.log(2 * math.exp(30) / (2 * math.exp(30) + 1)),  # about 0
        -math.log(2 / (2 + math.exp(30))),  # about 30 - ln 2
        -math.log(math.exp(30) / (math.exp(30) + 2)),
    ]
    got = contrast(skeleton, text, [0, 0, 1], scale, loss="info_nce")
    assert got == pytest.approx([(sum(rows) + sum(columns)) / 6])
    assert sum(rows[:2]) < 1e-12
    wants_both = contrast(skeleton, text, [0, 0, 1], scale, target="same_class")
    assert wants_both[0] > got[0] + 4  # the rows of the KL cost 15 - ln 2 each for the missed positive


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 7))
@settings(max_examples=40, deadline=None)
def test_info_nce_equals_the_slow_form(seed: int, n: int):
    skeleton, text, labels = random_batch(seed, n)
    expected = []
    for u, w in zip(skeleton.numpy(), text.numpy(), strict=True):
        unit_u = u / np.linalg.norm(u, axis=1, keepdims=True)
        unit_w = w / np.linalg.norm(w, axis=1, keepdims=True)
        a_NN = np.exp(7 * unit_u @ unit_w.T)
        total = 0.0
        for one_way in (a_NN, a_NN.T):
            for i in range(n):
                same = [j for j in range(n) if labels[j] == labels[i]]
                total -= math.log(one_way[i, same].sum() / one_way[i].sum())
        expected.append(total / (2 * n))
    assert contrast(skeleton, text, labels.tolist(), 7.0, loss="info_nce") == pytest.approx(expected)


def test_info_nce_and_same_class_differ_by_a_constant_for_one_positive_each():
    """With every class once both are CLIP's loss: the target is one-hot and its entropy 0."""
    skeleton, text, _ = random_batch(3)
    labels = list(range(6))
    assert contrast(skeleton, text, labels, 5.0, loss="info_nce") == pytest.approx(
        contrast(skeleton, text, labels, 5.0, target="same_class")
    )


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_same_class_is_l_out_and_info_nce_l_in_of_supcon_up_to_the_count_of_positives(seed: int):
    """SupCon, Eq. 2 and 3, over the texts instead of the other clips. Jensen: L_in <= L_out."""
    skeleton, text, labels = random_batch(seed)
    unit = [x / x.norm(dim=-1, keepdim=True) for x in (skeleton, text)]
    logits = 4.0 * unit[0] @ unit[1].transpose(1, 2)
    same_NN = (labels[:, None] == labels[None, :]).double()
    count_N = same_NN.sum(1)
    outer, inner = torch.zeros(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    for way in (logits, logits.transpose(1, 2)):
        p_PNN = way.exp() / way.exp().sum(2, keepdim=True)
        outer -= ((p_PNN.log() * same_NN).sum(2) / count_N).mean(1) / 2
        inner -= ((p_PNN * same_NN).sum(2) / count_N).log().mean(1) / 2
    constant = count_N.log().mean()
    kl = contrast(skeleton, text, labels.tolist(), 4.0, target="same_class")
    nce = contrast(skeleton, text, labels.tolist(), 4.0, loss="info_nce")
    assert kl == pytest.approx((outer - constant).tolist())
    assert nce == pytest.approx((inner - constant).tolist())
    assert (inner <= outer + 1e-12).all()


# --- targets from the similarity of texts ---


def test_text_similarity_targets_by_hand():
    # Cosines of the texts: 0.6 between the first and the second, 1 between the first and the third.
    text = parts([[1.0, 0.0], [3.0, 4.0], [2.0, 0.0]])
    e10, e6 = math.exp(10), math.exp(6)
    outer = [e10 / (2 * e10 + e6), e6 / (2 * e10 + e6), e10 / (2 * e10 + e6)]
    inner = [e6 / (2 * e6 + e10), e10 / (2 * e6 + e10), e6 / (2 * e6 + e10)]
    got = text_similarity_targets(text)[0]
    torch.testing.assert_close(got, parts([outer, inner, outer])[0])


def test_orthogonal_texts_give_the_published_target():
    text, labels = parts([AXES[0], AXES[1], AXES[0]]), [4, 2, 4]
    torch.testing.assert_close(
        text_similarity_targets(text)[0], same_class_targets(torch.tensor(labels), "soft", torch.float64)
    )
    skeleton = random_batch(1, n=3, p=1, d=2)[0]
    assert contrast(skeleton, text, labels, 3.0, target="text_similarity") == pytest.approx(
        contrast(skeleton, text, labels, 3.0, target="soft")
    )


def test_loss_of_similar_texts_by_hand():
    # Skeletons on the axes, texts at cosine 0.6, scale 1. Rows of cosines: (1, 0.6), (0, 0.8).
    skeleton, text = parts(AXES), parts([[1.0, 0.0], [0.6, 0.8]])
    q = [1 / (1 + math.exp(-4)), 1 / (1 + math.exp(4))]  # softmax(10, 6)

    def kl(target: list[float], a: float, b: float) -> float:
        total = math.log(math.exp(a) + math.exp(b))
        return sum(t * (math.log(t) - x + total) for t, x in zip(target, (a, b), strict=True))

    rows = kl(q, 1.0, 0.6) + kl(q[::-1], 0.0, 0.8)
    columns = kl(q, 1.0, 0.0) + kl(q[::-1], 0.6, 0.8)
    got = contrast(skeleton, text, [0, 1], 1.0, target="text_similarity")
    assert got == pytest.approx([(rows + columns) / 4])


def test_how_soft_the_shipped_texts_are():
    """Mass on other classes for 64 clips of the ten classes of NW-UCLA, as docs/language.md says."""
    vectors = default_vectors("nw-ucla")
    labels = torch.arange(64) % 10
    bank = text_bank(vectors, prompt_heads("parts4", vectors.classes))
    q_PNN = text_similarity_targets(bank(labels, torch.zeros(64)))
    other_NN = labels[:, None] != labels[None, :]
    percent_P = 100 * (q_PNN * other_NN).sum(2).mean(1)
    assert percent_P.min() >= 7
    assert percent_P.max() < 19.5


def test_no_gradient_reaches_the_texts_through_their_own_targets():
    text = parts(AXES, AXES).requires_grad_()
    assert not text_similarity_targets(text).requires_grad


@pytest.mark.parametrize("choice", [{"loss": "info_nce"}, {"target": "text_similarity"}])
def test_gradients_and_float32(choice: dict[str, Any]):
    skeleton, text, labels = random_batch(5)
    skeleton.requires_grad_()
    scale = torch.full((2,), 3.0, dtype=torch.float64, requires_grad=True)

    def loss(u: Tensor, s: Tensor) -> Tensor:
        return part_contrast(u, text, labels, scale_P=s, **choice)

    assert torch.autograd.gradcheck(loss, [skeleton, scale])
    wide, texts, labels = random_batch(6, n=64, p=5, d=384)
    hot = torch.full((5,), 100.0, dtype=torch.float64)
    exact = part_contrast(wide, texts, labels, scale_P=hot, **choice)
    single = part_contrast(wide.float(), texts.float(), labels, scale_P=hot.float(), **choice)
    torch.testing.assert_close(single.double(), exact, rtol=1e-4, atol=1e-5)


# --- values ---

WRONG = [
    ({"loss": "infonce"}, r"unknown text loss 'infonce'\. Did you mean 'info_nce'"),
    ({"target": "text"}, r"unknown text target 'text'.* Known: same_class, soft, text_similarity"),
    ({"control": "shuffle"}, r"'shuffle'\. Did you mean 'shuffled'"),
    ({"loss": "info_nce", "target": "same_class"}, r"info_nce has no target.* got 'same_class'"),
    ({"part_weights": (1.0, -1.0)}, r"part_weights must be 0 or positive numbers.* \(1\.0, -1\.0\)"),
    ({"part_weights": (0.0, 0.0)}, "not all 0"),
    ({"part_weights": (1.0, math.nan)}, "part_weights"),
    ({"part_weights": (1.0, math.inf)}, "part_weights"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_a_wrong_value_raises(change: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        TextConfig(**change)


def test_the_wrong_number_of_part_weights_names_the_heads(tiny_store: ClipStore):
    config = tiny(text=TextConfig(part_weights=(1.0, 2.0)))
    message = r"has 2 numbers; prompts 'parts4' have 5 heads \(whole, head, hand, hip, foot\)"
    with pytest.raises(ValueError, match=message):
        assemble(config, tiny_store, CPU)
    TextConfig(prompts="sentence", part_weights=(1.0,)).check_part_weights(["whole"])


# --- in training ---


def text_term(store: ClipStore, weights: tuple[float, ...]) -> Tensor:
    config = tiny(text=TextConfig(part_weights=weights))
    terms = torch.tensor([1.0, 2.0, 3.0, 4.0, 10.0])
    return TrainingRun(config, assemble(config, store, CPU), CPU, compiled=False).text_term(terms)


def test_part_weights_make_a_weighted_mean(tiny_store: ClipStore):
    assert text_term(tiny_store, ()).item() == 4.0
    assert text_term(tiny_store, (1.0, 0.0, 0.0, 0.0, 1.0)).item() == 5.5
    assert text_term(tiny_store, (6.0, 0.0, 2.0, 0.0, 0.0)).item() == 1.5
    assert text_term(tiny_store, (0.3,) * 5).item() == pytest.approx(4.0)  # sizes do not matter, ratios do


@pytest.mark.usefixtures("one_thread", "quick")
def test_choices_reach_the_run_and_its_log(tiny_store: ClipStore, tmp_path: Any):
    choices = {
        "plain": TextConfig(),
        "nce": TextConfig(loss="info_nce"),
        "similar": TextConfig(target="text_similarity"),
        "weights": TextConfig(part_weights=(4.0, 1.0, 1.0, 1.0, 1.0)),
    }
    for name, text in choices.items():
        run(tiny_store, tmp_path / name, tiny(1, text=text))
    assert len({model_bytes(tmp_path / name) for name in choices}) == len(choices)
    (row,) = log_of(tmp_path / "weights")
    run(tiny_store, tmp_path / "weights", tiny(1, text=choices["weights"]), resume=True)  # the same recipe
    with pytest.raises(ValueError, match=r"another recipe.* \(text\.part_weights: \[4\.0, .* -> \[\]\)"):
        run(tiny_store, tmp_path / "weights", tiny(1), resume=True)
    weighted = (4 * row["loss_parts"][0] + sum(row["loss_parts"][1:])) / 8
    assert row["loss_text"] == pytest.approx(weighted, rel=1e-5)
    assert row["loss"] == pytest.approx(row["loss_classes"] + weighted, rel=1e-5)

"""The part-contrastive loss: by hand, against a slow form of method.md Section 11, and against torch."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lst.nets.losses import TextTarget, part_contrast, same_class_targets

TARGETS: tuple[TextTarget, ...] = ("soft", "same_class")
SURE = math.exp(10) / (math.exp(10) + 1)  # soft target of a pair with itself, two clips of two classes
DIFFERENT, SAME = torch.tensor([3, 5]), torch.tensor([4, 4])


def parts(*vectors_ND: list[list[float]]) -> Tensor:
    return torch.tensor(vectors_ND, dtype=torch.float64)


def kl(target: list[float], guess: list[float]) -> float:
    return sum(q * math.log(q / p) for q, p in zip(target, guess, strict=True) if q > 0)


def contrast(
    skeleton: Tensor, text: Tensor, labels: Tensor, scales: list[float], target: TextTarget = "soft"
) -> list[float]:
    scale_P = torch.tensor(scales, dtype=skeleton.dtype)
    return part_contrast(skeleton, text, labels, scale_P=scale_P, target=target).tolist()


# --- by hand ---

AXES = [[1.0, 0.0], [0.0, 1.0]]


def test_two_classes_with_orthogonal_vectors_by_hand():
    # Cosines are the identity, so each softmax is (e^s, 1) / (e^s + 1), along rows and along columns.
    p = math.e**2 / (math.e**2 + 1)
    expected = kl([SURE, 1 - SURE], [p, 1 - p])
    assert expected == pytest.approx(0.126519, abs=1e-6)
    assert contrast(parts(AXES), parts(AXES), DIFFERENT, [2.0]) == pytest.approx([expected])
    exact = contrast(parts(AXES), parts(AXES), DIFFERENT, [2.0], "same_class")
    assert exact == pytest.approx([math.log(1 + math.e**-2)])  # -ln p


def test_two_clips_of_one_class_by_hand():
    # Both targets are (1/2, 1/2): softmax(10, 10), and one class shared by two clips.
    p = math.e**2 / (math.e**2 + 1)
    expected = kl([0.5, 0.5], [p, 1 - p])
    for target in TARGETS:
        assert contrast(parts(AXES), parts(AXES), SAME, [2.0], target) == pytest.approx([expected])
        # Vectors that agree say the same about both clips: nothing is left to gain.
        alike = parts([[0.6, 0.8], [3.0, 4.0]])
        assert contrast(alike, alike, SAME, [2.0], target) == pytest.approx([0.0], abs=1e-12)


def test_each_direction_counts_half():
    # Both texts equal the first clip. The rows of cosines, (1, 1) and (0, 0), know nothing; the columns,
    # twice (1, 0), are right about the first text and wrong about the second.
    text = parts([[2.0, 0.0], [0.5, 0.0]])
    p = math.e / (math.e + 1)
    rows = kl([1.0, 0.0], [0.5, 0.5])
    columns = (kl([1.0, 0.0], [p, 1 - p]) + kl([0.0, 1.0], [p, 1 - p])) / 2
    assert rows != pytest.approx(columns)
    got = contrast(parts(AXES), text, DIFFERENT, [1.0], "same_class")
    assert got == pytest.approx([(rows + columns) / 2])


def test_several_texts_at_once_each_with_its_own_scale():
    swapped = AXES[::-1]
    first = contrast(parts(AXES), parts(AXES), DIFFERENT, [0.5])
    second = contrast(parts(AXES), parts(swapped), DIFFERENT, [3.0])
    both = contrast(parts(AXES, AXES), parts(AXES, swapped), DIFFERENT, [0.5, 3.0])
    assert both == pytest.approx(first + second)
    p = 1 / (math.e**3 + 1)  # every clip is sure of the other's text
    assert both[1] == pytest.approx(kl([SURE, 1 - SURE], [p, 1 - p]))


def test_scale_multiplies_cosines_as_it_is():
    # Scale 0 makes every guess uniform, whatever the vectors: -ln(1/2) against a sure target.
    assert contrast(parts(AXES), parts(AXES), DIFFERENT, [0.0], "same_class") == pytest.approx([math.log(2)])
    # A longer vector is not a larger scale.
    long = [[7.0, 0.0], [0.0, 0.1]]
    assert contrast(parts(long), parts(AXES), DIFFERENT, [2.0]) == pytest.approx(
        contrast(parts(AXES), parts(AXES), DIFFERENT, [2.0])
    )


# --- targets ---


@pytest.mark.parametrize(
    ("classes", "percent"),
    [(60, 0.3), (120, 0.5), (200, 0.9)],  # method.md 11: NTU60, NTU120, every class once; N = 200
)
def test_soft_target_keeps_the_published_mass_on_other_classes(classes: int, percent: float):
    labels_N = torch.arange(200) % classes
    target_NN = same_class_targets(labels_N, "soft")
    other = labels_N[:, None] != labels_N[None, :]
    assert round(100 * float((target_NN * other).sum(dim=1).mean()), 1) == percent


def test_targets_by_hand():
    labels_N = torch.tensor([1, 0, 1])
    e = math.exp(10)
    soft = [[e / (2 * e + 1), 1 / (2 * e + 1), e / (2 * e + 1)], [1 / (e + 2), e / (e + 2), 1 / (e + 2)]]
    exact = [[0.5, 0, 0.5], [0, 1, 0], [0.5, 0, 0.5]]
    for target, rows in (("soft", [*soft, soft[0]]), ("same_class", exact)):
        for dtype in (torch.float32, torch.float64):
            expected = torch.tensor(rows, dtype=dtype)
            torch.testing.assert_close(same_class_targets(labels_N, target, dtype), expected)


# --- oracles ---


def slow_contrast(
    skeleton: np.ndarray, text: np.ndarray, labels: list[int], scale: float, target: TextTarget
) -> float:
    """Section 11 for one text, one pair after the other, float64. A zero vector has cosine 0 (Q19)."""
    n = len(labels)

    def cosine(u: np.ndarray, w: np.ndarray) -> float:
        lengths = np.sqrt((u**2).sum()) * np.sqrt((w**2).sum())
        return float((u * w).sum() / lengths) if lengths > 0 else 0.0

    def log_softmax(row: list[float]) -> list[float]:
        return [x - max(row) - math.log(sum(math.exp(y - max(row)) for y in row)) for x in row]

    total = 0.0
    for i in range(n):
        weights = [
            math.exp(10 * (labels[i] == y)) if target == "soft" else float(labels[i] == y) for y in labels
        ]
        q = [w / sum(weights) for w in weights]
        to_texts = log_softmax([scale * cosine(skeleton[i], text[j]) for j in range(n)])
        to_clips = log_softmax([scale * cosine(skeleton[j], text[i]) for j in range(n)])
        for guess in (to_texts, to_clips):
            total += sum(q[j] * (math.log(q[j]) - guess[j]) for j in range(n) if q[j] > 0) / n
    return total / 2


batches = st.builds(
    lambda seed, n, p, d, classes: (seed, n, p, d, classes),
    st.integers(0, 2**32 - 1),
    *(st.integers(1, most) for most in (7, 3, 5, 4)),
)


def random_batch(seed: int, n: int, p: int, d: int, classes: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    skeleton, text = (torch.from_numpy(rng.normal(size=(p, n, d))) for _ in range(2))
    labels, scale = torch.from_numpy(rng.integers(classes, size=n)), torch.from_numpy(rng.uniform(0, 20, p))
    return skeleton, text, labels, scale


@given(batch=batches, target=st.sampled_from(TARGETS), zero=st.booleans())
@settings(max_examples=60, deadline=None)
def test_equals_the_slow_form(batch: tuple[int, ...], target: TextTarget, zero: bool):
    skeleton, text, labels, scale = random_batch(*batch)
    if zero:
        skeleton[0, 0] = 0
    got = part_contrast(skeleton, text, labels, scale_P=scale, target=target)
    arrays = zip(skeleton.numpy(), text.numpy(), scale.tolist(), strict=True)
    expected = [slow_contrast(u, w, labels.tolist(), s, target) for u, w, s in arrays]
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-9, atol=1e-12)


@given(batch=batches, target=st.sampled_from(TARGETS))
@settings(max_examples=30, deadline=None)
def test_equals_batchmean_of_torch(batch: tuple[int, ...], target: TextTarget):
    skeleton, text, labels, scale = random_batch(*batch)
    q_NN = same_class_targets(labels, target)
    expected = []
    for u, w, s in zip(skeleton, text, scale, strict=True):
        a_NN = s * F.cosine_similarity(u[:, None], w[None, :], dim=-1, eps=1e-30)  # as good as none
        ways = [F.kl_div(x.log_softmax(1), q_NN, reduction="batchmean") for x in (a_NN, a_NN.T)]
        expected.append((ways[0] + ways[1]) / 2)
    got = part_contrast(skeleton, text, labels, scale_P=scale, target=target)
    torch.testing.assert_close(got, torch.stack(expected))


@given(batch=batches, target=st.sampled_from(TARGETS), copies=st.integers(2, 4))
@settings(max_examples=30, deadline=None)
def test_a_batch_and_its_copies_cost_the_same_per_clip(
    batch: tuple[int, ...], target: TextTarget, copies: int
):
    """Copies share each target and each softmax evenly, so a mean over clips does not move (Q18).

    A mean over the N x N entries would be divided by the number of copies.
    """
    skeleton, text, labels, scale = random_batch(*batch)
    once = part_contrast(skeleton, text, labels, scale_P=scale, target=target)
    repeated = part_contrast(
        skeleton.repeat(1, copies, 1),
        text.repeat(1, copies, 1),
        labels.repeat(copies),
        scale_P=scale,
        target=target,
    )
    torch.testing.assert_close(repeated, once)


@given(batch=batches, target=st.sampled_from(TARGETS))
@settings(max_examples=30, deadline=None)
def test_order_and_length_do_not_matter_and_nothing_is_negative(batch: tuple[int, ...], target: TextTarget):
    skeleton, text, labels, scale = random_batch(*batch)
    value = part_contrast(skeleton, text, labels, scale_P=scale, target=target)
    assert (value >= -1e-12).all()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(batch[0]))
    turned = part_contrast(
        5 * skeleton[:, order], 0.1 * text[:, order], labels[order], scale_P=scale, target=target
    )
    torch.testing.assert_close(turned, value)


# --- gradients ---


@pytest.mark.parametrize("target", TARGETS)
def test_gradients_in_float64(target: TextTarget):
    skeleton, text, _, scale = random_batch(5, 4, 2, 3, 1)
    labels = torch.tensor([0, 1, 0, 2])
    inputs = [x.requires_grad_() for x in (skeleton, text, scale)]

    def loss(u: Tensor, w: Tensor, s: Tensor) -> Tensor:
        return part_contrast(u, w, labels, scale_P=s, target=target)

    assert torch.autograd.gradcheck(loss, inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("where", ["skeleton", "text", "both"])
def test_a_zero_vector_gives_finite_loss_and_gradients(dtype: torch.dtype, where: str):
    skeleton, text, labels, scale = random_batch(7, 5, 2, 3, 3)
    for name, vectors in (("skeleton", skeleton), ("text", text)):
        if where in (name, "both"):
            vectors[1, 2] = 0
    inputs = [x.to(dtype).requires_grad_() for x in (skeleton, text, scale)]
    loss = part_contrast(inputs[0], inputs[1], labels, scale_P=inputs[2])
    assert loss.dtype == dtype
    loss.sum().backward()
    assert loss.isfinite().all()
    assert all(x.grad is not None and x.grad.isfinite().all() for x in inputs)


@pytest.mark.parametrize("target", TARGETS)
def test_float32_is_close_to_float64_at_the_largest_scale(target: TextTarget):
    skeleton, text, labels, _ = random_batch(11, 64, 5, 384, 10)
    scale = torch.full((5,), 100.0, dtype=torch.float64)
    exact = part_contrast(skeleton, text, labels, scale_P=scale, target=target)
    single = part_contrast(skeleton.float(), text.float(), labels, scale_P=scale.float(), target=target)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), exact, rtol=1e-4, atol=1e-5)

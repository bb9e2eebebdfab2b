"""The training-only side: text bank, part pooling, scales; and that none of it ships."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lst.facts.choices import TextScale, TextTarget
from lst.facts.skeleton import get_layout
from lst.nets.classifier import SkeletonClassifier, build_classifier
from lst.nets.losses import part_contrast
from lst.nets.supervision import LabelSupervision, LanguageSupervision, TextBank

SKELETON = get_layout("kinect_v1_20")
CLASSES, TEXT_WIDTH = 4, 6


def make_classifier(seed: int = 0) -> SkeletonClassifier:
    torch.manual_seed(seed)
    build = {"encoder": "ctrgcn", "layout": SKELETON.name, "num_persons": 2, "num_classes": CLASSES}
    return build_classifier(**build, width=8)


def supervise(
    classifier: SkeletonClassifier, scale: TextScale = "exp", target: TextTarget = "soft"
) -> LanguageSupervision:
    weights = torch.from_numpy(SKELETON.part_weights())
    return LanguageSupervision(
        classifier, weights, some_texts(TEXT_WIDTH), width=32, scale=scale, target=target
    )


def some_texts(width: int) -> TextBank:
    """Two synonyms and four part texts for each class, all different."""
    vectors = torch.randn(6 * CLASSES, width, generator=torch.Generator().manual_seed(9))
    rows = torch.arange(6 * CLASSES).view(CLASSES, 6)
    return TextBank(vectors, heads_of(rows[:, :2], rows[:, 2:]))


def heads_of(synonyms_KS: Tensor, parts_K4: Tensor) -> Tensor:
    """(5, K, S): the synonyms, and four heads with one text each."""
    parts_4KS = torch.full((4, *synonyms_KS.shape), -1)
    parts_4KS[:, :, 0] = parts_K4.T
    return torch.cat([synonyms_KS[None], parts_4KS])


def random_step(seed: int = 1, n: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 3, 8, SKELETON.num_joints, 2, generator=generator)
    return x, torch.arange(n) % CLASSES, torch.randn(5, n, TEXT_WIDTH, generator=generator)


# --- the text bank ---

SYNONYMS = torch.tensor([[0, 1, 2, 3, 4], [5, -1, -1, -1, -1], [6, 7, 8, -1, -1]])
PART_TEXTS = torch.tensor([[10, 11, 12, 13], [14, 14, 15, 16], [17, 18, 19, 20]])


def bank() -> TextBank:
    """Text number t has the vector (t, -t), so a vector says which text it is."""
    numbers = torch.arange(21.0)
    return TextBank(torch.stack([numbers, -numbers], dim=1), heads_of(SYNONYMS, PART_TEXTS))


def picks(labels: list[int], draws: list[float], dtype: torch.dtype = torch.float32) -> list[int]:
    return bank()(torch.tensor(labels), torch.tensor(draws, dtype=dtype))[0, :, 0].int().tolist()


def test_bank_gives_one_row_per_text_and_clip():
    assert bank().width == 2
    texts_PND = bank()(torch.tensor([2, 0]), torch.tensor([0.5, 0.99]))
    assert texts_PND.shape == (5, 2, 2)
    assert texts_PND[:, :, 0].T.tolist() == [[7, 17, 18, 19, 20], [4, 10, 11, 12, 13]]
    assert torch.equal(texts_PND[..., 1], -texts_PND[..., 0])


JUST_UNDER_ONE = {torch.float32: 1 - 2.0**-24, torch.float64: math.nextafter(1, 0)}


@pytest.mark.parametrize("dtype", JUST_UNDER_ONE)
def test_extreme_draws_pick_the_first_and_the_last_synonym(dtype: torch.dtype):
    assert picks([0, 1, 2], [0.0] * 3, dtype) == [0, 5, 6]
    assert picks([0, 1, 2], [JUST_UNDER_ONE[dtype]] * 3, dtype) == [4, 5, 8]


@pytest.mark.parametrize("count", range(1, 41))
def test_no_rounding_picks_past_the_last_synonym(count: int):
    synonyms_KS = torch.full((1, 41), -1)
    synonyms_KS[0, :count] = torch.arange(count)
    texts = TextBank(torch.arange(41.0)[:, None], heads_of(synonyms_KS, torch.zeros(1, 4, dtype=torch.int64)))
    largest = torch.tensor([JUST_UNDER_ONE[torch.float32]])
    assert texts(torch.tensor([0]), largest)[0].item() == count - 1


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 1, exclude_max=True)), min_size=1, max_size=20))
@settings(deadline=None)
def test_a_pick_is_always_a_synonym_of_the_label(clips: list[tuple[int, float]]):
    labels = [label for label, _ in clips]
    got = picks(labels, [draw for _, draw in clips], torch.float64)
    assert all(pick in SYNONYMS[label][SYNONYMS[label] >= 0] for label, pick in zip(labels, got, strict=True))


def test_every_synonym_is_picked_equally_often():
    draws = (torch.arange(3000) + 0.5) / 3000  # evenly spread: counts are exact, up to rounding at borders
    for label, count in ((0, 5), (1, 1), (2, 3)):
        got = bank()(torch.full((3000,), label), draws)[0, :, 0].int()
        numbers, times = got.unique(return_counts=True)
        assert numbers.tolist() == SYNONYMS[label, :count].tolist()
        assert (times - 3000 / count).abs().max() <= 1


# --- pooling and projection ---


def test_part_vectors_equal_a_plain_loop():
    net = supervise(make_classifier()).double()
    features = torch.randn(3, 2, 32, 2, SKELETON.num_joints, dtype=torch.float64)
    parts = [tuple(range(SKELETON.num_joints)), *SKELETON.part_index().values()]
    assert len(parts) == 5
    net.classifier.encoder = nn.Identity()  # the map that the encoder would give
    embedded_PND = net.embed(net.classifier.features(features))
    assert embedded_PND.shape == (5, 3, TEXT_WIDTH)
    for p, joints in enumerate(parts):
        for n in range(3):
            total = torch.zeros(32, dtype=torch.float64)
            for m in range(2):
                for t in range(2):
                    for v in joints:
                        total += features[n, m, :, t, v]
            expected = F.linear(total / (4 * len(joints)), net.project[p].weight, net.project[p].bias)
            torch.testing.assert_close(embedded_PND[p, n], expected, rtol=1e-6, atol=1e-6)


def test_text_0_sees_what_the_classifier_pools():
    net = supervise(make_classifier())
    features = torch.randn(3, 2, 32, 2, SKELETON.num_joints)
    pooled = features.mean(dim=(1, 3, 4))
    net.classifier.encoder = nn.Identity()
    joints = net.classifier.features(features)
    torch.testing.assert_close(net.embed(joints)[0], net.project[0](pooled))
    torch.testing.assert_close(net.classifier.classify(joints), net.classifier.head(pooled))


def test_overlapping_part_lists_are_pooled_each_for_itself():
    # NW-UCLA bone in the official code: joint 3 is in two parts, joint 19 in none (Q6).
    weights = torch.from_numpy(SKELETON.part_weights(SKELETON.gap_parts("bone")))
    net = LanguageSupervision(make_classifier(), weights, some_texts(TEXT_WIDTH), width=32)
    with torch.no_grad():
        for project in net.project:
            project.weight.copy_(torch.eye(TEXT_WIDTH, 32))
            project.bias.zero_()
    joints = torch.zeros(1, 32, SKELETON.num_joints)
    joints[..., 19] = 20.0
    assert net.embed(joints)[:, 0, 0].tolist() == pytest.approx([1.0, 0, 0, 0, 0])


# --- start values and scales ---


def test_start_values_of_section_7():
    torch.manual_seed(0)
    build = {"encoder": "ctrgcn", "layout": SKELETON.name, "num_persons": 1, "num_classes": 10}
    net = LanguageSupervision(
        build_classifier(**build), torch.from_numpy(SKELETON.part_weights()), some_texts(512), width=256
    )
    whole, *parts = net.project
    assert whole.weight.std().item() == pytest.approx(math.sqrt(2 / 512), rel=0.02)
    assert not whole.bias.any()
    for part in parts:
        for values in (part.weight, part.bias):
            assert values.abs().max() <= 1 / 16
            assert values.std().item() == pytest.approx(1 / 16 / math.sqrt(3), rel=0.1)
    assert net.scale.tolist() == pytest.approx([2.659260] * 5, abs=1e-6)


def test_number_of_training_only_values():
    build = {"encoder": "ctrgcn", "layout": SKELETON.name, "num_persons": 1, "num_classes": 10}
    weights = torch.from_numpy(SKELETON.part_weights())
    net = LanguageSupervision(build_classifier(**build), weights, some_texts(512), width=256)
    total = sum(p.numel() for p in net.parameters())
    assert total == 2_084_817  # method.md 5.8, NW-UCLA in training
    assert total - sum(p.numel() for p in net.classifier.parameters()) == 657_925


SCALES = [  # form, s, factor on the cosines
    ("linear", math.log(1 / 0.07), 2.659260),
    ("linear", 150.0, 150.0),
    ("linear", -1.0, -1.0),
    ("exp", math.log(1 / 0.07), 1 / 0.07),
    ("exp", 0.0, 1.0),
    ("exp", math.log(99.9), 99.9),
    ("exp", 4.7, 100.0),
    ("exp", 50.0, 100.0),
]


@pytest.mark.parametrize(("form", "s", "factor"), SCALES)
def test_scale_forms(form: TextScale, s: float, factor: float):
    net = supervise(make_classifier(), form)
    torch.nn.init.constant_(net.scale, s)
    assert net.scales().tolist() == pytest.approx([factor] * 5, rel=1e-5)


# --- the training step ---


@pytest.mark.parametrize("target", ["soft", "same_class"])
@pytest.mark.parametrize("scale", ["linear", "exp"])
def test_a_step_is_the_classifier_and_the_contrast_of_its_features(scale: TextScale, target: TextTarget):
    net = supervise(make_classifier(), scale, target).eval()  # eval: the same features twice
    x, labels, texts = random_step()
    terms = net.compare(x, labels, texts)
    logits = net.classifier(x)
    assert torch.equal(terms.logits_NK, logits)
    picked = logits.log_softmax(dim=1)[torch.arange(len(labels)), labels]
    assert terms.classes.item() == pytest.approx(-picked.mean().item(), rel=1e-5)
    embedded = net.embed(net.classifier.features(x))
    factor = {"linear": math.log(1 / 0.07), "exp": 1 / 0.07}[scale]
    expected = part_contrast(embedded, texts, labels, scale_P=torch.full((5,), factor), target=target)
    torch.testing.assert_close(terms.parts_P, expected)


@pytest.mark.parametrize("kind", ["language", "label"])
def test_training_forward_gives_the_classifiers_logits(kind: str):
    x, labels, texts = random_step()
    if kind == "language":
        terms = supervise(make_classifier()).train().compare(x, labels, texts)
    else:
        terms = LabelSupervision(make_classifier()).train()(x, labels, torch.zeros(len(x)))
        assert terms.parts_P.shape == (0,)
    alone = make_classifier().train()(x)  # a twin: batch statistics of the same batch
    assert torch.equal(terms.logits_NK, alone)
    assert terms.classes.item() == pytest.approx(F.cross_entropy(alone, labels).item())


def test_forward_compares_with_the_texts_that_the_draws_pick():
    net, (x, labels, _) = supervise(make_classifier()).eval(), random_step()
    draws = torch.linspace(0, 0.99, len(x))
    direct = net.compare(x, labels, net.bank(labels, draws))
    for a, b in zip(net(x, labels, draws), direct, strict=True):
        assert torch.equal(a, b)


def test_text_does_not_touch_the_head_and_reaches_all_else():
    net = supervise(make_classifier()).train()
    net.compare(*random_step()).parts_P.mean().backward()
    reached = {name for name, p in net.named_parameters() if p.grad is not None}
    assert {name for name, _ in net.named_parameters()} - reached == {
        "classifier.head.weight",
        "classifier.head.bias",
    }
    assert (net.scale.grad != 0).all()


@pytest.mark.parametrize("kind", ["language", "label"])
def test_nothing_of_the_supervision_ships(kind: str):
    classifier = make_classifier()
    net = supervise(classifier) if kind == "language" else LabelSupervision(classifier)
    plain = make_classifier().state_dict()
    assert classifier.state_dict().keys() == plain.keys()
    kept = {f"classifier.{key}" for key in plain}
    extra = {"scale", *(f"project.{i}.{name}" for i in range(5) for name in ("weight", "bias"))}
    assert net.state_dict().keys() == kept | (extra if kind == "language" else set())
    assert bank().state_dict() == {}  # frozen vectors are rebuilt from their file, not stored with a run


@pytest.mark.parametrize("kind", ["language", "label"])
def test_bf16_autocast_is_close_to_float32(kind: str):
    x, labels, _ = random_step(n=12)
    net = supervise(make_classifier()) if kind == "language" else LabelSupervision(make_classifier())
    draws = torch.zeros(len(x))
    exact = net.train()(x, labels, draws)
    with torch.autocast("cpu", torch.bfloat16):
        assert net.classifier.encoder(x).dtype == torch.bfloat16
        half = net(x, labels, draws)
    for terms in (exact, half):
        assert {t.dtype for t in terms} == {torch.float32}
    assert half.classes.item() == pytest.approx(exact.classes.item(), rel=0.02)
    np.testing.assert_allclose(half.parts_P.tolist(), exact.parts_P.tolist(), rtol=0.02)
    (half.classes + half.parts_P.sum()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())

"""What every encoder must do. A new entry of ENCODERS has passed when this file passes for it."""

import math

import pytest
import torch
from torch import Tensor, nn

from encoder_clips import CHAIN, clip, make
from lst.facts.skeleton import LAYOUTS, get_layout
from lst.nets.classifier import ENCODERS, SkeletonClassifier, build_classifier
from lst.nets.supervision import LanguageSupervision, TextBank

encoders = pytest.mark.parametrize("name", ENCODERS)


# --- every encoder ---


@encoders
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("persons", [1, 2])
def test_shapes_for_every_layout(name: str, layout: str, persons: int):
    graph = torch.from_numpy(get_layout(layout).graph_matrices())
    encoder = make(name, graph, persons).eval()
    joints = graph.shape[-1]
    with torch.inference_mode():
        features = encoder(clip(2, 8, joints, persons))
    assert features.shape[:3] == (2, persons, encoder.out_channels)
    assert features.shape[-1] == joints
    assert features.isfinite().all()


@encoders
@pytest.mark.parametrize("frames", [1, 2, 7, 8, 9, 52])
def test_any_number_of_frames(name: str, frames: int):
    encoder = make(name, CHAIN, 2)
    for train in (True, False):
        features = encoder.train(train)(clip(3, frames, 3, 2))
        assert features.shape == (3, 2, encoder.out_channels, math.ceil(frames / 4), 3)
        assert features.isfinite().all()


@encoders
def test_width_scales_the_features(name: str):
    wide, narrow = (ENCODERS[name](CHAIN, num_persons=1, width=width) for width in (16, 8))
    assert wide.out_channels == 2 * narrow.out_channels
    assert wide.eval()(clip(1, 4, 3, 1)).shape[2] == wide.out_channels


@encoders
def test_eval_gives_the_same_bits_twice_and_changes_nothing(name: str):
    encoder = make(name, CHAIN, 2).eval()
    x = clip(4, 9, 3, 2)
    before, given = {k: v.clone() for k, v in encoder.state_dict().items()}, x.clone()
    with torch.inference_mode():
        assert torch.equal(encoder(x), encoder(x))
    assert torch.equal(x, given)  # in-place steps stay inside
    assert all(torch.equal(v, before[k]) for k, v in encoder.state_dict().items())


@encoders
def test_training_leaves_its_input_as_it_was(name: str):
    x = clip(4, 9, 3, 1)
    given = x.clone()
    make(name, CHAIN).train()(x).sum().backward()
    assert torch.equal(x, given)


@encoders
def test_a_clip_alone_equals_the_clip_in_a_batch(name: str):
    encoder = make(name, CHAIN, 2).double().eval()
    x = clip(5, 8, 3, 2, torch.float64)
    with torch.inference_mode():
        together = encoder(x)
        alone = torch.cat([encoder(x[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(alone, together, rtol=1e-12, atol=1e-12)


@encoders
def test_clips_do_not_mix_but_persons_joints_and_frames_of_one_do(name: str):
    """Changing one number of clip 1 leaves clip 0's features alone."""
    encoder = make(name, CHAIN, 2).double().eval()
    x = clip(2, 8, 3, 2, torch.float64).requires_grad_()
    (grad,) = torch.autograd.grad(encoder(x)[0].square().sum(), x)
    assert (grad[0] != 0).all()
    assert not grad[1].any()


@encoders
def test_every_parameter_learns(name: str):
    torch.manual_seed(0)
    encoder = make(name, CHAIN, 2).train()
    net = SkeletonClassifier(encoder, width=encoder.out_channels, num_classes=3)
    nn.functional.cross_entropy(net(clip(6, 8, 3, 2)), torch.arange(6) % 3).backward()
    grads = {key: p.grad for key, p in net.named_parameters()}
    assert [key for key, grad in grads.items() if grad is None or not grad.isfinite().all()] == []
    # A bias before batch normalisation cannot change anything; every other parameter must move something.
    still = [key for key, grad in grads.items() if not grad.any() and not key.endswith("bias")]
    assert still == []


@encoders
def test_gradients_of_the_input_in_float64(name: str):
    encoder = make(name, CHAIN).double().train()
    x = clip(2, 3, 3, 1, torch.float64).requires_grad_()
    # A step so short that no ReLU or maximum changes its mind on the way.
    pooled = lambda x: encoder(x).mean(dim=(1, 3, 4))  # noqa: E731
    assert torch.autograd.gradcheck(pooled, x, eps=1e-8, atol=1e-4, fast_mode=True)


@encoders
def test_gradients_of_all_parameters_in_float64(name: str):
    """One long vector of all parameters, checked along random directions."""
    encoder = make(name, CHAIN).double().train()
    shapes = {key: p.shape for key, p in encoder.named_parameters()}
    sizes = [shape.numel() for shape in shapes.values()]
    flat = torch.cat([p.detach().flatten() for p in encoder.parameters()]).requires_grad_()
    x = clip(3, 5, 3, 1, torch.float64)

    def features(flat: Tensor) -> Tensor:
        pieces = zip(shapes.items(), flat.split(sizes), strict=True)
        values = {key: piece.view(shape) for (key, shape), piece in pieces}
        return torch.func.functional_call(encoder, values, (x,)).mean(dim=(1, 3, 4))

    assert torch.autograd.gradcheck(features, flat, fast_mode=True, atol=1e-4)


# --- the classifier around it ---


def test_an_unknown_encoder_is_named_with_its_nearest():
    with pytest.raises(ValueError, match=r"unknown encoder 'ctrgnc'\. Did you mean 'ctrgcn'"):
        build_classifier(encoder="ctrgnc", layout="kinect_v1_20", num_persons=1, num_classes=2)


@pytest.mark.parametrize("width", [0, -8, 4, 12])
def test_a_width_that_does_not_divide_is_refused(width: int):
    with pytest.raises(ValueError, match=rf"multiple of 8, got {width}"):
        build_classifier(encoder="ctrgcn", layout="kinect_v1_20", num_persons=1, num_classes=2, width=width)


def test_logits_pool_by_a_plain_mean_over_persons_frames_and_joints():
    net = SkeletonClassifier(nn.Identity(), width=4, num_classes=3).double()
    features = torch.randn(2, 2, 4, 5, 3, dtype=torch.float64)
    expected = [[f[:, c].mean() for c in range(4)] for f in features]
    pooled = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(net(features), pooled @ net.head.weight.T + net.head.bias)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_features_are_summed_in_float32(dtype: torch.dtype):
    net = SkeletonClassifier(nn.Identity(), width=1, num_classes=1)
    nn.init.ones_(net.head.weight)
    nn.init.zeros_(net.head.bias)
    features = torch.full((1, 1, 1, 1000, 1), 1.0, dtype=dtype)
    features[0, 0, 0, 0] = 200.0  # 1199 of 1000: a half-precision sum would round it
    with torch.autocast("cpu", torch.bfloat16):
        logits = net(features)
    assert logits.dtype == torch.float32
    assert logits.item() == pytest.approx(1.199, rel=1e-6)


@pytest.mark.parametrize("name", ["ctrgcn", "gcn-baseline", "blockgc"])
def test_the_head_starts_as_the_papers_of_this_lineage_say(name: str):
    torch.manual_seed(0)
    head = build_classifier(encoder=name, layout="kinect_v2_25", num_persons=1, num_classes=400).head
    assert head.weight.std().item() == pytest.approx(math.sqrt(2 / 400), rel=0.02)


@pytest.mark.parametrize("name", ["stgcn", "stgcnpp", "dgstgcn", "dgstgcn-wide"])
def test_the_head_starts_small_where_pyskl_has_it_so(name: str):
    torch.manual_seed(0)
    head = build_classifier(encoder=name, layout="kinect_v2_25", num_persons=1, num_classes=400).head
    assert head.weight.std().item() == pytest.approx(0.01, rel=0.02)
    assert not head.bias.any()


def test_options_of_an_encoder():
    build = {"layout": "kinect_v1_20", "num_persons": 1, "num_classes": 2, "width": 8}
    net = build_classifier(encoder="stgcn", options={"dropout": 0.5}, **build).train()
    x = clip(2, 4, 20, 1)
    assert not torch.equal(net(x), net(x))
    with pytest.raises(ValueError, match=r"option of encoder stgcn 'dropuot'\. Did you mean 'dropout'"):
        build_classifier(encoder="stgcn", options={"dropuot": 0.5}, **build)
    with pytest.raises(ValueError, match="stgcnpp has no options of its own, got 'dropout'"):
        build_classifier(encoder="stgcnpp", options={"dropout": 0.5}, **build)


# --- sizes ---

SIZES = {  # encoder: numbers for 60 and 120 classes of two persons with 25 joints, computed from the formulas
    "ctrgcn": (1_446_672, 1_462_092),
    "ctrgcn-static": (1_210_982, 1_226_402),
    "gcn-baseline": (2_092_902, 2_108_322),
    "stgcn": (3_098_832, 3_114_252),
    "stgcnpp": (1_403_144, 1_418_564),
    "dgstgcn": (1_701_172, 1_716_592),
    "dgstgcn-wide": (3_702_261, 3_725_361),
    "blockgc": (1_244_124, 1_259_544),
}


@encoders
def test_parameter_counts(name: str):
    for classes, size in zip((60, 120), SIZES[name], strict=True):
        net = build_classifier(encoder=name, layout="kinect_v2_25", num_persons=2, num_classes=classes)
        assert sum(p.numel() for p in net.parameters()) == size


# --- other inputs, other numbers, other places ---


@encoders
@pytest.mark.parametrize("channels", [2, 4])
def test_flat_poses_and_poses_with_a_score(name: str, channels: int):
    torch.manual_seed(0)
    encoder = ENCODERS[name](CHAIN, num_persons=1, width=8, in_channels=channels).eval()
    features = encoder(torch.randn(2, channels, 6, 3, 1))
    assert features.shape == (2, 1, encoder.out_channels, 2, 3)
    assert features.isfinite().all()


@encoders
def test_half_precision_is_near(name: str):
    encoder, x = make(name, CHAIN, 2).eval(), clip(4, 8, 3, 2)
    with torch.no_grad():
        exact = encoder(x)
        with torch.autocast("cpu", torch.bfloat16):
            rough = encoder(x)
    assert ((rough.float() - exact).norm() / exact.norm()).item() < 0.05
    with torch.autocast("cpu", torch.bfloat16):
        encoder.train()(x).float().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in encoder.parameters())


@pytest.mark.slow
@encoders
def test_it_can_be_exported(name: str):
    """Any number of clips; frames, joints and persons as in the example."""
    torch.manual_seed(0)
    encoder = make(name, CHAIN, 2)
    net = SkeletonClassifier(encoder, width=encoder.out_channels, num_classes=3).eval()
    clips = torch.export.Dim("clips", min=1, max=64)
    program = torch.export.export(net, (clip(2, 9, 3, 2),), dynamic_shapes=({0: clips},)).module()
    for n in (1, 5):
        x = clip(n, 9, 3, 2)
        torch.testing.assert_close(program(x), net(x), rtol=1e-4, atol=1e-5)


# --- language ---


@encoders
def test_language_trains_every_encoder(name: str):
    """Joint features (N, C', V) are all that language knows of an encoder."""
    torch.manual_seed(0)
    build = {"layout": "kinect_v1_20", "num_persons": 2, "num_classes": 3, "width": 8}
    classifier = build_classifier(encoder=name, persons="present", **build)
    parts = torch.from_numpy(get_layout("kinect_v1_20").part_weights())
    bank = TextBank(torch.randn(15, 6), torch.arange(15).view(5, 3, 1))
    supervision = LanguageSupervision(classifier, parts, bank, width=classifier.head.in_features).train()
    x = clip(6, 8, 20, 2)
    present = torch.tensor([[True, i >= 3] for i in range(6)])
    assert classifier.features(x, present).shape == (6, classifier.head.in_features, 20)
    terms = supervision(x, torch.arange(6) % 3, torch.zeros(6), present)
    (terms.classes + terms.parts_P.mean()).backward()
    grads = {key: p.grad for key, p in supervision.named_parameters()}
    assert [key for key, grad in grads.items() if grad is None or not grad.isfinite().all()] == []
    text_only = torch.autograd.grad(
        supervision(x, torch.arange(6) % 3, torch.zeros(6), present).parts_P.mean(),
        [p for p in classifier.encoder.parameters() if p.dim() > 1],
        allow_unused=True,
    )
    assert all(grad is not None for grad in text_only)

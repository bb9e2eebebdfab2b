"""What every encoder must do, and what method.md says about CTR-GCN in particular.

A new entry of ENCODERS has passed when the first half of this file passes for it.
"""

import math

import pytest
import torch
from torch import Tensor, nn

from lst.facts.skeleton import LAYOUTS, get_layout
from lst.nets.classifier import ENCODERS, SkeletonClassifier, build_classifier
from lst.nets.ctrgcn import CTRGCN, CTRGCNBlock, SpatialUnit, TemporalUnit, pool_frames
from lst.nets.ctrgcn_blocks import Block, ten_blocks

CHAIN = torch.stack(  # three joints in a row, 0 the root: self, inward, outward
    [torch.eye(3), torch.diag(torch.ones(2), 1), torch.diag(torch.ones(2), -1)]
)
encoders = pytest.mark.parametrize("name", ENCODERS)


def shake(net: nn.Module, size: float = 0.1) -> nn.Module:
    """Move every value off its start: alpha 0 and bn 1e-6 would hide half of a network."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for value in net.parameters():
            value += size * torch.randn(value.shape, generator=generator)
        for module in net.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):  # statistics as after some training
                module.running_mean += size * torch.randn(module.running_mean.shape, generator=generator)
                module.running_var += size * torch.rand(module.running_var.shape, generator=generator)
    return net


def make(name: str, graph: Tensor, persons: int = 1) -> nn.Module:
    torch.manual_seed(0)
    return shake(ENCODERS[name](graph, num_persons=persons, width=8))


def clip(n: int, frames: int, joints: int, persons: int, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(n + frames + joints)
    return torch.randn(n, 3, frames, joints, persons, generator=generator).to(dtype)


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
    assert torch.autograd.gradcheck(lambda x: encoder(x).mean(dim=(1, 3, 4)), x, atol=1e-5)


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


# --- CTR-GCN: sizes (method.md 5.2 and 5.8) ---

BLOCK_SIZES = {
    "kinect_v2_25": [12_052, *[26_308] * 3, 78_084, *[97_844] * 2, 301_748, *[382_228] * 2],
    "kinect_v1_20": [11_377, *[25_633] * 3, 77_409, *[97_169] * 2, 301_073, *[381_553] * 2],
}
SIZES = [  # layout, persons, classes, encoder, classifier
    ("kinect_v2_25", 2, 60, 1_431_252, 1_446_672),
    ("kinect_v2_25", 2, 120, 1_431_252, 1_462_092),
    ("kinect_v1_20", 1, 10, 1_424_322, 1_426_892),
]


def size(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(("layout", "persons", "classes", "encoder", "classifier"), SIZES)
def test_parameter_counts(layout: str, persons: int, classes: int, encoder: int, classifier: int):
    net = build_classifier(encoder="ctrgcn", layout=layout, num_persons=persons, num_classes=classes)
    assert size(net) == classifier
    assert size(net.encoder) == encoder
    assert [size(block) for block in net.encoder.blocks] == BLOCK_SIZES[layout]
    assert size(net.encoder.input_bn) == 2 * 3 * persons * get_layout(layout).num_joints


def test_table_of_blocks():
    rows = [(b.c_in, b.c_out, b.stride, b.shortcut) for b in ten_blocks()]
    same = [(64, 64, 1, "identity")] * 3, [(128, 128, 1, "identity")] * 2, [(256, 256, 1, "identity")] * 2
    assert rows == [
        (3, 64, 1, "none"),
        *same[0],
        (64, 128, 2, "conv"),
        *same[1],
        (128, 256, 2, "conv"),
        *same[2],
    ]


# --- CTR-GCN: start values (method.md 7) ---


@pytest.fixture(scope="module")
def fresh() -> CTRGCN:
    torch.manual_seed(1)
    graph = torch.from_numpy(get_layout("kinect_v2_25").graph_matrices())
    return CTRGCN(graph, num_persons=2)


def assert_normal(values: Tensor, std: float, mean: float = 0.0) -> None:
    values, n = values.detach(), values.numel()
    assert float((values - mean).pow(2).mean().sqrt()) == pytest.approx(std, rel=5 / math.sqrt(2 * n))
    assert float(values.mean()) == pytest.approx(mean, abs=5 * std / math.sqrt(n))
    assert float((values - mean).abs().max()) > 1.8 * std  # a uniform draw ends at 1.73


def blocks(net: CTRGCN) -> list[CTRGCNBlock]:
    return [block for block in net.blocks if isinstance(block, CTRGCNBlock)]


def test_start_of_the_graph_convolutions(fresh: CTRGCN):
    graph = torch.from_numpy(get_layout("kinect_v2_25").graph_matrices())
    for block, row in zip(blocks(fresh), ten_blocks(), strict=True):
        unit = block.spatial
        r = 8 if row.c_in == 3 else row.c_in // 8
        assert torch.equal(unit.adjacency, graph)
        assert unit.adjacency.requires_grad
        assert unit.alpha.tolist() == [0.0]
        assert unit.relate.weight.shape == (2 * 3 * r, row.c_in)
        assert_normal(unit.relate.weight, math.sqrt(2 / r))
        assert_normal(unit.values.weight, math.sqrt(2 / row.c_out))
        assert_normal(unit.refine_weight, math.sqrt(2 / row.c_out))
        assert not any(b.any() for b in (unit.relate.bias, unit.values.bias, unit.refine_bias))
        assert (unit.bn.weight == 1e-6).all()
        assert not unit.bn.bias.any()
        assert len(unit.down) == (2 if row.c_in != row.c_out else 0)


def test_the_adjacency_is_each_blocks_own(fresh: CTRGCN):
    units = [block.spatial.adjacency for block in blocks(fresh)]
    assert len({unit.data_ptr() for unit in units}) == 10


def test_start_of_the_shortcuts(fresh: CTRGCN):
    for block, row in zip(blocks(fresh), ten_blocks(), strict=True):
        for shortcut in (block.spatial.down, block.shortcut):
            if len(shortcut):
                conv, bn = shortcut
                assert_normal(conv.weight, math.sqrt(2 / row.c_out))
                assert not conv.bias.any()
                assert (bn.weight == 1).all()
                assert not bn.bias.any()


def test_start_of_the_temporal_units(fresh: CTRGCN):
    for block, row in zip(blocks(fresh), ten_blocks(), strict=True):
        unit, q = block.temporal, row.c_out // 4
        for conv in (unit.enter, unit.direct):
            assert_normal(conv.weight, math.sqrt(2 / q))
            assert not conv.bias.any()
        for conv in unit.dilated:
            assert conv.weight.shape == (q, q, 5, 1)
            assert_normal(conv.weight, math.sqrt(2 / (5 * q)))
            assert not conv.bias.any()
        assert not unit.enter_bn.bias.any()
        assert not unit.leave_bn.bias.any()
    for name in ("enter_bn", "leave_bn"):
        weights = torch.cat([getattr(block.temporal, name).weight for block in blocks(fresh)])
        assert_normal(weights, 0.02, mean=1.0)
    assert (fresh.input_bn.weight == 1).all()
    assert not fresh.input_bn.bias.any()


def test_start_of_the_head():
    torch.manual_seed(2)
    build = {"encoder": "ctrgcn", "layout": "kinect_v2_25", "num_persons": 2, "num_classes": 120}
    head = build_classifier(**build).head
    assert_normal(head.weight, math.sqrt(2 / 120))
    assert 0.05 < head.bias.abs().max() <= 1 / 16


# --- CTR-GCN: small pieces by hand ---


def test_a_fresh_spatial_unit_is_its_shortcut():
    unit = SpatialUnit(8, 8, CHAIN).eval()
    h = torch.randn(2, 8, 4, 3)
    torch.testing.assert_close(unit(h), h.relu(), rtol=0, atol=1e-4)


def test_joints_receive_from_their_neighbours_as_the_graph_says():
    """alpha 0, values 1: z sums the rows of the three matrices. Joint 1 of the chain hears all three."""
    unit = SpatialUnit(8, 8, torch.stack([CHAIN[0], 10 * CHAIN[1], 100 * CHAIN[2]])).eval()
    with torch.no_grad():
        unit.values.weight.copy_(torch.eye(8).repeat(3, 1)[:, :, None, None])
        unit.bn.weight.fill_(math.sqrt(1 + unit.bn.eps))
    h = torch.zeros(1, 8, 1, 3)
    h[..., 0], h[..., 1], h[..., 2] = 1.0, 2.0, 3.0
    # itself + 10 x child; itself + 10 x child + 100 x parent; itself + 100 x parent; then the shortcut
    expected = torch.tensor([1 + 20, 2 + 30 + 100, 3 + 200.0]) + h
    torch.testing.assert_close(unit(h), expected)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("frames", [1, 2, 5, 8])
def test_pooling_over_frames(stride: int, frames: int):
    x = torch.randn(2, 3, frames, 4) - 10  # negative: padding with zeros would win
    expected = [x[:, :, max(0, t - 1) : t + 2].amax(dim=2) for t in range(0, frames, stride)]
    assert torch.equal(pool_frames(x, stride), torch.stack(expected, dim=2))


def test_temporal_branches_stand_in_the_published_order():
    """Near, far, pooled, direct; told apart by how far one frame is heard."""
    unit = TemporalUnit(8, 1).double().eval()
    shake(unit)
    with torch.no_grad():
        unit.enter.bias += 5  # keeps the ReLU open
    x = torch.randn(1, 8, 21, 1, dtype=torch.float64).requires_grad_()
    heard = []
    for branch in range(4):
        out = unit(x)[0, 2 * branch : 2 * branch + 2, 10].sum()
        (grad,) = torch.autograd.grad(out, x)
        heard.append((grad[0, :, :, 0].abs().sum(0) > 0).nonzero().flatten().tolist())
    near, far, pooled, direct = heard
    assert near == [8, 9, 10, 11, 12]
    assert far == [6, 8, 10, 12, 14]
    assert set(pooled) <= {9, 10, 11}
    assert direct == [10]


def test_input_channels_are_person_then_joint_then_coordinate():
    """Without blocks the encoder is its input normalisation: channel (m * V + v) * C + c (method.md 5.1)."""
    persons, joints = 2, 3
    encoder = CTRGCN(CHAIN, num_persons=persons).double().eval()
    encoder.blocks = nn.ModuleList()
    encoder.input_bn.running_mean.copy_(torch.arange(18.0))
    encoder.input_bn.running_var.fill_(1 - encoder.input_bn.eps)
    x = clip(2, 5, joints, persons, torch.float64)
    out_NMCTV = encoder(x)
    for m in range(persons):
        for v in range(joints):
            for c in range(3):
                expected = x[:, c, :, v, m] - ((m * joints + v) * 3 + c)
                torch.testing.assert_close(out_NMCTV[:, m, c, :, v], expected)


def test_persons_are_encoded_apart_and_alike():
    encoder = make("ctrgcn", CHAIN, 2).double().eval()
    x = clip(2, 8, 3, 2, torch.float64).requires_grad_()
    (grad,) = torch.autograd.grad(encoder(x)[:, 0].square().sum(), x)
    assert (grad[..., 0] != 0).all()
    assert not grad[..., 1].any()
    for name, value in encoder.input_bn.named_buffers():  # the same normalisation for both
        if name != "num_batches_tracked":
            value.copy_(value[:9].repeat(2))
    with torch.no_grad():
        for value in encoder.input_bn.parameters():
            value.copy_(value[:9].repeat(2))
        swapped = encoder(x.flip(-1)).flip(1)
        torch.testing.assert_close(swapped, encoder(x), rtol=1e-12, atol=1e-12)


def test_other_tables_of_blocks_build_too():
    table = (Block(3, 8, shortcut="none"), Block(8, 8), Block(8, 16, stride=2, shortcut="conv"))
    net = CTRGCN(CHAIN, num_persons=1, blocks=table)
    assert net.eval()(clip(2, 5, 3, 1)).shape == (2, 1, 16, 3, 3)

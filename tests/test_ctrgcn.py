"""What method.md says about CTR-GCN: sizes, start values, and small pieces by hand."""

import math

import pytest
import torch
from torch import Tensor, nn

from encoder_clips import CHAIN, clip, make, shake
from lst.facts.skeleton import get_layout
from lst.nets.classifier import build_classifier
from lst.nets.ctrgcn import CTRGCN, CTRGCNBlock, SpatialUnit, TemporalUnit, pool_frames
from lst.nets.ctrgcn_blocks import Block, ten_blocks

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

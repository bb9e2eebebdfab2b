"""Units of the encoders against a second implementation, one number after the other: values and gradients."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from encoder_units_literal import (
    Values,
    baseline,
    block_gc,
    dg_gcn,
    multi_scale,
    st_gcn,
    st_gcn_pp,
)
from lst.facts.skeleton import LAYOUTS, get_layout
from lst.nets import blockgc, dgstgcn, gcn_baseline, stgcn, stgcnpp
from lst.nets.graph_parts import hop_distances, root_joint
from lst.nets.six_branches import MultiScaleUnit

FORK = torch.from_numpy(get_layout("kinect_v2_25").graph_matrices())[:, :5, :5]
"""Five joints; not all of them joined: 2 is the child of a joint that is missing."""
TREE = [[0, 1, 1, 2, 2], [1, 0, 2, 1, 1], [1, 2, 0, 3, 3], [2, 1, 3, 0, 2], [2, 1, 3, 2, 0]]
"""Edges between the joints of the tree 0 - 1, 0 - 2, 1 - 3, 1 - 4, counted by hand."""


def tree_graph() -> Tensor:
    """Identity, inward and outward of that tree, root 0; columns sum to 1."""
    inward, outward = torch.zeros(5, 5), torch.zeros(5, 5)
    for child, parent, siblings in ((1, 0, 2), (2, 0, 2), (3, 1, 2), (4, 1, 2)):
        inward[parent, child], outward[child, parent] = 1, 1 / siblings
    return torch.stack([torch.eye(5), inward, outward])


GRAPH = tree_graph().double()

Literal = Callable[[Tensor, Values], Tensor]
CASES: dict[str, tuple[Callable[[], nn.Module], int, Literal]] = {
    "ST-GCN": (
        lambda: stgcn.SpatialUnit(4, 6, stgcn.distance_graph(GRAPH)),
        4,
        lambda x, p: st_gcn(x, p, stgcn.distance_graph(GRAPH)),
    ),
    "ST-GCN++, same width": (lambda: stgcnpp.SpatialUnit(6, 6, GRAPH), 6, st_gcn_pp),
    "ST-GCN++, wider": (lambda: stgcnpp.SpatialUnit(3, 8, GRAPH), 3, st_gcn_pp),
    "baseline": (lambda: gcn_baseline.SpatialUnit(3, 8, 5), 3, baseline),
    "BlockGC": (
        lambda: blockgc.SpatialUnit(8, 16, hop_distances(GRAPH)),
        8,
        lambda x, p: block_gc(x, p, TREE),
    ),
    "BlockGC, same width": (
        lambda: blockgc.SpatialUnit(16, 16, hop_distances(GRAPH)),
        16,
        lambda x, p: block_gc(x, p, TREE),
    ),
    "DG-GCN, same width": (lambda: dgstgcn.DynamicGroupUnit(16, 16, 5), 16, dg_gcn),
    "DG-GCN, wider": (lambda: dgstgcn.DynamicGroupUnit(3, 24, 5), 3, dg_gcn),
    "six branches": (lambda: MultiScaleUnit(15, 1), 15, lambda x, p: multi_scale(x, p, 1)),
    "six branches, half the frames": (lambda: MultiScaleUnit(12, 2), 12, lambda x, p: multi_scale(x, p, 2)),
    "DG-TCN": (lambda: MultiScaleUnit(13, 1, 5), 13, lambda x, p: multi_scale(x, p, 1)),
    "DG-TCN, half the frames": (lambda: MultiScaleUnit(12, 2, 5), 12, lambda x, p: multi_scale(x, p, 2)),
}


@pytest.mark.parametrize("name", CASES)
def test_units_equal_the_literal_ones_in_value_and_gradient(name: str):
    make, channels, literal = CASES[name]
    torch.manual_seed(3)
    unit = make().double().train()
    with torch.no_grad():
        for value in unit.parameters():  # off the start: alpha, beta, gamma and the hop bias are 0 there
            value += 0.3 * torch.randn_like(value)
    x = torch.randn(2, channels, 7, 5, dtype=torch.float64).requires_grad_()
    p = dict(unit.named_parameters())
    fast, slow = unit(x), literal(x, p)
    torch.testing.assert_close(fast, slow, rtol=1e-6, atol=1e-9)
    weights = torch.randn_like(fast)
    ours = torch.autograd.grad((fast * weights).sum(), [x, *p.values()], allow_unused=True)
    theirs = torch.autograd.grad((slow * weights).sum(), [x, *p.values()], allow_unused=True)
    for key, a, b in zip(["input", *p], ours, theirs, strict=True):
        assert a is not None, key
        assert b is not None, key
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-8, msg=lambda text, key=key: f"{key}: {text}")


# --- graphs read off a layout ---


def test_hops_of_a_tree_counted_by_hand():
    assert hop_distances(GRAPH).tolist() == TREE
    assert root_joint(GRAPH) == 0


def test_joints_that_no_edge_reaches_are_refused():
    with pytest.raises(ValueError, match="must connect all joints"):
        hop_distances(FORK)


@pytest.mark.parametrize("name", LAYOUTS)
def test_hops_and_root_of_every_layout(name: str):
    layout = get_layout(name)
    graph = torch.from_numpy(layout.graph_matrices())
    parents = layout.parent_index("graph")
    assert parents[root_joint(graph)] == root_joint(graph)
    hops = hop_distances(graph)
    assert torch.equal(hops, hops.T)
    for joint, parent in enumerate(parents):
        assert hops[joint, parent] == (joint != parent)
    assert hops.max() < layout.num_joints


def test_ntu_has_thirteen_distances():
    """From a foot to a finger tip of the other side; the sizes of BlockGC follow from it."""
    graph = torch.from_numpy(get_layout("kinect_v2_25").graph_matrices())
    assert int(hop_distances(graph).max()) == 12


def test_edges_by_distance_from_the_root_by_hand():
    """Rows are sources. 1/3: joint 0 has two neighbours and itself; 1/4: joint 1; 1/2: the ends."""
    own, inward, outward = stgcn.distance_graph(GRAPH)
    assert torch.allclose(own.diagonal(), torch.tensor([1 / 3, 1 / 4, 1 / 2, 1 / 2, 1 / 2]).double())
    assert not (own - own.diagonal().diag()).any()
    expected = torch.zeros(5, 5, dtype=torch.float64)
    expected[1, 0] = expected[2, 0] = 1 / 3
    expected[3, 1] = expected[4, 1] = 1 / 4
    assert torch.allclose(inward, expected)
    expected = torch.zeros(5, 5, dtype=torch.float64)
    expected[0, 1], expected[0, 2] = 1 / 4, 1 / 2
    expected[1, 3] = expected[1, 4] = 1 / 2
    assert torch.allclose(outward, expected)


def test_far_from_the_root_both_directions_count_as_inward():
    """Distances are known up to one edge only: a chain 0 - 1 - 2 - 3 with the root 0."""
    chain = torch.stack([torch.eye(4), torch.diag(torch.ones(3), 1), torch.diag(torch.ones(3), -1)])
    _, inward, outward = stgcn.distance_graph(chain)
    assert sorted(map(tuple, inward.nonzero().tolist())) == [(1, 0), (2, 1), (2, 3), (3, 2)]
    assert sorted(map(tuple, outward.nonzero().tolist())) == [(0, 1), (1, 2)]

"""What encoders have in common: graphs read off a layout, the way in, and sums over subsets of edges.

Letters: B = N*M clip persons, C channels, T frames, V and W source and target joint, S subsets. As layouts
give it, `graph_SVV[s][u][v]` is the weight with which joint u receives from joint v; subset 0 is the
identity, 1 leads from children to parents, 2 from parents to children.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lst.nets.ctrgcn_blocks import Block


def hop_distances(graph_SVV: Tensor) -> Tensor:
    """(V, V) integers: edges on the way between two joints of the tree."""
    joints = graph_SVV.shape[-1]
    edges_VV = (graph_SVV != 0).any(dim=0)
    step_VV = (edges_VV | edges_VV.T | torch.eye(joints, dtype=torch.bool)).double()
    reached_VV, hops_VV = torch.eye(joints).double(), torch.zeros(joints, joints, dtype=torch.long)
    for _ in range(joints - 1):  # no path of a tree is longer
        hops_VV += reached_VV == 0
        reached_VV = ((reached_VV @ step_VV) > 0).double()
    if not reached_VV.all():
        raise ValueError("the graph of an encoder must connect all joints")
    return hops_VV


def root_joint(graph_SVV: Tensor) -> int:
    """The joint that receives from no parent."""
    return int((graph_SVV[2] != 0).any(dim=1).int().argmin())


def input_norm(graph_SVV: Tensor, channels: int, num_persons: int = 1) -> nn.BatchNorm1d:
    """BN over joints and channels; over persons as well if `num_persons` is not left at 1."""
    return nn.BatchNorm1d(num_persons * graph_SVV.shape[-1] * channels)


def persons_as_clips(x_NCTVM: Tensor, bn: nn.BatchNorm1d) -> Tensor:
    """(N, C, T, V, M) -> (N*M, C, T, V), normalised. Persons share `bn` if it is made for one of them."""
    n, c, t, v, m = x_NCTVM.shape
    x = x_NCTVM.permute(0, 4, 3, 1, 2).reshape(-1, bn.num_features, t)
    return bn(x).view(n * m, v, c, t).permute(0, 2, 3, 1).contiguous()


def subset_sum(h_BCTV: Tensor, values: nn.Conv2d, graph_SVW: Tensor, *, bias_after: bool = False) -> Tensor:
    """sum over s of values_s(h) A_s: what joint w receives, `graph_SVW[s][v][w]` its weight for joint v.

    `values` is a 1x1 convolution to S * C' channels. One product per subset, each added to the one before, so
    that nothing S times as large as the result is summed afterwards. `bias_after`: as if the convolution came
    after the product, so its bias does not go through the graph.
    """
    b, _, t, v = h_BCTV.shape
    weights, biases = (p.chunk(len(graph_SVW)) for p in values.parameters())
    inside = [None] * len(graph_SVW) if bias_after else biases
    rows = [F.conv2d(h_BCTV, w, bias).reshape(-1, v) for w, bias in zip(weights, inside, strict=True)]
    z = rows[0] @ graph_SVW[0]
    for row, graph_VW in zip(rows[1:], graph_SVW[1:], strict=True):
        z = torch.addmm(z, row, graph_VW)
    z = z.view(b, -1, t, v)
    return z + torch.stack(biases).sum(dim=0)[:, None, None] if bias_after else z


def column_norm(matrix_VW: Tensor) -> Tensor:
    """Every column (what one joint receives) divided by its Euclidean norm plus 1e-4; any leading axes."""
    return matrix_VW / (torch.linalg.vector_norm(matrix_VW, dim=-2, keepdim=True) + 1e-4)


def pool_frames(x_BCTV: Tensor, stride: int) -> Tensor:
    """Max over 3 neighbouring frames with the given stride; beyond the ends nothing wins."""
    b, c, t, v = x_BCTV.shape
    joints_as_channels = x_BCTV.reshape(b * c, t, 1, v).permute(0, 3, 1, 2)
    pooled = F.max_pool2d(joints_as_channels, (3, 1), (stride, 1), (1, 0))
    return pooled.permute(0, 2, 3, 1).reshape(b, c, -1, v)


class ResidualBlock(nn.Module):
    """relu(temporal(spatial(h)) + shortcut(h)). A convolution as shortcut has PyTorch's start values."""

    def __init__(self, block: Block, spatial: nn.Module, temporal: nn.Module) -> None:
        super().__init__()
        self.spatial, self.temporal = spatial, temporal
        self.has_shortcut = block.shortcut != "none"
        self.shortcut = nn.Sequential()  # empty: the identity
        if block.shortcut == "conv":
            conv = nn.Conv2d(block.c_in, block.c_out, 1, stride=(block.stride, 1))
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(block.c_out))

    def forward(self, h_BCTV: Tensor) -> Tensor:
        out = self.temporal(self.spatial(h_BCTV))
        if self.has_shortcut:
            out = out + self.shortcut(h_BCTV)
        return F.relu(out, inplace=True)


class JointLift(nn.Module):
    """Coordinates to `channels` numbers per joint, plus a trainable row that says which joint it is."""

    def __init__(self, in_channels: int, channels: int, joints: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_channels, channels)
        self.table = nn.Parameter(torch.randn(joints, channels))

    def forward(self, x_NCTVM: Tensor) -> Tensor:
        lifted_NMTVC = self.linear(x_NCTVM.permute(0, 4, 2, 3, 1)) + self.table
        return lifted_NMTVC.permute(0, 4, 2, 3, 1)


def unit_shortcut(c_in: int, c_out: int) -> nn.Sequential:
    """Shortcut inside a spatial unit: the identity, or a 1x1 convolution with BN; PyTorch's start values."""
    if c_in == c_out:
        return nn.Sequential()
    return nn.Sequential(nn.Conv2d(c_in, c_out, 1), nn.BatchNorm2d(c_out))

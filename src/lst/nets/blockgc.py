"""BlockGC encoder: graphs per group of channels that never change, and a bias by distance on the skeleton.

Paper: "BlockGCN: Redefine Topology Awareness for Skeleton-Based Action Recognition", CVPR 2024, without its
branch of persistent homology. Written from the formulas; no code was read. The start values of convolutions
and of the rows per joint are not in the paper: CTR-GCN's, and normal(0, 1).

Letters: B = N*M clip persons, C channels, T frames, V and W source and target joint, S copies, H groups,
D largest number of edges between two joints.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lst.nets.ctrgcn import TemporalUnit, pointwise
from lst.nets.ctrgcn_blocks import Block, check_width
from lst.nets.graph_parts import (
    JointLift,
    ResidualBlock,
    column_norm,
    hop_distances,
    input_norm,
    persons_as_clips,
)

GROUPS, COPIES = 8, 3


def block_table(channels: int) -> tuple[Block, ...]:
    """Four blocks of `channels` (128 as published), then six of twice as many; half the frames twice."""
    wide = Block(2 * channels, 2 * channels)
    halved = Block(2 * channels, 2 * channels, stride=2, shortcut="conv")
    first = Block(channels, 2 * channels, stride=2, shortcut="conv")
    return (*(Block(channels, channels),) * 4, first, wide, wide, halved, wide, wide)


class SpatialUnit(nn.Module):
    """sum over s of a grouped 1x1 convolution of x (W_s + B_s), both with columns of length 1; BN, shortcut.

    `by_hop` holds one number per copy, group and distance; it starts at 0, and so does B. Convolutions come
    first here, and their biases, which belong after the product, last.
    """

    hops_VW: Tensor

    def __init__(self, c_in: int, c_out: int, hops_VW: Tensor) -> None:
        super().__init__()
        distances, joints = int(hops_VW.max()) + 1, len(hops_VW)
        self.register_buffer("hops_VW", hops_VW, persistent=False)
        self.graph_SHVW = nn.Parameter(torch.eye(joints).repeat(COPIES, GROUPS, 1, 1))
        self.by_hop_SHD = nn.Parameter(torch.zeros(COPIES, GROUPS, distances))
        self.weight_SHOC = nn.Parameter(torch.empty(COPIES, GROUPS, c_out // GROUPS, c_in // GROUPS))
        self.bias_SC = nn.Parameter(torch.zeros(COPIES, c_out))
        self.bn = nn.BatchNorm2d(c_out)
        self.down = nn.Sequential()
        if c_in != c_out:
            self.down = nn.Sequential(pointwise(c_in, c_out, fan_out=c_out), nn.BatchNorm2d(c_out))
        nn.init.normal_(self.weight_SHOC, 0.0, math.sqrt(2 / (c_out // GROUPS)))

    def graphs(self) -> Tensor:
        """(S, H, V, W): the same for every clip."""
        return column_norm(self.graph_SHVW) + column_norm(self.by_hop_SHD[..., self.hops_VW])

    def forward(self, h_BCTV: Tensor) -> Tensor:
        b, _, t, v = h_BCTV.shape
        x_BHCP = h_BCTV.reshape(b, GROUPS, -1, t * v)
        z = None
        for weight_HOC, graph_HVW in zip(self.weight_SHOC, self.graphs(), strict=True):
            rows = torch.matmul(weight_HOC, x_BHCP).reshape(b * GROUPS, -1, v)
            graph = graph_HVW.to(rows.dtype).repeat(b, 1, 1)
            z = torch.bmm(rows, graph) if z is None else torch.baddbmm(z, rows, graph)
        assert z is not None
        z = z.view(b, -1, t, v) + self.bias_SC.sum(dim=0)[:, None, None]
        return F.relu(self.bn(z) + self.down(h_BCTV), inplace=True)


class BlockGC(nn.Module):
    """Clip (N, C, T, V, M) -> features (N, M, 4 * width, ceil(T/4), V). Any T >= 1; C, V and M as built.

    The first block has 2 * width channels: 128 as published.
    """

    def __init__(self, graph_SVV: Tensor, *, num_persons: int, width: int = 64, in_channels: int = 3) -> None:
        super().__init__()
        check_width(width)
        table, hops_VW = block_table(2 * width), hop_distances(graph_SVV)
        self.out_channels = table[-1].c_out
        self.lift = JointLift(in_channels, table[0].c_in, len(hops_VW))
        self.input_bn = input_norm(graph_SVV, table[0].c_in, num_persons)

        def block(row: Block) -> ResidualBlock:
            spatial = SpatialUnit(row.c_in, row.c_out, hops_VW)
            made = ResidualBlock(row, spatial, TemporalUnit(row.c_out, row.stride))
            if row.shortcut == "conv":
                made.shortcut[0] = pointwise(row.c_in, row.c_out, fan_out=row.c_out, stride=row.stride)
            return made

        self.blocks = nn.Sequential(*map(block, table))

    def forward(self, x_NCTVM: Tensor) -> Tensor:
        h_BCTV = self.blocks(persons_as_clips(self.lift(x_NCTVM), self.input_bn))
        return h_BCTV.unflatten(0, (-1, x_NCTVM.shape[-1]))

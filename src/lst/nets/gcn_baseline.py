"""The plain graph network that GAP's repository ships as its baseline.

Source: a description of its formulas, start values and sizes; no code was read. Trainable graphs start as the
identity, so the skeleton is not used; their columns are normalised at every step. One convolution over five
frames in place of CTR-GCN's four branches; widths, strides and shortcuts are CTR-GCN's (method.md Section 5).

Letters: B = N*M clip persons, C channels, T frames, V and W source and target joint, S subsets.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lst.nets.ctrgcn import pointwise
from lst.nets.ctrgcn_blocks import Block, ten_blocks
from lst.nets.graph_parts import ResidualBlock, column_norm, input_norm, persons_as_clips, subset_sum

SUBSETS, KERNEL = 3, 5


class SpatialUnit(nn.Module):
    """sum over s of conv_s(x A_s), columns of A_s of length 1; BN, shortcut, ReLU.

    Computed as sum of conv_s(x) A_s without the biases, which belong after the product, then their sum.
    """

    def __init__(self, c_in: int, c_out: int, joints: int) -> None:
        super().__init__()
        self.graph_SVW = nn.Parameter(torch.eye(joints).repeat(SUBSETS, 1, 1))
        self.values = nn.Conv2d(c_in, SUBSETS * c_out, 1)
        self.bn = nn.BatchNorm2d(c_out)
        self.down = nn.Sequential()
        if c_in != c_out:
            self.down = nn.Sequential(pointwise(c_in, c_out, fan_out=c_out), nn.BatchNorm2d(c_out))
        nn.init.normal_(self.values.weight, 0.0, math.sqrt(2 / (c_out * c_in * SUBSETS)))
        nn.init.zeros_(_bias(self.values))
        nn.init.constant_(self.bn.weight, 1e-6)  # the unit starts as its shortcut

    def forward(self, h_BCTV: Tensor) -> Tensor:
        z = subset_sum(h_BCTV, self.values, column_norm(self.graph_SVW), bias_after=True)
        return F.relu(self.bn(z) + self.down(h_BCTV), inplace=True)


class TemporalUnit(nn.Module):
    """One convolution over five frames, BN."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, (KERNEL, 1), (stride, 1), padding=(KERNEL // 2, 0))
        self.bn = nn.BatchNorm2d(channels)
        nn.init.normal_(self.conv.weight, 0.0, math.sqrt(2 / (KERNEL * channels)))
        nn.init.zeros_(_bias(self.conv))

    def forward(self, h_BCTV: Tensor) -> Tensor:
        return self.bn(self.conv(h_BCTV))


class GCNBaseline(nn.Module):
    """Clip (N, C, T, V, M) -> features (N, M, 4 * width, ceil(T/4), V). Any T >= 1; C, V and M as built."""

    def __init__(self, graph_SVV: Tensor, *, num_persons: int, width: int = 64, in_channels: int = 3) -> None:
        super().__init__()
        table = ten_blocks(width, in_channels)
        self.out_channels = table[-1].c_out
        self.input_bn = input_norm(graph_SVV, in_channels, num_persons)

        def block(row: Block) -> ResidualBlock:
            spatial = SpatialUnit(row.c_in, row.c_out, graph_SVV.shape[-1])
            made = ResidualBlock(row, spatial, TemporalUnit(row.c_out, row.stride))
            if row.shortcut == "conv":
                made.shortcut[0] = pointwise(row.c_in, row.c_out, fan_out=row.c_out, stride=row.stride)
            return made

        self.blocks = nn.Sequential(*map(block, table))

    def forward(self, x_NCTVM: Tensor) -> Tensor:
        h_BCTV = self.blocks(persons_as_clips(x_NCTVM, self.input_bn))
        return h_BCTV.unflatten(0, (-1, x_NCTVM.shape[-1]))


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias

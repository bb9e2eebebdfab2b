"""ST-GCN encoder: fixed graphs by distance from the root, each edge with a trainable importance.

Paper: "Spatial Temporal Graph Convolutional Networks for Skeleton-Based Action Recognition", AAAI 2018
(arXiv 1801.07455). Written from the formulas, in the form of pyskl (Apache-2.0, read, not copied): one input
normalisation for all persons, and no dropout unless asked for (the paper's form has 0.5).

Letters: B = N*M clip persons, C channels, T frames, V and W source and target joint, S subsets.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lst.nets.ctrgcn_blocks import Block, ten_blocks
from lst.nets.graph_parts import (
    ResidualBlock,
    hop_distances,
    input_norm,
    persons_as_clips,
    root_joint,
    subset_sum,
)

KERNEL = 9


def distance_graph(graph_SVV: Tensor) -> Tensor:
    """(3, V, W): joints themselves; edges from a source at least as far from the root as the target; others.

    The weight is 1 / (neighbours of the target, itself included). As in the published code distances are
    known up to one edge and count as equal beyond: away from the root both directions of an edge are in [1].
    """
    hops_VV = hop_distances(graph_SVV)
    near_VV = (hops_VV <= 1).to(graph_SVV.dtype)
    weights_VW = near_VV / near_VV.sum(dim=0)
    far_V = hops_VV[:, root_joint(graph_SVV)].clamp(max=2)
    inwards_VW = far_V[:, None] >= far_V[None, :]
    edges_VW = hops_VV == 1
    kinds = (hops_VV == 0, edges_VW & inwards_VW, edges_VW & ~inwards_VW)
    return torch.stack([weights_VW * kind for kind in kinds])


class SpatialUnit(nn.Module):
    """y[w] = sum over s and v of values_s[v] * (A * importance)[s][v][w], then BN and ReLU."""

    graph_SVW: Tensor

    def __init__(self, c_in: int, c_out: int, graph_SVW: Tensor) -> None:
        super().__init__()
        self.register_buffer("graph_SVW", graph_SVW, persistent=False)
        self.importance = nn.Parameter(torch.ones_like(graph_SVW))
        self.values = nn.Conv2d(c_in, len(graph_SVW) * c_out, 1)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, h_BCTV: Tensor) -> Tensor:
        z = subset_sum(h_BCTV, self.values, self.graph_SVW * self.importance)
        return F.relu(self.bn(z), inplace=True)


class TemporalUnit(nn.Module):
    """One convolution over nine frames, BN, dropout."""

    def __init__(self, channels: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, (KERNEL, 1), (stride, 1), padding=(KERNEL // 2, 0))
        self.bn = nn.BatchNorm2d(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, h_BCTV: Tensor) -> Tensor:
        return self.dropout(self.bn(self.conv(h_BCTV)))


class STGCN(nn.Module):
    """Clip (N, C, T, V, M) -> features (N, M, 4 * width, ceil(T/4), V). Any T >= 1; C and V as built."""

    head_std = 0.01

    def __init__(
        self,
        graph_SVV: Tensor,
        *,
        num_persons: int,
        width: int = 64,
        in_channels: int = 3,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        del num_persons  # persons share the input normalisation
        table, graph_SVW = ten_blocks(width, in_channels), distance_graph(graph_SVV)
        self.out_channels = table[-1].c_out
        self.input_bn = input_norm(graph_SVV, in_channels)

        def block(row: Block) -> ResidualBlock:
            temporal = TemporalUnit(row.c_out, row.stride, dropout)
            return ResidualBlock(row, SpatialUnit(row.c_in, row.c_out, graph_SVW), temporal)

        self.blocks = nn.Sequential(*map(block, table))

    def forward(self, x_NCTVM: Tensor) -> Tensor:
        h_BCTV = self.blocks(persons_as_clips(x_NCTVM, self.input_bn))
        return h_BCTV.unflatten(0, (-1, x_NCTVM.shape[-1]))

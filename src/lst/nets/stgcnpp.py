"""ST-GCN++ encoder: trainable graphs that start at the skeleton's, and six branches along time.

Paper: "PYSKL: Towards Good Practices for Skeleton Action Recognition", ACM MM 2022 (arXiv 2205.09443).
Written from the formulas; pyskl (Apache-2.0) was read, not copied.

Letters: B = N*M clip persons, C channels, T frames, V and W source and target joint, S subsets.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from lst.nets.ctrgcn_blocks import Block, ten_blocks
from lst.nets.graph_parts import ResidualBlock, input_norm, persons_as_clips, subset_sum, unit_shortcut
from lst.nets.six_branches import MultiScaleUnit


class SpatialUnit(nn.Module):
    """y[w] = sum over s and v of values_s[v] * A[s][v][w]; BN, shortcut, ReLU.

    A starts at the layout's matrices read the other way round than CTR-GCN reads them: the published code has
    the source joint first. So every joint starts with the mean of its children, and with its whole parent.
    """

    def __init__(self, c_in: int, c_out: int, graph_SVW: Tensor) -> None:
        super().__init__()
        self.graph_SVW = nn.Parameter(graph_SVW.clone())
        self.values = nn.Conv2d(c_in, len(graph_SVW) * c_out, 1)
        self.bn = nn.BatchNorm2d(c_out)
        self.down = unit_shortcut(c_in, c_out)

    def forward(self, h_BCTV: Tensor) -> Tensor:
        z = subset_sum(h_BCTV, self.values, self.graph_SVW)
        return F.relu(self.bn(z) + self.down(h_BCTV), inplace=True)


class STGCNpp(nn.Module):
    """Clip (N, C, T, V, M) -> features (N, M, 4 * width, ceil(T/4), V). Any T >= 1; C and V as built."""

    head_std = 0.01

    def __init__(self, graph_SVV: Tensor, *, num_persons: int, width: int = 64, in_channels: int = 3) -> None:
        super().__init__()
        del num_persons  # persons share the input normalisation
        table = ten_blocks(width, in_channels)
        self.out_channels = table[-1].c_out
        self.input_bn = input_norm(graph_SVV, in_channels)

        def block(row: Block) -> ResidualBlock:
            spatial = SpatialUnit(row.c_in, row.c_out, graph_SVV)
            return ResidualBlock(row, spatial, MultiScaleUnit(row.c_out, row.stride))

        self.blocks = nn.Sequential(*map(block, table))

    def forward(self, x_NCTVM: Tensor) -> Tensor:
        h_BCTV = self.blocks(persons_as_clips(x_NCTVM, self.input_bn))
        return h_BCTV.unflatten(0, (-1, x_NCTVM.shape[-1]))

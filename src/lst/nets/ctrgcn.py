"""CTR-GCN encoder: clip -> feature map, written for speed.

Paper: "Channel-wise Topology Refinement Graph Convolution for Skeleton-Based Action Recognition", ICCV 2021
(arXiv 2107.12213). Written from the equations (method.md Section 5); `ctrgcn_plain.py` is the same network
one step at a time and the oracle of this file. What is unusual here, all of it exact algebra:

- phi and psi are 1x1 convolutions followed by a mean over time; the mean comes first and they see one frame.
- phi and psi of the three subsets are one matrix product, and so are the three refinements e.
- Adjacency and bias enter that product as two more relation channels: the V x V graphs are written once.
- Subsets are summed inside the batched product (`baddbmm`); every operand is already in the layout it needs.
- Three temporal branches share one entering 1x1 convolution and BN; all four share one leaving BN.
- The max-pool sees joints as channels, which is its vectorised form on a CPU.

Letters: B = N*M clip persons, C channels, T frames, V and U source and target joint, S subsets, R relations.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lst.nets.ctrgcn_blocks import Block, relation_channels, ten_blocks
from lst.nets.graph_parts import pool_frames, subset_sum


def pointwise(c_in: int, c_out: int, *, fan_out: int, stride: int = 1) -> nn.Conv2d:
    """1x1 convolution with the start values of Section 7; fan_out counts one map when several are fused."""
    conv = nn.Conv2d(c_in, c_out, 1, stride=(stride, 1))
    nn.init.normal_(conv.weight, 0.0, math.sqrt(2 / fan_out))
    nn.init.zeros_(conv.bias)  # pyright: ignore[reportArgumentType]
    return conv


class SpatialUnit(nn.Module):
    """Graph convolution whose V x V matrices are refined per clip and channel (Sections 5.3 and 5.4)."""

    def __init__(self, c_in: int, c_out: int, graph_SVV: Tensor) -> None:
        super().__init__()
        subsets, relation = len(graph_SVV), relation_channels(c_in)
        self.adjacency = nn.Parameter(graph_SVV.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.relate = nn.Linear(c_in, 2 * subsets * relation)  # phi of every subset, then psi
        self.values = pointwise(c_in, subsets * c_out, fan_out=c_out)
        self.refine_weight = nn.Parameter(torch.empty(subsets, c_out, relation))
        self.refine_bias = nn.Parameter(torch.zeros(subsets, c_out))
        self.bn = nn.BatchNorm2d(c_out)
        self.down = nn.Sequential()
        if c_in != c_out:
            self.down = nn.Sequential(pointwise(c_in, c_out, fan_out=c_out), nn.BatchNorm2d(c_out))
        nn.init.normal_(self.relate.weight, 0.0, math.sqrt(2 / relation))
        nn.init.zeros_(self.relate.bias)
        nn.init.normal_(self.refine_weight, 0.0, math.sqrt(2 / c_out))
        nn.init.constant_(self.bn.weight, 1e-6)  # the unit starts as its shortcut

    def graphs(self, h_BCTV: Tensor) -> list[Tensor]:
        """One (B*C, V, U) tensor per subset: the weight with which joint u receives from joint v."""
        b, (subsets, v, _) = h_BCTV.shape[0], self.adjacency.shape
        related = self.relate(h_BCTV.mean(dim=2).transpose(1, 2)).view(b, v, 2, subsets, -1)
        target_SBRU, source_SBRV = related.permute(2, 3, 0, 4, 1)
        q_SBRVU = torch.tanh(target_SBRU.unsqueeze(-2) - source_SBRV.unsqueeze(-1))
        shared = self.adjacency.transpose(1, 2).to(q_SBRVU.dtype)[:, None, None].expand(-1, b, 1, v, v)
        q_SBRVU = torch.cat([q_SBRVU, shared, torch.ones_like(shared)], dim=2)
        bias = self.alpha * self.refine_bias.unsqueeze(-1)
        weight_SCR = torch.cat([self.alpha * self.refine_weight, torch.ones_like(bias), bias], dim=-1)
        graph = torch.matmul(weight_SCR.unsqueeze(1), q_SBRVU.flatten(-2))
        return list(graph.view(subsets, -1, v, v).unbind(0))

    def forward(self, h_BCTV: Tensor) -> Tensor:
        b, _, t, v = h_BCTV.shape
        graphs = self.graphs(h_BCTV)
        weights, biases = (p.chunk(len(graphs)) for p in self.values.parameters())
        # One convolution per subset, not one for all: its output is then already batched by (clip, channel).
        values = [
            F.conv2d(h_BCTV, w, bias).reshape(-1, t, v) for w, bias in zip(weights, biases, strict=True)
        ]
        z = torch.bmm(values[0], graphs[0])
        for value, graph in zip(values[1:], graphs[1:], strict=True):
            z = torch.baddbmm(z, value, graph)
        return F.relu(self.bn(z.view(b, -1, t, v)) + self.down(h_BCTV), inplace=True)


class StaticUnit(nn.Module):
    """The same with alpha fixed at 0: what refines the graphs is not there (Section 5.4)."""

    def __init__(self, c_in: int, c_out: int, graph_SVV: Tensor) -> None:
        super().__init__()
        self.adjacency = nn.Parameter(graph_SVV.clone())
        self.values = pointwise(c_in, len(graph_SVV) * c_out, fan_out=c_out)
        self.bn = nn.BatchNorm2d(c_out)
        self.down = nn.Sequential()
        if c_in != c_out:
            self.down = nn.Sequential(pointwise(c_in, c_out, fan_out=c_out), nn.BatchNorm2d(c_out))
        nn.init.constant_(self.bn.weight, 1e-6)  # the unit starts as its shortcut

    def forward(self, h_BCTV: Tensor) -> Tensor:
        z = subset_sum(h_BCTV, self.values, self.adjacency.transpose(1, 2))
        return F.relu(self.bn(z) + self.down(h_BCTV), inplace=True)


class TemporalUnit(nn.Module):
    """Two dilated convolutions, a max-pool and a plain branch along time (Section 5.5)."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.stride, self.quarter = stride, channels // 4
        q = self.quarter
        self.enter = pointwise(channels, 3 * q, fan_out=q)
        self.enter_bn = nn.BatchNorm2d(3 * q)
        self.dilated = nn.ModuleList(
            nn.Conv2d(q, q, (5, 1), (stride, 1), padding=(2 * d, 0), dilation=(d, 1)) for d in (1, 2)
        )
        self.direct = pointwise(channels, q, fan_out=q, stride=stride)
        self.leave_bn = nn.BatchNorm2d(channels)
        for weight, bias in (conv.parameters() for conv in self.dilated):
            nn.init.normal_(weight, 0.0, math.sqrt(2 / (5 * q)))
            nn.init.zeros_(bias)
        for bn in (self.enter_bn, self.leave_bn):
            nn.init.normal_(bn.weight, 1.0, 0.02)

    def forward(self, h_BCTV: Tensor) -> Tensor:
        active = F.relu(self.enter_bn(self.enter(h_BCTV)), inplace=True)
        near, far, pooled = active.split(self.quarter, dim=1)
        branches = [conv(part) for conv, part in zip(self.dilated, (near, far), strict=True)]
        branches += [pool_frames(pooled, self.stride), self.direct(h_BCTV)]
        return self.leave_bn(torch.cat(branches, dim=1))


class CTRGCNBlock(nn.Module):
    """Spatial unit, temporal unit and shortcut (Section 5.6)."""

    def __init__(self, block: Block, graph_SVV: Tensor, *, refine: bool = True) -> None:
        super().__init__()
        unit = SpatialUnit if refine else StaticUnit
        self.spatial: SpatialUnit | StaticUnit = unit(block.c_in, block.c_out, graph_SVV)
        self.temporal = TemporalUnit(block.c_out, block.stride)
        self.has_shortcut = block.shortcut != "none"
        self.shortcut = nn.Sequential()  # empty: the identity
        if block.shortcut == "conv":
            conv = pointwise(block.c_in, block.c_out, fan_out=block.c_out, stride=block.stride)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(block.c_out))

    def forward(self, h_BCTV: Tensor) -> Tensor:
        out = self.temporal(self.spatial(h_BCTV))
        if self.has_shortcut:
            out = out + self.shortcut(h_BCTV)
        return F.relu(out, inplace=True)


class CTRGCN(nn.Module):
    """Clip (N, C, T, V, M) -> features (N, M, 4 * width, ceil(T/4), V). Any T >= 1; C, V and M as built.

    With `refine` False the trainable graphs are the same for every clip and channel (alpha fixed at 0): most
    likely what the papers call their baseline.
    """

    def __init__(
        self,
        graph_SVV: Tensor,
        *,
        num_persons: int,
        width: int = 64,
        in_channels: int = 3,
        refine: bool = True,
        blocks: Sequence[Block] | None = None,
    ) -> None:
        super().__init__()
        blocks = ten_blocks(width, in_channels) if blocks is None else blocks
        self.out_channels = blocks[-1].c_out
        self.input_bn = nn.BatchNorm1d(num_persons * graph_SVV.shape[-1] * blocks[0].c_in)
        self.blocks = nn.ModuleList(CTRGCNBlock(block, graph_SVV, refine=refine) for block in blocks)

    def forward(self, x_NCTVM: Tensor) -> Tensor:
        n, c, t, v, m = x_NCTVM.shape
        x = x_NCTVM.permute(0, 4, 3, 1, 2).reshape(n, m * v * c, t)
        x = self.input_bn(x).view(n, m, v, c, t).permute(0, 1, 3, 4, 2)
        h_BCTV = x.reshape(n * m, c, t, v)
        for block in self.blocks:
            h_BCTV = block(h_BCTV)
        return h_BCTV.unflatten(0, (n, m))

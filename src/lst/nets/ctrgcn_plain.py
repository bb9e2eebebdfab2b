"""CTR-GCN written out step by step: the oracle of the fast encoder and the baseline of the speed benchmark.

Every operation of method.md Sections 5.1-5.7 stands here as its own module, one subset and one branch at a
time, nothing fused. Module names are the key names of official checkpoints, so an official state dict loads
as it is. Nothing in training or prediction uses this file.

Paper: "Channel-wise Topology Refinement Graph Convolution for Skeleton-Based Action Recognition", ICCV 2021
(arXiv 2107.12213). Written from the equations and the key list, not from the authors' code.

Letters: B = N*M clip persons, C channels, T frames, V joints, R relation channels.
"""

import torch
from torch import Tensor, nn

from lst.nets.ctrgcn_blocks import Block, relation_channels, ten_blocks


class Relation(nn.Module):
    """One CTR-GC layer: every output channel has a V x V matrix refined from the clip (Section 5.3)."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        r = relation_channels(c_in)
        self.conv1 = nn.Conv2d(c_in, r, 1)
        self.conv2 = nn.Conv2d(c_in, r, 1)
        self.conv3 = nn.Conv2d(c_in, c_out, 1)
        self.conv4 = nn.Conv2d(r, c_out, 1)

    def forward(self, h_BCTV: Tensor, a_VV: Tensor, alpha: Tensor) -> Tensor:
        left = self.conv1(h_BCTV).mean(dim=2)
        right = self.conv2(h_BCTV).mean(dim=2)
        q_BRVV = torch.tanh(left.unsqueeze(-1) - right.unsqueeze(-2))
        graph_BCVV = alpha * self.conv4(q_BRVV) + a_VV
        return torch.einsum("bcuv,bctv->bctu", graph_BCVV, self.conv3(h_BCTV))


class SpatialUnit(nn.Module):
    """Three relations with one trainable adjacency and one scalar (Section 5.4)."""

    def __init__(self, c_in: int, c_out: int, graph_SVV: Tensor) -> None:
        super().__init__()
        self.PA = nn.Parameter(graph_SVV.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.convs = nn.ModuleList(Relation(c_in, c_out) for _ in graph_SVV)
        self.bn = nn.BatchNorm2d(c_out)
        self.down = (
            nn.Sequential(nn.Conv2d(c_in, c_out, 1), nn.BatchNorm2d(c_out))
            if c_in != c_out
            else nn.Identity()
        )

    def forward(self, h_BCTV: Tensor) -> Tensor:
        z = torch.stack(
            [conv(h_BCTV, a, self.alpha) for conv, a in zip(self.convs, self.PA, strict=True)]
        ).sum(0)
        return torch.relu(self.bn(z) + self.down(h_BCTV))


class TemporalConv(nn.Module):
    """Convolution along time, then BN. `kernel` 1 with stride is the block shortcut."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int, dilation: int = 1) -> None:
        super().__init__()
        pad = (kernel - 1) * dilation // 2
        self.conv = nn.Conv2d(
            c_in, c_out, (kernel, 1), stride=(stride, 1), padding=(pad, 0), dilation=(dilation, 1)
        )
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, h_BCTV: Tensor) -> Tensor:
        return self.bn(self.conv(h_BCTV))


class TemporalUnit(nn.Module):
    """Two dilated convolutions, a max-pool and a plain branch, side by side (Section 5.5)."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        q = channels // 4

        def entry() -> list[nn.Module]:
            return [nn.Conv2d(channels, q, 1), nn.BatchNorm2d(q), nn.ReLU()]

        pool = nn.MaxPool2d((3, 1), stride=(stride, 1), padding=(1, 0))
        self.branches = nn.ModuleList(
            [
                nn.Sequential(*entry(), TemporalConv(q, q, 5, stride, dilation=1)),
                nn.Sequential(*entry(), TemporalConv(q, q, 5, stride, dilation=2)),
                nn.Sequential(*entry(), pool, nn.BatchNorm2d(q)),
                nn.Sequential(nn.Conv2d(channels, q, 1, stride=(stride, 1)), nn.BatchNorm2d(q)),
            ]
        )

    def forward(self, h_BCTV: Tensor) -> Tensor:
        return torch.cat([branch(h_BCTV) for branch in self.branches], dim=1)


class PlainBlock(nn.Module):
    """Spatial unit, temporal unit, shortcut (Section 5.6)."""

    def __init__(self, block: Block, graph_SVV: Tensor) -> None:
        super().__init__()
        self.gcn1 = SpatialUnit(block.c_in, block.c_out, graph_SVV)
        self.tcn1 = TemporalUnit(block.c_out, block.stride)
        self.kind = block.shortcut
        if block.shortcut == "conv":
            self.residual = TemporalConv(block.c_in, block.c_out, 1, block.stride)

    def forward(self, h_BCTV: Tensor) -> Tensor:
        out = self.tcn1(self.gcn1(h_BCTV))
        if self.kind == "identity":
            out = out + h_BCTV
        elif self.kind == "conv":
            out = out + self.residual(h_BCTV)
        return torch.relu(out)


class PlainCTRGCN(nn.Module):
    """Clip (N, C, T, V, M) -> features (N, M, 256, T/4, V), one plain step after the other."""

    def __init__(self, graph_SVV: Tensor, *, num_persons: int, width: int = 64) -> None:
        super().__init__()
        blocks = ten_blocks(width)
        self.data_bn = nn.BatchNorm1d(num_persons * graph_SVV.shape[-1] * blocks[0].c_in)
        self.num_blocks = len(blocks)
        for number, block in enumerate(blocks, start=1):
            self.add_module(f"l{number}", PlainBlock(block, graph_SVV))

    def forward(self, x_NCTVM: Tensor) -> Tensor:
        n, c, t, v, m = x_NCTVM.shape
        x = x_NCTVM.permute(0, 4, 3, 1, 2).reshape(n, m * v * c, t)
        x = self.data_bn(x).view(n, m, v, c, t).permute(0, 1, 3, 4, 2).reshape(n * m, c, t, v)
        for number in range(1, self.num_blocks + 1):
            x = self.get_submodule(f"l{number}")(x)
        return x.view(n, m, *x.shape[1:])

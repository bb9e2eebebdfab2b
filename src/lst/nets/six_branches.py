"""Temporal unit of six branches, of ST-GCN++ and DG-STGCN.

Source: encoders "ST-GCN++" of pyskl (arXiv 2205.09443) and "DG-STGCN" (arXiv 2210.05895), Apache-2.0, read,
not copied. The five branches that begin with a 1x1 convolution, BN and ReLU share these three.

Letters: B = N*M clip persons, C channels, T frames, V joints.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lst.nets.graph_parts import pool_frames

DILATIONS = (1, 2, 3, 4)


class SixBranches(nn.Module):
    """Four convolutions over three frames, dilated 1 to 4, a max-pool over three, and a plain branch.

    A sixth of the channels for each; what is left over goes to the first.
    """

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        sixth = channels // 6
        self.stride = stride
        self.widths = (channels - 5 * sixth, *(sixth,) * 4)
        self.enter = nn.Conv2d(channels, channels - sixth, 1)
        self.enter_bn = nn.BatchNorm2d(channels - sixth)
        self.dilated = nn.ModuleList(
            nn.Conv2d(width, width, (3, 1), (stride, 1), padding=(d, 0), dilation=(d, 1))
            for width, d in zip(self.widths, DILATIONS, strict=False)
        )
        self.direct = nn.Conv2d(channels, sixth, 1, stride=(stride, 1))

    def forward(self, h_BCTV: Tensor) -> Tensor:
        *parts, pooled = F.relu(self.enter_bn(self.enter(h_BCTV)), inplace=True).split(self.widths, dim=1)
        branches = [conv(part) for conv, part in zip(self.dilated, parts, strict=True)]
        return torch.cat([*branches, pool_frames(pooled, self.stride), self.direct(h_BCTV)], dim=1)


class MultiScaleUnit(nn.Module):
    """Six branches, BN, ReLU, 1x1 convolution, BN.

    With `joints` their mean goes through the branches too, as one more joint, and every joint gets its own
    trainable share of it afterwards: 0 at the start.
    """

    def __init__(self, channels: int, stride: int, joints: int | None = None) -> None:
        super().__init__()
        self.branches = SixBranches(channels, stride)
        self.mean_share = None if joints is None else nn.Parameter(torch.zeros(joints))
        self.mix_bn = nn.BatchNorm2d(channels)
        self.mix = nn.Conv2d(channels, channels, 1)
        self.leave_bn = nn.BatchNorm2d(channels)

    def forward(self, h_BCTV: Tensor) -> Tensor:
        if self.mean_share is None:
            z = self.branches(h_BCTV)
        else:
            out = self.branches(torch.cat([h_BCTV, h_BCTV.mean(dim=3, keepdim=True)], dim=3))
            z = torch.addcmul(out[..., :-1], out[..., -1:], self.mean_share.to(out.dtype))
        return self.leave_bn(self.mix(F.relu(self.mix_bn(z), inplace=True)))

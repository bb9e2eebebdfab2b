"""DG-STGCN encoder: graphs learnt without a skeleton, refined per clip, and joints beside their mean in time.

Paper: "DG-STGCN: Dynamic Spatial-Temporal Modeling for Skeleton-based Action Recognition"
(arXiv 2210.05895). Written from the formulas; pyskl (Apache-2.0) was read, not copied. The lifted form is the
trunk of ProtoGCN and SkeletonAgent (MIT; formulas only), without their other heads. Exact algebra here:

- a and b of all groups are one matrix product of the mean over time.
- The graph of each group (V x V) comes first, then one pass over all channels adds the channel's own part.

Letters: B = N*M clip persons, C channels, T frames, V and W source and target joint, G groups.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lst.nets.ctrgcn_blocks import Block, check_width, nine_blocks, ten_blocks
from lst.nets.graph_parts import JointLift, ResidualBlock, input_norm, persons_as_clips, unit_shortcut
from lst.nets.six_branches import MultiScaleUnit

GROUPS = 8


class DynamicGroupUnit(nn.Module):
    """DG-GCN: the weight from v to w in channel c of group g is A + alpha tanh(a - b) + beta softmax(a . b).

    alpha and beta start at 0. Eight of each are stored, as published, and the first serves all groups.
    """

    def __init__(self, c_in: int, c_out: int, joints: int) -> None:
        super().__init__()
        inside = GROUPS * (c_out // GROUPS)
        self.graph_GVW = nn.Parameter(torch.empty(GROUPS, joints, joints).normal_(0.04, 0.02))
        self.alpha = nn.Parameter(torch.zeros(GROUPS))
        self.beta = nn.Parameter(torch.zeros(GROUPS))
        self.enter = nn.Conv2d(c_in, inside, 1)
        self.enter_bn = nn.BatchNorm2d(inside)
        self.relate = nn.Linear(c_in, 2 * inside)  # a of every group, then b
        self.leave = nn.Conv2d(inside, c_out, 1)
        self.bn = nn.BatchNorm2d(c_out)
        self.down = unit_shortcut(c_in, c_out)

    def graphs(self, h_BCTV: Tensor) -> Tensor:
        """(B, G, C/G, V, W): the weight with which joint w receives from joint v."""
        related = self.relate(h_BCTV.mean(dim=2).transpose(1, 2)).transpose(1, 2)
        a_BGCV, b_BGCW = related.unflatten(1, (2, GROUPS, -1)).unbind(1)
        near_BGVW = (a_BGCV.transpose(2, 3) @ b_BGCW).softmax(dim=2)  # over the sources of one target
        shared_BGVW = self.graph_GVW + self.beta[0] * near_BGVW
        apart = torch.tanh(a_BGCV.unsqueeze(-1) - b_BGCW.unsqueeze(-2))
        return torch.addcmul(shared_BGVW.unsqueeze(2).to(apart.dtype), apart, self.alpha[0].to(apart.dtype))

    def forward(self, h_BCTV: Tensor) -> Tensor:
        b, _, t, v = h_BCTV.shape
        values = F.relu(self.enter_bn(self.enter(h_BCTV)), inplace=True)
        z = torch.bmm(values.reshape(-1, t, v), self.graphs(h_BCTV).reshape(-1, v, v)).view(b, -1, t, v)
        return F.relu(self.bn(self.leave(z)) + self.down(h_BCTV), inplace=True)


class DGSTGCN(nn.Module):
    """Clip (N, C, T, V, M) -> features (N, M, C', ceil(T/4), V). Any T >= 1; C, V and M as built.

    Ten blocks, C' = 4 * width. `lifted`: a linear map to 1.5 * width channels (96 as published) and a
    trainable row per joint first, then nine blocks; C' = 6 * width.
    """

    head_std = 0.01

    def __init__(
        self,
        graph_SVV: Tensor,
        *,
        num_persons: int,
        width: int = 64,
        in_channels: int = 3,
        lifted: bool = False,
    ) -> None:
        super().__init__()
        check_width(width)
        joints, channels = graph_SVV.shape[-1], 3 * width // 2
        table = nine_blocks(channels) if lifted else ten_blocks(width, in_channels)
        self.out_channels = table[-1].c_out
        self.lift = JointLift(in_channels, channels, joints) if lifted else nn.Identity()
        self.input_bn = input_norm(graph_SVV, table[0].c_in, num_persons if lifted else 1)

        def block(row: Block) -> ResidualBlock:
            spatial = DynamicGroupUnit(row.c_in, row.c_out, joints)
            return ResidualBlock(row, spatial, MultiScaleUnit(row.c_out, row.stride, joints))

        self.blocks = nn.Sequential(*map(block, table))

    def forward(self, x_NCTVM: Tensor) -> Tensor:
        h_BCTV = self.blocks(persons_as_clips(self.lift(x_NCTVM), self.input_bn))
        return h_BCTV.unflatten(0, (-1, x_NCTVM.shape[-1]))

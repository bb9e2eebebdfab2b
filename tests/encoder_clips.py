"""Small encoders and clips for the tests of every encoder."""

import torch
from torch import Tensor, nn

from lst.nets.classifier import ENCODERS

CHAIN = torch.stack(  # three joints in a row, 0 the root: self, inward, outward
    [torch.eye(3), torch.diag(torch.ones(2), 1), torch.diag(torch.ones(2), -1)]
)


def shake(net: nn.Module, size: float = 0.1) -> nn.Module:
    """Move every value off its start: alpha 0 and bn 1e-6 would hide half of a network."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for value in net.parameters():
            value += size * torch.randn(value.shape, generator=generator)
        for module in net.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):  # statistics as after some training
                module.running_mean += size * torch.randn(module.running_mean.shape, generator=generator)
                module.running_var += size * torch.rand(module.running_var.shape, generator=generator)
    return net


def make(name: str, graph: Tensor, persons: int = 1) -> nn.Module:
    torch.manual_seed(0)
    return shake(ENCODERS[name](graph, num_persons=persons, width=8))


def clip(n: int, frames: int, joints: int, persons: int, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(n + frames + joints)
    return torch.randn(n, 3, frames, joints, persons, generator=generator).to(dtype)

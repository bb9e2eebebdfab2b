"""What ships: a clip of one modality goes in, class logits come out. No text, no loss.

Letters: N clips, C channels, T frames, V joints, M persons, K classes.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lst.facts.choices import choose
from lst.facts.skeleton import get_layout
from lst.nets.ctrgcn import CTRGCN

# To add an encoder: one file, one line here, and the tests of tests/test_encoders.py pass for it.
# Constructor: (graph_SVV, *, num_persons, width); attribute out_channels; forward x_NCTVM -> features_NMCTV.
ENCODERS: dict[str, Callable[..., nn.Module]] = {"ctrgcn": CTRGCN}


def at_least_float32(x: Tensor) -> Tensor:
    """Half-precision features widened before they are summed; float32 and float64 stay as they are."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


class SkeletonClassifier(nn.Module):
    """Clip (N, C, T, V, M) -> logits (N, K). Persons and joints and frames are pooled by a plain mean."""

    def __init__(self, encoder: nn.Module, *, width: int, num_classes: int) -> None:
        super().__init__()
        self.encoder, self.head = encoder, nn.Linear(width, num_classes)
        nn.init.normal_(self.head.weight, 0.0, math.sqrt(2 / num_classes))  # method.md Section 7

    def features(self, x_NCTVM: Tensor) -> Tensor:
        """Feature map (N, M, C', T', V), before any pooling."""
        return self.encoder(x_NCTVM)

    def classify(self, features_NMCTV: Tensor) -> Tensor:
        """Logits (N, K) in float32, also under autocast."""
        with torch.autocast(features_NMCTV.device.type, enabled=False):
            return self.head(at_least_float32(features_NMCTV).mean(dim=(1, 3, 4)))

    def forward(self, x_NCTVM: Tensor) -> Tensor:
        return self.classify(self.features(x_NCTVM))


def build_classifier(
    *, encoder: str, layout: str, num_persons: int, num_classes: int, width: int = 64
) -> SkeletonClassifier:
    """The classifier from plain values, as a card holds them. Start values: torch's global seed."""
    graph_SVV = torch.from_numpy(get_layout(layout).graph_matrices())
    net: Any = choose("encoder", encoder, ENCODERS)(graph_SVV, num_persons=num_persons, width=width)
    return SkeletonClassifier(net, width=net.out_channels, num_classes=num_classes)

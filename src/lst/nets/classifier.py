"""What ships: a clip of one modality goes in, class logits come out. No text, no loss.

Letters: N clips, C channels, T frames, V joints, M persons, K classes.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, get_args

import torch
from torch import Tensor, nn

from lst.facts.choices import PersonsRule, choose
from lst.facts.own_layout import LayoutLike, as_layout
from lst.nets.blockgc import BlockGC
from lst.nets.ctrgcn import CTRGCN
from lst.nets.dgstgcn import DGSTGCN
from lst.nets.gcn_baseline import GCNBaseline
from lst.nets.stgcn import STGCN
from lst.nets.stgcnpp import STGCNpp

# To add an encoder: one file, one line here, and the tests of tests/test_encoders.py pass for it.
# Constructor: (graph_SVV, *, num_persons, width, in_channels); width 64 is the published size of each.
# Attribute out_channels, and head_std if its paper starts the class head otherwise than CTR-GCN's does.
# forward: x_NCTVM -> features_NMCTV. Joints stay apart, whatever T becomes: language pools them by body part.
ENCODERS: dict[str, Callable[..., nn.Module]] = {
    "ctrgcn": CTRGCN,
    "ctrgcn-static": partial(CTRGCN, refine=False),
    "gcn-baseline": GCNBaseline,
    "stgcn": STGCN,
    "stgcnpp": STGCNpp,
    "dgstgcn": DGSTGCN,
    "dgstgcn-wide": partial(DGSTGCN, lifted=True),
    "blockgc": BlockGC,
}


def at_least_float32(x: Tensor) -> Tensor:
    """Half-precision features widened before they are summed; float32 and float64 stay as they are."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


class SkeletonClassifier(nn.Module):
    """Clip (N, C, T, V, M) -> logits (N, K). Joints, frames and persons are pooled by a mean.

    `persons` says whether an empty slot counts as a person (see `PersonsRule`). With "present" the encoder is
    built for a single person, so that its batch statistics know nothing of empty slots either.
    """

    def __init__(
        self, encoder: nn.Module, *, width: int, num_classes: int, persons: PersonsRule = "every_slot"
    ) -> None:
        super().__init__()
        self.encoder, self.head = encoder, nn.Linear(width, num_classes)
        self.persons: PersonsRule = persons
        std: float | None = getattr(encoder, "head_std", None)
        nn.init.normal_(self.head.weight, 0.0, std or math.sqrt(2 / num_classes))  # method.md Section 7
        if std is not None:
            nn.init.zeros_(self.head.bias)

    def features(self, x_NCTVM: Tensor, present_B: Tensor | None = None) -> Tensor:
        """Joint features (N, C', V): the encoder's map, averaged over frames and persons in float32.

        present_B: who is there, at least one person for each clip: int64 positions n * M + m, as `NetInput`
        has them, or a (N, M) mask of bool, with which every slot is computed: the same result at more cost.
        It is not looked for in x, where somebody who stands perfectly still is all 0 in a motion stream.

        Raises:
            ValueError: persons="present", several slots, and nobody says who is there.
        """
        if self.persons == "every_slot":
            return _over_frames(self.encoder(x_NCTVM)).mean(dim=1)
        n, m = x_NCTVM.shape[0], x_NCTVM.shape[-1]
        if present_B is None:
            if m > 1:
                raise ValueError(
                    f"the clips have {m} slots for persons and nothing says who is there: call the net with "
                    "both parts of a NetInput, `classifier(*prepare_arrays(clips, pipeline))`"
                )
            present_B = torch.ones(n, m, dtype=torch.bool, device=x_NCTVM.device)
        persons_BCTV1 = x_NCTVM.permute(0, 4, 1, 2, 3).flatten(0, 1).unsqueeze(-1)
        if present_B.dtype == torch.bool:
            joints_BCV = _over_frames(self.encoder(persons_BCTV1)).squeeze(1)
            return _over_persons(joints_BCV.unflatten(0, (n, m)), present_B)
        joints_BCV = _over_frames(self.encoder(persons_BCTV1[present_B])).squeeze(1)
        dense_BCV = joints_BCV.new_zeros(n * m, *joints_BCV.shape[1:]).index_copy(0, present_B, joints_BCV)
        there_B = joints_BCV.new_zeros(n * m).index_fill(0, present_B, 1.0)
        return _over_persons(dense_BCV.unflatten(0, (n, m)), there_B.view(n, m))

    def classify(self, joints_NCV: Tensor) -> Tensor:
        """Logits (N, K) in float32, also under autocast."""
        with torch.autocast(joints_NCV.device.type, enabled=False):
            return self.head(joints_NCV.mean(dim=2))

    def forward(self, x_NCTVM: Tensor, present_B: Tensor | None = None) -> Tensor:
        return self.classify(self.features(x_NCTVM, present_B))


def _over_frames(features_NMCTV: Tensor) -> Tensor:
    return at_least_float32(features_NMCTV).mean(dim=3)


def _over_persons(joints_NMCV: Tensor, there_NM: Tensor) -> Tensor:
    weights_NM = there_NM.to(joints_NMCV.dtype)
    weights_NM = weights_NM / weights_NM.sum(dim=1, keepdim=True)
    return (joints_NMCV * weights_NM[:, :, None, None]).sum(dim=1)


def build_classifier(
    *,
    encoder: str,
    layout: LayoutLike,
    num_persons: int,
    num_classes: int,
    width: int = 64,
    persons: PersonsRule = "every_slot",
    in_channels: int = 3,
    options: Mapping[str, Any] | None = None,
) -> SkeletonClassifier:
    """The classifier from plain values, as a card holds them. Start values: torch's global seed.

    `width` 64 is the published size of every encoder, 32 one of half the channels. `in_channels`: numbers per
    joint, 2 for flat poses. `options`: the encoder's own, such as {"dropout": 0.5} of stgcn.

    Raises:
        ValueError: an unknown encoder, layout or rule; a width that does not divide; an option that the
            encoder does not have.
    """
    choose("rule for persons", persons, {name: name for name in get_args(PersonsRule)})
    graph_SVV = torch.from_numpy(as_layout(layout).graph_matrices())
    at_once = 1 if persons == "present" else num_persons
    make = choose("encoder", encoder, ENCODERS)
    _check_options(encoder, make, options or {})
    net: Any = make(graph_SVV, num_persons=at_once, width=width, in_channels=in_channels, **(options or {}))
    return SkeletonClassifier(net, width=net.out_channels, num_classes=num_classes, persons=persons)


def _check_options(name: str, make: Callable[..., nn.Module], options: Mapping[str, Any]) -> None:
    general = {"graph_SVV", "num_persons", "width", "in_channels"}
    own = {key: key for key in inspect.signature(make).parameters if key not in general}
    for option in options:
        if not own:
            raise ValueError(f"encoder {name} has no options of its own, got {option!r}")
        choose(f"option of encoder {name}", option, own)

"""Joints that nobody saw: found, kept as NaN through the steps in between, and put to zero at the end."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lst.data.input.steps.step import Clips, Step
from lst.facts.coordinates import Channels


@dataclass(frozen=True)
class FindMissing(Step):
    """NaN for a person of whom a frame holds only 0, and for joints with a score of `min_score` or less.

    A pipeline that has `FillMissing` gets the NaN that the recordings hold as well.
    """

    framewise: ClassVar[bool] = True
    min_score: float = 0.0

    def apply(self, clips: Clips, drawn: Tensor | None) -> Clips:
        x_NCTVM = clips.x_NCTVM
        missing = (x_NCTVM == 0).all(dim=1, keepdim=True).all(dim=3, keepdim=True)
        if clips.channels == "xyc":
            missing = missing | (x_NCTVM[:, 2:] <= self.min_score)
        return clips.with_x(x_NCTVM.masked_fill(missing, torch.nan))


@dataclass(frozen=True)
class FillMissing(Step):
    """NaN becomes 0, which is the origin once a clip is centred. x, y get a third channel: 1 seen, 0 missing.

    After `Stream`, so that a bone with a missing end is missing too.

    With x, y, score the score of a missing joint becomes 0.
    """

    def channels_after(self, channels: Channels) -> Channels:
        return "xyc" if channels == "xy" else channels

    def apply(self, clips: Clips, drawn: Tensor | None) -> Clips:
        x_NCTVM = clips.x_NCTVM
        missing_N1TVM = x_NCTVM.isnan().any(dim=1, keepdim=True)
        filled = x_NCTVM.masked_fill(missing_N1TVM, 0.0)
        if clips.channels == "xy":
            filled = torch.cat([filled, (~missing_N1TVM).to(filled.dtype)], dim=1)
        return clips.with_x(filled)

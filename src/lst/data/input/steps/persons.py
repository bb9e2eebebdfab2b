"""What stands in the slot of a person whom a clip does not have."""

from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor

from lst.data.input.steps.step import Clips, Step
from lst.facts.choices import MissingPerson, choose


@dataclass(frozen=True)
class EmptySlots(Step):
    """A slot without a person becomes zeros, or stays the last person once more (Q49)."""

    fill: MissingPerson = "zeros"

    def __post_init__(self) -> None:
        choose("rule for a missing person", self.fill, dict.fromkeys(get_args(MissingPerson)))

    def apply(self, clips: Clips, drawn: Tensor | None) -> Clips:
        slots = clips.x_NCTVM.shape[-1]
        if self.fill == "repeat" or slots == 1:
            return clips
        missing_NM = torch.arange(slots, device=clips.x_NCTVM.device) >= clips.persons_N[:, None]
        return clips.with_x(clips.x_NCTVM.masked_fill(missing_NM[:, None, None, None, :], 0.0))

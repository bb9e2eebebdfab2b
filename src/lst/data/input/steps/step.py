"""What a step of the input path is: a frozen value with numbers, a keyed random part, and batched arithmetic.

Letters: N clips, C channels, T frames, V joints, M persons.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from lst.data.input import draws
from lst.facts.coordinates import Channels
from lst.facts.skeleton import Skeleton


@dataclass(frozen=True)
class Clips:
    """The clips of a batch on their way into the net, and what a step may want to know of them."""

    x_NCTVM: Tensor
    """float32. Before the step that chooses frames: all frames, the last one repeated up to the longest clip.
    A missing joint is NaN until `FillMissing`. A slot without a person repeats the last person until
    `EmptySlots`."""
    persons_N: Tensor
    """int64 persons of each stored clip, on the device of x."""
    skeleton: Skeleton
    channels: Channels

    def with_x(self, x_NCTVM: Tensor) -> "Clips":
        return replace(self, x_NCTVM=x_NCTVM)


@dataclass(frozen=True)
class Draw:
    """Random numbers for the items of one epoch, on the host. An item is one showing of one clip.

    A number depends on (seed, epoch, clip id, repeat), on its purpose and on its position, and on nothing
    else. When a second step asks for a purpose that was drawn before, it gets other numbers.
    """

    seed: int
    epoch: int
    keys_N: np.ndarray
    """`draws.clip_keys` of the items."""
    repeats_N: np.ndarray
    lengths_N: np.ndarray
    """int64 frames of each item's clip."""
    asked: Counter[str] = field(default_factory=Counter)

    def uniform(self, purpose: str, count: int) -> Tensor:
        """(N, count) float64 in [0, 1)."""
        numbers = draws.uniform(
            self.seed, self.epoch, self.keys_N, self._key(purpose), count, repeats_N=self.repeats_N
        )
        return torch.from_numpy(numbers)

    def symmetric(self, purpose: str, count: int) -> Tensor:
        """(N, count) float64 in [-1, 1)."""
        return 2 * self.uniform(purpose, count) - 1

    def normal(self, purpose: str, count: int) -> Tensor:
        """(N, count) float64 with mean 0 and variance 1 (Box and Muller, 1958)."""
        u_N2C = self.uniform(purpose, 2 * count).unflatten(1, (2, count))
        return (-2 * torch.log1p(-u_N2C[:, 0])).sqrt() * torch.cos(2 * torch.pi * u_N2C[:, 1])

    def integers(self, purpose: str, count: int, *, low: int, high: int) -> Tensor:
        """(N, count) int64 from low to high - 1."""
        numbers = draws.integers(
            self.seed,
            self.epoch,
            self.keys_N,
            self._key(purpose),
            count,
            low=low,
            high_N=high,
            repeats_N=self.repeats_N,
        )
        return torch.from_numpy(numbers)

    def _key(self, purpose: str) -> str:
        self.asked[purpose] += 1
        times = self.asked[purpose]
        return purpose if times == 1 else f"{purpose}#{times}"


Apply = Callable[[Clips, Tensor | None], Clips]


class Step:
    """Base of all steps. A step is a frozen dataclass; its fields are plain numbers, texts and flags.

    What it must have is `apply`. Everything is done for a whole batch and on its device: gathers, minima,
    maxima, element-wise arithmetic. Nothing may depend on the other clips of the batch or be read back to the
    host. Numbers out of range raise ValueError in `__post_init__`.
    """

    framewise: ClassVar[bool] = False
    """Whether every frame is treated by itself and nothing is random. Such steps may stand before the step
    that chooses frames without costing the frames that are not shown."""

    def check(self, skeleton: Skeleton, channels: Channels) -> None:
        """Raise ValueError if this step cannot work on such clips."""

    def channels_after(self, channels: Channels) -> Channels:
        """What the channels are when this step is done."""
        return channels

    def draw(self, draw: Draw) -> Tensor | None:
        """Training, on the host, once for all items of an epoch: (N, ...) what `apply` gets as `drawn`.

        Whole numbers travel to the device as int64, all others as float32. None: nothing is random here.
        """
        return None

    def ready(self, skeleton: Skeleton, device: torch.device) -> Apply:
        """`apply` with the tables that this layout needs, made once and not for every batch."""
        return self.apply

    def apply(self, clips: Clips, drawn: Tensor | None) -> Clips:
        """The step itself. drawn: the rows of `draw` for these clips; None at test time."""
        raise NotImplementedError(f"{type(self).__name__} has no apply")

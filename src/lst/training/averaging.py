"""Exponential moving average of a net in training, its batch statistics included.

Steps of SGD circle around a minimum; their average lies nearer to it (Polyak and Juditsky, 1992). Running
means and variances are averaged like the weights: those of the last step do not belong to averaged weights.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lst.training.run_state import check_tensors


class WeightAverage:
    """The average of `net`'s numbers over its steps; counters such as `num_batches_tracked` are not."""

    def __init__(self, net: nn.Module, decay: float) -> None:
        self._net, self._decay, self._steps = net, decay, 0
        self._average = {key: value.clone() for key, value in self._floats().items()}

    def _floats(self) -> dict[str, Tensor]:
        return {key: value for key, value in self._net.state_dict().items() if value.is_floating_point()}

    @torch.no_grad()
    def update(self) -> None:
        """Call after every step. The first steps count more: the decay is at most (1 + n) / (10 + n)."""
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        self._steps += 1
        for key, value in self._floats().items():
            self._average[key].lerp_(value, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, the net has the average; afterwards its own numbers again, to the bit."""
        own = {key: value.clone() for key, value in self._floats().items()}
        self.keep()
        try:
            yield
        finally:
            self._fill(own)

    def keep(self) -> None:
        """Give the net the average for good."""
        self._fill(self._average)

    @torch.no_grad()
    def _fill(self, values: Mapping[str, Tensor]) -> None:
        for key, value in self._floats().items():
            value.copy_(values[key])

    def state(self) -> dict[str, Any]:
        return {"steps": self._steps, "values": self._average}

    def restore(self, state: Any, path: Path) -> None:
        """ValueError if `state` is not one of this net's averages."""
        whole = isinstance(state, dict) and set(state) == {"steps", "values"}
        if not whole or type(state["steps"]) is not int or state["steps"] < 0:
            raise ValueError(f"{path}: average: expected steps and values. Start again with --overwrite.")
        check_tensors(path, "average", state["values"], self._average)
        self._steps = state["steps"]
        for key, value in self._average.items():
            value.copy_(state["values"][key])

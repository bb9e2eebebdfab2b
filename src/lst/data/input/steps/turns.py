"""Steps that turn or mirror a clip in training; at test time they do nothing."""

from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from lst.data.input import transforms
from lst.data.input.steps.step import Apply, Clips, Draw, Step
from lst.facts.choices import choose
from lst.facts.coordinates import Channels
from lst.facts.joint_roles import joint_roles, mirrored_order
from lst.facts.skeleton import Skeleton

TurnAxes = Literal["xyz", "y", "z"]
"""About which axes a clip may be turned."""


def _turn(clips: Clips, matrices_N33: Tensor | None) -> Clips:
    """x, y and z by the matrix; of 2-D clips x and y, and a score stays as it is."""
    if matrices_N33 is None:
        return clips
    if clips.channels == "xyz":
        return clips.with_x(transforms.rotate(clips.x_NCTVM, matrices_N33))
    return clips.with_x(transforms.rotate_in_plane(clips.x_NCTVM, matrices_N33))


@dataclass(frozen=True)
class ViewChange(Step):
    """Another view in training: turned about x and about y by whole degrees, -max_degrees to max_degrees."""

    max_degrees: int = 60

    def __post_init__(self) -> None:
        if self.max_degrees < 0:
            raise ValueError(f"ViewChange: max_degrees must not be negative, got {self.max_degrees}")

    def check(self, skeleton: Skeleton, channels: Channels) -> None:
        if channels != "xyz":
            raise ValueError(f"ViewChange turns about x and y and needs x, y, z; the clips have {channels}")

    def draw(self, draw: Draw) -> Tensor:
        degrees_N2 = draw.integers("view", 2, low=-self.max_degrees, high=self.max_degrees + 1)
        return transforms.view_matrices(torch.from_numpy(np.radians(degrees_N2.numpy())))

    def apply(self, clips: Clips, drawn: Tensor | None) -> Clips:
        return _turn(clips, drawn)


@dataclass(frozen=True)
class Mirror(Step):
    """A share of the training clips is mirrored: x is negated, left joints become right ones.

    Not for classes that differ in left and right. The clips must be centred before.
    """

    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"Mirror: share lies in [0, 1], got {self.share}")

    def check(self, skeleton: Skeleton, channels: Channels) -> None:
        if not joint_roles(skeleton).sides:
            raise ValueError(f"Mirror: no joints of {skeleton.name} are called left and right")

    def draw(self, draw: Draw) -> Tensor:
        return (draw.uniform("mirror", 1)[:, 0] < self.share).to(torch.int64)

    def ready(self, skeleton: Skeleton, device: torch.device) -> Apply:
        return partial(self._apply, order_V=torch.tensor(mirrored_order(skeleton), device=device))

    def apply(self, clips: Clips, drawn: Tensor | None) -> Clips:
        device = clips.x_NCTVM.device
        return self._apply(clips, drawn, torch.tensor(mirrored_order(clips.skeleton), device=device))

    def _apply(self, clips: Clips, drawn: Tensor | None, order_V: Tensor) -> Clips:
        if drawn is None:
            return clips
        x_NCTVM = clips.x_NCTVM
        swapped = x_NCTVM.index_select(3, order_V)
        mirrored = torch.cat([-swapped[:, :1], swapped[:, 1:]], dim=1)
        return clips.with_x(torch.where((drawn != 0)[:, None, None, None, None], mirrored, x_NCTVM))


@dataclass(frozen=True)
class Rotate(Step):
    """Turned in training about each axis by up to `max_radians`, uniformly; 2-D clips in their plane only."""

    max_radians: float = 0.3
    axes: TurnAxes = "xyz"
    """Which axes; "y" keeps people upright."""

    def __post_init__(self) -> None:
        choose("axes of Rotate", self.axes, dict.fromkeys(get_args(TurnAxes)))
        if self.max_radians < 0:
            raise ValueError(f"Rotate: max_radians must not be negative, got {self.max_radians}")

    def check(self, skeleton: Skeleton, channels: Channels) -> None:
        if channels != "xyz" and self.axes != "z":
            raise ValueError(f"Rotate: clips of {channels} can turn about z only; say axes='z'")

    def draw(self, draw: Draw) -> Tensor:
        angles_N3 = self.max_radians * draw.symmetric("rotation", 3)
        if self.axes != "xyz":
            angles_N3 = angles_N3 * torch.tensor([float(axis in self.axes) for axis in "xyz"])
        return transforms.rotation_matrices(angles_N3)

    def apply(self, clips: Clips, drawn: Tensor | None) -> Clips:
        return _turn(clips, drawn)

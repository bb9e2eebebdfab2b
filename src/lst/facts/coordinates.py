"""In which coordinates joints are given: unit, direction of up, channels, frame rate."""

from dataclasses import dataclass
from typing import Literal, get_args

from lst.facts.choices import choose

Unit = Literal["m", "cm", "mm", "px", "image"]
"""image: shares of the picture's width and height, 0 to 1. px: pixels."""
Up = Literal["x", "-x", "y", "-y", "z", "-z"]
"""Direction of the axis that points from feet to head."""
Channels = Literal["xyz", "xy", "xyc"]
"""c is the confidence of a joint, 0 to 1."""


@dataclass(frozen=True)
class Coordinates:
    """What the numbers of a store mean.

    Raises:
        ValueError: an unknown name, or a frame rate that is not positive.
    """

    unit: Unit = "m"
    up: Up = "y"
    channels: Channels = "xyz"
    fps: float | None = None
    """Frames per second; None = not known."""

    def __post_init__(self) -> None:
        for kind, value, literal in (
            ("unit", self.unit, Unit),
            ("up axis", self.up, Up),
            ("channels", self.channels, Channels),
        ):
            choose(kind, value, dict.fromkeys(get_args(literal)))
        if self.fps is not None and not 0 < self.fps < float("inf"):
            raise ValueError(f"frame rate: expected a positive number of frames per second, got {self.fps}")

    @property
    def num_channels(self) -> int:
        return len(self.channels)

    def __str__(self) -> str:
        rate = "frame rate not known" if self.fps is None else f"{self.fps:g} frames per second"
        return f"{self.channels} in {self.unit}, up is {self.up}, {rate}"

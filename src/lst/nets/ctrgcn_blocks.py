"""Tables of blocks as data: method.md Section 5.2 for CTR-GCN's ten, which most other encoders share."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Block:
    """One row of the table: channels in and out, stride along time, kind of block shortcut."""

    c_in: int
    c_out: int
    stride: int = 1
    shortcut: Literal["none", "identity", "conv"] = "identity"


def ten_blocks(width: int = 64, in_channels: int = 3) -> tuple[Block, ...]:
    """The published table has `width` 64; smaller multiples of 8 make smaller nets of the same shape."""
    check_width(width)
    return (Block(in_channels, width, shortcut="none"), *nine_blocks(width))


def nine_blocks(channels: int) -> tuple[Block, ...]:
    """The same without the first: for encoders that lift coordinates to so many channels beforehand."""
    return (*(Block(channels, channels),) * 3, *_doubled(channels), *_doubled(2 * channels))


def check_width(width: int) -> None:
    """ValueError unless the channels divide into the eight groups and four branches that units have."""
    if width < 8 or width % 8:
        raise ValueError(f"encoder width must be a positive multiple of 8, got {width}")


def _doubled(channels: int) -> tuple[Block, ...]:
    """Three blocks of twice the channels and half the frames."""
    same = Block(2 * channels, 2 * channels)
    return (Block(channels, 2 * channels, stride=2, shortcut="conv"), same, same)


def relation_channels(c_in: int) -> int:
    """R of a CTR-GC layer; raw coordinates (fewer than 8) have too few channels to divide by 8."""
    return 8 if c_in < 8 else c_in // 8

"""The ten blocks of CTR-GCN as data: method.md Section 5.2."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Block:
    """One row of the table: channels in and out, stride along time, kind of block shortcut."""

    c_in: int
    c_out: int
    stride: int = 1
    shortcut: Literal["none", "identity", "conv"] = "identity"


def ten_blocks(width: int = 64) -> tuple[Block, ...]:
    """The published table has `width` 64; smaller multiples of 8 make smaller nets of the same shape."""
    if width < 8 or width % 8:
        raise ValueError(f"encoder width must be a positive multiple of 8, got {width}")
    w, ww, wwww = width, 2 * width, 4 * width
    return (
        Block(3, w, shortcut="none"),
        *(Block(w, w),) * 3,
        Block(w, ww, stride=2, shortcut="conv"),
        *(Block(ww, ww),) * 2,
        Block(ww, wwww, stride=2, shortcut="conv"),
        *(Block(wwww, wwww),) * 2,
    )


def relation_channels(c_in: int) -> int:
    """R of a CTR-GC layer; raw coordinates (3) have too few channels to divide by 8."""
    return 8 if c_in == 3 else c_in // 8

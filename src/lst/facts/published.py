"""Published numbers that results are printed beside. Top-1 in percent, with where each figure was read.

None of them was measured here. Their epoch was chosen on the test split (method.md Section 14).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One figure of a paper, or of users who tried to reproduce it."""

    benchmark: str
    method: str
    stream: str  # a modality, or "ensemble"
    top1: float
    source: str


PUBLISHED: tuple[Published, ...] = (
    Published("nw-ucla", "GAP (LST), 4 streams", "ensemble", 97.2, "second-hand: SkelMamba Table 2"),
    Published("nw-ucla", "CTR-GCN, 4 streams", "ensemble", 96.5, "second-hand: SkelMamba Table 2"),
    Published("nw-ucla", "CTR-GCN as users reproduce it", "ensemble", 95.0, "CTR-GCN issue #33"),
    Published("nw-ucla", "GAP bone as a user reproduced it", "bone", 93.5, "GAP issue #3, best of epochs"),
    Published("nw-ucla", "BlockGCN, joint", "joint", 95.5, "BlockGCN paper, Table 2"),
)


def published_for(benchmark: str) -> list[Published]:
    """The figures for one benchmark, best first."""
    return sorted((p for p in PUBLISHED if p.benchmark == benchmark), key=lambda p: -p.top1)

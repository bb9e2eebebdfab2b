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


_SKELMAMBA = "second-hand: SkelMamba Table 2"
_NTU_BENCHMARKS = ("ntu60-xsub", "ntu60-xview", "ntu120-xsub", "ntu120-xset")
_NTU_ROWS: tuple[tuple[str, str, str, tuple[float | None, ...]], ...] = (
    ("GAP (LST), 4 streams", "ensemble", _SKELMAMBA, (92.9, 97.0, 89.9, 91.1)),
    ("GAP (LST), joint", "joint", _SKELMAMBA, (90.2, 95.6, 85.5, 87.0)),
    ("CTR-GCN, 4 streams", "ensemble", _SKELMAMBA, (92.4, 96.8, 88.9, 90.6)),
    ("CTR-GCN, joint", "joint", _SKELMAMBA, (89.9, None, 84.9, None)),
    ("SkeletonAgent, 4 streams", "ensemble", "its authors' model list", (94.30, 97.99, 91.35, 92.97)),
)

PUBLISHED: tuple[Published, ...] = (
    Published("nw-ucla", "GAP (LST), 4 streams", "ensemble", 97.2, _SKELMAMBA),
    Published("nw-ucla", "CTR-GCN, 4 streams", "ensemble", 96.5, _SKELMAMBA),
    Published("nw-ucla", "CTR-GCN as users reproduce it", "ensemble", 95.0, "CTR-GCN issue #33"),
    Published("nw-ucla", "GAP bone as a user reproduced it", "bone", 93.5, "GAP issue #3, best of epochs"),
    Published("nw-ucla", "BlockGCN, joint", "joint", 95.5, "BlockGCN paper, Table 2"),
    *(
        Published(benchmark, method, stream, top1, source)
        for method, stream, source, row in _NTU_ROWS
        for benchmark, top1 in zip(_NTU_BENCHMARKS, row, strict=True)
        if top1 is not None
    ),
)


def published_for(benchmark: str) -> list[Published]:
    """The figures for one benchmark, best first."""
    return sorted((p for p in PUBLISHED if p.benchmark == benchmark), key=lambda p: -p.top1)

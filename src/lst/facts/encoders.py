"""What is known about every encoder: paper, where its form was read, and published figures without language.

Top-1 in percent on the official 3-D skeletons. None of the figures was measured here. Those of pyskl are
averages over ten samplings of each test clip. Parameters and operations are not here: they are counted.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figures:
    """Joint stream and the four streams together; None where nobody says."""

    joint: float | None
    four_streams: float | None


@dataclass(frozen=True)
class EncoderFacts:
    """One encoder by its name in `nets.classifier.ENCODERS`."""

    name: str
    title: str
    paper: str
    figures: dict[str, Figures]
    """By benchmark."""
    source: str
    """Of the figures."""


_NTU = ("ntu60-xsub", "ntu60-xview", "ntu120-xsub", "ntu120-xset")


def _figures(joint: tuple[float | None, ...], four: tuple[float | None, ...]) -> dict[str, Figures]:
    """In the order of the protocols, NW-UCLA last if it is there."""
    names = (*_NTU, "nw-ucla")[: len(joint)]
    rows = zip(names, joint, four, strict=True)
    return {name: Figures(j, f) for name, j, f in rows if (j, f) != (None, None)}


_PYSKL = "pyskl, configs/{}/README.md"

ENCODER_FACTS: tuple[EncoderFacts, ...] = (
    EncoderFacts(
        "ctrgcn",
        "CTR-GCN",
        "arXiv 2107.12213, ICCV 2021",
        _figures((89.9, None, 84.9, None, None), (92.4, 96.8, 88.9, 90.6, 96.5)),
        "second-hand: SkelMamba Table 2",
    ),
    EncoderFacts(
        "ctrgcn-static",
        "CTR-GCN without refinement",
        "arXiv 2107.12213, most likely its baseline",
        {},
        "none was read",
    ),
    EncoderFacts(
        "gcn-baseline",
        "GAP's baseline",
        "none: the baseline in GAP's repository",
        {},
        "none was read",
    ),
    EncoderFacts(
        "stgcn",
        "ST-GCN in pyskl's form",
        "arXiv 1801.07455, AAAI 2018",
        _figures((87.8, 95.5, 82.1, 84.5), (90.7, 96.5, 86.2, 88.4)),
        _PYSKL.format("stgcn"),
    ),
    EncoderFacts(
        "stgcnpp",
        "ST-GCN++",
        "arXiv 2205.09443, ACM MM 2022",
        _figures((89.3, 95.6, 83.2, 85.6), (92.1, 97.0, 87.5, 89.8)),
        _PYSKL.format("stgcn++"),
    ),
    EncoderFacts(
        "dgstgcn",
        "DG-STGCN",
        "arXiv 2210.05895",
        _figures((91.2, 96.7, 85.7, 87.9), (93.2, 97.5, 89.6, 91.3)),
        _PYSKL.format("dgstgcn"),
    ),
    EncoderFacts(
        "dgstgcn-wide",
        "DG-STGCN's units, 96 wide",
        "the trunk of ProtoGCN and SkeletonAgent",
        {},
        "none for the trunk alone",
    ),
    EncoderFacts(
        "blockgc",
        "BlockGC, BlockGCN without homology",
        "CVPR 2024",
        _figures((None, None, 86.2, None), (None,) * 4),
        "BlockGCN paper, Table 4; with homology 95.5 on NW-UCLA",
    ),
)

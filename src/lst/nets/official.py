"""Official GAP / LST and CTR-GCN checkpoints: which tensor of theirs is which slice of ours.

Key names and shapes: method.md Section 8. The fused parameters of `ctrgcn.py` are the official ones stacked,
so the mapping is a list of views and serves weights and gradients alike. `torch_file` reads the file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lst.facts.shown import shown
from lst.nets.classifier import SkeletonClassifier
from lst.nets.ctrgcn import CTRGCN, CTRGCNBlock, SpatialUnit
from lst.nets.state_dicts import state_dict_in
from lst.nets.supervision import LanguageSupervision
from lst.nets.torch_file import read_torch_file

SUBSETS = 3
Rows = tuple[int, int] | None  # start, stop along the first axis; None = the whole tensor
STATS = ("weight", "bias", "running_mean", "running_var")


@dataclass(frozen=True)
class Piece:
    """The official tensor `key` is rows first..last of `ours[name]` (or all of it), reshaped."""

    key: str
    name: str
    rows: Rows = None


def _bn(key: str, name: str, rows: Rows = None) -> Iterator[Piece]:
    yield from (Piece(f"{key}.{stat}", f"{name}.{stat}", rows) for stat in STATS)
    yield Piece(f"{key}.num_batches_tracked", f"{name}.num_batches_tracked")


def _conv(key: str, name: str, rows: Rows = None) -> Iterator[Piece]:
    yield from (Piece(f"{key}.{kind}", f"{name}.{kind}", rows) for kind in ("weight", "bias"))


def _spatial_pieces(key: str, name: str, r: int, c_out: int, *, down: bool) -> Iterator[Piece]:
    yield Piece(f"{key}.PA", f"{name}.adjacency")
    yield Piece(f"{key}.alpha", f"{name}.alpha")
    for s in range(SUBSETS):
        conv = f"{key}.convs.{s}"
        yield from _conv(f"{conv}.conv1", f"{name}.relate", (s * r, (s + 1) * r))
        yield from _conv(f"{conv}.conv2", f"{name}.relate", ((SUBSETS + s) * r, (SUBSETS + s + 1) * r))
        yield from _conv(f"{conv}.conv3", f"{name}.values", (s * c_out, (s + 1) * c_out))
        yield Piece(f"{conv}.conv4.weight", f"{name}.refine_weight", (s, s + 1))
        yield Piece(f"{conv}.conv4.bias", f"{name}.refine_bias", (s, s + 1))
    yield from _bn(f"{key}.bn", f"{name}.bn")
    if down:
        yield from _conv(f"{key}.down.0", f"{name}.down.0")
        yield from _bn(f"{key}.down.1", f"{name}.down.1")


def _temporal_pieces(key: str, name: str, q: int) -> Iterator[Piece]:
    for i in range(3):  # two dilated branches and the max-pool share the entry
        rows = (i * q, (i + 1) * q)
        yield from _conv(f"{key}.branches.{i}.0", f"{name}.enter", rows)
        yield from _bn(f"{key}.branches.{i}.1", f"{name}.enter_bn", rows)
    for i in range(2):
        yield from _conv(f"{key}.branches.{i}.3.conv", f"{name}.dilated.{i}")
    yield from _conv(f"{key}.branches.3.0", f"{name}.direct")
    for i, last in enumerate(("branches.0.3.bn", "branches.1.3.bn", "branches.2.4", "branches.3.1")):
        yield from _bn(f"{key}.{last}", f"{name}.leave_bn", (i * q, (i + 1) * q))


def encoder_pieces(encoder: CTRGCN) -> Iterator[Piece]:
    """Every official tensor of the encoder; names are relative to the encoder."""
    yield from _bn("data_bn", "input_bn")
    for number, block in enumerate(encoder.blocks, start=1):
        assert isinstance(block, CTRGCNBlock)
        key, name, unit = f"l{number}", f"blocks.{number - 1}", block.spatial
        assert isinstance(unit, SpatialUnit), "official checkpoints have refined graphs"
        _, c_out, r = unit.refine_weight.shape
        yield from _spatial_pieces(f"{key}.gcn1", f"{name}.spatial", r, c_out, down=len(unit.down) > 0)
        yield from _temporal_pieces(f"{key}.tcn1", f"{name}.temporal", block.temporal.quarter)
        if len(block.shortcut):
            yield from _conv(f"{key}.residual.conv", f"{name}.shortcut.0")
            yield from _bn(f"{key}.residual.bn", f"{name}.shortcut.1")


def classifier_pieces(classifier: SkeletonClassifier) -> Iterator[Piece]:
    """Every official tensor of the classifier that ships."""
    assert isinstance(classifier.encoder, CTRGCN)
    for p in encoder_pieces(classifier.encoder):
        yield Piece(p.key, f"encoder.{p.name}", p.rows)
    yield from _conv("fc", "head")


def supervision_pieces(supervision: LanguageSupervision, tower: str) -> Iterator[Piece]:
    """Every official tensor. Their part maps are stored as head, hand, foot, hip; ours are named (Q7)."""
    for p in classifier_pieces(supervision.classifier):
        yield Piece(p.key, f"classifier.{p.name}", p.rows)
    yield from _conv(f"linear_head.{tower}", "project.0")
    for theirs, ours in ((0, 1), (1, 2), (2, 4), (3, 3)):
        yield from _conv(f"part_list.{theirs}", f"project.{ours}")
    yield Piece("logit_scale", "scale")


def view_of(ours: Mapping[str, Tensor], piece: Piece) -> Tensor:
    """The slice of our tensor that a piece names."""
    tensor = ours[piece.name]
    return tensor if piece.rows is None else tensor[piece.rows[0] : piece.rows[1]]


def read_official(path: Path) -> dict[str, Tensor]:
    """Official state dict without running any code of the file, out of its wrappers and prefixes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no torch file, damaged, or holds no state dict of finite plain tensors.
    """
    return state_dict_in(read_torch_file(path), path)


def _long_axes(tensor: Tensor) -> tuple[int, ...]:
    """Shape without axes of length 1: a 1x1 convolution and a matrix hold the same values."""
    return tuple(size for size in tensor.shape if size != 1)


def _some(official: Mapping[str, Tensor]) -> str:
    names = [shown(name, 60) for name in list(official)[:4]]
    return ", ".join(names) + (" ..." if len(official) > len(names) else "")


def _check_values(source: Tensor, target: Tensor, key: str, path: Path) -> None:
    """What passes as a tensor of the right shape but cannot be this one."""
    if target.is_floating_point() != source.is_floating_point():
        raise ValueError(f"{path}: {key} is of {source.dtype}, expected {target.dtype}")
    if key.endswith("running_var") and bool((source < 0).any()):
        raise ValueError(f"{path}: {key} has a negative variance; the file is damaged")
    if source.dtype == torch.float64 and not source.float().isfinite().all():
        raise ValueError(f"{path}: {key} has numbers that are too large for float32; the file is damaged")


def fill(
    module: torch.nn.Module, pieces: Iterator[Piece], official: Mapping[str, Tensor], path: Path
) -> list[str]:
    """Copy official tensors into `module`; returns the official keys that were not needed.

    Raises ValueError when a tensor is missing or has another shape: a half-loaded network is never returned.
    """
    ours, unused = module.state_dict(), set(official)
    for piece in pieces:
        target = view_of(ours, piece)
        if piece.key not in official:
            if piece.key.endswith("num_batches_tracked"):
                continue  # older torch did not save it, and only training reads it
            raise ValueError(
                f"{path}: has no tensor {piece.key!r}; it is not a CTR-GCN / GAP checkpoint, or cut. It has "
                f"{len(official)}: {_some(official)}"
            )
        source = official[piece.key]
        if _long_axes(source) != _long_axes(target):
            raise ValueError(
                f"{path}: {piece.key} has shape {tuple(source.shape)}, expected {_long_axes(target)} but for "
                "axes of length 1; check that the benchmark you named is the one it was trained on"
            )
        _check_values(source, target, piece.key, path)
        target.copy_(source.reshape(target.shape))
        unused.discard(piece.key)
    return sorted(unused)

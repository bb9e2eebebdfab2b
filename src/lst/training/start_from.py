"""Fine-tuning: a new run starts with the numbers of a finished one, whatever its joints and classes are.

Which axes of a tensor run over joints is found by measurement, so this file knows no encoder: the encoder is
built for two graphs of different size and for one and two persons, and the axes that grow with them are the
ones. An axis may be (person, joint, channel) in one, as that of a batch norm over everything. Numbers of a
joint come from the old joint of the same name; a joint that the old run did not have keeps its start value.
Trees, adjacencies and everything else of the encoder are taken over. The class head is taken over only if the
class names are the same, in the same order; texts and their projections always start anew.

Letters: V joints, M persons.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lst.data.own.names import match
from lst.facts.skeleton import Skeleton
from lst.nets.checkpoint import MODEL, Checkpoint, load_checkpoint
from lst.nets.classifier import ENCODERS, SkeletonClassifier
from lst.text.descriptions import file_sha256


@dataclass(frozen=True)
class Reused:
    """What a run took over; it stands in its card."""

    run: str
    sha256: str
    """Of the model file."""
    joints: dict[str, str]
    """New joint -> old joint."""
    new_joints: tuple[str, ...]
    """Those without a counterpart."""
    tensors: int
    head: bool

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "new_joints": list(self.new_joints)}


def start_from(
    classifier: SkeletonClassifier,
    build: Mapping[str, Any],
    skeleton: Skeleton,
    class_names: Sequence[str],
    run: Path,
) -> Reused:
    """Put the numbers of a finished run into a new classifier, in place.

    Raises:
        FileNotFoundError: there is no finished run.
        ValueError: another encoder or width, or no joint in common.
    """
    old = load_checkpoint(run)
    _check_same_encoder(build, old, run)
    found = match(old.pipeline.skeleton.joints, skeleton)
    pairs = {v: u for v, u in enumerate(found) if u is not None}
    if not pairs:
        raise ValueError(
            f"{run}: none of its joints ({old.pipeline.skeleton.name}) has the name of one of "
            f"{skeleton.name}, so nothing can be taken over"
        )
    head = tuple(class_names) == old.class_names
    state, given = classifier.state_dict(), old.classifier.state_dict()
    axes = _joint_axes(str(build["encoder"]), int(build["width"]))
    for name, tensor in state.items():
        if name.startswith("head."):
            if head:
                tensor.copy_(given[name])
            continue
        key = name.removeprefix("encoder.")
        sizes = skeleton.num_joints, old.pipeline.skeleton.num_joints
        tensor.copy_(_mapped(given[name], tensor, axes[key], pairs, *sizes))
    joints = {skeleton.joints[v]: old.pipeline.skeleton.joints[u] for v, u in pairs.items()}
    return Reused(
        run=str(run),
        sha256=file_sha256(run / MODEL),
        joints=joints,
        new_joints=tuple(joint for joint in skeleton.joints if joint not in joints),
        tensors=len(state) if head else len([name for name in state if not name.startswith("head.")]),
        head=head,
    )


def _check_same_encoder(build: Mapping[str, Any], old: Checkpoint, run: Path) -> None:
    theirs = {"width": 64, **old.card["build"]}
    for key, option in (("encoder", "--encoder"), ("width", "--encoder-width")):
        if theirs[key] != build[key]:
            raise ValueError(
                f"{run}: has {key} {theirs[key]!r}, the new run {build[key]!r}; give {option} {theirs[key]}"
            )


@dataclass(frozen=True)
class _Axis:
    """How an axis grows: `inner` numbers for each joint and person; `persons` says whether persons count."""

    inner: int
    persons: bool


def _joint_axes(encoder: str, width: int) -> dict[str, list[_Axis | None]]:
    """For every tensor of an encoder and each of its axes: how it runs over joints, or None."""

    def sizes(num_joints: int, num_persons: int) -> dict[str, torch.Size]:
        graph_SVV = torch.eye(num_joints).repeat(3, 1, 1)
        with torch.random.fork_rng(devices=[]):
            net = ENCODERS[encoder](graph_SVV, num_persons=num_persons, width=width)
        return {name: tensor.shape for name, tensor in net.state_dict().items()}

    few, more, pair = sizes(5, 1), sizes(7, 1), sizes(5, 2)
    return {
        name: [
            None if a == b else _Axis(a // 5, c != a)
            for a, b, c in zip(shape, more[name], pair[name], strict=True)
        ]
        for name, shape in few.items()
    }


def _mapped(
    old: Tensor, new: Tensor, axes: Sequence[_Axis | None], pairs: Mapping[int, int], v_new: int, v_old: int
) -> Tensor:
    """`new` with the numbers of `old` where every joint on its axes has a counterpart."""
    rows = [
        list(range(size)) if axis is None else _positions(axis, size, v_new, list(pairs))
        for axis, size in zip(axes, new.shape, strict=True)
    ]
    sources = [
        list(range(size)) if axis is None else _sources(axis, n_new, size, v_new, v_old, pairs)
        for axis, size, n_new in zip(axes, old.shape, new.shape, strict=True)
    ]
    if not axes:
        return old
    result = new.clone()
    result[_grid(rows)] = old[_grid(sources)]
    return result


def _positions(axis: _Axis, size: int, v: int, joints: Sequence[int]) -> list[int]:
    persons = size // (v * axis.inner)
    return [(m * v + j) * axis.inner + c for m in range(persons) for j in joints for c in range(axis.inner)]


def _sources(
    axis: _Axis, size_new: int, size_old: int, v_new: int, v_old: int, pairs: Mapping[int, int]
) -> list[int]:
    """For each of `_positions` where it comes from. A further person starts as the old run's last."""
    last = size_old // (v_old * axis.inner) - 1
    persons = size_new // (v_new * axis.inner)
    return [
        (min(m, last) * v_old + u) * axis.inner + c
        for m in range(persons)
        for u in pairs.values()
        for c in range(axis.inner)
    ]


def _grid(index: Sequence[Sequence[int]]) -> tuple[Tensor, ...]:
    return torch.meshgrid(*(torch.tensor(one) for one in index), indexing="ij")


def freeze_trunk(classifier: SkeletonClassifier, *, frozen: bool) -> None:
    """Hold the encoder as it is, batch statistics included, or let it learn. Called after `train()`."""
    classifier.encoder.requires_grad_(not frozen)
    if frozen:
        classifier.encoder.eval()

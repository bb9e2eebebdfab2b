"""InputPipeline: which steps lie between a stored clip and the net. The steps: `lst.data.input.batches`."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from lst.facts.choices import FramesRule, MissingPerson, Modality, choose
from lst.facts.skeleton import LAYOUTS, Skeleton, get_layout

BonesRule = Literal["parent", "graph", "gap"]


def _check_choice(kind: str, value: str, literal: object) -> None:
    choose(kind, value, {name: name for name in get_args(literal)})


@dataclass(frozen=True, kw_only=True)
class InputPipeline:
    """What happens between a stored clip and the net. A checkpoint's card holds it, so use matches training.

    Raises:
        ValueError: an unknown choice, a number out of range, or bones="gap" for a layout GAP has no code for.
    """

    layout: str
    modality: Modality
    clip_length: int
    """Frames the net sees."""
    num_persons: int
    """Persons the net sees; further persons are left out."""
    frames: FramesRule
    """random_frames: NW-UCLA (method.md 13.4). crop_resize: NTU (13.1 to 13.3)."""
    bones: BonesRule = "parent"
    """parent: child minus parent, root zero, joint streams untouched (the tree NW-UCLA's feeder uses, too).
    graph: the same along the tree of the spatial graph, as CTR-GCN's own checkpoints were trained (Q2).
    gap: the official joint matrix of method.md 4.2, which also changes the joint streams of NW-UCLA."""
    missing_person: MissingPerson = "zeros"
    """What stands in the slot of a person whom the clip does not have."""
    max_view_degrees: int = 60
    """random_frames, training: largest turn about x and about y, drawn in whole degrees."""
    max_rotation: float = 0.3
    """crop_resize, training: largest turn about each axis, in radians."""
    min_crop: float = 0.5
    """crop_resize, training: smallest share of the clip's frames that is kept."""
    test_crop: float = 0.95
    """crop_resize, test: share of the clip's frames that is kept, around its centre."""

    def __post_init__(self) -> None:
        _check_choice("modality", self.modality, Modality)
        _check_choice("frames rule", self.frames, FramesRule)
        _check_choice("bones rule", self.bones, BonesRule)
        _check_choice("rule for a missing person", self.missing_person, MissingPerson)
        choose("layout", self.layout, LAYOUTS)
        if self.bones == "gap":
            self.skeleton.gap_k(self.modality)  # raises for a layout without an official joint matrix
        self._check_numbers()

    def _check_numbers(self) -> None:
        for name in ("clip_length", "num_persons"):
            if getattr(self, name) < 1:
                raise ValueError(f"pipeline: {name} must be at least 1, got {getattr(self, name)}")
        for name in ("min_crop", "test_crop"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"pipeline: {name} is a share in (0, 1], got {getattr(self, name)}")
        for name in ("max_view_degrees", "max_rotation"):
            if getattr(self, name) < 0:
                raise ValueError(f"pipeline: {name} must not be negative, got {getattr(self, name)}")

    @property
    def skeleton(self) -> Skeleton:
        return get_layout(self.layout)

    def joint_matrix(self) -> np.ndarray | None:
        """(V, V) matrix that makes this modality out of joint positions; None where they stay as they are."""
        skeleton = self.skeleton
        if self.bones == "gap":
            return skeleton.gap_joint_matrix(skeleton.gap_k(self.modality))
        tree = "graph" if self.bones == "graph" else "anatomical"
        return skeleton.bone_matrix(tree) if self.modality.startswith("bone") else None

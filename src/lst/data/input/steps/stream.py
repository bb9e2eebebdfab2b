"""The last step: joint positions become the stream that one net sees."""

from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from lst.data.input import transforms
from lst.data.input.steps.step import Apply, Clips, Step
from lst.facts.choices import Modality, choose
from lst.facts.coordinates import Channels
from lst.facts.skeleton import Skeleton

BonesRule = Literal["parent", "graph", "gap"]


@dataclass(frozen=True)
class Stream(Step):
    """Joints, bones, or the motion of either."""

    modality: Modality = "joint"
    bones: BonesRule = "parent"
    """parent: child minus parent, root zero, joint streams untouched (the tree NW-UCLA's feeder uses, too).
    graph: the same along the tree of the spatial graph, as CTR-GCN's own checkpoints were trained (Q2).
    gap: the official joint matrix, which also changes the joint streams of NW-UCLA (method.md 4.2)."""

    def __post_init__(self) -> None:
        choose("modality", self.modality, dict.fromkeys(get_args(Modality)))
        choose("bones rule", self.bones, dict.fromkeys(get_args(BonesRule)))

    def check(self, skeleton: Skeleton, channels: Channels) -> None:
        if self.bones == "gap":
            skeleton.gap_k(self.modality)  # raises for a layout without an official joint matrix

    def joint_matrix(self, skeleton: Skeleton) -> np.ndarray | None:
        """(V, V) matrix that makes this modality out of joint positions; None where they stay as they are."""
        if self.bones == "gap":
            return skeleton.gap_joint_matrix(skeleton.gap_k(self.modality))
        tree = "graph" if self.bones == "graph" else "anatomical"
        return skeleton.bone_matrix(tree) if self.modality.startswith("bone") else None

    def ready(self, skeleton: Skeleton, device: torch.device) -> Apply:
        matrix_VV = self.joint_matrix(skeleton)
        if matrix_VV is None:
            return self.apply
        sums = transforms.joint_sum(matrix_VV, device)
        weights_VV = np.abs(matrix_VV) + np.diag(np.abs(matrix_VV).sum(axis=1) == 0)
        means = transforms.joint_sum(weights_VV / weights_VV.sum(axis=1, keepdims=True), device)
        return partial(self._apply, sums=sums, means=means)

    def apply(self, clips: Clips, drawn: Tensor | None) -> Clips:
        return self._apply(clips, drawn, None, None)

    def _apply(
        self,
        clips: Clips,
        drawn: Tensor | None,
        sums: transforms.JointSum | None,
        means: transforms.JointSum | None,
    ) -> Clips:
        """sums, means: the joint matrix, and for scores the mean over the joints that it combines."""
        if clips.channels != "xyc":
            return clips.with_x(transforms.to_modality(clips.x_NCTVM, self.modality, sums))
        places = transforms.to_modality(clips.x_NCTVM[:, :2], self.modality, sums)
        score = clips.x_NCTVM[:, 2:]
        score = score if means is None else transforms.add_joints(score, means)
        if self.modality.endswith("motion"):
            score = (score + torch.cat([score[:, :, 1:], score[:, :, -1:]], dim=2)) / 2
        return clips.with_x(torch.cat([places, score], dim=1))

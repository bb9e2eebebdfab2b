"""Steps that blank a part of a clip in training, so that no net leans on one axis or one joint alone.

Source: SkateFormer (ECCV 2024) for NW-UCLA, each with share 0.5: https://arxiv.org/abs/2403.09508.
At test time they do nothing.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lst.data.input.steps.step import Clips, Draw, Step


def _check_share(step: Step, share: float) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"{type(step).__name__}: share must be from 0 to 1, got {share}")


@dataclass(frozen=True)
class AxisDrop(Step):
    """One of the axes of a clip becomes 0 for all its frames, joints and persons; never a score."""

    share: float = 0.5
    """Share of the clips that lose an axis."""

    def __post_init__(self) -> None:
        _check_share(self, self.share)

    def draw(self, draw: Draw) -> Tensor:
        return draw.uniform("axis drop", 2)

    def apply(self, clips: Clips, drawn: Tensor | None) -> Clips:
        if drawn is None:
            return clips
        axes = len(clips.channels.removesuffix("c"))
        axis_N = (drawn[:, 1] * axes).long().clamp(max=axes - 1)
        number_C = torch.arange(clips.x_NCTVM.shape[1], device=drawn.device)
        gone_NC = (drawn[:, :1] < self.share) & (number_C == axis_N[:, None])
        return clips.with_x(clips.x_NCTVM.masked_fill(gone_NC[:, :, None, None, None], 0.0))


@dataclass(frozen=True)
class JointDrop(Step):
    """Some joints become 0 in some frames: the same joints in all of these frames, and of all persons."""

    share: float = 0.5
    """Share of the clips to which this happens."""
    min_joints: int = 4
    max_joints: int = 12
    min_frames: int = 16
    max_frames: int = 32

    def __post_init__(self) -> None:
        _check_share(self, self.share)
        for what in ("joints", "frames"):
            low, high = getattr(self, f"min_{what}"), getattr(self, f"max_{what}")
            if not 0 <= low <= high:
                raise ValueError(f"JointDrop: expected 0 <= min_{what} <= max_{what}, got {low} and {high}")

    def draw(self, draw: Draw) -> Tensor:
        return draw.uniform("joint drop", 3 + self.max_joints + self.max_frames)

    def apply(self, clips: Clips, drawn: Tensor | None) -> Clips:
        if drawn is None:
            return clips
        frames, joints = clips.x_NCTVM.shape[2:4]
        picks = drawn[:, 3:].split([self.max_joints, self.max_frames], dim=1)
        joints_NV = some_of(joints, _count(drawn[:, 1], self.min_joints, self.max_joints), picks[0])
        frames_NT = some_of(frames, _count(drawn[:, 2], self.min_frames, self.max_frames), picks[1])
        gone_NTV = frames_NT[:, :, None] & joints_NV[:, None, :] & (drawn[:, 0] < self.share)[:, None, None]
        return clips.with_x(clips.x_NCTVM.masked_fill(gone_NTV[:, None, :, :, None], 0.0))


def _count(u_N: Tensor, low: int, high: int) -> Tensor:
    """A number from low to high, both included."""
    return (low + (u_N * (high - low + 1)).long()).clamp(max=high)


def some_of(size: int, count_N: Tensor, u_NK: Tensor) -> Tensor:
    """(N, size) of bool, count_N true ones in each row, each set as likely as any other.

    Floyd's algorithm (Bentley and Floyd, CACM 1987) on all rows at once: one number of u_NK per element.
    """
    count_N = count_N.clamp(max=size)
    chosen = torch.zeros(len(u_NK), size, dtype=torch.bool, device=u_NK.device)
    for i in range(u_NK.shape[1]):
        last_N = (size - count_N + i).clamp(max=size - 1)
        item_N = torch.minimum((u_NK[:, i] * (last_N + 1)).long(), last_N)
        taken_N = chosen.gather(1, item_N[:, None])[:, 0]
        place_N = torch.where(taken_N, last_N, item_N)[:, None]
        chosen = chosen.scatter(1, place_N, chosen.gather(1, place_N) | (i < count_N)[:, None])
    return chosen

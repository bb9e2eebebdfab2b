"""Steps that say where the origin lies and how long a unit is."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from lst.data.input import transforms
from lst.data.input.steps.step import Clips, Step
from lst.facts.choices import choose
from lst.facts.coordinates import Channels
from lst.facts.joint_roles import HIPS, hip_joints, joint_roles
from lst.facts.skeleton import Skeleton


@dataclass(frozen=True)
class Centre(Step):
    """The origin becomes a joint of the first person, as it is in the first frame that shows it."""

    joint: str = HIPS
    """Name of a joint, or "hips": the middle of the hips, or the root where the layout has no hips."""
    each_frame: bool = False
    """Centre every frame by itself: where somebody walks is lost, only the pose stays."""

    def check(self, skeleton: Skeleton, channels: Channels) -> None:
        if self.joint != HIPS:
            choose(f"joint of {skeleton.name}", self.joint, dict.fromkeys((*skeleton.joints, HIPS)))

    def apply(self, clips: Clips, drawn: Tensor | None) -> Clips:
        at = _joint_indices(clips.skeleton, self.joint)
        size = _places(clips)
        x_NCTVM = clips.x_NCTVM
        origin_NCT11 = x_NCTVM[:, :size, :, at[0] : at[0] + 1, :1]
        for joint in at[1:]:
            origin_NCT11 = origin_NCT11 + x_NCTVM[:, :size, :, joint : joint + 1, :1]
        if len(at) > 1:
            origin_NCT11 = origin_NCT11 / len(at)
        first_NC111 = _first_seen(origin_NCT11)
        if self.each_frame:
            origin_NCT11 = torch.where(origin_NCT11.isnan(), first_NC111, origin_NCT11)
        else:
            origin_NCT11 = first_NC111
        places = x_NCTVM[:, :size] - origin_NCT11
        return clips.with_x(_with_score(places, x_NCTVM))


@dataclass(frozen=True)
class MinMax(Step):
    """Each axis of a clip, over all frames, joints and persons, becomes -1 .. 1; a flat axis becomes 0.

    The proportions of the body are lost. Before the step that chooses frames it takes the range of the whole
    clip, after it that of the frames shown.
    """

    def check(self, skeleton: Skeleton, channels: Channels) -> None:
        if channels == "xyc":
            raise ValueError("MinMax would stretch the scores of x, y, score too; use Centre and ScaleBody")

    def apply(self, clips: Clips, drawn: Tensor | None) -> Clips:
        low, high = transforms.axis_range(clips.x_NCTVM)
        return clips.with_x(transforms.min_max(clips.x_NCTVM, low, high))


BodySize = Literal["torso", "box"]


@dataclass(frozen=True)
class ScaleBody(Step):
    """The size of the first person becomes 1: one factor for a clip, so that large and small are alike.

    The size is that of the median frame among those that show it. Coordinates are to be centred before.
    """

    size: BodySize = "torso"
    """torso: from the middle of the hips to the middle of the shoulders. box: the diagonal of the box around
    the joints, for layouts without such names."""

    def __post_init__(self) -> None:
        choose("size of ScaleBody", self.size, dict.fromkeys(get_args(BodySize)))

    def check(self, skeleton: Skeleton, channels: Channels) -> None:
        if self.size == "torso" and not joint_roles(skeleton).has_torso:
            raise ValueError(
                f"ScaleBody: no joint of {skeleton.name} is called hips or shoulders; say size='box'"
            )

    def apply(self, clips: Clips, drawn: Tensor | None) -> Clips:
        places_NCTV = clips.x_NCTVM[:, : _places(clips), ..., 0]
        if self.size == "torso":
            roles = joint_roles(clips.skeleton)
            span_NCT = _mean_of(places_NCTV, roles.shoulders) - _mean_of(places_NCTV, roles.hips)
        else:
            low, high = places_NCTV.nan_to_num(torch.inf), places_NCTV.nan_to_num(-torch.inf)
            span_NCT = high.amax(dim=3) - low.amin(dim=3)
        size_N = _median(_length(span_NCT))
        x_NCTVM = clips.x_NCTVM
        return clips.with_x(
            _with_score(x_NCTVM[:, : _places(clips)] / size_N[:, None, None, None, None], x_NCTVM)
        )


def _mean_of(places_NCTV: Tensor, joints: tuple[int, ...]) -> Tensor:
    total_NCT = places_NCTV[..., joints[0]]
    for joint in joints[1:]:
        total_NCT = total_NCT + places_NCTV[..., joint]
    return total_NCT / len(joints)


def _length(span_NCT: Tensor) -> Tensor:
    """(N, T) Euclidean length, added up channel by channel."""
    total_NT = span_NCT[:, 0] * span_NCT[:, 0]
    for c in range(1, span_NCT.shape[1]):
        total_NT = total_NT + span_NCT[:, c] * span_NCT[:, c]
    return total_NT.sqrt()


def _median(length_NT: Tensor) -> Tensor:
    """(N,) the lower median of the lengths that are known and not 0; 1 if there is none."""
    known_NT = length_NT.isfinite() & (length_NT > 0)
    sorted_NT = length_NT.masked_fill(~known_NT, torch.inf).sort(dim=1).values
    middle_N = ((known_NT.sum(dim=1) - 1) // 2).clamp(min=0)
    median_N = sorted_NT.gather(1, middle_N[:, None])[:, 0]
    return torch.where(median_N.isfinite(), median_N, torch.ones_like(median_N))


def _joint_indices(skeleton: Skeleton, joint: str) -> tuple[int, ...]:
    return hip_joints(skeleton) if joint == HIPS else (skeleton.joints.index(joint),)


def _places(clips: Clips) -> int:
    """How many of the channels are coordinates."""
    return 3 if clips.channels == "xyz" else 2


def _with_score(places_NCTVM: Tensor, before_NCTVM: Tensor) -> Tensor:
    """The changed coordinates, and a score as it was."""
    size = places_NCTVM.shape[1]
    if size == before_NCTVM.shape[1]:
        return places_NCTVM
    return torch.cat([places_NCTVM, before_NCTVM[:, size:]], dim=1)


def _first_seen(origin_NCT11: Tensor) -> Tensor:
    """(N, C, 1, 1, 1) the first frame without NaN; 0 if there is none."""
    seen_NT = ~origin_NCT11.isnan().any(dim=1)[:, :, 0, 0]
    first_N = seen_NT.to(torch.uint8).argmax(dim=1)
    n, c = origin_NCT11.shape[:2]
    first_NC111 = origin_NCT11.gather(2, first_N[:, None, None, None, None].expand(n, c, 1, 1, 1))
    return first_NC111.nan_to_num(0.0)

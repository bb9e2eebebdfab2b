"""What is done to clips on their way into the net: batched tensor functions (method.md, section 13).

Letters: N clips, C channels (x, y, z), T frames, V joints, M persons, K joints added up in one row. x_NCTVM
is float32, in the unit of the store (metres) until `min_max`; angles are radians; frames count from 0.

Two rules hold for everything that touches coordinates:
* Only gathers, minima, maxima and element-wise arithmetic, no matrix products. Each output number is then the
  same rounded sum whatever else is in the batch: a clip alone and the same clip in a padded batch agree in
  every bit, and TensorFloat-32 cannot creep in.
* Nothing is read back to the host, so a CUDA stream never waits. The functions marked "host" make the small
  tables of a whole epoch; they need float64 and are meant for CPU tensors.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lst.facts.choices import Modality

SHORTEST_CROP = 64
"""No training crop is shorter than this many frames (quirk Q47 of method.md, section 16)."""


# ---- frames --------------------------------------------------------------------------------


def even_frames(length_N: Tensor, count: int) -> Tensor:
    """Host: clip lengths -> (N, count) evenly spaced frames from first to last, method.md 13.4 step 4 (test).

    trunc(j * step) with step = (L - 1) / (count - 1) in float64, and L - 1 at the end. The integer form
    j * (L - 1) // (count - 1) differs for L = 222 and 52 frames, where a float product falls just below a
    whole number; published numbers were measured with the float form.
    """
    last_N1 = length_N.to(torch.float64)[:, None] - 1
    frames_NT = (torch.arange(count, dtype=torch.float64) * (last_N1 / max(count - 1, 1))).to(torch.int64)
    frames_NT[:, -1] = length_N - 1
    return frames_NT


def train_crop(
    length_N: Tensor, draws_N2: Tensor, *, min_share: float = 0.5, shortest: int = SHORTEST_CROP
) -> tuple[Tensor, Tensor]:
    """Host: clip lengths and two draws in [0, 1) -> (start_N, length_N) of a random crop, 13.1 (train).

    The share of the clip kept is uniform in [min_share, 1], but never fewer than `shortest` frames; the
    start is uniform over all that fit. draws_N2 is float64.
    """
    share_N = min_share + (1 - min_share) * draws_N2[:, 0]
    kept_N = (length_N * share_N).floor().to(torch.int64)
    kept_N = torch.minimum(kept_N.clamp(min=shortest), length_N)
    start_N = (draws_N2[:, 1] * (length_N - kept_N + 1)).floor().to(torch.int64)
    return start_N, kept_N


def centre_crop(length_N: Tensor, *, share: float = 0.95) -> tuple[Tensor, Tensor]:
    """Host: clip lengths -> (start_N, length_N) of the centre crop, method.md 13.1 (test)."""
    bias_N = ((1 - share) * length_N.to(torch.float64) / 2).to(torch.int64)
    return bias_N, length_N - 2 * bias_N


class FrameBlend(NamedTuple):
    """Where each output frame of a resize comes from: (1 - share) * clip[first] + share * clip[second]."""

    first_NT: Tensor
    second_NT: Tensor
    share_NT: Tensor


def blend_frames(start_N: Tensor, length_N: Tensor, count: int) -> FrameBlend:
    """The frames start .. start + length - 1 of each clip, resized to `count`: method.md 13.1.

    Linear, half-pixel centres, clamped at the ends, no smoothing; positions in float32 in the order of
    operations of torch.nn.functional.interpolate(mode="linear", align_corners=False).
    """
    centres_T = torch.arange(count, dtype=torch.float32, device=start_N.device) + 0.5
    position_NT = (length_N.to(torch.float32)[:, None] / count * centres_T - 0.5).clamp(min=0)
    last_N1 = length_N[:, None] - 1
    first_NT = torch.minimum(position_NT.to(torch.int64), last_N1)
    second_NT = torch.minimum(first_NT + 1, last_N1)
    return FrameBlend(start_N[:, None] + first_NT, start_N[:, None] + second_NT, position_NT - first_NT)


def blend(first_NCTVM: Tensor, second_NCTVM: Tensor, share_NT: Tensor) -> Tensor:
    """Mix two gathers of frames as `blend_frames` says."""
    share = share_NT[:, None, :, None, None]
    return (1 - share) * first_NCTVM + share * second_NCTVM


def blend_seen(first_NCTVM: Tensor, second_NCTVM: Tensor, share_NT: Tensor) -> Tensor:
    """The same where a missing joint is NaN: of two frames of which one lacks it, the other one counts."""
    mixed = blend(first_NCTVM, second_NCTVM, share_NT)
    either = torch.where(first_NCTVM.isnan(), second_NCTVM, first_NCTVM)
    return torch.where(mixed.isnan(), either, mixed)


def pick_frames(x_NCTVM: Tensor, frames_NT: Tensor) -> Tensor:
    """The chosen frames of each clip, in the given order."""
    n, c, _, v, m = x_NCTVM.shape
    return x_NCTVM.gather(2, frames_NT[:, None, :, None, None].expand(n, c, frames_NT.shape[1], v, m))


def resize_frames(x_NCTVM: Tensor, start_N: Tensor, length_N: Tensor, count: int) -> Tensor:
    """Crop and resize along time (see `blend_frames`): (N, C, T, V, M) -> (N, C, count, V, M)."""
    frames = blend_frames(start_N, length_N, count)
    return blend(
        pick_frames(x_NCTVM, frames.first_NT), pick_frames(x_NCTVM, frames.second_NT), frames.share_NT
    )


# ---- space --------------------------------------------------------------------------------


def rotation_matrices(angles_N3: Tensor) -> Tensor:
    """Host: angles (a, b, c) about x, y and z -> (N, 3, 3) Rz(c) Ry(b) Rx(a) for column vectors, 13.2."""
    (ca, cb, cc), (sa, sb, sc) = angles_N3.cos().unbind(1), angles_N3.sin().unbind(1)
    rows = [
        [cc * cb, cc * sb * sa + sc * ca, sc * sa - cc * sb * ca],
        [-sc * cb, cc * ca - sc * sb * sa, sc * sb * ca + cc * sa],
        [sb, -cb * sa, cb * ca],
    ]
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)


def view_matrices(angles_N2: Tensor) -> Tensor:
    """Host: angles about x and y -> (N, 3, 3) for column vectors of the view change of method.md 13.4 step 2.

    There a row vector is multiplied from the right by Ry * Rx, so a column vector sees the transpose. The
    scale of that step is left out: `min_max` cancels it.
    """
    no_turn_N1 = torch.zeros_like(angles_N2[:, :1])
    return rotation_matrices(torch.cat([angles_N2, no_turn_N1], dim=1)).transpose(1, 2)


def rotate(x_NCTVM: Tensor, matrices_N33: Tensor) -> Tensor:
    """Turn every clip by its own matrix, all frames and persons alike."""
    x_NTVM, y_NTVM, z_NTVM = x_NCTVM.unbind(1)
    m = matrices_N33[..., None, None, None]
    return torch.stack([m[:, i, 0] * x_NTVM + m[:, i, 1] * y_NTVM + m[:, i, 2] * z_NTVM for i in range(3)], 1)


def rotate_in_plane(x_NCTVM: Tensor, matrices_N33: Tensor) -> Tensor:
    """Turn x and y by the upper left corner of each matrix; a third channel stays."""
    x_NTVM, y_NTVM = x_NCTVM[:, 0], x_NCTVM[:, 1]
    m = matrices_N33[..., None, None, None]
    turned = [m[:, i, 0] * x_NTVM + m[:, i, 1] * y_NTVM for i in range(2)]
    return torch.stack([*turned, *x_NCTVM[:, 2:].unbind(1)], 1)


def axis_range(x_NCTVM: Tensor) -> tuple[Tensor, Tensor]:
    """Smallest and largest value of each clip and axis, each (N, C, 1, 1, 1).

    Padding must repeat frames or persons of the same clip, so that it cannot change the range.
    """
    return x_NCTVM.amin(dim=(2, 3, 4), keepdim=True), x_NCTVM.amax(dim=(2, 3, 4), keepdim=True)


def min_max(x_NCTVM: Tensor, low_NC111: Tensor, high_NC111: Tensor) -> Tensor:
    """Map low .. high of each clip and axis to -1 .. 1, method.md 13.4 step 3.

    An axis without extent becomes 0 (the reference divides by zero, quirk Q57). The range is an argument
    because it belongs to all frames of the clip, while only the picked frames need the arithmetic.
    """
    extent = high_NC111 - low_NC111
    flat = extent == 0
    scaled = 2 * (x_NCTVM - low_NC111) / extent.masked_fill(flat, 1.0) - 1
    return scaled.masked_fill(flat, 0.0)


# ---- modality --------------------------------------------------------------------------------


class JointSum(NamedTuple):
    """A (V, V) joint matrix as the few joints each row adds up; rows are filled up with weight 0."""

    sources_KV: Tensor
    weights_KV: Tensor


def joint_sum(matrix_VV: np.ndarray, device: torch.device) -> JointSum:
    """Host: joint matrix -> the form that `add_joints` takes. Made once, not per batch."""
    matrix_VV = np.asarray(matrix_VV, dtype=np.float32)
    width = max(1, int((matrix_VV != 0).sum(axis=1).max()))
    sources_VK = np.argsort(matrix_VV == 0, axis=1, kind="stable")[
        :, :width
    ]  # columns other than 0 come first
    weights_VK = np.take_along_axis(matrix_VV, sources_VK, axis=1)
    return JointSum(
        torch.from_numpy(sources_VK.T.copy()).to(device), torch.from_numpy(weights_VK.T.copy()).to(device)
    )


def add_joints(x_NCTVM: Tensor, sums: JointSum) -> Tensor:
    """x'[i] = sum over j of matrix[i, j] * x[j], method.md 4.2, without a matrix product."""
    terms = zip(sums.sources_KV, sums.weights_KV, strict=True)
    parts = [x_NCTVM.index_select(3, source_V) * weight_V[:, None] for source_V, weight_V in terms]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def to_motion(x_NCTVM: Tensor) -> Tensor:
    """Next frame minus this one; the last frame has no successor and becomes 0 (method.md 13.3)."""
    return torch.cat([x_NCTVM[:, :, 1:] - x_NCTVM[:, :, :-1], torch.zeros_like(x_NCTVM[:, :, -1:])], dim=2)


def to_modality(x_NCTVM: Tensor, modality: Modality, sums: JointSum | None) -> Tensor:
    """Joint positions -> the stream one net sees, same shape.

    sums: the joint matrix that belongs to this modality; None leaves the joints as they are.
    """
    x = x_NCTVM if sums is None else add_joints(x_NCTVM, sums)
    return to_motion(x) if modality.endswith("motion") else x

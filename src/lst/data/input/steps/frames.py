"""The step that gives every clip the same number of frames. Each pipeline has exactly one.

Letters: N clips, T frames shown. A table has one row per item and is made on the host for a whole epoch.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lst.data.input import draws, transforms
from lst.data.input.steps.step import Draw, Step

_FRAME_COPIES = 100
"""method.md 13.4, step 4: every frame lies in the urn a hundred times."""


class Frames(NamedTuple):
    """Which stored frames are shown: `first`, or (1 - share) * first + share * second."""

    first_NT: Tensor
    second_NT: Tensor | None = None
    share_NT: Tensor | None = None


class FrameStep(Step):
    """A rule for frames. Subclasses have the field `clip_length` and the methods below."""

    clip_length: int

    def draw(self, draw: Draw) -> Tensor:
        """Training: (N, F) int64, what `choose` needs for each item."""
        raise NotImplementedError

    def test(self, lengths_N: Tensor) -> Tensor:
        """The same without anything random. lengths_N: int64 frames of each clip."""
        raise NotImplementedError

    def choose(self, table_NF: Tensor) -> Frames:
        """Rows of such a table -> the frames, on the table's device."""
        raise NotImplementedError

    def window(self, table_NF: np.ndarray, lengths_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(start_N, length_N) of the stretch that is shown: who is there in it counts as present."""
        return np.zeros_like(lengths_N), lengths_N

    def _check_length(self) -> None:
        if self.clip_length < 1:
            raise ValueError(f"{type(self).__name__}: clip_length must be at least 1, got {self.clip_length}")


@dataclass(frozen=True)
class RandomFrames(FrameStep):
    """Training: frames drawn without order and sorted. Test: evenly spaced from the first to the last."""

    clip_length: int

    def __post_init__(self) -> None:
        self._check_length()

    def draw(self, draw: Draw) -> Tensor:
        """The frames themselves."""
        copies = max(_FRAME_COPIES, self.clip_length)  # so that a clip of one frame is always enough
        frames_NT = draws.frames_without_replacement(
            draw.seed,
            draw.epoch,
            draw.keys_N,
            draw.lengths_N,
            self.clip_length,
            repeats_N=draw.repeats_N,
            copies=copies,
        )
        return torch.from_numpy(frames_NT)

    def test(self, lengths_N: Tensor) -> Tensor:
        return transforms.even_frames(lengths_N, self.clip_length)

    def choose(self, table_NF: Tensor) -> Frames:
        return Frames(table_NF)


@dataclass(frozen=True)
class UniformFrames(FrameStep):
    """As many segments of equal length as frames are wanted, and of each segment a frame as it is.

    Of pyskl (arXiv 2205.09443): drawn from the segment in training, its middle at test time. A clip with
    fewer than two frames per segment is shown in order with random skips; one that is too short is run
    through again and again, in training from a random frame on.
    """

    clip_length: int

    def __post_init__(self) -> None:
        self._check_length()

    def draw(self, draw: Draw) -> Tensor:
        """The frames themselves."""
        n = self.clip_length
        u_NT1, lengths_N1 = draw.uniform("frames", n + 1), torch.from_numpy(draw.lengths_N)[:, None]
        place_T = torch.arange(n)
        start_NT, end_NT = place_T * lengths_N1 // n, (place_T + 1) * lengths_N1 // n
        segments_NT = start_NT + (u_NT1[:, :n] * (end_NT - start_NT)).long()
        skipped_NT1 = u_NT1.argsort(dim=1).argsort(dim=1) < lengths_N1 - n  # so many of n + 1 places
        in_order_NT = place_T + skipped_NT1.cumsum(dim=1)[:, :n]
        again_NT = ((u_NT1[:, :1] * lengths_N1).long() + place_T) % lengths_N1
        frames_NT = torch.where(lengths_N1 < 2 * n, in_order_NT, segments_NT)
        return torch.where(lengths_N1 < n, again_NT, frames_NT)

    def test(self, lengths_N: Tensor) -> Tensor:
        place_T, lengths_N1 = torch.arange(self.clip_length, device=lengths_N.device), lengths_N[:, None]
        middle_NT = (2 * place_T + 1) * lengths_N1 // (2 * self.clip_length)
        return torch.where(lengths_N1 < self.clip_length, place_T % lengths_N1, middle_NT)

    def choose(self, table_NF: Tensor) -> Frames:
        return Frames(table_NF)


class _Window(FrameStep):
    """Rules whose table is start and length of a stretch that is resized linearly."""

    def choose(self, table_NF: Tensor) -> Frames:
        return Frames(*transforms.blend_frames(table_NF[:, 0], table_NF[:, 1], self.clip_length))

    def window(self, table_NF: np.ndarray, lengths_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        start_N, length_N = table_NF.T
        return start_N, length_N


@dataclass(frozen=True)
class CropResize(_Window):
    """Training: a random stretch of the clip, resized. Test: the stretch around the centre."""

    clip_length: int
    min_share: float = 0.5
    """Training: smallest share of the clip's frames that is kept."""
    test_share: float = 0.95
    """Test: share of the clip's frames that is kept."""
    shortest: int = transforms.SHORTEST_CROP
    """Training: no stretch is shorter than this many frames, unless the clip is (Q47)."""

    def __post_init__(self) -> None:
        self._check_length()
        for name in ("min_share", "test_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"CropResize: {name} is a share in (0, 1], got {getattr(self, name)}")
        if self.shortest < 1:
            raise ValueError(f"CropResize: shortest must be at least 1 frame, got {self.shortest}")

    def draw(self, draw: Draw) -> Tensor:
        lengths_N = torch.from_numpy(draw.lengths_N)
        crop = transforms.train_crop(
            lengths_N, draw.uniform("crop", 2), min_share=self.min_share, shortest=self.shortest
        )
        return torch.stack(crop, dim=1)

    def test(self, lengths_N: Tensor) -> Tensor:
        return torch.stack(transforms.centre_crop(lengths_N, share=self.test_share), dim=1)


@dataclass(frozen=True)
class Resize(_Window):
    """The whole clip, resized; nothing random."""

    clip_length: int

    def __post_init__(self) -> None:
        self._check_length()

    def draw(self, draw: Draw) -> Tensor:
        return self.test(torch.from_numpy(draw.lengths_N))

    def test(self, lengths_N: Tensor) -> Tensor:
        return torch.stack([torch.zeros_like(lengths_N), lengths_N], dim=1)

"""Rows of clips and a pipeline -> the input of the net, a batch at a time.

Letters: N clips of a batch, T frames, M persons.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lst.data.input import transforms
from lst.data.input.pipeline import InputPipeline
from lst.data.input.rows import ClipRows
from lst.data.input.steps.frames import Frames, FrameStep
from lst.data.input.steps.step import Clips, Draw
from lst.data.input.steps.turns import Rotate, ViewChange

TURNS = (Rotate, ViewChange)


@dataclass(frozen=True)
class Tables:
    """What was drawn or fixed for each item (one showing of one clip), one row per item."""

    clips_N: Tensor
    """Positions among the rows' clips; on the rows' home, as the table of frames is."""
    frames_NF: Tensor
    """Of the step that chooses frames."""
    drawn: tuple[Tensor | None, ...]
    """Of the steps before it and after it, on the training device; None where nothing is drawn."""

    def part(self, where: slice) -> "Tables":
        drawn = tuple(None if table is None else table[where] for table in self.drawn)
        return Tables(self.clips_N[where], self.frames_NF[where], drawn)

    def moved(self, home: torch.device, device: torch.device) -> "Tables":
        """From the host to where they are used; numbers that are not whole become float32."""
        drawn = tuple(None if table is None else _as_float32(table).to(device) for table in self.drawn)
        return Tables(self.clips_N.to(home), self.frames_NF.to(home), drawn)


def draw_tables(pipeline: InputPipeline, clips_N: Tensor, draw: Draw) -> Tables:
    """Host: all draws of an epoch."""
    others = (*pipeline.before, *pipeline.after)
    drawn = tuple(step.draw(draw) for step in others)
    return Tables(clips_N, pipeline.frame_step.draw(draw), drawn)


def fixed_tables(pipeline: InputPipeline, clips_N: Tensor, lengths_N: Tensor) -> Tables:
    """Host: the same with nothing random."""
    nothing = (None,) * (len(pipeline.steps) - 1)
    return Tables(clips_N, pipeline.frame_step.test(lengths_N), nothing)


def sampled_tables(pipeline: InputPipeline, clips_N: Tensor, draw: Draw, *, turns: bool) -> Tables:
    """Host: other frames, as in training, and if asked for other directions of view; nothing else random."""
    others = (*pipeline.before, *pipeline.after)
    drawn = tuple(step.draw(draw) if turns and isinstance(step, TURNS) else None for step in others)
    return Tables(clips_N, pipeline.frame_step.draw(draw), drawn)


class Process:
    """Tables of a batch -> (N, C, T, V, M) float32 on the training device."""

    def __init__(self, rows: ClipRows, pipeline: InputPipeline, device: torch.device) -> None:
        self.rows, self.pipeline, self.device = rows, pipeline, device
        self.frame_step: FrameStep = pipeline.frame_step
        self.before = [step.ready(pipeline.skeleton, device) for step in pipeline.before]
        self.after = [step.ready(pipeline.skeleton, device) for step in pipeline.after]

    def __call__(self, tables: Tables, longest: int) -> Tensor:
        """longest: frames of the longest clip among the items; known on the host, so nothing is read back."""
        frames = self.frame_step.choose(tables.frames_NF)
        if self.pipeline.needs_every_frame:
            whole = self._whole_clips(tables, longest)
            clips = self._chosen(frames, lambda frames_NT: _pick(whole, frames_NT))
        else:
            clips = self._chosen(frames, lambda frames_NT: self._framewise(tables, frames_NT))
        for apply, drawn in zip(self.after, tables.drawn[len(self.before) :], strict=True):
            clips = apply(clips, drawn)
        return clips.x_NCTVM.contiguous()

    def _whole_clips(self, tables: Tables, longest: int) -> Clips:
        """All frames, the last one repeated, after the steps that want them."""
        frame_T = torch.arange(longest, device=tables.clips_N.device)
        last_N1 = self.rows.frames_N[tables.clips_N, None] - 1
        clips = self._gather(tables, torch.minimum(frame_T, last_N1))
        for apply, drawn in zip(self.before, tables.drawn, strict=False):
            clips = apply(clips, drawn)
        return clips

    def _framewise(self, tables: Tables, frames_NT: Tensor) -> Clips:
        """Some frames, after steps that treat each frame by itself."""
        clips = self._gather(tables, frames_NT)
        for apply in self.before:
            clips = apply(clips, None)
        return clips

    def _gather(self, tables: Tables, frames_NT: Tensor) -> Clips:
        p = self.pipeline
        x_NCTVM = self.rows.gather(tables.clips_N, frames_NT, p.num_persons)
        persons_N = self.rows.persons_N[tables.clips_N].to(x_NCTVM.device)
        return Clips(x_NCTVM, persons_N, p.skeleton, p.channels)

    def _chosen(self, frames: Frames, at: Callable[[Tensor], Clips]) -> Clips:
        """The frames that are shown; `at` makes clips out of frame numbers (N, T)."""
        clips = at(frames.first_NT)
        if frames.second_NT is None or frames.share_NT is None:
            return clips
        blend = transforms.blend_seen if self.pipeline.keeps_missing else transforms.blend
        share_NT = frames.share_NT.to(self.device)
        return clips.with_x(blend(clips.x_NCTVM, at(frames.second_NT).x_NCTVM, share_NT))


def _pick(clips: Clips, frames_NT: Tensor) -> Clips:
    return clips.with_x(transforms.pick_frames(clips.x_NCTVM, frames_NT.to(clips.x_NCTVM.device)))


def _as_float32(table: Tensor) -> Tensor:
    return table.float() if table.is_floating_point() else table

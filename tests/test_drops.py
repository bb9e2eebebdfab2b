"""Axis drop, joint drop and uniform frames: what they change, how often, and against lists made by hand."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lst.data.input import draws
from lst.data.input.changes import apply_changes
from lst.data.input.presets import published_pipeline
from lst.data.input.steps.drops import AxisDrop, JointDrop, some_of
from lst.data.input.steps.frames import RandomFrames, UniformFrames
from lst.data.input.steps.known import step_from_json, step_json
from lst.data.input.steps.step import Clips, Draw, Step
from lst.facts.skeleton import get_layout

LAYOUT = get_layout("kinect_v1_20")


def draw(n: int, frames: int = 9, epoch: int = 0) -> Draw:
    keys = draws.clip_keys([f"clip{i}" for i in range(n)])
    return Draw(1, epoch, keys, np.zeros(n, dtype=np.int64), np.full(n, frames, dtype=np.int64))


def clips(n: int, channels: str = "xyz", frames: int = 40) -> Clips:
    x = torch.rand(n, len(channels), frames, 20, 2) + 1
    return Clips(x, torch.full((n,), 2), LAYOUT, channels)  # pyright: ignore[reportArgumentType]


def applied(step: Step, given: Clips, drawn: Tensor) -> Tensor:
    before = given.x_NCTVM.clone()
    out = step.apply(given, drawn.float()).x_NCTVM
    assert torch.equal(given.x_NCTVM, before)
    assert torch.equal(out[out != 0], before[out != 0])  # what is not blanked is as it was
    return out


@pytest.mark.parametrize(("channels", "axes"), [("xyz", 3), ("xy", 2), ("xyc", 2)])
def test_axis_drop_takes_one_whole_axis_of_a_share_of_the_clips(channels: str, axes: int):
    step, n = AxisDrop(0.4), 3000
    out = applied(step, clips(n, channels, frames=2), step.draw(draw(n)))
    gone_NC = (out == 0).all(dim=(2, 3, 4))
    assert torch.equal(gone_NC, (out == 0).any(dim=(2, 3, 4)))
    per_clip = gone_NC.sum(dim=1)
    assert per_clip.max() == 1
    assert per_clip.float().mean().item() == pytest.approx(0.4, abs=0.04)
    counts = gone_NC.sum(dim=0).tolist()
    assert all(abs(count / n - 0.4 / axes) < 0.04 for count in counts[:axes])
    assert not any(counts[axes:])


def test_joint_drop_takes_the_same_joints_in_some_frames():
    step, n = JointDrop(0.5), 400
    out = applied(step, clips(n), step.draw(draw(n)))
    gone = out == 0
    assert torch.equal(gone.all(dim=(1, 4)), gone.any(dim=(1, 4)))  # all axes and persons alike
    gone_NTV = gone[:, 0, :, :, 0]
    joints_NV, frames_NT = gone_NTV.any(dim=1), gone_NTV.any(dim=2)
    assert torch.equal(gone_NTV, frames_NT[:, :, None] & joints_NV[:, None, :])
    hit = joints_NV.any(dim=1)
    assert hit.float().mean().item() == pytest.approx(0.5, abs=0.08)
    assert set(joints_NV[hit].sum(dim=1).tolist()) == set(range(4, 13))
    assert set(frames_NT[hit].sum(dim=1).tolist()) <= set(range(16, 33))
    assert frames_NT[hit].sum(dim=1).float().mean().item() == pytest.approx(24, abs=1)


def test_short_clips_lose_all_their_frames_at_most():
    step = JointDrop(1.0)
    out = applied(step, clips(50, frames=5), step.draw(draw(50)))
    assert ((out == 0).any(dim=(1, 3, 4)).sum(dim=1) == 5).all()


def test_every_choice_is_as_likely_as_any_other():
    n = 12_000
    chosen = some_of(5, torch.full((n,), 2), torch.rand(n, 3, generator=torch.Generator().manual_seed(0)))
    assert (chosen.sum(dim=1) == 2).all()
    pairs = chosen.nonzero()[:, 1].view(n, 2).tolist()
    for pair in combinations(range(5), 2):
        assert pairs.count(list(pair)) / n == pytest.approx(0.1, abs=0.015)


@pytest.mark.parametrize("step", [AxisDrop(), JointDrop()])
def test_nothing_happens_at_test_time_and_json_keeps_the_numbers(step: Step):
    given = clips(2)
    assert step.apply(given, None) is given
    assert step_from_json(step_json(step)) == step


WRONG: list[tuple[type[Step], dict[str, Any], str]] = [
    (AxisDrop, {"share": 1.5}, "AxisDrop: share must be from 0 to 1, got 1.5"),
    (JointDrop, {"share": -1}, "JointDrop: share"),
    (JointDrop, {"min_joints": 13}, "min_joints <= max_joints, got 13 and 12"),
    (JointDrop, {"min_frames": -1}, "min_frames"),
]


@pytest.mark.parametrize(("kind", "numbers", "message"), WRONG)
def test_wrong_numbers_are_refused(kind: type[Step], numbers: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        kind(**numbers)


# --- uniform frames ---


def test_long_clips_give_one_frame_of_every_segment():
    """23 frames in 5 segments: they begin at 0, 4, 9, 13, 18."""
    drawn = UniformFrames(5).draw(draw(2000, frames=23))
    for i, (start, end) in enumerate(zip((0, 4, 9, 13, 18), (4, 9, 13, 18, 23), strict=True)):
        assert set(drawn[:, i].tolist()) == set(range(start, end))
    assert UniformFrames(5).test(torch.tensor([23])).tolist() == [[2, 6, 11, 16, 20]]


def test_clips_that_are_hardly_long_enough_are_shown_in_order_with_skips():
    """7 frames for 5: two of the six gaps are skipped, each pair of gaps as often as any other."""
    drawn = UniformFrames(5).draw(draw(3000, frames=7))
    assert (drawn.diff(dim=1) >= 1).all()
    assert drawn.min() == 0
    assert drawn.max() == 6
    shown = {tuple(row) for row in drawn.tolist()}
    assert shown == {
        tuple(i + sum(gap <= i for gap in skipped) for i in range(5)) for skipped in combinations(range(6), 2)
    }
    exactly = UniformFrames(5).draw(draw(20, frames=5))
    assert exactly.unique(dim=0).tolist() == [[0, 1, 2, 3, 4]]
    assert UniformFrames(5).test(torch.tensor([5, 7])).tolist() == [[0, 1, 2, 3, 4], [0, 2, 3, 4, 6]]


def test_clips_that_are_too_short_are_run_through_again():
    drawn = UniformFrames(5).draw(draw(200, frames=3))
    assert {tuple(row) for row in drawn.tolist()} == {(0, 1, 2, 0, 1), (1, 2, 0, 1, 2), (2, 0, 1, 2, 0)}
    assert UniformFrames(5).test(torch.tensor([1, 3])).tolist() == [[0] * 5, [0, 1, 2, 0, 1]]


def test_a_step_that_chooses_frames_takes_the_place_of_the_other():
    path = published_pipeline(
        layout="kinect_v1_20", modality="joint", clip_length=52, num_persons=1, frames="random_frames"
    )
    changed = apply_changes(path, ["UniformFrames()", "AxisDrop(share=0.25)"])
    assert changed.frame_step == UniformFrames(52)
    assert [type(s) for s in changed.before] == [type(s) for s in path.before]
    assert changed.after[0] == AxisDrop(0.25)
    assert apply_changes(path, ["RandomFrames(clip_length=9)"]).frame_step == RandomFrames(9)

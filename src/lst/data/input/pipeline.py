"""The input path as a value: which steps lie between a stored clip and the net.

A pipeline is a tuple of steps (`data/input/steps/`), each a frozen dataclass with its numbers. Exactly one of
them is a `FrameStep`, which chooses the frames that the net sees; the others change coordinates. The order is
the order of the arithmetic, and it also says what must be fetched: steps after the frame step work on the
chosen frames only, and so only these are gathered; steps before it need every frame of the clip (MinMax takes
the range of all), unless all of them are `framewise`. Everything random is drawn on the host at the start of
an epoch, for all clips at once, from (seed, epoch, clip id, repeat); at test time nothing is drawn and a step
gets None. The whole list stands in the card of a checkpoint (`pipeline_card.py`), so that use matches
training. The published paths and one for own recordings are made in `presets.py`.
"""

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from lst.data.input.steps.frames import FrameStep
from lst.data.input.steps.known import make_step, step_name
from lst.data.input.steps.missing import FillMissing
from lst.data.input.steps.persons import EmptySlots
from lst.data.input.steps.space import Centre, MinMax, ScaleBody
from lst.data.input.steps.step import Step
from lst.data.input.steps.stream import Stream
from lst.facts.choices import Modality
from lst.facts.coordinates import Channels
from lst.facts.skeleton import Skeleton

CLOSING = (FillMissing, EmptySlots, Stream)
"""Steps that come last: `InputPipeline.adding` puts a new step before the first of them."""

S = TypeVar("S", bound=Step)


@dataclass(frozen=True, kw_only=True)
class InputPipeline:
    """What happens between a stored clip and the net.

    Raises:
        ValueError: not exactly one step that chooses frames, or a step that cannot work on such clips.
    """

    skeleton: Skeleton
    num_persons: int
    """Persons the net sees; further persons are left out."""
    steps: tuple[Step, ...]
    channels: Channels = "xyz"
    """What the numbers of a stored joint are."""

    def __post_init__(self) -> None:
        if self.num_persons < 1:
            raise ValueError(f"pipeline: num_persons must be at least 1, got {self.num_persons}")
        if (count := sum(isinstance(step, FrameStep) for step in self.steps)) != 1:
            names = ", ".join(map(step_name, self.steps)) or "none"
            raise ValueError(
                "pipeline: exactly one step must choose the frames (RandomFrames, CropResize, Resize, "
                f"UniformFrames), found {count} among {names}"
            )
        channels = self.channels
        for step in self.steps:
            step.check(self.skeleton, channels)
            channels = step.channels_after(channels)

    def __repr__(self) -> str:
        lines = "\n".join(f"  {step!r}," for step in self.steps)
        return f"InputPipeline({self.skeleton.name}, {self.channels}, {self.num_persons} persons:\n{lines}\n)"

    @property
    def layout(self) -> str:
        return self.skeleton.name

    @property
    def frame_step(self) -> FrameStep:
        return next(step for step in self.steps if isinstance(step, FrameStep))

    @property
    def before(self) -> tuple[Step, ...]:
        """Steps before the frame step."""
        return self.steps[: self.steps.index(self.frame_step)]

    @property
    def after(self) -> tuple[Step, ...]:
        return self.steps[len(self.before) + 1 :]

    @property
    def needs_every_frame(self) -> bool:
        return not all(step.framewise for step in self.before)

    @property
    def clip_length(self) -> int:
        """Frames the net sees."""
        return self.frame_step.clip_length

    @property
    def net_channels(self) -> int:
        """Channels the net sees."""
        channels = self.channels
        for step in self.steps:
            channels = step.channels_after(channels)
        return len(channels)

    @property
    def keeps_missing(self) -> bool:
        """Whether missing joints travel as NaN; otherwise they are 0 from the start."""
        return self.has(FillMissing)

    @property
    def centres(self) -> bool:
        """Whether it does not matter where the origin of the recordings lies."""
        return self.has(Centre) or self.has(MinMax)

    @property
    def scales(self) -> bool:
        """Whether it does not matter in what unit the recordings are."""
        return self.has(ScaleBody) or self.has(MinMax)

    @property
    def modality(self) -> Modality:
        """The stream that the net sees."""
        return self.find(Stream).modality if self.has(Stream) else "joint"

    def joint_matrix(self) -> np.ndarray | None:
        """(V, V) matrix that makes the modality out of joint positions; None where they stay as they are."""
        return self.find(Stream).joint_matrix(self.skeleton) if self.has(Stream) else None

    def has(self, kind: type[Step]) -> bool:
        return any(type(step) is kind for step in self.steps)

    def find(self, kind: type[S]) -> S:
        """The first step of this class; ValueError if there is none."""
        found = [step for step in self.steps if type(step) is kind]
        if not found:
            names = ", ".join(map(step_name, self.steps))
            raise ValueError(f"pipeline: has no step {step_name(kind)}, only {names}")
        return found[0]

    def changing(self, kind: type[Step], **numbers: Any) -> "InputPipeline":
        """The same pipeline with other numbers in its first step of this class. Errors as `make_step`."""
        old = self.find(kind)
        values = {**vars(old), **numbers}
        return self._with(tuple(make_step(kind, values) if step is old else step for step in self.steps))

    def adding(self, *steps: Step) -> "InputPipeline":
        """The same pipeline with these steps before its closing ones, so that they see joint positions.

        That is after the frames are chosen, in the published paths and in that for own recordings. A step
        that chooses frames takes the place of the one that is there.
        """
        for step in steps:
            if isinstance(step, FrameStep):
                same = tuple(step if isinstance(old, FrameStep) else old for old in self.steps)
                return self._with(same).adding(*(other for other in steps if other is not step))
        at = next((i for i, step in enumerate(self.steps) if isinstance(step, CLOSING)), len(self.steps))
        return self._with((*self.steps[:at], *steps, *self.steps[at:]))

    def without(self, kind: type[Step]) -> "InputPipeline":
        """The same pipeline without its first step of this class."""
        gone = self.find(kind)
        return self._with(tuple(step for step in self.steps if step is not gone))

    def _with(self, steps: tuple[Step, ...]) -> "InputPipeline":
        return replace(self, steps=steps)

"""The input paths by name: the two published ones, and one for recordings of one's own."""

from functools import partial
from typing import get_args

from lst.data.input.pipeline import InputPipeline
from lst.data.input.steps.frames import CropResize, RandomFrames
from lst.data.input.steps.missing import FillMissing, FindMissing
from lst.data.input.steps.persons import EmptySlots
from lst.data.input.steps.space import Centre, MinMax, ScaleBody
from lst.data.input.steps.step import Step
from lst.data.input.steps.stream import BonesRule, Stream
from lst.data.input.steps.turns import Rotate, ViewChange
from lst.facts.benchmarks import Benchmark
from lst.facts.choices import FramesRule, MissingPerson, Modality, choose
from lst.facts.coordinates import Coordinates
from lst.facts.joint_roles import joint_roles
from lst.facts.own_layout import LayoutLike, as_layout
from lst.facts.skeleton import Skeleton


def random_frames(
    skeleton: Skeleton,
    *,
    modality: Modality,
    clip_length: int,
    num_persons: int,
    bones: BonesRule = "parent",
    missing_person: MissingPerson = "zeros",
    max_view_degrees: int = 60,
) -> InputPipeline:
    """NW-UCLA (method.md 13.4): centred, turned, scaled to a box, frames drawn."""
    steps: tuple[Step, ...] = (
        # The Spine of kinect_v1_20. Any joint would do: MinMax cancels the step but for its rounding.
        Centre(skeleton.joints[min(1, skeleton.num_joints - 1)]),
        ViewChange(max_view_degrees),
        MinMax(),
        RandomFrames(clip_length),
        EmptySlots(missing_person),
        Stream(modality, bones),
    )
    return InputPipeline(skeleton=skeleton, num_persons=num_persons, steps=steps)


def crop_resize(
    skeleton: Skeleton,
    *,
    modality: Modality,
    clip_length: int,
    num_persons: int,
    bones: BonesRule = "parent",
    missing_person: MissingPerson = "zeros",
    max_rotation: float = 0.3,
    min_crop: float = 0.5,
    test_crop: float = 0.95,
) -> InputPipeline:
    """NTU RGB+D (method.md 13.1 and 13.2): a stretch of the clip, resized and turned."""
    steps: tuple[Step, ...] = (
        CropResize(clip_length, min_crop, test_crop),
        Rotate(max_rotation),
        EmptySlots(missing_person),
        Stream(modality, bones),
    )
    return InputPipeline(skeleton=skeleton, num_persons=num_persons, steps=steps)


def own_pipeline(
    skeleton: Skeleton,
    coordinates: Coordinates,
    modality: Modality,
    clip_length: int,
    num_persons: int,
) -> InputPipeline:
    """Recordings of one's own: a stretch of the clip resized, centred on the hips of the first frame.

    3-D is taken in metres with y up and stays in metres. Pictures (x, y or x, y, score) are scaled to the
    length of the torso, or to the box around the body where the layout names no hips and shoulders, and turn
    in their plane only. Missing joints stay out of the arithmetic and are 0 at the end; with x, y the net
    gets a third channel that says which joints were seen.
    """
    channels = coordinates.channels
    size = "torso" if joint_roles(skeleton).has_torso else "box"
    scale: tuple[Step, ...] = () if channels == "xyz" else (ScaleBody(size),)
    steps: tuple[Step, ...] = (
        FindMissing(),
        CropResize(clip_length, min_share=0.6, test_share=0.95, shortest=min(clip_length, 16)),
        Centre(),
        *scale,
        Rotate(0.3) if channels == "xyz" else Rotate(0.2, "z"),
        Stream(modality),
        FillMissing(),
        EmptySlots(),
    )
    return InputPipeline(skeleton=skeleton, num_persons=num_persons, steps=steps, channels=channels)


def benchmark_pipeline(
    benchmark: Benchmark, modality: Modality, *, clip_length: int | None = None, gap: bool = False
) -> InputPipeline:
    """The input path of a benchmark: as published, or for own recordings, whose coordinates are written down.

    clip_length: the benchmark's if not given. gap: bones and empty slots as in GAP's code.
    """
    length = clip_length or benchmark.clip_length
    if benchmark.coordinates is not None and not gap:
        return own_pipeline(
            benchmark.skeleton, benchmark.coordinates, modality, length, benchmark.num_persons
        )
    return published_pipeline(
        layout=benchmark.layout,
        modality=modality,
        clip_length=length,
        num_persons=benchmark.num_persons,
        frames=benchmark.frames,
        bones="gap" if gap else "parent",
        missing_person=benchmark.missing_person if gap else "zeros",
    )


def published_pipeline(
    *,
    layout: LayoutLike,
    modality: Modality,
    clip_length: int,
    num_persons: int,
    frames: FramesRule,
    bones: BonesRule = "parent",
    missing_person: MissingPerson = "zeros",
    max_view_degrees: int = 60,
    max_rotation: float = 0.3,
    min_crop: float = 0.5,
    test_crop: float = 0.95,
) -> InputPipeline:
    """One of the two by its name. The arguments are the fields that cards had before they listed steps."""
    choose("frames rule", frames, dict.fromkeys(get_args(FramesRule)))
    if frames == "random_frames":
        path = partial(random_frames, max_view_degrees=max_view_degrees)
    else:
        path = partial(crop_resize, max_rotation=max_rotation, min_crop=min_crop, test_crop=test_crop)
    return path(
        as_layout(layout),
        modality=modality,
        clip_length=clip_length,
        num_persons=num_persons,
        bones=bones,
        missing_person=missing_person,
    )

"""The steps that a card or a command line may name, and a step as JSON: its name and every number."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from lst.data.input.steps.drops import AxisDrop, JointDrop
from lst.data.input.steps.frames import CropResize, RandomFrames, Resize, UniformFrames
from lst.data.input.steps.missing import FillMissing, FindMissing
from lst.data.input.steps.persons import EmptySlots
from lst.data.input.steps.space import Centre, MinMax, ScaleBody
from lst.data.input.steps.step import Step
from lst.data.input.steps.stream import Stream
from lst.data.input.steps.turns import Mirror, Rotate, ViewChange
from lst.facts.choices import choose

STEPS: dict[str, type[Step]] = {
    step.__name__: step
    for step in (
        *(Centre, CropResize, EmptySlots, FillMissing, FindMissing, Mirror, MinMax, RandomFrames, Resize),
        *(AxisDrop, JointDrop, Rotate, ScaleBody, Stream, UniformFrames, ViewChange),
    )
}


def step_name(step: Step | type[Step]) -> str:
    """`Rotate` for a step of lst; with its module for any other: `my_steps.Jitter`."""
    kind = step if isinstance(step, type) else type(step)
    own = STEPS.get(kind.__name__) is kind
    return kind.__name__ if own else f"{kind.__module__}.{kind.__qualname__}"


def step_json(step: Step) -> dict[str, Any]:
    """{"step": "Rotate", "max_radians": 0.3, ...}"""
    return {"step": step_name(step), **asdict(step)}  # pyright: ignore[reportArgumentType]


def step_from_json(values: Mapping[str, Any], foreign: Sequence[type[Step]] = ()) -> Step:
    """The step that `step_json` wrote. Nothing is imported: classes that are not of lst must be handed in.

    Raises:
        ValueError: an unknown step or field, or a value of another kind or out of range.
    """
    numbers = dict(values)
    name = str(numbers.pop("step", ""))
    handed_in = {step_name(kind): kind for kind in foreign}
    if "." in name and name not in handed_in:
        raise ValueError(
            f"step {name!r} is not one of lst, and code is never imported because a file names it; hand its "
            f"class in: load_checkpoint(folder, steps=[{name.rpartition('.')[2]}])"
        )
    return make_step(choose("step", name, {**STEPS, **handed_in}), numbers)


def make_step(kind: type[Step], numbers: Mapping[str, Any]) -> Step:
    """A step from plain values. Errors as `step_from_json`."""
    known = {field.name: field for field in fields(kind)}  # pyright: ignore[reportArgumentType]
    name = kind.__name__
    for number in numbers:
        choose(f"field of {name}", number, known)
    if missing := [n for n, f in known.items() if n not in numbers and f.default is MISSING]:
        raise ValueError(f"{name} needs {', '.join(missing)}")
    for number, hint in get_type_hints(kind).items():
        if get_origin(hint) is Literal and isinstance(value := numbers.get(number), str):
            choose(f"{name}.{number}", value, dict.fromkeys(get_args(hint)))
    try:
        return msgspec.convert(dict(numbers), kind)
    except msgspec.ValidationError as error:
        text = str(error)
        raise ValueError(text if text.startswith(name) else f"{name}: {text}") from None

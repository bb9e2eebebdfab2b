"""Changes of a pipeline in words, as recipes and the command line name them.

    Rotate.max_radians=0.2             another number of a step
    Rotate=off                         the step is left out
    UniformFrames()                    another rule for the frames, in the place of the one there is
    Mirror(share=0.5)                  one more step, on joint positions (`InputPipeline.adding`)
    my_steps.Jitter(metres=0.01)       the same with a class of one's own, imported from my_steps.py

The name of a step is that of its class; capital letters do not matter.
"""

import ast
import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from lst.data.input.pipeline import InputPipeline
from lst.data.input.steps.frames import FrameStep
from lst.data.input.steps.known import STEPS, make_step, step_name
from lst.data.input.steps.step import Step
from lst.facts.choices import choose


def apply_changes(pipeline: InputPipeline, changes: Sequence[str]) -> InputPipeline:
    """The pipeline with these changes, in their order.

    Raises:
        ValueError: a text of another form, or a name or number that does not exist. Names the nearest.
    """
    for change in changes:
        try:
            pipeline = _apply(pipeline, change)
        except ValueError as error:
            raise ValueError(f"input change {change!r}: {error}") from None
    return pipeline


def _apply(pipeline: InputPipeline, change: str) -> InputPipeline:
    if change.rstrip().endswith(")"):
        return pipeline.adding(_new_step(change, pipeline))
    name, equals, value = change.partition("=")
    step, dot, number = name.strip().partition(".")
    kind = _one_of(step, {step_name(s): type(s) for s in pipeline.steps})
    if equals and not dot and value.strip() == "off":
        return pipeline.without(kind)
    if not (equals and dot):
        raise ValueError("expected Step.number=value, Step=off or Step(number=value)")
    return pipeline.changing(kind, **{number: _value(value)})


def _new_step(text: str, pipeline: InputPipeline) -> Step:
    """`Mirror(share=0.5)`; a name with a dot is a class of the user's own, which the user thereby runs."""
    try:
        call = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"is not of the form Step(number=value): {error.msg}") from None
    if not isinstance(call, ast.Call) or call.args or any(k.arg is None for k in call.keywords):
        raise ValueError("is not of the form Step(number=value)")
    name = ast.unparse(call.func)
    kind = _imported(name) if "." in name else _one_of(name, STEPS)
    numbers = {str(k.arg): _value(ast.unparse(k.value)) for k in call.keywords}
    if issubclass(kind, FrameStep):  # it takes the place of another one, whose length it has if none is given
        numbers.setdefault("clip_length", pipeline.clip_length)
    return make_step(kind, numbers)


def _imported(name: str) -> type[Step]:
    module, _, attribute = name.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"cannot import {attribute} from {module}: {error}") from None
    if not (isinstance(kind, type) and issubclass(kind, Step)):
        raise ValueError(f"{name} is no step: its class must be derived from lst.data.input.steps.step.Step")
    return kind


def _one_of(name: str, kinds: Mapping[str, type[Step]]) -> type[Step]:
    """By name, whatever the capital letters."""
    by_lower = {known.lower(): known for known in kinds}
    return choose("step", by_lower.get(name.strip().lower(), name.strip()), kinds)


def _value(text: str) -> Any:
    """A number, True, False, a tuple, or else the text as it is."""
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        return text.strip()

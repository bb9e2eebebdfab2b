"""A pipeline as JSON, as the card of a checkpoint holds it, and back; cards of older versions too."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from inspect import signature
from typing import Any, get_args

from lst.data.input.pipeline import InputPipeline
from lst.data.input.presets import published_pipeline
from lst.data.input.steps.known import step_from_json, step_json
from lst.data.input.steps.step import Step
from lst.facts.choices import choose
from lst.facts.coordinates import Channels
from lst.facts.own_layout import as_layout, layout_json


def pipeline_json(pipeline: InputPipeline) -> dict[str, Any]:
    """Every number of every step; the layout by its name, or all of it if it is not one of lst."""
    return {
        "layout": layout_json(pipeline.skeleton),
        "channels": pipeline.channels,
        "num_persons": pipeline.num_persons,
        "steps": [step_json(step) for step in pipeline.steps],
    }


def pipeline_from_json(values: Mapping[str, Any], *, steps: Sequence[type[Step]] = ()) -> InputPipeline:
    """The pipeline that `pipeline_json` wrote, or an lst that had two fixed paths (`frames`, `max_rotation`).

    steps: classes of steps that are not lst's.

    Raises:
        ValueError: unknown steps, fields or names, or values out of range.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"input: expected an object with steps, got {type(values).__name__}")
    if "steps" not in values:
        return _from_old(values)
    known = {field.name: None for field in fields(InputPipeline) if field.name != "skeleton"}
    for name in values:
        choose("field of input", name, known | {"layout": None})
    missing = [name for name in ("layout", "num_persons") if name not in values]
    if missing or not isinstance(values["steps"], list):
        raise ValueError(f"input: lacks {', '.join(missing) or 'a list of steps'}; copy the checkpoint again")
    if not isinstance(values["num_persons"], int):
        raise ValueError(f"input: num_persons must be a whole number, got {values['num_persons']!r}")
    channels = values.get("channels", "xyz")
    choose("channels", channels, dict.fromkeys(get_args(Channels)))
    return InputPipeline(
        skeleton=as_layout(values["layout"]),
        channels=channels,
        num_persons=values["num_persons"],
        steps=tuple(_step(i, step, steps) for i, step in enumerate(values["steps"])),
    )


def _step(number: int, values: object, foreign: Sequence[type[Step]]) -> Step:
    if not isinstance(values, Mapping):
        raise ValueError(f"input: step {number} is {values!r}, expected an object with its name and numbers")
    return step_from_json(values, foreign)


def _from_old(values: Mapping[str, Any]) -> InputPipeline:
    known = signature(published_pipeline).parameters
    for name in values:
        choose("field of input", name, known)
    if missing := [name for name, p in known.items() if p.default is p.empty and name not in values]:
        raise ValueError(f"input: lacks {', '.join(missing)}; copy the checkpoint again")
    return published_pipeline(**values)

"""How options look in `--help`: PATH instead of {None}|PATH, "none" instead of None."""

import re
from dataclasses import replace
from types import UnionType
from typing import Any, Union, get_args, get_origin

from tyro.constructors import (
    ConstructorRegistry,
    PrimitiveConstructorSpec,
    PrimitiveTypeInfo,
    UnsupportedTypeAnnotationError,
)

_NONE = "none"
_MANY = re.compile(r"^\[(\S+) \[\1 \.\.\.\]\]$")


def plain_options() -> ConstructorRegistry:
    """To be entered around every parsing of options."""
    registry = ConstructorRegistry()
    registry.primitive_rule(_optional)
    registry.primitive_rule(_several)
    return registry


def _optional(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """`X | None` is written like X, and the word None still takes back what a recipe has."""
    inner = [kind for kind in get_args(info.type) if kind is not type(None)]
    if info.type_origin not in (Union, UnionType) or len(inner) == len(get_args(info.type)):
        return None
    kind: Any = inner[0] if len(inner) == 1 else Union[tuple(inner)]  # noqa: UP007 - made at run time
    spec = ConstructorRegistry.get_primitive_spec(PrimitiveTypeInfo.make(kind, info.markers))
    if isinstance(spec, UnsupportedTypeAnnotationError):
        return None

    def from_words(words: list[str]) -> Any:
        return None if words == ["None"] else spec.instance_from_str(words)

    def to_words(value: Any) -> list[str]:
        return [_NONE] if value is None else spec.str_from_instance(value)

    choices = None if spec.choices is None else (*spec.choices, "None")
    return replace(
        spec,
        choices=choices,
        instance_from_str=from_words,
        is_instance=lambda value: value is None or spec.is_instance(value),
        str_from_instance=to_words,
    )


_inside: list[object] = []


def _several(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """A list of any length is "PATH ..." instead of "[PATH [PATH ...]]"."""
    if get_origin(info.type) not in (tuple, list) or _inside:
        return None
    _inside.append(info)
    try:
        spec = ConstructorRegistry.get_primitive_spec(info)
    finally:
        _inside.pop()
    if isinstance(spec, UnsupportedTypeAnnotationError):
        return None
    found = _MANY.match(spec.metavar)
    metavar = f"{found[1]} ..." if found else spec.metavar
    return replace(
        spec, metavar=metavar, str_from_instance=lambda value: spec.str_from_instance(value) or [_NONE]
    )

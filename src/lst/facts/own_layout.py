"""Layouts of one's own beside those that ship: a name for the latter, the whole layout for the former."""

from collections.abc import Mapping
from typing import Any

import msgspec

from lst.facts.skeleton import LAYOUTS, Skeleton, get_layout

LayoutLike = str | Skeleton | Mapping[str, Any]
"""A name of a shipped layout, a layout, or one as `layout_json` gives it."""

_KEPT = ("name", "joints", "parents", "parts", "graph_parents", "unit", "up", "dims", "source")
"""What a file has of a layout. GAP's tables exist for shipped layouts only."""


def as_layout(layout: LayoutLike) -> Skeleton:
    """The layout that is meant.

    Raises:
        ValueError: there is no layout of this name, or the description is not that of a layout.
    """
    if isinstance(layout, Skeleton):
        return layout
    if isinstance(layout, str):
        return get_layout(layout)
    try:
        return msgspec.convert(dict(layout), Skeleton)
    except msgspec.ValidationError as error:
        raise ValueError(f"layout {layout.get('name')!r}: {error}") from error


def layout_json(layout: str | Skeleton) -> str | dict[str, Any]:
    """For files: the name of a shipped layout, else all of it as plain data.

    Raises:
        ValueError: a layout of one's own has the name of a shipped one but is another.
    """
    if isinstance(layout, str):
        return get_layout(layout).name
    shipped = LAYOUTS.get(layout.name)
    if shipped == layout:
        return layout.name
    if shipped is not None:
        raise ValueError(
            f"layout {layout.name!r}: is the name of a layout of lst, and this one differs from it; "
            "give it another name"
        )
    values = {name: getattr(layout, name) for name in _KEPT}
    plain = msgspec.to_builtins({name: value for name, value in values.items() if value is not None})
    if layout.to_kinect_v2:
        plain["to_kinect_v2"] = [list(joints) for joints in layout.to_kinect_v2]
        plain["substitutes"] = sorted(layout.substitutes)
    return plain

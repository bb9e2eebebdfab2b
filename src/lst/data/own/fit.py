"""A recording onto a layout: joints by name, metres, y up.

Letters: M persons, T frames, V joints, C channels.
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from lst.data.own.names import layout_of_names, sources_of
from lst.data.own.recording import ReadError, Recording
from lst.facts.choices import choose
from lst.facts.coordinates import Unit, Up
from lst.facts.skeleton import LAYOUTS, Skeleton, get_layout

PER_METRE = {"m": 1.0, "cm": 100.0, "mm": 1000.0}
ALSO = {"metres": "m", "meters": "m", "millimetres": "mm", "centimetres": "cm", "pixels": "px", "+y": "y"}
"""Other words for units and axes."""
_LEAST_SHARE = 0.6
"""A layout of which fewer joints are found by name is not the layout of the file."""


@dataclass(frozen=True)
class Wanted:
    """What recordings are to become, and what their files do not say. Empty = as the file or layout says."""

    layout: Skeleton | None = None
    joints: tuple[str, ...] = ()
    unit: str = ""
    up: str = ""


def fitted(recording: Recording, wanted: Wanted) -> tuple[Recording, Skeleton]:
    """In the joint order of the layout, in metres (3-D; pixels stay pixels) with y up, and the layout.

    Raises:
        ReadError: the joints are not known, or too few of them are joints of the layout.
    """
    names, layout, remarks = _names(recording, wanted)
    recording = replace(recording, remarks=recording.remarks + remarks)
    if names:
        recording = _ordered(recording, names, layout)
    return _converted(recording, layout, wanted), layout


def _names(recording: Recording, wanted: Wanted) -> tuple[tuple[str, ...], Skeleton, Counter[str]]:
    """Names of the joints in the file (empty = those of the layout, in its order), and the layout."""
    count, is_3d = recording.joints_MTVC.shape[2], recording.joints_MTVC.shape[3] == 3
    if wanted.joints and len(wanted.joints) != count:
        raise ReadError(f"has {count} joints, but --joints names {len(wanted.joints)}")
    own = get_layout(recording.layout) if recording.layout else None
    names = wanted.joints or recording.joint_names or (own.joints if own else ())
    if names:
        layout = wanted.layout or (own if own and not wanted.joints else layout_of_names(names))
        if layout is None:
            first = ", ".join(names[:6])
            raise ReadError(
                f"its {count} joints ({first}, ...) are those of no known layout; say --layout: a name "
                "(the joints are matched by theirs) or a file of your own"
            )
        return names, layout, Counter()
    if wanted.layout is not None:
        if wanted.layout.num_joints != count:
            raise ReadError(
                f"has {count} joints without names, but {wanted.layout.name} has {wanted.layout.num_joints}; "
                "name them (--joints FILE), or choose the layout that they have"
            )
        return (), wanted.layout, Counter()
    alike = [x for x in LAYOUTS.values() if x.num_joints == count and (x.dims == 3) == is_3d]
    if len(alike) != 1:
        known = ", ".join(f"{x.name} ({x.num_joints})" for x in LAYOUTS.values())
        raise ReadError(
            f"has {count} joints in {'3-D' if is_3d else '2-D'} without names; say which: --layout ({known}) "
            "or --joints FILE"
        )
    return (), alike[0], Counter({f"recordings assumed to have the joint order of {alike[0].name}": 1})


def _ordered(recording: Recording, names: tuple[str, ...], layout: Skeleton) -> Recording:
    """The joints of the layout from those of the file; what it lacks is NaN or a stand-in, with a word."""
    sources, stand_ins = sources_of(names, layout)
    found = [joint for joint, source in zip(layout.joints, sources, strict=True) if source]
    matched = len(found) - len(stand_ins)
    if matched < min(_LEAST_SHARE * layout.num_joints, 0.9 * len(names)) or matched < 2:
        lacking = [j for j, s in zip(layout.joints, sources, strict=True) if not s or j in stand_ins]
        raise ReadError(
            f"only {matched} of the {layout.num_joints} joints of {layout.name} are found by name (not "
            f"{', '.join(lacking[:4])}); the file has {', '.join(names[:6])}, ..."
        )
    joints = [
        recording.joints_MTVC[:, :, list(source)].mean(axis=2) if source else None for source in sources
    ]
    nothing = np.full((*recording.joints_MTVC.shape[:2], recording.joints_MTVC.shape[-1]), np.nan)
    joints_MTVC = np.stack([nothing if joint is None else joint for joint in joints], axis=2)
    scores_MTV = None
    if recording.scores_MTV is not None:
        columns = [
            recording.scores_MTV[:, :, list(source)].min(axis=2) if source else np.zeros(nothing.shape[:2])
            for source in sources
        ]
        scores_MTV = np.stack(columns, axis=2)
    remarks: Counter[str] = Counter()
    if stand_ins:
        remarks[f"recordings with stand-ins for {', '.join(stand_ins)}"] = 1
    if lacking := [joint for joint, source in zip(layout.joints, sources, strict=True) if not source]:
        remarks[f"recordings without {', '.join(lacking[:5])}{', ...' if len(lacking) > 5 else ''}"] = 1
    return replace(
        recording,
        joints_MTVC=joints_MTVC,
        scores_MTV=scores_MTV,
        joint_names=layout.joints,
        remarks=recording.remarks + remarks,
    )


def _converted(recording: Recording, layout: Skeleton, wanted: Wanted) -> Recording:
    """Metres and y up. What is in pixels, or in shares of the picture, keeps its unit."""
    unit = _word(wanted.unit or recording.unit)
    up = _word(wanted.up or recording.up)
    if not unit:
        unit = "px" if recording.joints_MTVC.shape[-1] == 2 else "m"
    if not up:
        up = "-y" if recording.joints_MTVC.shape[-1] == 2 else "y"
    joints_MTVC = turned(recording.joints_MTVC, up)
    remarks: Counter[str] = Counter()
    if factor := PER_METRE.get(unit):
        joints_MTVC = joints_MTVC / factor
        if factor != 1:
            remarks[f"recordings turned from {unit} into metres"] = 1
            unit = "m"
    if up != "y":
        remarks[f"recordings turned from {up} up to y up"] = 1
    return replace(recording, joints_MTVC=joints_MTVC, unit=unit, up="y", remarks=recording.remarks + remarks)


def unit_of(text: str) -> str:
    """A unit by one of its names; empty stays empty.

    Raises:
        ValueError: there is no such unit.
    """
    return choose("unit", _word(text), {name: name for name in ("", *get_args(Unit))})


def up_of(text: str) -> str:
    """As `unit_of`, for the axis that points up."""
    return choose("up axis", _word(text), {name: name for name in ("", *get_args(Up))})


def _word(text: str) -> str:
    return ALSO.get(text, text)


def turned(joints_MTVC: np.ndarray, up: str) -> np.ndarray:
    """The axis `up` becomes +y by a rotation, so left stays left. A picture (2-D) has y down: y is negated.

    From y down the turn is about z: with x to the right and z away from the camera, as MediaPipe and Azure
    Kinect have it, that gives the axes of Kinect v2, x to the left and z away.

    Raises:
        ReadError: a picture whose up axis is not y.
    """
    if up == "y":
        return joints_MTVC
    if joints_MTVC.shape[-1] == 2:
        if up != "-y":
            raise ReadError(f"2-D poses with {up} up; expected y or -y")
        return joints_MTVC * np.array([1.0, -1.0])
    order, signs = _TURNS[up]
    return joints_MTVC[..., order] * np.array(signs)


_TURNS: dict[str, tuple[list[int], list[float]]] = {
    "-y": ([0, 1, 2], [-1.0, -1.0, 1.0]),
    "z": ([0, 2, 1], [1.0, 1.0, -1.0]),
    "-z": ([0, 2, 1], [1.0, -1.0, 1.0]),
    "x": ([1, 0, 2], [-1.0, 1.0, 1.0]),
    "-x": ([1, 0, 2], [1.0, -1.0, 1.0]),
}
"""Up axis -> the source of the new x, y, z and its sign."""

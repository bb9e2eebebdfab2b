"""A layout of one's own in a small file, TOML or JSON:

name = "lab_15"
joints = ["pelvis", "neck", "head", "left_hip", ...]
dims = 3                                  # or 2
[parents]                                 # child = parent; exactly one joint, the root, has none
neck = "pelvis"
[parts]                                   # optional: made from words in the names if they tell it
head = ["neck", "head"]
hand = [...]                              # hands and arms
hip = [...]
foot = [...]                              # legs and feet
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lst.facts.body_parts import JOINT_WORDS, PROMPT_PARTS, PartName
from lst.facts.skeleton import LAYOUTS, Skeleton, get_layout

_KEYS = {"name", "joints", "parents", "parts", "unit", "up", "dims"}
_HEAD_WORDS = ("head", "neck", "nose", "eye", "ear", "mouth", "jaw", "face")
_HIP_WORDS = ("hip", "pelvis", "spine", "waist", "torso", "chest", "root", "abdomen", "thorax")


def find_layout(text: str) -> Skeleton:
    """The layout of that name, or in that file.

    Raises:
        ValueError: there is neither, or the file does not describe a layout.
    """
    path = Path(text)
    if text not in LAYOUTS and (path.suffix.lower() in (".toml", ".json") or path.is_file()):
        return read_layout(path)
    return get_layout(text)


def read_layout(path: Path) -> Skeleton:
    """The layout in a TOML or JSON file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it does not describe a layout; names the file and the reason.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. Give a layout file, or one of {', '.join(LAYOUTS)}.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
        return layout_from(content, default_name=path.stem)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from None


def layout_from(content: Any, *, default_name: str) -> Skeleton:
    """Plain data -> a checked layout.

    Raises:
        ValueError: keys are unknown or missing, or the joints do not make a skeleton.
    """
    if not isinstance(content, dict):
        raise ValueError(f"expected a table with joints and parents, got a {type(content).__name__}")
    if unknown := sorted(set(content) - _KEYS):
        raise ValueError(f"unknown keys {', '.join(unknown)}; known: {', '.join(sorted(_KEYS))}")
    if missing := [key for key in ("joints", "parents") if key not in content]:
        raise ValueError(f"lacks {' and '.join(missing)}")
    joints = _texts(content["joints"], "joints")
    parents = content["parents"]
    if not isinstance(parents, dict) or not all(isinstance(parent, str) for parent in parents.values()):
        raise ValueError("parents: expected child = parent, both names of joints")
    name = content.get("name", default_name)
    if not isinstance(name, str) or not name or name in LAYOUTS:
        raise ValueError(f"name: expected a name that no layout of lst has, got {name!r}")
    dims, up = content.get("dims", 3), content.get("up", "+y")
    if dims not in (2, 3) or isinstance(dims, bool):
        raise ValueError(f"dims: expected 2 or 3, got {dims!r}")
    if up not in ("+y", "-y"):
        raise ValueError(f"up: expected +y or -y, got {up!r}")
    given = content.get("parts")
    parts = parts_by_words(joints, parents) if given is None else _parts(given)
    unit = str(content.get("unit", "metres" if dims == 3 else "pixels"))
    return Skeleton(name=name, joints=joints, parents=dict(parents), parts=parts, unit=unit, up=up, dims=dims)


def _texts(value: Any, what: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(x, str) and x for x in value):
        raise ValueError(f"{what}: expected a list of names")
    return tuple(value)


def _parts(given: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(given, dict) or set(given) != set(PROMPT_PARTS):
        raise ValueError(f"parts: expected lists for {', '.join(PROMPT_PARTS)}")
    names: dict[Any, Any] = given
    return {part: _texts(names[part], f"parts.{part}") for part in PROMPT_PARTS}


def parts_by_words(joints: tuple[str, ...], parents: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The four parts of the texts from words in the names; a joint without a known word goes with its parent.

    Raises:
        ValueError: a part stays empty, or a joint and all joints above it have no known word.
    """
    found = {joint: _part_of(joint) for joint in joints}
    for joint in joints:
        above, steps = joint, 0
        while found[joint] is None and above in parents and steps <= len(joints):
            above, steps = parents[above], steps + 1
            found[joint] = found.get(above)
    unknown = [joint for joint, part in found.items() if part is None]
    parts = {part: tuple(j for j in joints if found[j] == part) for part in PROMPT_PARTS}
    empty = [part for part, members in parts.items() if not members]
    if unknown or empty:
        what = f"joints {', '.join(unknown)}" if unknown else f"parts {', '.join(empty)}"
        raise ValueError(f"the names do not tell the body parts ({what}); give [parts] with the four lists")
    return parts


def _part_of(joint: str) -> str | None:
    name = joint.lower()
    limbs: dict[str, tuple[PartName, ...]] = {"hand": ("hand", "arm"), "foot": ("leg", "foot")}
    if any(word in name for word in ("forearm", "arm")):
        return "hand"
    for part, halves in limbs.items():
        words = [word for half in halves for word in JOINT_WORDS[half] if word != "hip"]
        if any(word in name for word in words) and "center" not in name:
            return part
    if "leg" in name or "thigh" in name or "shin" in name:
        return "foot"
    if any(word in name for word in _HEAD_WORDS) or name in ("shouldercenter", "spineshoulder"):
        return "head"
    return "hip" if any(word in name for word in _HIP_WORDS) else None

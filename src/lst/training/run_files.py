"""recipe.json and log.jsonl of a run: their types, written and read. NumPy only."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from lst.files.typed_json import (
    Count,
    Name,
    Share,
    Text,
    convert,
    decode,
    read_bytes,
    read_object,
    unsealed,
    write_sealed,
)
from lst.training.recipes import OptimConfig, PlaceChoice, RunConfig
from lst.training.text_config import TextConfig

RECIPE, LOG = "recipe.json", "log.jsonl"
AGAIN = (
    "Give the recipe and its options again (lst train RECIPE --out RUN --resume), or start anew elsewhere."
)


class How(Struct, frozen=True):
    """How a run was started, as opposed to what it computes."""

    data: Text | UnsetType = UNSET
    test_every: Count | UnsetType = UNSET
    compile: bool | UnsetType = UNSET
    place: PlaceChoice | UnsetType = UNSET
    device: Text | UnsetType = UNSET


class RecipeFile(Struct):
    name: Name
    config: dict[str, Any]
    inputs: dict[str, Any]
    how: How = How()


class LogRow(Struct):
    """One epoch. Losses are whatever came out; accuracies are shares."""

    epoch: Annotated[int, Meta(ge=1, le=10**6)]
    lr: Annotated[float, Meta(ge=0)]
    loss: float
    loss_classes: float
    train_top1: Share
    seconds: Annotated[float, Meta(ge=0)]
    test_top1: Share | UnsetType = UNSET
    loss_text: float | UnsetType = UNSET
    loss_parts: list[float] | UnsetType = UNSET


@dataclass(frozen=True)
class Recipe:
    """What the folder of a run says on how it was started."""

    name: str
    config: RunConfig
    values: dict[str, Any]
    """All of it as plain data."""
    unknown: tuple[str, ...]
    """Fields of its config that this lst does not have."""


def write_recipe(run: Path, values: Mapping[str, Any]) -> None:
    """Write it with its own checksum."""
    write_sealed(run / RECIPE, values)


def read_recipe_file(run: Path) -> Recipe:
    """The recipe of a run. What its config lacks had its default then.

    Raises:
        FileNotFoundError, ValueError: there is none, or it is damaged.
    """
    path = run / RECIPE
    values = read_object(path, AGAIN)
    found = convert(values, RecipeFile, str(path), AGAIN)
    known, unknown = _known(found.config)
    config = convert(known, RunConfig, str(path), AGAIN, "$.config")
    return Recipe(found.name, config, values, unknown)


def _known(config: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The config without fields of other versions, and these."""
    known: dict[str, Any] = {}
    unknown: list[str] = []
    groups = {"text": TextConfig, "optim": OptimConfig}
    names = {field.name for field in fields(RunConfig)}
    for key, value in config.items():
        if key in groups and isinstance(value, dict):
            inside = {field.name for field in fields(groups[key])}
            known[key] = {name: entry for name, entry in value.items() if name in inside}
            unknown += [f"{key}.{name}" for name in value if name not in inside]
        elif key in names:
            known[key] = value
        else:
            unknown.append(key)
    return known, tuple(unknown)


def read_log(run: Path) -> list[dict[str, Any]]:
    """The epochs of log.jsonl as plain data, checked; empty if there is none."""
    path = run / LOG
    if not path.is_file():
        return []
    again = "It is written anew when the run is continued."
    rows = [
        decode(line, f"{path}:{number}", again)
        for number, line in enumerate(read_bytes(path).splitlines(), start=1)
    ]
    rows = [unsealed(row, str(path)) if isinstance(row, dict) else row for row in rows]
    return check_log(rows, str(path), again)


def check_log(rows: Any, where: str, again: str) -> list[dict[str, Any]]:
    """Raise ValueError unless these are the rows of epochs 1, 2, ...; returns them."""
    for number, row in enumerate(convert(rows, list[LogRow], where, again), start=1):
        if row.epoch != number:
            raise ValueError(f"{where}: epoch {row.epoch} stands where {number} is expected. {again}")
    return rows

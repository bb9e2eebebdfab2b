"""card.json of a checkpoint, which says what the numbers of a net are: its type, written and read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from lst.facts.shown import shown_json
from lst.files.typed_json import Count, Name, Share, Text, convert, read_object, write_sealed

CARD = "card.json"
FORMAT, VERSION = "lst-checkpoint", 2
OLDEST = 1
"""Version 1: the input path was one of two, by name."""
AGAIN = "Copy the checkpoint again, or train it anew."


class BuildFacts(Struct):
    """Arguments of `build_classifier`, in bounds that keep a wrong digit from asking for all memory."""

    encoder: Name
    layout: Name | dict[str, Any]
    num_persons: Annotated[int, Meta(ge=1, le=100)]
    num_classes: Annotated[int, Meta(ge=1, le=100_000)]
    width: Annotated[int, Meta(ge=1, le=8192)]
    persons: Name | UnsetType = UNSET
    in_channels: Annotated[int, Meta(ge=1, le=100)] | UnsetType = UNSET
    options: dict[str, Any] | UnsetType | None = UNSET


class StepFacts(Struct):
    """A step of the input path; its own class checks the rest."""

    step: Name | UnsetType = UNSET
    clip_length: Annotated[int, Meta(ge=1, le=100_000)] | UnsetType = UNSET


class InputFacts(Struct):
    """The input path, of this version or with one of two fixed paths; `pipeline_card` reads the rest."""

    layout: Name | dict[str, Any]
    num_persons: Annotated[int, Meta(ge=1, le=100)]
    steps: list[StepFacts] | UnsetType = UNSET
    clip_length: Annotated[int, Meta(ge=1, le=100_000)] | UnsetType = UNSET
    modality: Name | UnsetType = UNSET


class OptimFacts(Struct):
    epochs: Count
    planned_epochs: Count
    lr: Annotated[float, Meta(ge=0)] | UnsetType = UNSET


class ConfigTextFacts(Struct):
    weight: Annotated[float, Meta(ge=0)]
    prompts: Name | UnsetType = UNSET


class ConfigFacts(Struct):
    """What a card says of the recipe. Runs from before `text` was a group have `text_weight`."""

    benchmark: Name
    modality: Name
    parity: Name
    seed: Annotated[int, Meta(ge=0)]
    optim: OptimFacts
    hold_out: Share | UnsetType = UNSET
    unseen: list[Count] | UnsetType = UNSET
    text: ConfigTextFacts | UnsetType = UNSET
    text_weight: Annotated[float, Meta(ge=0)] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if isinstance(self.text, UnsetType) and isinstance(self.text_weight, UnsetType):
            raise ValueError("lacks text")


class BestFacts(Struct):
    epoch: Count
    top1: Share
    epochs_tested: Count


class Session(Struct):
    device: Text
    first_epoch: Count | UnsetType = UNSET
    commit: Text | UnsetType | None = UNSET


class SourceFacts(Struct):
    """What decides whether clips are those of the training, and what a table says of them."""

    synthetic: bool | UnsetType = UNSET
    pipeline: Text | UnsetType = UNSET


class ClipCounts(Struct):
    train: Count
    test: Count


class InputsFacts(Struct):
    source: SourceFacts | UnsetType = UNSET
    clips: ClipCounts | UnsetType = UNSET


class TextFacts(Struct):
    """Provenance of the texts; empty without text."""

    encoder: Text | UnsetType = UNSET
    control: Text | UnsetType = UNSET


class Card(Struct):
    """What every card says."""

    build: BuildFacts
    input: InputFacts
    class_names: Annotated[list[Name], Meta(min_length=1, max_length=100_000)]
    benchmark: Name | UnsetType = UNSET
    modality: Name | UnsetType = UNSET
    recipe: Text | UnsetType | None = UNSET
    overrides: dict[str, Any] | UnsetType = UNSET
    config: ConfigFacts | UnsetType = UNSET
    imported_from: Text | UnsetType = UNSET
    inputs: InputsFacts | UnsetType = UNSET
    text: TextFacts | UnsetType = UNSET
    complete_data: bool | UnsetType = UNSET
    epochs: Count | UnsetType = UNSET
    selected_on: Text | UnsetType = UNSET
    last_test_top1: Share | UnsetType = UNSET
    best_on_test: BestFacts | UnsetType = UNSET
    seconds: Annotated[float, Meta(ge=0)] | UnsetType = UNSET
    precision: Text | UnsetType = UNSET
    sessions: list[Session] | UnsetType = UNSET
    weights_sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if isinstance(self.config, ConfigFacts):
            if missing := [name for name in _OF_A_RUN if getattr(self, name) is UNSET]:
                raise ValueError(f"lacks {', '.join(missing)}")
            assert isinstance(self.inputs, InputsFacts)
            if isinstance(self.inputs.source, UnsetType) or isinstance(self.inputs.clips, UnsetType):
                raise ValueError("inputs lacks source or clips")
        for name in ("num_persons", "layout"):
            net, path = getattr(self.build, name), getattr(self.input, name)
            if net != path:
                raise ValueError(
                    f"build and input differ in {name}: {shown_json(net)} and {shown_json(path)}"
                )
        if len(self.class_names) != self.build.num_classes:
            raise ValueError(f"{len(self.class_names)} class names for {self.build.num_classes} classes")


_OF_A_RUN = (
    *("benchmark", "modality", "recipe", "inputs", "epochs", "selected_on", "last_test_top1"),
    *("best_on_test", "seconds", "precision", "sessions"),
)


def write_card(folder: Path, card: Mapping[str, Any]) -> dict[str, Any]:
    """Write it with its own checksum; returns it as `read_card` will."""
    write_sealed(folder / CARD, card)
    return read_card(folder)


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a checkpoint folder as plain data, checked.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, of a newer version, or something else.
    """
    path = folder / CARD
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder}: no finished checkpoint there ({CARD} is missing). Train first (`lst train RECIPE`), "
            "continue a stopped run with --resume, or name the run's folder, such as runs/nw-ucla-joint."
        )
    card = read_object(path, AGAIN)
    if card.get("format") != FORMAT:
        raise ValueError(
            f"{path}: not the card of an lst checkpoint (format {shown_json(card.get('format'))})"
        )
    if (version := card.get("version")) not in range(OLDEST, VERSION + 1) or isinstance(version, bool):
        raise ValueError(f"{path}: version {shown_json(version)}, this lst reads up to {VERSION}; update lst")
    convert(card, Card, str(path), AGAIN)
    return card

"""result.json and the files of a zero-shot run: their types, written and read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from lst.files.typed_json import Count, Name, Share, Text, convert, read_values, unsealed, write_sealed

AGAIN = "Delete the file or mend it; `lst test RUN` writes a result anew."
Kind = Literal["stream", "ensemble"]
Parity = Literal["gap", "corrected", "imported", "mixed"]
Seed = Annotated[int, Meta(ge=0)]


class Best(Struct):
    epoch: Count
    top1: Share
    epochs_tested: Count


class Member(Struct):
    """A stream of an ensemble."""

    name: Name
    modality: Text | None = None
    overrides: dict[str, Any] | None = None


class _Accuracies(Struct, kw_only=True):
    clips: Count
    top1: Share
    top5: Share
    mean_class_accuracy: Share
    clips_unseen: Count | UnsetType = UNSET
    top1_unseen: Share | None = None


class StreamResult(_Accuracies, kw_only=True):
    """What `lst test` says of a run."""

    name: Name
    benchmark: Name
    modality: Name
    parity: Parity
    epochs: Count | None
    planned_epochs: Count | None
    seed: Seed | None
    device: Text | None
    precision: Text | None
    language: bool | None
    overrides: dict[str, Any] | None
    best_on_test: Best | None = None
    complete_data: bool | None = None
    pipeline: Text | None = None
    synthetic_clips: bool = False
    other_clips: bool = False


class EnsembleResult(_Accuracies, kw_only=True):
    """What `lst ensemble` says. What its members do not agree on is "mixed"."""

    name: Name
    benchmark: Name
    members: Annotated[list[Member], Meta(min_length=2)]
    weights: dict[str, Annotated[float, Meta(ge=0)]]
    weights_from: Text
    parity: Parity
    epochs: Count | Literal["mixed"] | None
    planned_epochs: Count | Literal["mixed"] | None
    seed: Seed | Literal["mixed"] | None
    device: Text | None
    precision: Text | None
    language: bool | Literal["mixed"] | None
    complete_data: bool | Literal["mixed"] | None = None
    pipeline: Text | None = None
    synthetic_clips: bool = False
    other_clips: bool = False


class _TextInputs(Struct):
    encoder: Text | None


class _SourceInputs(Struct):
    pipeline: Text | UnsetType = UNSET


class _Inputs(Struct):
    text: _TextInputs
    source: _SourceInputs | None


class _Session(Struct):
    device: Text
    commit: Text | None


class _ZeroShotInfo(Struct):
    synthetic_clips: bool = False


class _Closed(Struct):
    top1: Share
    chance: Share


class _General(Struct):
    seen_top1: Share
    unseen_top1: Share
    harmonic_mean: Share


class ZeroShotResult(Struct, kw_only=True):
    """What `lst study zero-shot` says of a run."""

    name: Name
    benchmark: Name
    recipe: Name
    device: Text | None
    precision: Text
    epochs: Count
    planned_epochs: Count
    split: Count
    class_seed: Count
    unseen: list[Name]
    overrides: dict[str, Any]
    complete_data: bool | None
    info: _ZeroShotInfo
    inputs: _Inputs
    sessions: list[_Session]
    zero_shot: _Closed
    generalised: _General


class _Head(Struct):
    version: Annotated[int, Meta(ge=1)]
    kind: Kind | Literal["zero-shot"] | UnsetType = UNSET


_KINDS = {"stream": StreamResult, "ensemble": EnsembleResult}


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """Write it with its own checksum."""
    write_sealed(path, result)


def read_formatted(path: Path, form: str, newest: int) -> dict[str, Any] | None:
    """A result of the format `form` as plain data, checked; None for JSON that is something else.

    Raises:
        ValueError: broken JSON, a version above `newest`, or values that no result has.
    """
    found = read_values(path, AGAIN)
    if not isinstance(found, dict) or found.get("format") != form:
        return None
    head = convert(found, _Head, str(path), AGAIN)
    if head.version > newest:
        raise ValueError(f"{path}: version {head.version}, this lst reads up to {newest}; update lst")
    if form == "lst-zero-shot":
        convert(found, ZeroShotResult, str(path), AGAIN)
    elif (kind := _KINDS.get(str(head.kind))) is None:
        raise ValueError(f"{path}: lacks kind, or it is neither stream nor ensemble. {AGAIN}")
    else:
        convert(found, kind, str(path), AGAIN)
    return unsealed(found, str(path))

"""A checkpoint is a folder: `model.safetensors` holds numbers, `card.json` says what they are.

Neither can run code. The card has plain build arguments, so a checkpoint loads without its recipe.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from lst.data.input.pipeline import InputPipeline
from lst.data.input.pipeline_card import pipeline_from_json, pipeline_json
from lst.data.input.steps.step import Step
from lst.files import atomic_path, write_json
from lst.nets.classifier import SkeletonClassifier, build_classifier

MODEL, CARD = "model.safetensors", "card.json"
FORMAT, VERSION = "lst-checkpoint", 2
OLDER = (1,)
"""Versions that are read too. 1: the input path was one of two, by name."""


@dataclass(frozen=True)
class Checkpoint:
    """A classifier in eval mode with what is needed to feed it and to read its answer."""

    folder: Path
    classifier: SkeletonClassifier
    pipeline: InputPipeline
    class_names: tuple[str, ...]
    card: dict[str, Any]


def make_card(
    *,
    build: Mapping[str, Any],
    pipeline: InputPipeline,
    class_names: tuple[str, ...],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """build: arguments of `build_classifier`. facts: whatever else is worth knowing about these numbers."""
    head = {"format": FORMAT, "version": VERSION, "build": dict(build), "input": pipeline_json(pipeline)}
    return {**head, "class_names": list(class_names), **facts}


def save_checkpoint(folder: Path, classifier: SkeletonClassifier, card: Mapping[str, Any]) -> None:
    """Write both files, the card last: a folder with a card is complete."""
    weights = {key: value.detach().cpu().contiguous() for key, value in classifier.state_dict().items()}
    with atomic_path(folder / MODEL) as path:
        path.write_bytes(save(weights))  # save_file would make a file that only its owner can read
    write_json(folder / CARD, card)


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a checkpoint folder, checked for format and version."""
    path = folder / CARD
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder}: no finished checkpoint there ({CARD} is missing). Train first (`lst train RECIPE`), "
            "continue a stopped run with --resume, or name the run's folder, such as runs/nw-ucla-joint."
        )
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}:{error.lineno}: broken JSON ({error.msg})") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is not text ({error.reason} at byte {error.start})") from None
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise ValueError(f"{path}: not the card of an lst checkpoint")
    if card.get("version") not in (VERSION, *OLDER):
        raise ValueError(
            f"{path}: version {card.get('version')!r}, this lst reads up to {VERSION}; update lst"
        )
    if missing := [key for key in ("build", "input", "class_names") if key not in card]:
        raise ValueError(f"{path}: lacks {', '.join(missing)}; copy the checkpoint again")
    return card


def _built_from(
    card: Mapping[str, Any], path: Path, steps: Sequence[type[Step]]
) -> tuple[SkeletonClassifier, InputPipeline]:
    """What the card describes, with start values."""
    try:
        classifier = build_classifier(**card["build"])
        pipeline = pipeline_from_json(card["input"], steps=steps)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: describes no network of this lst ({error})") from error
    if len(card["class_names"]) != classifier.head.out_features:
        raise ValueError(
            f"{path}: {len(card['class_names'])} class names for {classifier.head.out_features} classes"
        )
    return classifier, pipeline


def load_checkpoint(
    folder: str | Path, device: torch.device | str = "cpu", *, steps: Sequence[type[Step]] = ()
) -> Checkpoint:
    """Read a checkpoint folder; every tensor must be there and fit.

    steps: classes of input steps that are not lst's own, if the run was trained with such.

    Raises FileNotFoundError when it is absent and ValueError when it is damaged or of another format.
    """
    folder = Path(folder)
    card = read_card(folder)
    classifier, pipeline = _built_from(card, folder / CARD, steps)
    try:
        classifier.load_state_dict(load_file(folder / MODEL), strict=True)
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{folder / MODEL}: does not fit its card ({reason})") from error
    return Checkpoint(folder, classifier.to(device).eval(), pipeline, tuple(card["class_names"]), card)

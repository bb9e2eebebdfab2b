"""A checkpoint is a folder: `model.safetensors` holds numbers, `card.json` says what they are.

Neither can run code. The card has plain build arguments, so a checkpoint loads without its recipe.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from lst.data.input.pipeline import InputPipeline
from lst.data.input.pipeline_card import pipeline_from_json, pipeline_json
from lst.data.input.steps.step import Step
from lst.files.whole import atomic_path
from lst.nets.card import CARD, FORMAT, VERSION, read_card, write_card
from lst.nets.classifier import SkeletonClassifier, build_classifier
from lst.nets.weights import read_weights

MODEL = "model.safetensors"
__all__ = ["CARD", "MODEL", "Checkpoint", "load_checkpoint", "make_card", "read_card", "save_checkpoint"]


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


def save_checkpoint(folder: Path, classifier: SkeletonClassifier, card: Mapping[str, Any]) -> dict[str, Any]:
    """Write both files, the card last: a folder with a card is complete. Returns the card as it is read."""
    weights = {key: value.detach().cpu().contiguous() for key, value in classifier.state_dict().items()}
    content = save(weights)
    with atomic_path(folder / MODEL) as path:
        path.write_bytes(content)  # save_file would make a file that only its owner can read
    return write_card(folder, {**card, "weights_sha256": hashlib.sha256(content).hexdigest()})


def _built_from(
    card: Mapping[str, Any], path: Path, steps: Sequence[type[Step]]
) -> tuple[SkeletonClassifier, InputPipeline]:
    """What the card describes, with start values."""
    try:
        classifier = build_classifier(**card["build"])
        pipeline = pipeline_from_json(card["input"], steps=steps)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: describes no network of this lst ({error})") from error
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
    with torch.device("meta"):  # shapes only: whatever the card says takes no memory
        expected, _ = _built_from(card, folder / CARD, steps)
    weights = read_weights(folder / MODEL, expected.state_dict(), card.get("weights_sha256"))
    classifier, pipeline = _built_from(card, folder / CARD, steps)
    classifier.load_state_dict(weights, strict=True)
    return Checkpoint(folder, classifier.to(device).eval(), pipeline, tuple(card["class_names"]), card)

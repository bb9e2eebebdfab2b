"""The language side of a run: what compares its clips with texts. It lies beside the checkpoint, not in it.

language.safetensors   joint weights, projections and scales of the heads
texts.safetensors      the classes in words, and the vectors that the run was trained with
text_encoder/          the encoder as it is after training, if it was trained along

Letters: N clips, C channels, V joints, P heads, D embedding width.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import torch
from msgspec import UNSET, Meta, Struct, UnsetType
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from lst.facts.shown import shown_json
from lst.files.typed_json import Name, convert, decode
from lst.files.whole import atomic_path
from lst.nets.checkpoint import Checkpoint
from lst.nets.supervision import project_parts
from lst.nets.weights import check_finite
from lst.text.descriptions import file_sha256
from lst.text.prompt_choices import Head, rule_heads
from lst.text.vectors import TextVectors, load_vectors, save_vectors

LANGUAGE, TEXTS, TEXT_ENCODER = "language.safetensors", "texts.safetensors", "text_encoder"
FORMAT, VERSION = "lst-language", 1
_AGAIN = "Copy the files from the same run again."


@dataclass(frozen=True, eq=False)
class LanguageSide:
    """Heads from joint features into the space of the texts, and the texts of the run's classes."""

    rule: str
    """How a class becomes the texts of its heads: as `prompt_choices.rule_heads` takes it."""
    texts: TextVectors
    weights_PV: Tensor
    """Which joints each head averages; the first head is the whole body."""
    projections: nn.ModuleList
    """One `nn.Linear` from C to D per head."""
    scales_P: Tensor
    """Factors on the cosines that training ended with. A comparison of texts does without them."""
    own_encoder: Path | None = None
    """The folder of the text encoder that was trained along."""

    @cached_property
    def heads(self) -> tuple[Head, ...]:
        """The P heads with the texts of the run's classes."""
        return rule_heads(self.rule, self.texts.classes)

    def embed(self, joints_NCV: Tensor) -> Tensor:
        """Joint features -> one vector per head (P, N, D), exactly as in training."""
        return project_parts(joints_NCV, self.weights_PV, self.projections)


def save_language(folder: Path, language: LanguageSide) -> None:
    """Write both files into a run's folder. The first names the second by its SHA-256."""
    save_vectors(folder / TEXTS, language.texts)
    head = {
        "format": FORMAT,
        "version": VERSION,
        "rule": language.rule,
        "heads": [head.name for head in language.heads],
        "texts_sha256": file_sha256(folder / TEXTS),
    }
    tensors = {
        "weights_PV": language.weights_PV,
        "projections_PDC": torch.stack([_linear(p).weight for p in language.projections]),
        "biases_PD": torch.stack([_linear(p).bias for p in language.projections]),
        "scales_P": language.scales_P,
    }
    plain = {name: tensor.detach().cpu().float().contiguous() for name, tensor in tensors.items()}
    with atomic_path(folder / LANGUAGE) as path:
        full = {**head, "tensors_sha256": _sha256(plain)}
        path.write_bytes(save(plain, metadata={"lst": json.dumps(full, sort_keys=True)}))


def load_language(checkpoint: Checkpoint) -> LanguageSide:
    """The language side of a finished run, on the device of its classifier.

    Raises:
        FileNotFoundError: the run has none. Says why.
        ValueError: a file is damaged, of another run, or does not fit the checkpoint.
    """
    path = checkpoint.folder / LANGUAGE
    if not path.is_file():
        raise FileNotFoundError(_why_there_is_none(checkpoint))
    head, tensors = _read(path)
    texts = load_vectors(checkpoint.folder / TEXTS)
    if file_sha256(checkpoint.folder / TEXTS) != head.texts_sha256:
        raise ValueError(
            f"{checkpoint.folder / TEXTS}: not the texts that {LANGUAGE} was trained with; copy both files "
            "from the same run"
        )
    names = [one.name for one in rule_heads(head.rule, texts.classes)]
    if names != head.heads:
        raise ValueError(f"{path}: has the heads {head.heads}, rule {head.rule!r} makes {names}")
    _check_shapes(path, tensors, checkpoint, len(names), texts.vectors_TD.shape[1])
    device = next(checkpoint.classifier.parameters()).device
    return LanguageSide(
        rule=head.rule,
        texts=texts,
        weights_PV=tensors["weights_PV"].to(device),
        projections=_projections(tensors["projections_PDC"], tensors["biases_PD"]).to(device),
        scales_P=tensors["scales_P"].to(device),
        own_encoder=own if (own := checkpoint.folder / TEXT_ENCODER).is_dir() else None,
    )


def _why_there_is_none(checkpoint: Checkpoint) -> str:
    path = checkpoint.folder / LANGUAGE
    if control := (checkpoint.card.get("text") or {}).get("control"):
        return f"{path}: missing. The run's texts were a control ({control}), not those of its classes."
    if checkpoint.card.get("text"):
        return f"{path}: missing. The run was trained by an older lst, which did not keep it: train again."
    if "config" not in checkpoint.card:
        return f"{path}: missing. Imported weights hold no texts, so they can be compared with none."
    return (
        f"{path}: missing. The run was trained without text (--text.weight 0), so it can be compared with "
        "none: train one with text."
    )


class _Head(Struct):
    rule: Name
    heads: Annotated[list[Name], Meta(min_length=1, max_length=100)]
    texts_sha256: Name
    tensors_sha256: str | UnsetType = UNSET


def _read(path: Path) -> tuple[_Head, dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            found = decode((file.metadata() or {}).get("lst", "{}"), f"{path}: metadata", _AGAIN)
            names = sorted(file.keys())
            tensors = {name: file.get_tensor(name) for name in names}
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: not a readable safetensors file ({reason}); copy it again") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError(f"{path}: not the language side of a run (no {FORMAT!r} in its metadata)")
    if found.get("version") != VERSION:
        raise ValueError(
            f"{path}: version {shown_json(found.get('version'))}, this lst reads {VERSION}; update lst"
        )
    head = convert(found, _Head, f"{path}: metadata", _AGAIN)
    if isinstance(head.tensors_sha256, str) and _sha256(tensors) != head.tensors_sha256:
        raise ValueError(f"{path}: holds other numbers than were written (SHA-256 differs). {_AGAIN}")
    check_finite(path, tensors)
    return head, tensors


def _sha256(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _check_shapes(
    path: Path, tensors: Mapping[str, Tensor], checkpoint: Checkpoint, num_heads: int, width: int
) -> None:
    channels = checkpoint.classifier.head.in_features
    expected = {
        "weights_PV": (num_heads, checkpoint.pipeline.skeleton.num_joints),
        "projections_PDC": (num_heads, width, channels),
        "biases_PD": (num_heads, width),
        "scales_P": (num_heads,),
    }
    got = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if got != expected or any(tensor.dtype != torch.float32 for tensor in tensors.values()):
        raise ValueError(
            f"{path}: does not fit its checkpoint and texts: holds {got}, expected {expected}; copy the "
            "files from the same run"
        )


def _projections(weights_PDC: Tensor, biases_PD: Tensor) -> nn.ModuleList:
    num_heads, width, channels = weights_PDC.shape
    maps = nn.ModuleList(nn.utils.skip_init(nn.Linear, channels, width) for _ in range(num_heads))
    for p, projection in enumerate(maps):
        projection.load_state_dict({"weight": weights_PDC[p], "bias": biases_PD[p]}, strict=True)
    return maps.requires_grad_(False)


def _linear(module: nn.Module) -> nn.Linear:
    assert isinstance(module, nn.Linear)
    return module

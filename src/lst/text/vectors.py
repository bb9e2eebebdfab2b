"""Text vectors: every text of a description file, encoded once, in one file with its provenance. NumPy only.

The file also holds the descriptions, so which text belongs to which head and class is looked up by the text
itself: one file serves every prompt choice.

Letters: T texts, D embedding width, P heads, K classes, S texts of a class for one head.
"""

import datetime
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.resources import as_file
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import UNSET, Meta, Struct, UnsetType
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from lst.facts.choices import PromptChoice
from lst.facts.shown import shown_json
from lst.files.typed_json import Count, Text, convert, decode
from lst.files.whole import atomic_path
from lst.text.descriptions import ActionText, shipped_count, shipped_text
from lst.text.prompt_choices import PROMPTS, Head, heads_to_embed

FORMAT, VERSION = "lst-text-vectors", 2
_AGAIN = "Copy it again, or run lst embed on the descriptions again."

Encode = Callable[[list[str]], NDArray[np.float32]]
"""Texts -> (T, D), one row per text."""


@dataclass(frozen=True, eq=False)
class TextVectors:
    """Classes in words, and the vectors of their texts.

    The vectors are as the encoder gave them; `meta["normalised"]` says whether their length is 1.

    Raises:
        ValueError: on construction, when there is not one finite vector per text.
    """

    classes: tuple[ActionText, ...]
    """In label order."""
    texts: tuple[str, ...]
    """Each one once."""
    vectors_TD: NDArray[np.float32]
    meta: Mapping[str, Any]
    """Provenance: encoder and what else it says of itself, dimension, normalised, date, descriptions_sha256,
    prompts (the choices whose texts are all here), left_out (the other choices, and why)."""

    def __post_init__(self) -> None:
        if self.vectors_TD.ndim != 2 or len(self.vectors_TD) != len(self.texts):
            raise ValueError(
                f"text vectors: vectors_TD has shape {self.vectors_TD.shape} for {len(self.texts)} texts"
            )
        if not np.isfinite(self.vectors_TD).all():
            raise ValueError("text vectors: vectors_TD holds values that are not finite")

    @property
    def class_names(self) -> tuple[str, ...]:
        """The K class names in label order."""
        return tuple(action.name for action in self.classes)

    @cached_property
    def place(self) -> Mapping[str, int]:
        """Text -> its row in `vectors_TD`."""
        return {text: t for t, text in enumerate(self.texts)}

    def index_PKS(self, heads: Sequence[Head]) -> NDArray[np.int64]:
        """Rows of the texts of each head and class; shorter lists are filled up with -1.

        Raises:
            ValueError: a text has no vector here. Names head and class, and the prompts that are here.
        """
        most = max((len(texts) for head in heads for texts in head.texts_KS), default=0)
        index_PKS = np.full((len(heads), len(self.classes), most), -1, dtype=np.int64)
        for p, head in enumerate(heads):
            for k, texts in enumerate(head.texts_KS):
                if missing := [text for text in texts if text not in self.place]:
                    raise ValueError(self._missing(head.name, k, missing[0]))
                index_PKS[p, k, : len(texts)] = [self.place[text] for text in texts]
        return index_PKS

    def _missing(self, head: str, k: int, text: str) -> str:
        left_out = "".join(
            f" {prompts} was left out: {why}." for prompts, why in self.meta["left_out"].items()
        )
        return (
            f"text vectors: class {k} ({self.classes[k].name!r}), head {head!r}: there is none for {text!r}. "
            f"They were made for the prompts {', '.join(self.meta['prompts'])}.{left_out} "
            "Choose one of these, or run lst embed on the descriptions again."
        )


def build_vectors(
    classes: Sequence[ActionText],
    encode: Encode,
    *,
    encoder: Mapping[str, str],
    descriptions_sha256: str,
    date: str | None = None,
    left_out: Mapping[PromptChoice, str] | None = None,
    known: Mapping[str, NDArray[np.float32]] | None = None,
) -> TextVectors:
    """Encode every text of the classes once.

    `encode` is called once with the unique texts, without those whose vector is `known`. `encoder` says what
    it is (`embed.SentenceEncoder.info`: "encoder", "package", "version"), `descriptions_sha256` which file
    the classes come from (`descriptions.file_sha256`), `date` when it was made (ISO, today by default) and
    `left_out` which prompt choices are not wanted, and why.

    Raises:
        ValueError: the encoder does not give one row per text.
    """
    prompts: list[PromptChoice] = [choice for choice in PROMPTS if choice not in (left_out or {})]
    texts = _unique_texts(classes, prompts)
    vectors = dict(known or {})
    if new := [text for text in texts if text not in vectors]:
        new_TD = np.asarray(encode(new), dtype=np.float32)
        if new_TD.ndim != 2 or len(new_TD) != len(new):
            raise ValueError(
                f"the text encoder gave shape {new_TD.shape} for {len(new)} texts, expected rows"
            )
        vectors.update(zip(new, new_TD, strict=True))
    vectors_TD = np.stack([vectors[text] for text in texts])
    return TextVectors(
        classes=tuple(classes),
        texts=texts,
        vectors_TD=vectors_TD,
        meta={
            **encoder,
            "dimension": vectors_TD.shape[1],
            "normalised": bool(np.allclose(np.linalg.norm(vectors_TD, axis=1), 1, atol=1e-4)),
            "date": date or datetime.date.today().isoformat(),
            "descriptions_sha256": descriptions_sha256,
            "prompts": prompts,
            "left_out": dict(left_out or {}),
        },
    )


def save_vectors(path: str | Path, vectors: TextVectors) -> None:
    """Write a `.safetensors` file, whole or not at all; the same vectors give the same bytes."""
    path = Path(path)
    head = {
        "format": FORMAT,
        "version": VERSION,
        "classes": [asdict(action) for action in vectors.classes],
        "texts": vectors.texts,
        "meta": dict(vectors.meta),
        "vectors_crc32": _crc32(vectors.vectors_TD),
    }
    # One metadata entry only: safetensors writes several in random order.
    metadata = {"lst": json.dumps(head, ensure_ascii=False, sort_keys=True)}
    content = save({"vectors_TD": np.ascontiguousarray(vectors.vectors_TD)}, metadata=metadata)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)  # `save_file` would make a file that only its owner can read


def load_vectors(path: str | Path) -> TextVectors:
    """Read what `save_vectors` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, holds something else, or was written by another version of `lst`.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such text vector file")
    try:
        with safe_open(path, framework="numpy") as file:
            head = _head(path, file.metadata())
            _check_slice(path, file, len(head.texts))
            vectors_TD = file.get_tensor("vectors_TD")
    except SafetensorError as error:
        raise ValueError(f"{path}: not a readable safetensors file ({error}). {_AGAIN}") from None
    if isinstance(head.vectors_crc32, str) and _crc32(vectors_TD) != head.vectors_crc32:
        raise ValueError(f"{path}: holds other numbers than were written (crc32 differs). {_AGAIN}")
    try:
        return TextVectors(tuple(head.classes), tuple(head.texts), vectors_TD, head.meta)
    except ValueError as error:
        raise ValueError(f"{path}: {error}. {_AGAIN}") from None


def _check_slice(path: Path, file: Any, num_texts: int) -> None:
    """One tensor of the right kind, before it takes memory."""
    if list(file.keys()) != ["vectors_TD"]:
        raise ValueError(
            f"{path}: expected one tensor, vectors_TD, got {shown_json(', '.join(file.keys()))}. {_AGAIN}"
        )
    tensor = file.get_slice("vectors_TD")
    shape = tensor.get_shape()
    if tensor.get_dtype() != "F32" or len(shape) != 2 or shape[0] != num_texts:
        raise ValueError(
            f"{path}: vectors_TD is {tensor.get_dtype()} {tuple(shape)} for {num_texts} texts, expected F32 "
            f"with a row for each. {_AGAIN}"
        )


def _crc32(vectors_TD: NDArray[np.float32]) -> str:
    return f"{zlib.crc32(np.ascontiguousarray(vectors_TD, dtype='<f4').data):08x}"


def default_vectors(dataset: str) -> TextVectors:
    """The all-MiniLM-L6-v2 vectors (D = 384) that ship for "nw-ucla", "ntu60", "ntu120" or "synthetic".

    Raises:
        ValueError: nothing is shipped for this dataset.
    """
    with as_file(shipped_text(dataset, ".minilm.safetensors")) as path:
        vectors = load_vectors(path)
    count = shipped_count(dataset)
    return vectors if count is None else first_classes(vectors, count)


def first_classes(vectors: TextVectors, count: int) -> TextVectors:
    """The vectors of the first `count` classes only, without the texts of the others.

    `descriptions_sha256` stays that of the file with all classes.
    """
    classes = vectors.classes[:count]
    texts = _unique_texts(classes, vectors.meta["prompts"])
    rows = [vectors.place[text] for text in texts]
    return TextVectors(classes, texts, vectors.vectors_TD[rows], vectors.meta)


def _head(path: Path, metadata: Mapping[str, str] | None) -> "_Head":
    found = decode((metadata or {}).get("lst", "{}"), f"{path}: metadata", _AGAIN)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError(
            f"{path}: a safetensors file, but not of text vectors (no {FORMAT!r} in its metadata)"
        )
    if found.get("version") != VERSION:
        raise ValueError(
            f"{path}: text vector format {shown_json(found.get('version'))}; this lst reads {VERSION}. "
            "Run lst embed on the descriptions again."
        )
    return convert(found, _Head, f"{path}: metadata", _AGAIN)


class _Meta(Struct):
    """What the provenance of every vector file has."""

    encoder: Text
    dimension: Count
    normalised: bool
    date: Text
    descriptions_sha256: Text
    prompts: list[PromptChoice]
    left_out: dict[str, Text]


class _Head(Struct):
    classes: Annotated[list[ActionText], Meta(min_length=1, max_length=100_000)]
    texts: list[str]
    meta: dict[str, Any]
    vectors_crc32: str | UnsetType = UNSET

    def __post_init__(self) -> None:
        msgspec.convert(self.meta, _Meta)


def _unique_texts(classes: Sequence[ActionText], prompts: Sequence[PromptChoice]) -> tuple[str, ...]:
    """Class by class within a choice, the default first."""
    texts: dict[str, None] = {}
    for choice in prompts:
        heads = heads_to_embed(choice, classes)
        for k in range(len(classes)):
            texts.update(dict.fromkeys(text for head in heads for text in head.texts_KS[k]))
    return tuple(texts)

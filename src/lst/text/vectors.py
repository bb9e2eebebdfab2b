"""Text vectors: every text of a description file, encoded once, in one file with its provenance. NumPy only.

Letters: T texts, D embedding width, K classes, S synonyms, 4 = the parts head, hand, hip, foot.
"""

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from lst.files import atomic_path
from lst.text.descriptions import ActionText, shipped_count, shipped_text
from lst.text.prompts import class_prompts, official_fields

FORMAT, VERSION = "lst-text-vectors", 1

Encode = Callable[[list[str]], NDArray[np.float32]]
"""Texts -> (T, D), one row per text."""

_ARRAYS = ("vectors_TD", "global_index_KS", "part_index_K4", "gap_part_index_K4", "sentence_index_K")


@dataclass(frozen=True, eq=False)
class TextVectors:
    """Vectors of unique texts, and which of them belong to which class. Every index points into `texts`.

    The vectors are as the encoder gave them; `meta["normalised"]` says whether their length is 1.

    Raises:
        ValueError: on construction, when shapes do not fit each other or an index points nowhere.
    """

    texts: tuple[str, ...]
    vectors_TD: NDArray[np.float32]
    global_index_KS: NDArray[np.int64]
    """The synonyms of a class, name first, filled up with -1."""
    part_index_K4: NDArray[np.int64]
    """Prompts of head, hand, hip, foot."""
    gap_part_index_K4: NDArray[np.int64]
    """The same with the official building rule (quirk Q20)."""
    sentence_index_K: NDArray[np.int64]
    """One sentence on the whole body (quirk Q21: an option for the global head)."""
    meta: Mapping[str, Any]
    """Provenance: encoder, package, version, dimension, normalised, date, descriptions_sha256, prompts,
    class_names."""

    def __post_init__(self) -> None:
        num_classes = len(self.class_names)
        shapes = {
            "vectors_TD": (len(self.texts), self.vectors_TD.shape[-1]),
            "global_index_KS": (num_classes, self.global_index_KS.shape[-1]),
            "part_index_K4": (num_classes, 4),
            "gap_part_index_K4": (num_classes, 4),
            "sentence_index_K": (num_classes,),
        }
        for name, shape in shapes.items():
            if (got := getattr(self, name).shape) != shape:
                raise ValueError(f"text vectors: {name} has shape {got}, expected {shape}")
        for name in _ARRAYS[1:]:
            index = getattr(self, name)
            lowest = -1 if name == "global_index_KS" else 0  # -1 fills up classes with few synonyms
            if index.size and (index.min() < lowest or index.max() >= len(self.texts)):
                raise ValueError(f"text vectors: {name} points outside the {len(self.texts)} texts")
        if not np.isfinite(self.vectors_TD).all():
            raise ValueError("text vectors: vectors_TD holds values that are not finite")

    @property
    def class_names(self) -> tuple[str, ...]:
        """The K class names in label order."""
        return tuple(self.meta["class_names"])


def build_vectors(
    classes: Sequence[ActionText],
    encode: Encode,
    *,
    encoder: Mapping[str, str],
    descriptions_sha256: str,
    date: str | None = None,
) -> TextVectors:
    """Encode every text of the classes once and index it.

    `encode` is called once with the unique texts. `encoder` says what it is ("encoder", "package", "version":
    `embed.SentenceEncoder.info`), `descriptions_sha256` which file the classes come from
    (`descriptions.file_sha256`), `date` when it was made (ISO, today by default).

    Raises:
        ValueError: the encoder does not give one row per text.
    """
    prompts = [class_prompts(action) for action in classes]
    gap_prompts = [class_prompts(official_fields(action), glued_comma=True) for action in classes]
    sentences = [action.sentence for action in classes]
    groups = [prompt.global_ + prompt.parts for prompt in prompts] + [prompt.parts for prompt in gap_prompts]
    place = {text: t for t, text in enumerate(dict.fromkeys(chain(*groups, sentences)))}
    vectors_TD = np.asarray(encode(list(place)), dtype=np.float32)
    if vectors_TD.ndim != 2 or len(vectors_TD) != len(place):
        raise ValueError(
            f"the text encoder gave shape {vectors_TD.shape} for {len(place)} texts, expected rows"
        )
    return TextVectors(
        texts=tuple(place),
        vectors_TD=vectors_TD,
        global_index_KS=_padded([[place[text] for text in prompt.global_] for prompt in prompts]),
        part_index_K4=_rows([[place[text] for text in prompt.parts] for prompt in prompts]),
        gap_part_index_K4=_rows([[place[text] for text in prompt.parts] for prompt in gap_prompts]),
        sentence_index_K=_rows([place[text] for text in sentences]),
        meta={
            **encoder,
            "dimension": vectors_TD.shape[1],
            "normalised": bool(np.allclose(np.linalg.norm(vectors_TD, axis=1), 1, atol=1e-4)),
            "date": date or datetime.date.today().isoformat(),
            "descriptions_sha256": descriptions_sha256,
            "prompts": "name, comma, phrases (method.md 9.1); gap_: official form without the comma (Q20)",
            "class_names": [action.name for action in classes],
        },
    )


def save_vectors(path: str | Path, vectors: TextVectors) -> None:
    """Write a `.safetensors` file, whole or not at all; the same vectors give the same bytes."""
    path = Path(path)
    head = {"format": FORMAT, "version": VERSION, "texts": vectors.texts, "meta": dict(vectors.meta)}
    arrays = {name: np.ascontiguousarray(getattr(vectors, name)) for name in _ARRAYS}
    # One metadata entry only: safetensors writes several in random order.
    content = save(arrays, metadata={"lst": json.dumps(head, ensure_ascii=False, sort_keys=True)})
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)  # `save_file` would make a file that only its owner can read


def load_vectors(path: str | Path) -> TextVectors:
    """Read what `save_vectors` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, holds something else, or was written by a newer `lst`.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such text vector file")
    try:
        with safe_open(path, framework="numpy") as file:
            head = _head(path, file.metadata())
            if missing := sorted(set(_ARRAYS) - set(file.keys())):
                raise ValueError(f"{path}: {', '.join(missing)} missing; build the vectors anew")
            arrays = {name: file.get_tensor(name) for name in _ARRAYS}
    except SafetensorError as error:
        raise ValueError(
            f"{path}: not a readable safetensors file ({error}); copy it again or build the vectors anew"
        ) from None
    try:
        return TextVectors(texts=tuple(head["texts"]), meta=head["meta"], **arrays)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


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
    index = {name: getattr(vectors, name)[:count] for name in _ARRAYS[1:]}
    used = np.unique(np.concatenate([rows.ravel() for rows in index.values()]))
    used = used[used >= 0]
    # One entry more than texts: the last one is where -1, the filling of classes with few synonyms, points.
    place_T = np.full(len(vectors.texts) + 1, -1, dtype=np.int64)
    place_T[used] = np.arange(len(used))
    return TextVectors(
        texts=tuple(vectors.texts[t] for t in used),
        vectors_TD=vectors.vectors_TD[used],
        **{name: place_T[rows] for name, rows in index.items()},
        meta={**vectors.meta, "class_names": list(vectors.class_names[:count])},
    )


def _head(path: Path, metadata: Mapping[str, str] | None) -> dict[str, Any]:
    head = json.loads((metadata or {}).get("lst", "{}"))
    if head.get("format") != FORMAT:
        raise ValueError(
            f"{path}: a safetensors file, but not of text vectors (no {FORMAT!r} in its metadata)"
        )
    if head.get("version") != VERSION:
        raise ValueError(f"{path}: text vector format {head.get('version')!r}; this lst reads {VERSION}")
    return head


def _padded(rows: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    padded_KS = np.full((len(rows), max(map(len, rows), default=0)), -1, dtype=np.int64)
    for k, row in enumerate(rows):
        padded_KS[k, : len(row)] = row
    return padded_KS


def _rows(rows: Sequence[Any]) -> NDArray[np.int64]:
    return np.array(rows, dtype=np.int64)

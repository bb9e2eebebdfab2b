"""New texts for a finished run, encoded as the texts of its training were."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from lst.evaluation.by_text import Actions, described_actions, known_actions, named_actions
from lst.nets.language import LanguageSide
from lst.nets.text_encoder import load_text_encoder, sentence_encoder
from lst.text.descriptions import ActionText
from lst.text.embed import MINILM, SentenceEncoder, minilm_encoder
from lst.text.hashed import HASHED, hashed_encoder
from lst.text.vectors import Encode, TextVectors

SAME_VECTOR = 0.999
"""Cosine from which on two vectors of one text count as made by the same encoder."""

MakeActions = Callable[[LanguageSide], Actions]
"""A run's language side -> the actions that its clips are compared with."""


def own_classes(language: LanguageSide) -> Actions:
    """The run's classes by the texts of its training."""
    return known_actions(language.texts, language.heads)


def new_names(names: Sequence[str]) -> MakeActions:
    """Actions by name, encoded as the run's own texts were."""
    return lambda language: named_actions(names, encode_like(language.texts, language.own_encoder))


def new_descriptions(classes: Sequence[ActionText]) -> MakeActions:
    """Described actions, encoded as the run's own texts were."""
    return lambda language: described_actions(
        classes, language.rule, encode_like(language.texts, language.own_encoder)
    )


def encoder_for(texts: TextVectors, own: Path | None = None) -> SentenceEncoder:
    """The encoder that these vectors came from; `own` is the folder of one that was trained along.

    Raises:
        FileNotFoundError, ValueError: it is not installed, or cannot be loaded.
    """
    if own is not None:
        return sentence_encoder(load_text_encoder(str(own)))
    name = texts.meta["encoder"]
    if name == HASHED:
        return hashed_encoder()
    return minilm_encoder() if name == MINILM else sentence_encoder(load_text_encoder(name))


def encode_like(texts: TextVectors, own: Path | None = None) -> Encode:
    """As the run's texts were encoded. Texts that the run has are taken from it, which needs no encoder."""
    place = {text: t for t, text in enumerate(texts.texts)}

    def encode(wanted: list[str]) -> np.ndarray:
        new = [text for text in wanted if text not in place]
        encoded = dict(zip(new, _same_encoder(texts, own)(new), strict=True)) if new else {}
        rows = [encoded[text] if text in encoded else texts.vectors_TD[place[text]] for text in wanted]
        return np.stack(rows).astype(np.float32)

    return encode


def _same_encoder(texts: TextVectors, own: Path | None) -> Encode:
    """The encoder of these vectors, made sure of by encoding one of their texts again."""
    encoder = encoder_for(texts, own)
    (again_D,) = np.asarray(encoder.encode([texts.texts[0]]), dtype=np.float32)
    stored_D = texts.vectors_TD[0]
    size = np.linalg.norm(again_D) * np.linalg.norm(stored_D)
    if again_D.shape != stored_D.shape or not again_D @ stored_D >= SAME_VECTOR * size:
        raise ValueError(
            f"{texts.meta['encoder']} gives another vector for {texts.texts[0]!r} than the one the run was "
            f"trained with, so it is not the same encoder. The run's vectors were made by "
            f"{texts.meta.get('package')} {texts.meta.get('version')}; install that."
        )
    return encoder.encode

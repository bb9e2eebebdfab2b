"""Control conditions: the same heads, classes and loss with texts that mean nothing. NumPy only.

Keyed by the run's seed and by names, as all random numbers of a run are (`data/input/draws.py`).

Letters: T texts, D embedding width, K classes.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lst.data.input import draws
from lst.facts.choices import TextControl
from lst.text.prompt_choices import Head
from lst.text.vectors import TextVectors

Texts = tuple[TextVectors, tuple[Head, ...]]
NOTES: dict[TextControl, str] = {
    "shuffled": "every class has the texts of another class",
    "random": "every text has a random unit vector; nothing of the text encoder is in it",
}


def controlled(control: TextControl, vectors: TextVectors, heads: tuple[Head, ...], seed: int) -> Texts:
    """Vectors and heads of a control condition; with "none" they are what was given.

    The vectors' `meta` says under "control" what was done.

    Raises:
        ValueError: there is no other class to take texts from.
    """
    if control == "none":
        return vectors, heads
    vectors = replace(vectors, meta={**vectors.meta, "control": f"{control}: {NOTES[control]}, seed {seed}"})
    return _CONTROLS[control](vectors, heads, seed)


def other_class(num_classes: int, seed: int) -> NDArray[np.int64]:
    """(K,) whose texts each class gets: all classes in one ring of random order, so never its own."""
    keys = np.arange(num_classes, dtype=np.uint64)
    ring_K = np.argsort(draws.uniform(seed, 0, keys, "shuffled texts", 1)[:, 0], kind="stable")
    other_K = np.empty(num_classes, dtype=np.int64)
    other_K[ring_K] = np.roll(ring_K, -1)
    return other_K


def random_vectors(texts: tuple[str, ...], width: int, seed: int) -> NDArray[np.float32]:
    """(T, D) unit vectors in directions that are uniform and depend on the text and the seed only."""
    numbers = draws.uniform(seed, 0, draws.clip_keys(texts), "random text vectors", 2 * width)
    radius_TD, turn_TD = np.sqrt(-2 * np.log1p(-numbers[:, :width])), 2 * np.pi * numbers[:, width:]
    normal_TD = radius_TD * np.cos(turn_TD)  # Box and Muller (1958)
    return (normal_TD / np.linalg.norm(normal_TD, axis=1, keepdims=True)).astype(np.float32)


def _shuffled(vectors: TextVectors, heads: tuple[Head, ...], seed: int) -> Texts:
    if len(vectors.classes) < 2:
        raise ValueError("text.control shuffled needs at least two classes, there is one")
    other_K = other_class(len(vectors.classes), seed)
    return vectors, tuple(replace(head, texts_KS=tuple(head.texts_KS[k] for k in other_K)) for head in heads)


def _random(vectors: TextVectors, heads: tuple[Head, ...], seed: int) -> Texts:
    width = vectors.vectors_TD.shape[1]
    meta = {**vectors.meta, "normalised": True}
    return replace(vectors, vectors_TD=random_vectors(vectors.texts, width, seed), meta=meta), heads


_CONTROLS: dict[TextControl, Callable[[TextVectors, tuple[Head, ...], int], Texts]] = {
    "shuffled": _shuffled,
    "random": _random,
}

"""Text vectors without a text encoder: every word has a fixed random direction. NumPy only.

Texts with words in common are near each other, all others are as far apart as chance has it: "sit down" is
near "stand down" and no nearer to "take a seat" than to "throw". So it tells classes apart, as their labels
do, but knows nothing of what words mean. Pieces of words count a little, so that "waving" is near "wave".

Letters: T texts, D width.
"""

import hashlib
import re
from functools import cache

import numpy as np

from lst import __version__
from lst.text.embed import SentenceEncoder

HASHED = "hashed-words"
WIDTH = 256
_PIECE = 0.4
"""Weight of the pieces of a word beside the word."""


def hashed_encoder() -> SentenceEncoder:
    """Texts -> (T, 256) float32 rows of length 1, the same on every machine. No limit of length."""
    info = {"encoder": HASHED, "package": "lst", "version": __version__}
    return SentenceEncoder(hashed_vectors, info)


def hashed_vectors(texts: list[str]) -> np.ndarray:
    """(T, D) sums of the directions of the words and their pieces, brought to length 1."""
    rows_TD = np.array([_sum(text) for text in texts]).reshape(len(texts), WIDTH)
    return (rows_TD / np.linalg.norm(rows_TD, axis=1, keepdims=True)).astype(np.float32)


def _sum(text: str) -> np.ndarray:
    words = re.findall(r"\w+", text.lower()) or [text]
    total_D = np.zeros(WIDTH)
    for word in words:
        marked = f"^{word}$"
        pieces = [marked[i : i + 3] for i in range(len(marked) - 2)]
        total_D += _direction(word)
        if pieces:
            total_D += _PIECE * np.mean([_direction(f"piece {piece}") for piece in pieces], axis=0)
    return total_D


@cache
def _direction(word: str) -> np.ndarray:
    """Signs of equal size in every place: 256 bits of a hash. Length 1."""
    bits = np.unpackbits(np.frombuffer(hashlib.sha256(word.encode()).digest(), np.uint8))
    return (2.0 * bits - 1) / np.sqrt(WIDTH)

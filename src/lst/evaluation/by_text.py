"""Clips beside texts: cosines in the space that a run was trained in, without its class head. NumPy only.

Letters: N clips, T texts, P heads, K actions, S texts of an action for one head, D embedding width.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lst.facts.body_parts import PARTS
from lst.facts.choices import TextHeads
from lst.text.descriptions import ActionText
from lst.text.prompt_choices import WHOLE, Head, rule_heads
from lst.text.vectors import Encode, TextVectors


@dataclass(frozen=True, eq=False)
class Actions:
    """What clips are compared with: K actions, each with a direction for every head that has texts.

    Raises:
        ValueError: there is no action, or two of them have the same name.
    """

    names: tuple[str, ...]
    directions_PKD: NDArray[np.float32]
    """Means of the unit vectors of an action's texts: a product with one is the mean of the cosines.

    P may be less than the run has: bare names are for its first head, the whole body, alone."""

    def __post_init__(self) -> None:
        if not self.names:
            raise ValueError("no action is named; give at least one text")
        if len(set(self.names)) != len(self.names):
            twice = Counter(self.names).most_common(1)[0][0]
            raise ValueError(f"the action {twice!r} is named twice; name each one once")

    def of_heads(self, heads: TextHeads) -> "Actions":
        """The same actions for all heads or for the whole body alone."""
        return self if heads == "all" else replace(self, directions_PKD=self.directions_PKD[:1])


def known_actions(texts: TextVectors, heads: Sequence[Head]) -> Actions:
    """The classes that a run was trained with, by the texts it was trained with, for all its heads."""
    return Actions(texts.class_names, mean_directions(texts.vectors_TD, texts.index_PKS(heads)))


def described_actions(classes: Sequence[ActionText], rule: str, encode: Encode) -> Actions:
    """New actions with full descriptions, for all heads of a run of this building rule."""
    return _encoded([action.name for action in classes], rule_heads(rule, classes), encode)


def named_actions(names: Sequence[str], encode: Encode) -> Actions:
    """New actions by name. Nothing is said about body parts, so only the whole body is compared."""
    return _encoded(names, [Head(WHOLE, PARTS, tuple((name,) for name in names))], encode)


def _encoded(names: Sequence[str], heads: Sequence[Head], encode: Encode) -> Actions:
    texts = list(dict.fromkeys(text for head in heads for own in head.texts_KS for text in own))
    place = {text: t for t, text in enumerate(texts)}
    most = max((len(own) for head in heads for own in head.texts_KS), default=0)
    index_PKS = np.full((len(heads), len(names), most), -1, dtype=np.int64)
    for p, head in enumerate(heads):
        for k, own in enumerate(head.texts_KS):
            index_PKS[p, k, : len(own)] = [place[text] for text in own]
    vectors_TD = np.asarray(encode(texts), dtype=np.float32) if texts else np.zeros((0, 1), np.float32)
    return Actions(tuple(names), mean_directions(vectors_TD, index_PKS))


def mean_directions(vectors_TD: NDArray[np.float32], index_PKS: NDArray[np.int64]) -> NDArray[np.float32]:
    """(P, K, D) mean of the unit vectors of the texts that `index_PKS` names; -1 names none."""
    unit_TD = _unit(vectors_TD)
    is_text_PKS = index_PKS >= 0
    sums_PKD = (unit_TD[index_PKS] * is_text_PKS[..., None]).sum(axis=2)
    return sums_PKD / is_text_PKS.sum(axis=2)[..., None]


def action_cosines(embedded_PND: NDArray[np.float32], actions: Actions) -> NDArray[np.float32]:
    """(N, K) cosines of clips with actions: the mean over an action's texts, then over the heads it has.

    Args:
        embedded_PND: one vector per head of the run, of any length; a zero vector has cosine 0.
    """
    return head_cosines(embedded_PND, actions).mean(axis=0)


def head_cosines(embedded_PND: NDArray[np.float32], actions: Actions) -> NDArray[np.float32]:
    """(P, N, K) the same before the mean over the heads: each head with its own texts."""
    own_PND = _unit(embedded_PND[: len(actions.directions_PKD)])
    return np.einsum("pnd,pkd->pnk", own_PND, actions.directions_PKD)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)

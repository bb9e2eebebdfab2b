"""TextConfig: the language side of a run as a value. None of it is in what ships."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from lst.facts.choices import PromptChoice, TextControl, TextLoss, TextTarget, choose
from lst.text.hashed import HASHED

ScaleChoice = Literal["auto", "exp", "linear"]
NAMES = "names"
"""Instead of a description file: the class names alone."""


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """What the skeletons are compared with, and how."""

    weight: float = 1.0
    """Weight of the mean part-contrastive term beside cross-entropy; 0 trains the plain encoder."""
    prompts: PromptChoice = "parts4"
    """Texts that the body and its parts are compared with; parts4 is the method (docs/language.md)."""
    vectors: str | None = None
    """Vector file of your own descriptions (`lst embed`); the shipped MiniLM vectors if not given."""
    encoder: str | None = None
    """Text encoder that makes the vectors when the run starts: a folder, an id of the Hugging Face hub,
    minilm, or hashed-words, which knows no meaning but needs nothing installed. The descriptions are those
    that ship unless `descriptions` names a file."""
    descriptions: str | None = None
    """Description file for `encoder`, or "names": nothing but the class names."""
    tune: bool = False
    """Train `encoder` along with the net, as the official code does with CLIP's; it is saved with the run."""
    tune_rate: float | None = None
    """Its learning rate as a share of the net's, on the same schedule. 0.01 if not given; with parity gap 1,
    as in the official code."""
    tune_epochs: int | None = None
    """Epochs after which it stays as it is; the whole run if not given."""
    scale: ScaleChoice = "auto"
    """Factor on the cosines: exp(s), capped at 100, or s itself. auto: exp, with parity gap linear."""
    target: TextTarget = "soft"
    """soft: softmax(10 * same class), as published; same_class: equal mass on the same class only;
    text_similarity: softmax(10 * cosine of the texts)."""
    loss: TextLoss = "kl"
    """kl: divergence from the target; info_nce: clips of the same class as positives (MIL-NCE), no target."""
    part_weights: tuple[float, ...] = ()
    """One weight for each head in the mean of the text terms, whole body first; all alike if not given."""
    control: TextControl = "none"
    """shuffled: every class has the texts of another one; random: every text has a random vector. A gain that
    such a run has too does not come from language (docs/language.md)."""

    def __post_init__(self) -> None:
        if not self.weight >= 0:  # also false for NaN
            raise ValueError(f"text.weight must be 0 (no text) or positive, got {self.weight}")
        for kind, value, literal in (
            ("prompts", self.prompts, PromptChoice),
            ("text scale", self.scale, ScaleChoice),
            ("text target", self.target, TextTarget),
            ("text loss", self.loss, TextLoss),
            ("text control", self.control, TextControl),
        ):
            choose(kind, value, dict.fromkeys(get_args(literal)))
        self._check_encoder()
        if self.loss == "info_nce" and self.target != "soft":
            raise ValueError(
                f"text.loss info_nce has no target, so text.target must stay soft, got {self.target!r}"
            )
        if self.part_weights and not (
            all(0 <= weight < math.inf for weight in self.part_weights) and sum(self.part_weights) > 0
        ):
            raise ValueError(
                f"text.part_weights must be 0 or positive numbers, not all 0, got {self.part_weights}"
            )

    def _check_encoder(self) -> None:
        if self.encoder is None:
            if self.tune or self.descriptions is not None:
                raise ValueError(
                    "text.tune and text.descriptions need text.encoder; name one, such as minilm"
                )
            if self.tune_rate is not None or self.tune_epochs is not None:
                raise ValueError("text.tune_rate and text.tune_epochs go with text.encoder and text.tune")
            return
        if self.tune and self.encoder == HASHED:
            raise ValueError(f"text.encoder {HASHED} has nothing to train; leave out text.tune")
        if self.vectors is not None:
            raise ValueError("text.vectors are there already; leave them or text.encoder out")
        if not self.tune and (self.tune_rate is not None or self.tune_epochs is not None):
            raise ValueError("text.tune_rate and text.tune_epochs go with text.tune")
        if self.tune and self.control == "random":
            raise ValueError("text.control random has no use for an encoder; leave out text.tune")
        if self.tune_rate is not None and not 0 < self.tune_rate < math.inf:
            raise ValueError(f"text.tune_rate must be positive, got {self.tune_rate}")
        if self.tune_epochs is not None and self.tune_epochs < 1:
            raise ValueError(f"text.tune_epochs must be at least 1, got {self.tune_epochs}")

    def check_part_weights(self, heads: Sequence[str]) -> None:
        """ValueError unless there is one weight for each of these heads, or none at all."""
        if self.part_weights and len(self.part_weights) != len(heads):
            raise ValueError(
                f"text.part_weights has {len(self.part_weights)} numbers; prompts {self.prompts!r} have "
                f"{len(heads)} heads ({', '.join(heads)}), so give one for each, in this order"
            )

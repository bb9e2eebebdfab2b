"""TextConfig: the language side of a run as a value. None of it is in what ships."""

from dataclasses import dataclass
from typing import Literal, get_args

from lst.facts.choices import PromptChoice, TextTarget, choose

ScaleChoice = Literal["auto", "exp", "linear"]


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """What the skeletons are compared with, and how."""

    weight: float = 1.0
    """Weight of the mean part-contrastive term beside cross-entropy; 0 trains the plain encoder."""
    prompts: PromptChoice = "parts4"
    """Texts that the body and its parts are compared with; parts4 is the method (docs/language.md)."""
    vectors: str | None = None
    """Vector file of your own descriptions (`lst embed`); the shipped MiniLM vectors if not given."""
    scale: ScaleChoice = "auto"
    """Factor on the cosines: exp(s), capped at 100, or s itself (Q16). auto: exp, with parity gap linear."""
    target: TextTarget = "soft"
    """soft: softmax(10 * same class), as published (Q17); same_class: equal mass on the same class only."""

    def __post_init__(self) -> None:
        if not self.weight >= 0:  # also false for NaN
            raise ValueError(f"text.weight must be 0 (no text) or positive, got {self.weight}")
        for kind, value, literal in (
            ("prompts", self.prompts, PromptChoice),
            ("text scale", self.scale, ScaleChoice),
            ("text target", self.target, TextTarget),
        ):
            choose(kind, value, dict.fromkeys(get_args(literal)))

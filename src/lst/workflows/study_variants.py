"""The variants that `lst study text` compares. A new one is one line: name, one sentence, what it changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lst.facts.choices import choose


@dataclass(frozen=True)
class Variant:
    """One change of the text side. All else is the recipe's: schedule, clips, draws, start values."""

    name: str
    description: str
    """A row of the table: what it is, in a few words."""
    text: Mapping[str, Any]
    """Fields of `TextConfig`."""


BASELINE = "no-text"
"""What every difference is measured from."""

VARIANTS: tuple[Variant, ...] = (
    Variant(BASELINE, "the plain encoder", {"weight": 0.0}),
    Variant("label", "class names, for the body and four parts", {"prompts": "label"}),
    Variant("template", "class names in fixed sentences", {"prompts": "template"}),
    Variant("synonyms", "synonyms, whole body only", {"prompts": "synonyms"}),
    Variant("sentence", "one description, whole body only", {"prompts": "sentence"}),
    Variant("parts1", "synonyms, all phrases in one text", {"prompts": "parts1"}),
    Variant("parts2", "synonyms, upper and lower body", {"prompts": "parts2"}),
    Variant("parts4", "the method", {"prompts": "parts4"}),
    Variant("parts6", "synonyms, six parts", {"prompts": "parts6"}),
    Variant("mixed", "the method, the description among the synonyms", {"prompts": "mixed"}),
    Variant("parts4-shuffled", "control: texts of another class", {"control": "shuffled"}),
    Variant("parts4-random", "control: random vectors for texts", {"control": "random"}),
    Variant("parts4-tuned", "the method, MiniLM trained along", {"encoder": "minilm", "tune": True}),
    Variant("linear-scale", "the method, scale without exp", {"scale": "linear"}),
    Variant("same-class", "the method, target same_class", {"target": "same_class"}),
    Variant("text-similarity", "the method, target text_similarity", {"target": "text_similarity"}),
    Variant("info-nce", "the method, loss info_nce", {"loss": "info_nce"}),
)


def get_variant(name: str) -> Variant:
    """The variant called `name`; ValueError with the nearest names otherwise."""
    return choose("variant", name, {variant.name: variant for variant in VARIANTS})

"""Choices users make by name, and the one error they get for a name that does not exist."""

import difflib
from collections.abc import Mapping
from typing import Literal, TypeVar

Modality = Literal["joint", "bone", "joint_motion", "bone_motion"]
"""What one stream sees of a clip."""

Split = Literal["train", "test"]
"""`val` is only for clips held out of `train`; the held-out split of a benchmark is `test`."""

FramesRule = Literal["random_frames", "crop_resize"]
"""How a clip gets its length: frames drawn (NW-UCLA, method.md 13.4), or a crop resized (NTU, 13.1)."""

TextScale = Literal["exp", "linear"]
"""Factor on the cosines of the contrastive loss: exp(s), capped, or s itself as in the official code, Q16."""

TextTarget = Literal["soft", "same_class", "text_similarity"]
"""Targets of that loss over the batch (`nets/losses.py` has the formulas).

soft: softmax(10 * same class), as published (Q17). same_class: equal mass on clips of the same class; with it
the KL is, up to a constant, L_out of SupCon (Khosla et al., NeurIPS 2020, Eq. 2) across the two modalities.
text_similarity: softmax(10 * cosine of the texts), so that classes with similar texts are pushed apart less;
the idea of targets from similarity within one modality is SoftCLIP's (Gao et al., AAAI 2024)."""

TextLoss = Literal["kl", "info_nce"]
"""kl: KL divergence from a target, as published. info_nce: minus the log of the probability that all clips of
the same class have together, the MIL-NCE objective (Miech et al., CVPR 2020), which SUGAR (AAAI 2026) takes
for skeletons and texts; up to log(number of positives) it is L_in of SupCon (Eq. 3)."""

TextControl = Literal["none", "shuffled", "random"]
"""What a gain must vanish with to be a gain of language. shuffled: every class has the texts of another one.
random: every text has a random vector. Both still tell the classes apart; only the meaning is gone."""

MissingPerson = Literal["zeros", "repeat"]
"""What fills the slot of a person whom a clip does not have: zeros, or the last person once more (Q49)."""

PersonsRule = Literal["every_slot", "present"]
"""Whose features are averaged: those of every slot, an empty one too, as published (Q8), or of the persons
who are there. With "present" each person passes the encoder alone, and an empty slot costs nothing."""

ClassWeights = Literal["none", "sqrt"]
"""Weights of the classes in cross-entropy. sqrt: 1 / square root of a class's training clips, mean 1 over the
clips. Full inverse weights make a class of three clips the loudest of all; the root is the usual middle."""

PromptChoice = Literal[
    "label", "template", "synonyms", "sentence", "parts1", "parts2", "parts4", "parts6", "mixed"
]
"""Which texts the heads of the model are compared with (`text/prompt_choices.py`); the method is parts4."""

TextHeads = Literal["all", "whole"]
"""Whose cosines with a text are averaged: those of all heads that have one, or of the whole body alone."""

T = TypeVar("T")

MANY = 20
"""More names than this are not all listed in an error."""


def choose(kind: str, name: str, options: Mapping[str, T]) -> T:
    """The option called `name`.

    `kind` is the word for such an option in the error text: "benchmark", "layout", ...

    Raises:
        ValueError: there is no such option. Names the nearest one, and all known ones unless they are so many
            that the nearest would be lost among them.
    """
    if name in options:
        return options[name]
    by_lower = {option.lower(): option for option in options}
    near = [by_lower[found] for found in difflib.get_close_matches(str(name).lower(), by_lower, n=4)]
    hint = f" Did you mean {near[0]!r}?" if near else ""
    if near and len(options) > MANY:
        known = f"{', '.join(near)} and {len(options) - len(near)} more"
    else:
        known = ", ".join(sorted(options)) or "(none)"
    raise ValueError(f"unknown {kind} {name!r}.{hint} Known: {known}")

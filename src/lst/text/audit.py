"""Audit of a text set: which classes its texts hardly tell apart, and what in them no skeleton can show.

Goes beyond `check_descriptions`, which finds what is plainly wrong: here a person has to judge. NumPy only.

Letters: K classes, S synonyms, D embedding width. Classes are given by label.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from lst.text.descriptions import PARTS, PROMPT_PARTS, ActionText
from lst.text.prompt_choices import prompt_heads
from lst.text.prompts import class_prompts
from lst.text.vectors import TextVectors

AuditedText = Literal[
    "overall", "global", "name", "nearest synonym", "sentence", "head", "hand", "hip", "foot"
]
AUDITED_TEXTS: tuple[AuditedText, ...] = get_args(AuditedText)
_MEANINGS: dict[AuditedText, str] = {
    "overall": "mean over the five texts of the heads: global, head, hand, hip, foot",
    "global": "mean vector of all synonyms",
    "nearest synonym": "the two synonyms that are nearest to each other",
}

NEAR = 0.8
"""Part prompts count as near from this cosine on. No pair of the shipped sets is near in all four."""

WORD_LIMITS: dict[str, int] = {"synonym": 10, "sentence": 45, "phrase": 12, "prompt": 40}
"""Longer texts are not cut by the encoders, but one vector holds the gist of a text only: details drown."""

UNSEEN_WORDS: dict[str, str] = {
    # Joints have no surface, so neither colour nor light.
    "colour": """
        black white red green blue yellow orange purple violet pink brown grey gray beige golden
        silvery colour colours coloured colourful color colors colored colorful bright dark pale
    """,
    # What a thing is made of or how it looks; that there is one in the hand may be said.
    "material": """
        wool woollen cotton leather denim silk linen nylon velvet fur fabric wooden metal metallic
        plastic glassy rubber striped plaid patterned shiny glossy transparent
    """,
    # No sound is recorded. "quiet" is not here: it also says that a part of the body does not move.
    "sound": """
        sound sounds noise noisy noisily loud loudly aloud silent silently audible audibly voice
        voices speak speaks speaking speech talk talks talking say says saying shout shouts shouting
        scream screams screaming laugh laughs laughing sing sings singing hum hums music beep beeps
        murmur murmurs
    """,
    # A head is one or a few joints. Face, mouth, nose, ear and cheek are not here: they tell where a hand is.
    "facial detail": """
        eye eyes eyelid eyelids eyebrow eyebrows eyelash eyelashes lip lips tongue teeth tooth gaze
        gazes gazing stare stares staring blink blinks blinking wink winks winking smile smiles
        smiling grin grins frown frowns frowning grimace grimaces wince winces pout pouts blush
        blushes expression
    """,
}
"""Words that tell of what no joint shows, by kind, in all the forms that are looked for, space between them.

The list is short on purpose: a word with a second meaning that joints do show ("quiet", "tear", "face") would
raise false alarms, and an audit that cries wolf is not read.
"""


@dataclass(frozen=True)
class NearPair:
    """Two classes and the cosine of their vectors for one text."""

    first: int
    second: int
    cosine: float


@dataclass(frozen=True)
class LongText:
    """A text of a class with more words than `WORD_LIMITS` has for its kind."""

    label: int
    field: str
    words: int
    limit: int


@dataclass(frozen=True)
class UnseenWord:
    """A word in a class's sentence or phrase that tells of what no joint shows."""

    label: int
    field: str
    word: str
    kind: str


@dataclass(frozen=True)
class TextAudit:
    """What `audit_texts` found. Plain data; `audit_lines` puts it into words."""

    class_names: tuple[str, ...]
    near: float
    nearest: Mapping[AuditedText, tuple[NearPair, ...]]
    """The nearest pairs of classes for each text, nearest first. Information, not a fault."""
    look_alikes: tuple[NearPair, ...]
    """Pairs whose four part prompts are all near each other; `cosine` is that of the least similar part."""
    long_texts: tuple[LongText, ...]
    unseen_words: tuple[UnseenWord, ...]

    @property
    def num_findings(self) -> int:
        """Look-alikes, long texts and unseen words; the lists of nearest pairs do not count."""
        return len(self.look_alikes) + len(self.long_texts) + len(self.unseen_words)


def audit_texts(
    classes: Sequence[ActionText], vectors: TextVectors, *, count: int = 10, near: float = NEAR
) -> TextAudit:
    """Judge a text set by its words and its vectors: the `count` nearest pairs per text and the findings.

    Part prompts begin with the class name (method.md 9.1): classes with similar names are near in all parts.

    Raises:
        ValueError: the vectors were made from other texts.
    """
    _check_in_step(classes, vectors)
    cosines = _class_cosines(vectors)
    part_cosines_4KK = np.stack([cosines[part] for part in ("head", "hand", "hip", "foot")])
    return TextAudit(
        class_names=vectors.class_names,
        near=near,
        nearest={text: nearest_pairs(cosines[text], count) for text in AUDITED_TEXTS},
        look_alikes=nearest_pairs(part_cosines_4KK.min(axis=0), lowest=near),
        long_texts=tuple(_long_texts(classes)),
        unseen_words=tuple(_unseen_words(classes)),
    )


def nearest_pairs(
    cosines_KK: NDArray[np.floating], count: int | None = None, *, lowest: float = -np.inf
) -> tuple[NearPair, ...]:
    """Pairs of different classes with a cosine of at least `lowest`, highest first, at most `count`.

    Ties stand in label order.
    """
    first, second = np.triu_indices(len(cosines_KK), k=1)
    values = cosines_KK[first, second]
    order = np.argsort(-values, kind="stable")[:count]
    return tuple(
        NearPair(int(first[i]), int(second[i]), float(values[i])) for i in order if values[i] >= lowest
    )


def audit_lines(audit: TextAudit) -> list[str]:
    """The audit as lines of text for people, findings first."""
    names = audit.class_names
    alike = [f"{_pair(audit, pair)} (least similar part)" for pair in audit.look_alikes]
    unseen = [f"{names[w.label]}, {w.field}: {w.word!r} ({w.kind})" for w in audit.unseen_words]
    long = [f"{names[t.label]}, {t.field}: {t.words} words, at most {t.limit}" for t in audit.long_texts]
    lines = [f"{len(names)} classes, {audit.num_findings} findings"]
    lines += _section(f"pairs of classes with a cosine of {audit.near:.2f} or more in all four parts", alike)
    lines += _section("words for what a skeleton cannot show", unseen)
    lines += _section("texts with too many words", long)
    for text, pairs in audit.nearest.items():
        meaning = f" ({_MEANINGS[text]})" if text in _MEANINGS else ""
        lines += _section(f"nearest pairs by {text}{meaning}", [_pair(audit, pair) for pair in pairs])
    return lines


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"{title}:", *(f"  {line}" for line in lines)] if lines else ["", f"{title}: none"]


def _pair(audit: TextAudit, pair: NearPair) -> str:
    return f"{pair.cosine:.3f}  {audit.class_names[pair.first]} | {audit.class_names[pair.second]}"


def _check_in_step(classes: Sequence[ActionText], vectors: TextVectors) -> None:
    if (got := len(classes)) != (made := len(vectors.class_names)):
        raise ValueError(f"{got} classes are described, the vectors are for {made}; build the vectors anew")
    for k, (action, encoded_action) in enumerate(zip(classes, vectors.classes, strict=True)):
        wanted, encoded = _texts_of(action), _texts_of(encoded_action)
        if encoded != wanted:
            new = [repr(text) for text in wanted if text not in encoded]
            reason = f"there is none for {new[0]}" if new else "those stand in another order"
            raise ValueError(
                f"class {k} ({action.name!r}): the vectors were made from other texts; {reason}. "
                "Build the vectors anew from this description file."
            )


def _texts_of(action: ActionText) -> tuple[str, ...]:
    prompts = class_prompts(action)
    return (*prompts.global_, *prompts.parts, action.sentence)


def _class_cosines(vectors: TextVectors) -> dict[AuditedText, NDArray[np.float32]]:
    """Text -> (K, K) cosines between the classes."""
    unit_TD = _unit(vectors.vectors_TD)
    synonyms_KS, *parts_4KS = vectors.index_PKS(prompt_heads("parts4", vectors.classes))
    sentences_KS = vectors.index_PKS(prompt_heads("sentence", vectors.classes))[0]
    is_text_KS = synonyms_KS >= 0
    synonyms_KSD = unit_TD[synonyms_KS] * is_text_KS[..., None]
    head, hand, hip, foot = (_cosines(unit_TD[part_KS[:, 0]]) for part_KS in parts_4KS)
    cosines: dict[AuditedText, NDArray[np.float32]] = {
        "global": _cosines(_unit(synonyms_KSD.sum(axis=1))),
        "name": _cosines(synonyms_KSD[:, 0]),
        "nearest synonym": _nearest_synonyms(synonyms_KSD, is_text_KS),
        "sentence": _cosines(unit_TD[sentences_KS[:, 0]]),
        "head": head,
        "hand": hand,
        "hip": hip,
        "foot": foot,
    }
    heads: tuple[AuditedText, ...] = ("global", "head", "hand", "hip", "foot")
    cosines["overall"] = np.mean([cosines[text] for text in heads], axis=0)
    return cosines


def _nearest_synonyms(
    synonyms_KSD: NDArray[np.float32], is_text_KS: NDArray[np.bool_]
) -> NDArray[np.float32]:
    num_classes, num_synonyms, width = synonyms_KSD.shape
    cosines = _cosines(synonyms_KSD.reshape(-1, width))
    both = is_text_KS.reshape(-1, 1) & is_text_KS.reshape(1, -1)
    shape = (num_classes, num_synonyms, num_classes, num_synonyms)
    return np.where(both, cosines, -1).reshape(shape).max(axis=(1, 3))


def _unit(rows_ND: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1; a zero row stays zero and is near nothing."""
    return rows_ND / np.maximum(np.linalg.norm(rows_ND, axis=-1, keepdims=True), 1e-12)


def _cosines(unit_ND: NDArray[np.float32]) -> NDArray[np.float32]:
    return unit_ND @ unit_ND.T


def _long_texts(classes: Sequence[ActionText]) -> Iterator[LongText]:
    for k, action in enumerate(classes):
        texts = [("synonym", f"synonym {synonym!r}", synonym) for synonym in action.synonyms[1:]]
        texts.append(("sentence", "sentence", action.sentence))
        texts += [("phrase", part, action.part(part)) for part in PARTS]
        prompts = zip(PROMPT_PARTS, class_prompts(action).parts, strict=True)
        texts += [("prompt", f"{part} prompt", prompt) for part, prompt in prompts]
        for kind, field, text in texts:
            if (words := len(text.split())) > (limit := WORD_LIMITS[kind]):
                yield LongText(k, field, words, limit)


def _unseen_words(classes: Sequence[ActionText]) -> Iterator[UnseenWord]:
    """Sentence and phrases only: a synonym names the action as people do ("put a finger to the lips").

    A class's own name may hold such a word ("brushing teeth"); then its texts may too.
    """
    kinds = {word: kind for kind, words in UNSEEN_WORDS.items() for word in words.split()}
    for k, action in enumerate(classes):
        own = set(_words(action.name))
        for field in ("sentence", *PARTS):
            for word in dict.fromkeys(_words(getattr(action, field))):
                if word in kinds and word not in own:
                    yield UnseenWord(k, field, word, kinds[word])


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())

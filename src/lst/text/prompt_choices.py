"""What the heads of the model are compared with: one function per prompt choice. Standard library only.

A function turns one class into its heads. The whole body comes first; the order is the same for every class.

Letters: K classes, S texts of a class for one head.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lst.facts.body_parts import PARTS, PROMPT_PARTS, PartName
from lst.facts.choices import PromptChoice, choose
from lst.text.descriptions import ActionText
from lst.text.prompts import class_prompts, joined, official_fields

WHOLE = "whole"
GAP_RULE = "gap_parts4"
TEMPLATES = (
    "{}",
    "human action: {}",
    "people in motion: {}",
    "a body performs this movement: {}",
    "what happens here is {}",
)
"""Sentences around a name, as in ActionCLIP (arXiv 2109.08472) but in our own words."""

PART_TEMPLATES = ("the {part} of a person during the action: {name}", "{name}, only the {part}")
_PART_WORDS = {"head": "head", "hand": "hands and arms", "hip": "hips", "foot": "legs and feet"}
_HALVES: dict[str, tuple[PartName, ...]] = {"upper": ("head", "hand", "arm"), "lower": ("hip", "leg", "foot")}


class HeadTexts(NamedTuple):
    """What one head sees of one class."""

    name: str
    parts: tuple[PartName, ...]
    """The body parts whose joints are pooled for it; all six are the whole body."""
    texts: tuple[str, ...]
    """One of them is drawn for each clip and step, all equally likely."""


@dataclass(frozen=True)
class Head:
    """What one head sees of all K classes, in label order."""

    name: str
    parts: tuple[PartName, ...]
    texts_KS: tuple[tuple[str, ...], ...]


Heads = tuple[HeadTexts, ...]


def label(action: ActionText) -> Heads:
    """The class name alone, for the whole body and the four parts."""
    parts = (HeadTexts(name, parts, (action.words,)) for name, parts in PROMPT_PARTS.items())
    return (_whole(action.words), *parts)


def template(action: ActionText) -> Heads:
    """The class name inside fixed sentences, for the whole body and the four parts."""
    whole = _whole(*(text.format(action.words.strip()) for text in TEMPLATES))
    return (whole, *(_part_templates(action, name, parts) for name, parts in PROMPT_PARTS.items()))


def synonyms(action: ActionText) -> Heads:
    """The synonyms, name first, for the whole body alone."""
    return (_whole(*action.synonyms),)


def sentence(action: ActionText) -> Heads:
    """The sentence, for the whole body alone (Q21)."""
    return (_whole(action.sentence),)


def parts1(action: ActionText) -> Heads:
    """Synonyms, and all six phrases in one text."""
    return (*synonyms(action), _phrases(action, "body", PARTS))


def parts2(action: ActionText) -> Heads:
    """Synonyms, and the phrases of the upper and of the lower body."""
    return (*synonyms(action), *(_phrases(action, name, parts) for name, parts in _HALVES.items()))


def parts4(action: ActionText) -> Heads:
    """The method (method.md 9.1): synonyms, and one text each for head, hand, hip and foot."""
    return _four(action, class_prompts(action).parts)


def parts6(action: ActionText) -> Heads:
    """Synonyms, and every phrase for itself."""
    return (*synonyms(action), *(_phrases(action, part, (part,)) for part in PARTS))


def mixed(action: ActionText) -> Heads:
    """The method, with the sentence among the synonyms."""
    return (_whole(*action.synonyms, action.sentence), *parts4(action)[1:])


def gap_parts4(action: ActionText) -> Heads:
    """The method by the official building rule (Q20); comes with parity "gap" and is no choice of its own."""
    return _four(action, class_prompts(official_fields(action), glued_comma=True).parts)


PROMPTS: dict[PromptChoice, Callable[[ActionText], Heads]] = {
    "parts4": parts4,
    "label": label,
    "template": template,
    "synonyms": synonyms,
    "sentence": sentence,
    "parts1": parts1,
    "parts2": parts2,
    "parts6": parts6,
    "mixed": mixed,
}
"""The default first."""


def prompt_heads(choice: PromptChoice, classes: Sequence[ActionText]) -> tuple[Head, ...]:
    """The heads of a choice with the texts of all classes.

    Raises:
        ValueError: there is no such choice.
    """
    known: dict[str, Callable[[ActionText], Heads]] = {**PROMPTS}
    return _over_classes(choose("prompts", choice, known), classes)


def gap_heads(classes: Sequence[ActionText]) -> tuple[Head, ...]:
    """The five heads of the official code with its texts."""
    return _over_classes(gap_parts4, classes)


def rule_heads(rule: str, classes: Sequence[ActionText]) -> tuple[Head, ...]:
    """The heads of a building rule as runs keep it: a prompt choice, or `GAP_RULE` for the official one."""
    return (
        gap_heads(classes)
        if rule == GAP_RULE
        else _over_classes(choose("prompts", rule, {**PROMPTS}), classes)
    )


def heads_to_embed(choice: PromptChoice, classes: Sequence[ActionText]) -> tuple[Head, ...]:
    """All heads whose texts a vector file has for a choice: those of parts4 in both building rules."""
    heads = prompt_heads(choice, classes)
    return (*heads, *gap_heads(classes)) if choice == "parts4" else heads


def _over_classes(prompts: Callable[[ActionText], Heads], classes: Iterable[ActionText]) -> tuple[Head, ...]:
    per_head = zip(*map(prompts, classes), strict=True)
    return tuple(Head(own[0].name, own[0].parts, tuple(one.texts for one in own)) for own in per_head)


def _whole(*texts: str) -> HeadTexts:
    return HeadTexts(WHOLE, PARTS, texts)


def _four(action: ActionText, texts: tuple[str, ...]) -> Heads:
    parts = zip(PROMPT_PARTS.items(), texts, strict=True)
    return (*synonyms(action), *(HeadTexts(name, own, (text,)) for (name, own), text in parts))


def _phrases(action: ActionText, name: str, parts: tuple[PartName, ...]) -> HeadTexts:
    return HeadTexts(name, parts, (joined(action.name, *map(action.part, parts)),))


def _part_templates(action: ActionText, name: str, parts: tuple[PartName, ...]) -> HeadTexts:
    texts = (text.format(part=_PART_WORDS[name], name=action.words.strip()) for text in PART_TEMPLATES)
    return HeadTexts(name, parts, tuple(texts))

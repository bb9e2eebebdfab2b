"""Class names alone as texts: cleaned to words, with a plain phrase for each body part."""

import re
from collections import Counter
from collections.abc import Sequence

from lst.facts.body_parts import PARTS
from lst.text.descriptions import ActionText

_CODE = re.compile(r"^(?:[A-Za-z]\d{1,4}|\d{1,4})(?:\s*[._:)\-]\s*|\s+)(?=.*[A-Za-z]{2})")
"""A number in front of a name: "A012 wave", "03_sit down", "7. clap"."""
_JOINTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Where words meet in "WalkAround" and "TVOn"."""
_PART_WORDS = {
    "head": "head",
    "hand": "hands",
    "arm": "arms",
    "hip": "hips",
    "leg": "legs",
    "foot": "feet",
}


def words_of(name: str) -> str:
    """A class name as a person would say it: "A012 WalkAround" -> "walk around"."""
    words = _JOINTS.sub(" ", _CODE.sub("", name.strip(), count=1))
    words = re.sub(r"[\s_\-./]+", " ", words).strip()
    return words.lower() or name


def name_texts(class_names: Sequence[str]) -> list[ActionText]:
    """The classes in the words of their names, in label order; `name` stays the class name itself.

    Names that would read the same are kept as they are.
    """
    words = [words_of(name) for name in class_names]
    counts = Counter(words)
    texts = [word if counts[word] == 1 else name for word, name in zip(words, class_names, strict=True)]
    return [_action(name, text) for name, text in zip(class_names, texts, strict=True)]


def _action(name: str, text: str) -> ActionText:
    phrases = {part: f"the {_PART_WORDS[part]} of a person during: {text}" for part in PARTS}
    return ActionText(name=name, synonyms=(text,), sentence=f"a person does this: {text}", **phrases)

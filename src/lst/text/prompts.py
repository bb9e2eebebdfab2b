"""The five texts of a class that its skeletons are compared with (method.md 9.1). Standard library only."""

from dataclasses import replace
from typing import NamedTuple

from lst.text.descriptions import PARTS, ActionText


class FiveTexts(NamedTuple):
    """One text per head of the model: the whole body and the four parts head, hand, hip, foot."""

    global_: tuple[str, ...]
    """The synonyms, name first. One of them is drawn for each clip and step."""
    head: str
    hand: str
    hip: str
    foot: str

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """The four part prompts in the order of the part heads."""
        return self[1:]


def class_prompts(action: ActionText, *, glued_comma: bool = False) -> FiveTexts:
    """The five texts of one class.

    By default the name and the phrases are stripped and joined by ", ".

    `glued_comma=True` is the official building rule of GAP to the letter (quirk Q20). With f0..f6 = name,
    head, hand, arm, hip, leg, foot exactly as the file has them:

        head f0 + "," + f1 | hand f0 + f2 + "," + f3 | hip f0 + "," + f4 | foot f0 + "," + f5 + "," + f6

    No comma follows the name in the hand text. In GAP's files f2 nearly always starts with a space, which
    then parts the two; for five NTU classes it does not, and name and phrase become one word ("tear up
    paperhand is ..."). The files of `lst` have no such spaces: pass their classes through `official_fields`
    first, or every class gets a glued word. The other three texts give the same tokens in both forms.
    """
    if glued_comma:
        a = action
        return FiveTexts(
            global_=a.synonyms,
            head=f"{a.name},{a.head}",
            hand=f"{a.name}{a.hand},{a.arm}",
            hip=f"{a.name},{a.hip}",
            foot=f"{a.name},{a.leg},{a.foot}",
        )
    return FiveTexts(
        global_=action.synonyms,
        head=joined(action.name, action.head),
        hand=joined(action.name, action.hand, action.arm),
        hip=joined(action.name, action.hip),
        foot=joined(action.name, action.leg, action.foot),
    )


def official_fields(action: ActionText) -> ActionText:
    """The class as GAP's file would hold it: one space in front of each phrase."""
    return replace(action, **{part: f" {action.part(part).strip()}" for part in PARTS})


def joined(*phrases: str) -> str:
    """Name and phrases as one text."""
    return ", ".join(phrase.strip() for phrase in phrases)

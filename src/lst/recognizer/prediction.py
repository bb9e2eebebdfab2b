"""What a recogniser answers, and why. Plain values with a JSON form."""

from dataclasses import asdict, dataclass
from typing import Any

from lst.facts.wording import percent, plural

OCCLUSION = "occlusion"
"""Name of the way in which frames and joints are judged: `recognizer/evidence.py` says how."""


@dataclass(frozen=True)
class Choice:
    """One class and how probable the model holds it."""

    name: str
    probability: float
    """Softmax of the logits: a ranking, not a measured frequency; networks are mostly too sure."""
    label: int


@dataclass(frozen=True)
class Word:
    """A class beside a part of the body."""

    name: str
    text: str
    """The first of the class's texts for this part."""
    cosine: float
    """Mean over the class's texts for this part; comparable within a part, not between parts."""


@dataclass(frozen=True)
class PartWords:
    """The words that a part of the body came nearest to, the nearest first."""

    part: str
    joints: tuple[str, ...]
    nearest: tuple[Word, ...]


@dataclass(frozen=True)
class JointEffect:
    """What is left of the answer if one joint stands still beside its parent joint."""

    joint: str
    fall: float
    """Fall of the log-odds of the predicted class; negative: without this motion it is even surer."""
    probability: float
    """That of the predicted class, without the motion of this joint."""


@dataclass(frozen=True)
class FramesEffect:
    """What is left of the answer if the body stands still for some frames."""

    first: int
    last: int
    fall: float
    probability: float


@dataclass(frozen=True)
class Evidence:
    """Why a clip got its answer."""

    name: str
    probability: float
    parts: tuple[PartWords, ...]
    """Empty for runs that were trained without text."""
    joints: tuple[JointEffect, ...]
    """All of them, the one that matters most first."""
    frames: tuple[FramesEffect, ...]
    """In the order of time."""
    method: str = OCCLUSION

    def as_json(self) -> dict[str, Any]:
        """Plain values, as `lst predict --why` writes them."""
        return asdict(self)

    def as_text(self, joints: int = 5, words: int = 3) -> str:
        """A few lines for people."""
        lines = [f"{self.name} ({percent(self.probability, 0)})"]
        for part in self.parts:
            near = ", ".join(f"{word.name} {word.cosine:.2f}" for word in part.nearest[:words])
            lines.append(f"  {part.part:<6} nearest words: {near}")
        chosen = ", ".join(f"{one.joint} ({percent(one.probability, 0)})" for one in self.joints[:joints])
        lines.append(f"  joints whose standing still costs most ({self.method}): {chosen}")
        most = sorted(self.frames, key=lambda one: -one.fall)[:2]
        when = ", ".join(f"{one.first} to {one.last} ({percent(one.probability, 0)})" for one in most)
        lines.append(f"  frames whose standing still costs most ({self.method}): {when}")
        return "\n".join(lines)


@dataclass(frozen=True, repr=False)
class Prediction:
    """The answer for one clip."""

    name: str
    probability: float
    label: int
    choices: tuple[Choice, ...] = ()
    """The most probable classes, this one first."""
    clip: str = ""
    """The clip's id, or its number among those given."""
    notes: tuple[str, ...] = ()
    """What makes the answer doubtful, such as a person who was left out."""
    evidence: Evidence | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values, as `lst predict` writes them."""
        values: dict[str, Any] = {
            "clip": self.clip,
            "name": self.name,
            "probability": self.probability,
            "label": self.label,
            "choices": [asdict(choice) for choice in self.choices],
        }
        if self.notes:
            values["notes"] = list(self.notes)
        if self.evidence is not None:
            values["evidence"] = self.evidence.as_json()
        return values

    def __repr__(self) -> str:
        noted = f", {plural(len(self.notes), 'note')}: {self.notes[0][:60]}..." if self.notes else ""
        return (
            f"Prediction(name={self.name!r}, probability={self.probability:.3f}, label={self.label}{noted})"
        )

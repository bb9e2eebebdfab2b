"""A language model that answers questions, and the two ways in which it may fail."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lst.text.instruction import Message


class LlmUnusable(ValueError):
    """No question will be answered: no key, no server, no such model."""


class NotAnswered(ValueError):
    """This question was not answered; others may be."""


@dataclass(frozen=True)
class Reply:
    """What a model wrote; empty if the server sent nothing readable."""

    text: str
    model: str
    """The model as the server names it."""


class Chat(Protocol):
    """A language model that answers. Called by several threads at a time."""

    model: str
    temperature: float | None

    def reach(self) -> None:
        """Raise `LlmUnusable` if nothing answers at all. Cheap, and called before the first question."""
        ...

    def __call__(self, messages: Sequence[Message]) -> Reply:
        """Raises `NotAnswered` or `LlmUnusable` when all retries have failed."""
        ...

"""How long the rest of a command takes, said once after its first steps; also where no bar is drawn."""

import logging

from lst.facts.duration import Pace, in_words, worth_saying
from lst.facts.wording import plural

logger = logging.getLogger(__name__)


class Announced:
    """Pieces of work of one kind, of which `total` are to be done and `done` are there from before."""

    def __init__(self, total: int, done: int, noun: str) -> None:
        self._total, self._done, self._noun = total, done, noun
        self._pace = Pace(self._say)

    def at(self, done: int) -> None:
        """So many are done now."""
        for _ in range(done - self._done):
            self._pace.step()
        self._done = max(done, self._done)

    def _say(self, seconds_each: float) -> None:
        left = self._total - self._done
        if worth_saying(left * seconds_each):
            logger.info(
                "%s for the other %s on this machine", in_words(left * seconds_each), plural(left, self._noun)
            )

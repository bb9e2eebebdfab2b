"""How long work will take, said once, after its first steps."""

import time
from collections.abc import Callable

_AFTER = 15.0
"""Seconds of work before the pace is taken for steady."""
_SHORT = 60.0
"""What takes less than this many seconds needs no announcement."""


def in_words(seconds: float) -> str:
    """ "about 40 s", "about 12 min", "about 2 h 10 min", "about 3 days 4 h": two significant parts."""
    if seconds < 60:
        return f"about {max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about {minutes} min"
    if minutes < 48 * 60:
        hours, rest = divmod(5 * round(minutes / 5), 60)
        return f"about {hours} h" + (f" {rest} min" if rest else "")
    days, hours = divmod(round(minutes / 60), 24)
    return f"about {days} days" + (f" {hours} h" if hours else "")


def _nothing() -> None:
    pass


class Pace:
    """Counts steps of equal work; `say` hears the seconds of one step once, when the pace is known.

    The first step does not count: it warms up. `settle` waits for a device that works by itself; it is called
    twice in all, so that no step waits for the device.
    """

    def __init__(
        self,
        say: Callable[[float], None],
        *,
        settle: Callable[[], None] = _nothing,
        after: float = _AFTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say, self._settle, self._after, self._clock = say, settle, after, clock
        self._steps = 0
        self._started = 0.0
        self._said = False

    def step(self) -> None:
        """One more step is done."""
        if self._said:
            return
        self._steps += 1
        if self._steps == 1:
            self._settle()
            self._started = self._clock()
        elif self._clock() - self._started >= self._after:
            self._settle()
            self._said = True
            self._say((self._clock() - self._started) / (self._steps - 1))


def worth_saying(seconds: float) -> bool:
    """Whether a wait is long enough to be announced."""
    return seconds >= _SHORT

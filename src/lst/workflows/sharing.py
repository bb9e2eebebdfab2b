"""Several commands with the same plan share its work: what one of them does, the others leave out."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from lst.files.locks import FolderBusy

Item = TypeVar("Item")
Result = TypeVar("Result")

WAIT = 2.0
"""Seconds between two looks at work that others have in hand."""

logger = logging.getLogger(__name__)


def shared(items: Sequence[Item], work: Callable[[Item], Result]) -> Iterator[tuple[Item, Result]]:
    """Each item and what `work` gives for it, in the order in which they are done.

    Work that another process holds (`work` raises FolderBusy) is left for later; when nothing else is left,
    this waits for it. `work` takes a result that is there by then, or goes on where the other was killed.
    """
    waiting, told, reason = list(items), "", ""
    while waiting:
        busy: list[Item] = []
        for item in waiting:
            try:
                result = work(item)
            except FolderBusy as error:
                busy.append(item)
                reason = str(error)
            else:
                yield item, result
        if len(busy) == len(waiting):
            if reason != told:
                logger.info("waiting for what others have in hand: %s", reason)
                told = reason
            time.sleep(WAIT)
        waiting = busy

"""Waiting for several slow things at a time, such as answers over the network. Standard library only."""

import threading
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(work: Callable[[T], R], tasks: Sequence[T], threads: int) -> Iterator[tuple[T, R]]:
    """(task, what `work` returned) as they get done; at most `threads` of them are under way at a time.

    The threads are daemons: Ctrl-C ends the program at once, while a pool of `concurrent.futures` would wait
    for the slowest server first. When the caller stops early, no further task is begun. `work` returns the
    failures it expects; any other error is a mistake of ours, shows its traceback and ends the iteration.
    """
    todo: SimpleQueue[T] = SimpleQueue()
    done: SimpleQueue[tuple[T, list[R]]] = SimpleQueue()
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            try:
                task = todo.get_nowait()
            except Empty:
                return
            result: list[R] = []
            try:
                result.append(work(task))
            finally:
                done.put((task, result))

    for task in tasks:
        todo.put(task)
    for _ in range(min(threads, len(tasks))):
        threading.Thread(target=run, daemon=True).start()
    try:
        for _ in tasks:
            task, result = done.get()
            assert result, f"the thread for {task!r} died; its traceback is above"
            yield task, result[0]
    finally:
        stop.set()

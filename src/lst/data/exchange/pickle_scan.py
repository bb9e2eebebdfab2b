"""Look through a pickle's opcodes before it is read: what the file cannot hold is refused here.

Python's reader takes memory for what a pickle announces before it looks whether it is there: 12 bytes can
ask for an exabyte, and 9 bytes for 64 GB of table. A tuple of itself twice, sixty times over, takes 130 bytes
and, as the key of a dictionary, longer than anybody waits. Nothing is built here.
"""

import pickletools
from typing import IO, cast

__all__ = ["check_sizes"]

_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})
_TUPLES = {"TUPLE": None, "FROZENSET": None, "EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
"""How many items each takes; None: those behind the last mark."""
_MOST_WEIGHT = 10_000_000
_MARK = -1


def check_sizes(file: IO[bytes], size: int) -> None:
    """Read the opcodes of a pickle of `size` bytes; the place in `file` is put back.

    Raises:
        ValueError: it announces more than it holds, nests tuples without end, is no pickle or cut short.
    """
    start = file.tell()
    stack: list[int] = []
    memo: dict[int, int] = {}
    measured = cast(IO[bytes], _Measured(file, size))
    for number, (opcode, argument, _) in enumerate(pickletools.genops(measured), start=1):
        name = opcode.name
        try:
            if name == "MEMOIZE":
                memo[len(memo)] = stack[-1]
            elif name in _PUTS:
                if int(argument or 0) > number + 1:
                    raise ValueError(f"numbers its part {number:,} as {argument:,}")
                memo[int(argument or 0)] = stack[-1]
            elif name in _GETS:
                stack.append(memo[int(argument or 0)])
            elif name in _TUPLES:
                stack.append(_weight(_taken(stack, _TUPLES[name])))
            elif name == "DUP":
                stack.append(stack[-1])
            else:
                _others(opcode, stack)
        except LookupError:
            raise ValueError(f"its part {number:,} ({name}) takes what is not there") from None
    file.seek(start)


def _weight(items: list[int]) -> int:
    """How much there is to do to compare a tuple; tuples in tuples count twice, so that depth counts too."""
    weight = 1 + sum(2 * item if item > 1 else 1 for item in items)
    if weight > _MOST_WEIGHT:
        raise ValueError("nests tuples in tuples without end")
    return weight


def _taken(stack: list[int], count: int | None) -> list[int]:
    if count is None:
        items: list[int] = []
        while (item := stack.pop()) != _MARK:
            items.append(item)
        return items
    return [stack.pop() for _ in range(count)]


def _others(opcode: pickletools.OpcodeInfo, stack: list[int]) -> None:
    """Opcodes that take a fixed number of things, or all behind a mark, and push things of no weight."""
    before, after = opcode.stack_before, opcode.stack_after
    if opcode.name == "POP":  # of a mark as well
        stack.pop()
    elif pickletools.markobject in before:
        _taken(stack, None)
        _taken(stack, before.index(pickletools.markobject))
        stack.extend([1] * len(after))
    else:
        _taken(stack, len(before))
        stack.extend([_MARK if thing is pickletools.markobject else 1 for thing in after])


class _Measured:
    """A file of known size, which refuses to be asked for more than it has left."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._end = file, file.tell() + size

    def tell(self) -> int:
        return self._file.tell()

    def readline(self) -> bytes:
        return self._file.readline()

    def read(self, count: int) -> bytes:
        left = self._end - self._file.tell()
        if count > left:
            raise ValueError(f"announces {count:,} bytes, but {left:,} are left")
        return self._file.read(count)

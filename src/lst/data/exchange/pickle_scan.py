"""Look through a pickle's opcodes before it is read: sizes that the file cannot hold are refused here.

Python's reader takes memory for what a pickle announces before it looks whether it is there: 12 bytes can
ask for an exabyte, and 9 bytes for 64 GB of table. Nothing is built here.
"""

import pickletools
from typing import IO, cast

__all__ = ["check_sizes"]

_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_TUPLES = frozenset({"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "FROZENSET"})
_SILENT = frozenset({"MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT", "FRAME", "BINGET", "LONG_BINGET", "GET"})
_MOST_TUPLES_IN_TUPLES = 50
"""Comparing tuples in tuples takes twice the time with each step, and data hold two steps of them."""


def check_sizes(file: IO[bytes], size: int) -> None:
    """Read the opcodes of a pickle of `size` bytes; the place in `file` is put back.

    Raises:
        ValueError: it announces more than it holds, nests tuples without end, is no pickle or cut short.
    """
    start = file.tell()
    in_row = 0
    measured = cast(IO[bytes], _Measured(file, size))
    for opcodes, (opcode, argument, _) in enumerate(pickletools.genops(measured), start=1):
        if opcode.name in _PUTS and int(argument or 0) > opcodes + 1:
            raise ValueError(f"numbers its part {opcodes:,} as {argument:,}")
        if opcode.name in _TUPLES:
            in_row += 1
            if in_row > _MOST_TUPLES_IN_TUPLES:
                raise ValueError(f"nests more than {_MOST_TUPLES_IN_TUPLES} tuples in one another")
        elif opcode.name not in _SILENT:
            in_row = 0
    file.seek(start)


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

"""Read the `.skeleton` text of NTU RGB+D: the bodies that the Kinect saw in every frame.

Format: data.md 1.1. A flawless file takes the fast way (`ntu_raw_fast`); every other one is read here, line
by line, and is either understood or refused with the line and the reason. Both give the same numbers.
Letters: T frames, B bodies over all frames, V joints, C channels (x, y, z).
"""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lst.data.ntu.raw_fast import (
    BODY_FIELDS,
    JOINT_FIELDS,
    NUM_JOINTS,
    NUMBER_BYTES,
    RawBodies,
    read_fast,
)

__all__ = ["RawBodies", "RawFileError", "read_bodies"]

_AXES = ("x", "y", "z")
_COLOUR = {5: "colour x", 6: "colour y"}
"""Not kept, but the reference parses them: a word there is a broken file (data.md 1.1)."""
_AGAIN = "extract or download the file again"


class RawFileError(ValueError):
    """A raw file that cannot be used, and the 1-based line where that shows (None: no line in particular)."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line


def read_bodies(content: bytes) -> RawBodies:
    """The bodies in a whole `.skeleton` file with LF, CRLF or CR line ends and any blanks between fields.

    x, y and z are the float32 nearest to the float64 nearest to the text, as with NumPy. The colour position
    must look like numbers; the remaining fields are counted but not looked at. NaN and infinity are kept.

    Raises:
        RawFileError: the text is cut short or is not what the format asks for.
    """
    content = _without_mark(content)
    raw = read_fast(content)
    if raw is None:
        raw = read_fast(_tidy(content))
    return _read_carefully(content) if raw is None else raw


def _without_mark(content: bytes) -> bytes:
    """Editors on Windows put a mark of the encoding before a text, and some write two bytes per letter."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return content.decode("utf-16").encode()
        except UnicodeDecodeError:
            raise RawFileError(f"is no whole text in UTF-16; {_AGAIN}", 1) from None
    return content.removeprefix(codecs.BOM_UTF8)


def _tidy(content: bytes) -> bytes:
    """One blank between fields, none at the ends of lines: ten times faster than the careful way."""
    return b"\n".join(b" ".join(line.split()) for line in content.splitlines())


@dataclass
class _Lines:
    """The lines of a file and the number of those that are used up."""

    lines: list[bytes]
    used: int = 0

    def take(self, where: str, what: str) -> bytes:
        if self.used == len(self.lines):
            raise RawFileError(f"cut short {where}: ends where {what} should be; {_AGAIN}", self.used)
        self.used += 1
        return self.lines[self.used - 1]

    def whole(self, where: str, what: str) -> int:
        text = self.take(where, what).strip()
        if not text.isdigit() or len(text) > 18:
            raise RawFileError(f"{where}: expected {what} (a whole number), got {_shown(text)}", self.used)
        return int(text)

    def fields(self, where: str, what: str, count: int) -> list[bytes]:
        fields = self.take(where, what).split()
        if len(fields) != count:
            raise RawFileError(f"{where}: expected {what} ({count} fields), got {len(fields)}", self.used)
        return fields


def _read_carefully(content: bytes) -> RawBodies:
    lines = _Lines(content.rstrip().splitlines())
    if not lines.lines:
        raise RawFileError(f"is empty; {_AGAIN}")
    num_frames = lines.whole("at the start", "the number of frames")
    counts: list[int] = []
    ids: list[bytes] = []
    joints: list[list[list[float]]] = []
    for frame in range(1, num_frames + 1):
        where = f"before frame {frame} of {num_frames}"
        counts.append(lines.whole(where, "the number of bodies"))
        seen: set[bytes] = set()
        for body in range(1, counts[-1] + 1):
            ids.append(_read_body_id(lines, f"in frame {frame} of {num_frames}, body {body}", seen))
            joints.append(_read_joints(lines, f"in frame {frame} of {num_frames}, body {body}"))
    return RawBodies(
        bodies_T=np.asarray(counts, dtype=np.int64),
        ids=ids,
        joints_BVC=_to_float32(joints),
        extra_lines=len(lines.lines) - lines.used,
    )


def _read_body_id(lines: _Lines, where: str, seen: set[bytes]) -> bytes:
    body_id = lines.fields(where, "the line about the body", BODY_FIELDS)[0]
    if not body_id.isdigit():
        raise RawFileError(f"{where}: the body id {_shown(body_id)} is no whole number", lines.used)
    if body_id in seen:
        raise RawFileError(f"{where}: the body id {_shown(body_id)} comes twice in this frame", lines.used)
    seen.add(body_id)
    return body_id


def _read_joints(lines: _Lines, where: str) -> list[list[float]]:
    count = lines.whole(where, "the number of joints")
    if count != NUM_JOINTS:
        raise RawFileError(
            f"{where}: expected {NUM_JOINTS} joints, got {count}; perhaps the file is of another data set",
            lines.used,
        )
    return [_read_joint(lines, f"{where}, joint {joint}") for joint in range(1, NUM_JOINTS + 1)]


def _read_joint(lines: _Lines, where: str) -> list[float]:
    fields = lines.fields(where, "the line about the joint", JOINT_FIELDS)
    for position, name in _COLOUR.items():
        if fields[position].translate(None, NUMBER_BYTES):
            _number(fields[position], f"{where}, {name}", lines.used)
    return [_number(text, f"{where}, {axis}", lines.used) for axis, text in zip(_AXES, fields, strict=False)]


def _number(text: bytes, where: str, line: int) -> float:
    try:
        if b"_" not in text:  # Python would read 1_000
            return float(text)
    except ValueError:
        pass
    raise RawFileError(f"{where}: {_shown(text)} is no number", line)


def _to_float32(joints: Sequence[Sequence[Sequence[float]]]) -> np.ndarray:
    joints_BVC = np.asarray(joints, dtype=np.float64).reshape(-1, NUM_JOINTS, 3)
    with np.errstate(over="ignore"):  # becomes infinite, which `prepare` counts
        return joints_BVC.astype(np.float32)


def _shown(text: bytes) -> str:
    """The text as a message may show it: short, and in ASCII."""
    cut = text if len(text) <= 30 else text[:27] + b"..."
    return ascii(cut.decode("latin-1"))

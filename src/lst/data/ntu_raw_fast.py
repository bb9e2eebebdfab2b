"""Read a flawless `.skeleton` text with operations on whole arrays of bytes; `ntu_raw` reads all others.

An average NTU RGB+D file has 2,500 joint lines with 30,000 numbers, so nothing here runs once per joint.
Letters: T frames, B bodies over all frames, V joints, C channels, R numbers, W bytes of a number's text.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

NUM_JOINTS = 25
BODY_FIELDS = 10
JOINT_FIELDS = 12
NUMBER_BYTES = b"0123456789.-+eE"
"""A text with any byte but these, one blank between fields and one newline per line is not flawless."""

_BODY = [BODY_FIELDS, 1, *[JOINT_FIELDS] * NUM_JOINTS]
"""Fields in the lines of a body: about it, the number of joints, the joints."""
_COUNTS = {f"{count}\n".encode(): count for count in range(10)}
_PIECE = 100_000
"""Bytes of text taken at a time."""
_WIDTH = 16
"""A number's text has at most 15 bytes here, so that its digits are exact in float64."""
_BLANK, _NEWLINE, _DOT, _MINUS, _ZERO = b" \n.-0"
_POWERS = np.array([float(10**k) for k in range(_WIDTH)])
_PLACES_W = np.append(_POWERS[-2::-1], 0.0)
_COLUMN_W = np.arange(_WIDTH)


def _masks(is_kept_KW: np.ndarray) -> np.ndarray:
    """K masks of 16 bytes, each a single element, so that indexing copies a mask as a whole."""
    return (is_kept_KW * np.uint8(255)).view(f"V{_WIDTH}")[:, 0]


_UP_TO = _masks(_COLUMN_W[:, None] > _COLUMN_W)
_BEHIND = _masks(_COLUMN_W[:, None] < _COLUMN_W)


@dataclass(frozen=True, eq=False)
class RawBodies:
    """What a `.skeleton` file says, in its order: all bodies of frame 0, then of frame 1, ..."""

    bodies_T: np.ndarray
    """Number of bodies in each frame, int64."""
    ids: list[bytes]
    """The tracking id of each of the B bodies, as text."""
    joints_BVC: np.ndarray
    """float32 (B, 25, 3): metres, Kinect v2 camera space (y up, z away from the camera)."""
    extra_lines: int
    """Lines behind the last promised frame."""


def read_fast(content: bytes) -> RawBodies | None:
    """As `ntu_raw.read_bodies`; None for a file that is not flawless, which need not be an error."""
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n")
    if not content.endswith(b"\n"):
        content += b"\n"
    if content.translate(None, NUMBER_BYTES + b" \n"):
        return None
    starts: list[int] = []
    sizes: list[int] = []
    positions: list[np.ndarray] = []
    for start, end in _pieces(content):
        lines = _read_lines(content, start, end)
        if lines is None:
            return None
        starts += lines[0].tolist()
        sizes += lines[1].tolist()
        positions.append(lines[2])
    walked = _walk(content, [*starts, len(content)], sizes)
    if walked is None:
        return None
    counts, ids = walked
    with np.errstate(over="ignore"):
        joints_RC = np.concatenate(positions)[: NUM_JOINTS * len(ids)].astype(np.float32)
    used = 1 + len(counts) + len(_BODY) * len(ids)
    return RawBodies(
        np.asarray(counts, dtype=np.int64), ids, joints_RC.reshape(-1, NUM_JOINTS, 3), len(sizes) - used
    )


def _pieces(content: bytes) -> Iterator[tuple[int, int]]:
    """Where pieces of whole lines start and end, small enough for the processor's cache."""
    start = 0
    while start < len(content):
        end = content.find(b"\n", start + _PIECE) + 1 or len(content)
        yield start, end
        start = end


def _read_lines(content: bytes, start: int, end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The start of every line, its number of fields, and the first 3 numbers of the joint lines (R, 3)."""
    bytes_ = np.frombuffer(content, np.uint8, end - start, start)
    gaps = np.flatnonzero(bytes_ <= _BLANK)  # the field i of the piece ends at gaps[i]
    if gaps[0] == 0 or (gaps[1:] - gaps[:-1] == 1).any():
        return None  # an empty field or line
    lasts = np.flatnonzero(bytes_[gaps] == _NEWLINE)
    firsts = np.append(0, lasts[:-1] + 1)
    sizes = lasts - firsts + 1
    starts = np.append(0, gaps[lasts[:-1]] + 1)
    is_joint = sizes == JOINT_FIELDS
    ends_RC = gaps[firsts[is_joint, None] + np.arange(3)] + start
    starts_RC = np.empty_like(ends_RC)
    starts_RC[:, 0] = starts[is_joint] + start
    starts_RC[:, 1:] = ends_RC[:, :2] + 1
    values_R = _to_numbers(content, starts_RC.ravel(), ends_RC.ravel())
    return None if values_R is None else (starts + start, sizes, values_R.reshape(-1, 3))


def _walk(content: bytes, starts: list[int], sizes: list[int]) -> tuple[list[int], list[bytes]] | None:
    """Check the order of lines and their numbers of fields -> bodies per frame, body ids."""
    counts: list[int] = []
    ids: list[bytes] = []
    line = 1
    head = content[: starts[1] - 1]
    for _ in range(int(head) if head.isdigit() and len(head) < 10 else 0):
        count = _COUNTS.get(content[starts[line] : starts[line + 1]]) if line < len(sizes) else None
        if count is None:
            return None
        line += 1
        for _ in range(count):
            if sizes[line : line + len(_BODY)] != _BODY:
                return None
            if content[starts[line + 1] : starts[line + 2]] != b"25\n":
                return None
            ids.append(content[starts[line] : content.index(b" ", starts[line])])
            line += len(_BODY)
        if count > 1 and len(set(ids[-count:])) < count:
            return None
        counts.append(count)
    return (counts, ids) if ids else None


def _to_numbers(content: bytes, starts_R: np.ndarray, ends_R: np.ndarray) -> np.ndarray | None:
    """The float64 nearest to each text in `content`, or None if one is no number or too long.

    -12.375 is the digits 12 and 375 without the point, divided by 1000. Both are exact in float64 (at most 15
    digits), so the division gives the nearest float64, as `float` does. Other forms go through `float`.
    """
    lengths_R = ends_R - starts_R
    if lengths_R.size == 0:
        return np.empty(0)
    if lengths_R.max() >= _WIDTH:
        return None
    # Nine more fields follow in the line, so these windows end inside the text.
    windows = np.ndarray(len(content) - _WIDTH + 1, dtype=f"V{_WIDTH}", buffer=content, strides=(1,))
    text_RW = _bytes(windows[starts_R])
    digits_RW = (text_RW - np.uint8(_ZERO)) & _bytes(_UP_TO[lengths_R])
    is_other_RW = digits_RW > 9
    digits_RW *= ~is_other_RW
    is_minus_R = text_RW[:, 0] == _MINUS
    dots_R = (text_RW == _DOT).argmax(axis=1)
    rows_R = np.arange(len(text_RW))
    has_dot_R = (text_RW[rows_R, dots_R] == _DOT) & (dots_R < lengths_R)
    dots_R = np.where(has_dot_R, dots_R, lengths_R)  # a whole number ends with its point
    is_other_RW[rows_R, dots_R] = False
    is_other_RW[:, 0] &= ~is_minus_R
    all_R = _whole(digits_RW)
    behind_R = _whole(digits_RW & _bytes(_BEHIND[dots_R]))
    values_R = (all_R + 9 * behind_R) / _POWERS[_WIDTH - 1 - dots_R]
    np.negative(values_R, out=values_R, where=is_minus_R)
    no_digit_R = lengths_R == has_dot_R.astype(np.int64) + is_minus_R
    others = {*(np.flatnonzero(is_other_RW) // _WIDTH).tolist(), *np.flatnonzero(no_digit_R).tolist()}
    for row in others:  # such as 5.1E-05: about one number in ten thousand
        try:
            values_R[row] = float(content[starts_R[row] : ends_R[row]])
        except ValueError:
            return None
    return values_R


def _whole(digits_RW: np.ndarray) -> np.ndarray:
    """The numbers that digits make. Not `@`: its threads would fight with those of the other processes."""
    return np.einsum("rw,w->r", digits_RW, _PLACES_W)


def _bytes(texts_R: np.ndarray) -> np.ndarray:
    return texts_R.view(np.uint8).reshape(-1, _WIDTH)

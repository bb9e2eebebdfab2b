"""Read a flawless `.skeleton` text with operations on whole arrays of bytes; `ntu_raw` reads all others.

An average NTU RGB+D file has 2,500 joint lines with 30,000 numbers, so nothing here runs once per joint.
Letters: T frames, B bodies over all frames, V joints, C channels, R numbers.
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
_JOINTS_LINE = np.frombuffer(b"25\n", np.uint8)
_PIECE = 150_000
"""Bytes of text taken at a time."""
_BLANK, _NEWLINE, _DOT, _MINUS, _ZERO = b" \n.-0"
_WIDTH = 8
"""Digits behind the point that are taken as one 64-bit number, a byte each, the first one lowest."""
_POWERS = np.array([float(10**k) for k in range(_WIDTH + 1)])
_EIGHT_ZEROS = np.uint64(int.from_bytes(b"0" * _WIDTH, "little"))
_KEEP_LAST = np.array([(1 << 64) - (1 << 8 * (_WIDTH - k)) for k in range(_WIDTH + 1)], dtype=np.uint64)
_TO_128 = np.uint64(0x7676767676767676)  # 10 becomes 128, 9 stays below
_OVER_127 = np.uint64(0x8080808080808080)
_TWO_BYTES = np.uint64(0x000000FF000000FF)


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
    pieces = []
    for start, end in _pieces(content):
        lines = _read_lines(content, start, end)
        if lines is None:
            return None
        pieces.append(lines)
    starts, sizes, joints_RC = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    found = _find_bodies(content, starts, sizes)
    if found is None:
        return None
    counts_T, ids = found
    with np.errstate(over="ignore"):
        joints_BVC = joints_RC[: NUM_JOINTS * len(ids)].astype(np.float32).reshape(-1, NUM_JOINTS, 3)
    return RawBodies(counts_T, ids, joints_BVC, len(sizes) - 1 - len(counts_T) - len(_BODY) * len(ids))


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


def _find_bodies(
    content: bytes, starts: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, list[bytes]] | None:
    """Check the order of the lines by their starts and numbers of fields -> bodies per frame, body ids."""
    bytes_ = np.frombuffer(content, np.uint8)
    firsts_B = np.flatnonzero(sizes == BODY_FIELDS)
    head = content[: starts[1] - 1] if len(starts) > 1 else b""
    if not firsts_B.size or firsts_B[-1] + len(_BODY) > len(sizes) or not head.isdigit() or len(head) > 9:
        return None
    lines_BL = firsts_B[:, None] + np.arange(len(_BODY))
    if (sizes[lines_BL] != _BODY).any() or (_text(bytes_, starts[firsts_B + 1], 3) != _JOINTS_LINE).any():
        return None
    is_outside = np.ones(len(sizes), dtype=bool)
    is_outside[lines_BL] = False
    outside = np.flatnonzero(is_outside)
    counting_T = outside[1 : 1 + int(head)]  # what stands outside bodies: the head, and a line per frame
    if len(counting_T) < int(head) or not counting_T.size:
        return None
    digit_T, newline_T = _text(bytes_, starts[counting_T], 2).T
    counts_T = digit_T.astype(np.int64) - _ZERO
    next_T = 1 + np.cumsum(1 + len(_BODY) * counts_T)
    is_right_T = (newline_T == _NEWLINE) & (counts_T >= 0) & (counts_T <= 9)
    is_right_T &= counting_T == np.append(1, next_T[:-1])
    end = next_T[-1]  # of the last frame; a line between its bodies would be one more outside them
    if not is_right_T.all() or end > len(sizes) or is_outside[:end].sum() != 1 + len(counts_T):
        return None
    starts_B = starts[firsts_B[: counts_T.sum()]].tolist()
    ids = [content[start : content.index(b" ", start)] for start in starts_B]
    return None if _has_twins(counts_T, ids) else (counts_T, ids)


def _text(bytes_: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """The bytes from each start on: (starts, length). The text goes on behind the last one."""
    return bytes_[starts[:, None] + np.arange(length)]


def _has_twins(counts_T: np.ndarray, ids: list[bytes]) -> bool:
    """Whether a frame has two bodies of one id."""
    ends_T = np.cumsum(counts_T)
    several = [(int(ends_T[t] - counts_T[t]), int(ends_T[t])) for t in np.flatnonzero(counts_T > 1)]
    return any(len(set(ids[start:end])) < end - start for start, end in several)


def _to_numbers(content: bytes, starts_R: np.ndarray, ends_R: np.ndarray) -> np.ndarray | None:
    """The float64 nearest to each text in `content`, or None if one is no number.

    A Kinect's metres are a digit, a point and up to eight digits. -1.375 is 1375, exact in float64, divided
    by 1000, so the quotient is the nearest float64, as `float` gives it. Other forms go through `float`.
    """
    if starts_R.size == 0:
        return np.empty(0)
    bytes_ = np.frombuffer(content, np.uint8)
    is_minus_R = bytes_[starts_R] == _MINUS
    firsts_R = starts_R + is_minus_R
    digit_R = bytes_[firsts_R] - np.uint8(_ZERO)
    decimals_R = ends_R - firsts_R - 2
    is_usual_R = (bytes_[firsts_R + 1] == _DOT) & (digit_R <= 9) & (decimals_R >= 1) & (decimals_R <= _WIDTH)
    decimals_R = np.where(is_usual_R, decimals_R, 1)
    # In a file of the right structure more than eight bytes stand before a joint line.
    windows = np.ndarray(len(content) - _WIDTH + 1, dtype=f"V{_WIDTH}", buffer=content, strides=(1,))
    digits_R = (windows[ends_R - _WIDTH].view("<u8") ^ _EIGHT_ZEROS) & _KEEP_LAST[decimals_R]
    # All bytes are ASCII, so a byte that is no digit sets its own highest bit here and no other.
    is_usual_R &= ((digits_R + _TO_128) & _OVER_127) == 0
    powers_R = _POWERS[decimals_R]
    values_R = (digit_R * powers_R + _whole(digits_R)) / powers_R
    np.negative(values_R, out=values_R, where=is_minus_R)
    for row in np.flatnonzero(~is_usual_R).tolist():  # such as 5.1E-05: about one number in a hundred
        try:
            values_R[row] = float(content[starts_R[row] : ends_R[row]])
        except ValueError:
            return None
    return values_R


def _whole(digits_R: np.ndarray) -> np.ndarray:
    """Eight digits in each uint64, one a byte, the leading one in the lowest -> the numbers.

    Three steps, not eight: every digit joins its neighbour, then pairs join, then fours.
    """
    pairs_R = digits_R * np.uint64(10) + (digits_R >> np.uint64(8))
    outer_R = (pairs_R & _TWO_BYTES) * np.uint64(1_000_000 << 32 | 100)
    inner_R = (pairs_R >> np.uint64(16) & _TWO_BYTES) * np.uint64(10_000 << 32 | 1)
    return (outer_R + inner_R) >> np.uint64(32)

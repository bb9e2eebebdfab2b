"""Read a flawless `.skeleton` text with operations on whole arrays of bytes; `ntu_raw` reads all others.

An average NTU RGB+D file has 2,500 joint lines with 30,000 numbers, so nothing here runs once per joint.
Letters: T frames, B bodies over all frames, V joints, C channels, R numbers.
"""

from dataclasses import dataclass

import numpy as np

NUM_JOINTS = 25
BODY_FIELDS = 10
JOINT_FIELDS = 12
NUMBER_BYTES = b"0123456789.-+eE"
"""A text with any byte but these, one blank between fields and one newline per line is not flawless."""

_BODY = b" " * (BODY_FIELDS - 1) + b"\n\n" + (b" " * (JOINT_FIELDS - 1) + b"\n") * NUM_JOINTS
"""What stands behind the fields of a body: of the line about it, the number of joints, the joints."""
_FRAMES = [b"\n" + _BODY * bodies for bodies in range(10)]
"""The same of a frame with so many bodies."""
_LOOK_AHEAD = 1000
"""Frames compared at a time, so that a long file whose numbers of bodies alternate takes no longer."""
_XYZ = (BODY_FIELDS + 1 + JOINT_FIELDS * np.arange(NUM_JOINTS)[:, None] + np.arange(3)).ravel()
"""Of the fields of a body those with a coordinate."""
_JOINTS_LINE = np.frombuffer(b"25\n", np.uint8)
_BLANK, _DOT, _MINUS, _ZERO = b" .-0"
_WIDTH = 8
"""Digits behind the point that are taken as one 64-bit number, a byte each, the first one lowest."""
_SCALE = 10.0**_WIDTH
_EIGHT_ZEROS = np.uint64(int.from_bytes(b"0" * _WIDTH, "little"))
_TO_128 = np.uint64(0x7676767676767676)  # 10 becomes 128, 9 stays below
_OVER_127 = np.uint64(0x8080808080808080)
_TWO_BYTES = np.uint64(0x000000FF000000FF)
_TO_SIGN = np.uint64(63)


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
    bytes_ = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(bytes_ <= _BLANK)  # of the fields
    if (ends[1:] - ends[:-1]).min(initial=2) == 1:
        return None  # an empty field or line
    runs = _count_bodies(content, bytes_, ends)
    separators = bytes_[ends].tobytes()
    expected = b"\n" + b"".join([_FRAMES[bodies] * frames for bodies, frames in runs])
    counts_T = np.repeat(*np.array(runs, dtype=np.int64).reshape(-1, 2).T)
    if not counts_T.any() or not separators.startswith(expected):
        return None
    frames_B = np.repeat(np.arange(len(counts_T)), counts_T)
    bodies_B = 2 + frames_B + len(_BODY) * np.arange(len(frames_B))  # first fields: bodies and counts before
    ids = _texts(content, ends[bodies_B - 1] + 1, ends[bodies_B])
    if not b"".join(ids).isdigit():
        return None
    joints_lines = bytes_[ends[bodies_B + BODY_FIELDS - 1, None] + np.arange(1, 4)]
    fields_R = (bodies_B[:, None] + _XYZ).ravel()
    values_R = _to_numbers(content, ends[fields_R - 1] + 1, ends[fields_R])
    if values_R is None or (joints_lines != _JOINTS_LINE).any() or _has_twins(frames_B, ids):
        return None
    with np.errstate(over="ignore"):
        joints_BVC = values_R.astype(np.float32).reshape(-1, NUM_JOINTS, 3)
    return RawBodies(counts_T, ids, joints_BVC, separators.count(b"\n", len(expected)))


def _count_bodies(content: bytes, bytes_: np.ndarray, ends: np.ndarray) -> list[tuple[int, int]]:
    """Runs of (bodies in a frame, frames); empty if the numbers of bodies do not stand where they should."""
    head = content[: ends[0]]
    if not head.isdigit() or len(head) > 9:
        return []
    field, left = 1, int(head)
    runs: list[tuple[int, int]] = []
    while left:
        bodies = int(bytes_[ends[field] - 1]) - _ZERO if field < len(ends) else -1
        if not 0 <= bodies <= 9:
            return []
        step = len(_FRAMES[bodies])
        fields = np.arange(field, min(field + step * min(left, _LOOK_AHEAD), len(ends)), step)
        is_one_digit = ends[fields] - ends[fields - 1] == 2
        is_other = ~is_one_digit | (bytes_[ends[fields] - 1] != _ZERO + bodies)
        frames = int(is_other.argmax()) if is_other.any() else len(fields)
        if frames == 0:
            return []
        runs.append((bodies, frames))
        field, left = field + step * frames, left - frames
    return runs


def _texts(content: bytes, starts: np.ndarray, ends: np.ndarray) -> list[bytes]:
    return [content[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def _has_twins(frames_B: np.ndarray, ids: list[bytes]) -> bool:
    """Whether a frame has two bodies of one id."""
    if (frames_B[1:] > frames_B[:-1]).all():  # one body a frame, as most files have
        return False
    return len(set(zip(frames_B.tolist(), ids, strict=True))) < len(ids)


def _to_numbers(content: bytes, starts_R: np.ndarray, ends_R: np.ndarray) -> np.ndarray | None:
    """The float64 nearest to each text in `content`, or None if one is no number.

    A Kinect's metres are a digit, a point and up to eight digits. -1.375 is 137500000, exact in float64,
    divided by 10^8, so the quotient is the nearest float64, as `float` gives it. Other forms go through
    `float`. Operations are in place where they can be: the time goes into memory that is new to the cache.
    """
    bytes_ = np.frombuffer(content, np.uint8)
    is_minus_R = bytes_[starts_R] == _MINUS
    places_R = starts_R + is_minus_R  # of the digit, the point, the digits behind it
    unused_R = places_R - ends_R
    unused_R += _WIDTH + 2
    unused_R <<= 3  # to bits
    unused_R = unused_R.view(np.uint64)  # too many digits: a huge number, and a shift by it gives 0
    digit_R = bytes_[places_R] - np.uint8(_ZERO)
    places_R += 1
    is_usual_R = bytes_[places_R] == _DOT
    is_usual_R &= digit_R <= 9
    is_usual_R &= unused_R < 8 * _WIDTH
    places_R += 1
    # More than eight bytes stand behind the point in the last z of a file.
    windows = np.ndarray(len(content) - _WIDTH + 1, dtype=f"V{_WIDTH}", buffer=content, strides=(1,))
    digits_R = windows[places_R].view("<u8")
    digits_R ^= _EIGHT_ZEROS
    digits_R <<= unused_R
    digits_R >>= unused_R
    # All bytes are ASCII, so a byte that is no digit sets its own highest bit here and no other.
    over_R = np.add(digits_R, _TO_128, out=unused_R)
    over_R &= _OVER_127
    is_usual_R &= over_R == 0
    values_R = digit_R * _SCALE
    values_R += _whole(digits_R)
    values_R /= _SCALE
    values_R.view(np.uint64)[:] |= is_minus_R.astype(np.uint64) << _TO_SIGN
    others = np.flatnonzero(~is_usual_R)  # such as 5.1E-05: about one number in a hundred
    try:
        values_R[others] = [float(text) for text in _texts(content, starts_R[others], ends_R[others])]
    except ValueError:
        return None
    return values_R


def _whole(digits_R: np.ndarray) -> np.ndarray:
    """Eight digits in each uint64, one a byte, the leading one in the lowest -> the numbers, float64.

    Three steps, not eight: every digit joins its neighbour, then pairs join, then fours. Overwrites digits_R.
    """
    pairs_R = digits_R >> np.uint64(8)
    digits_R *= np.uint64(10)
    pairs_R += digits_R
    inner_R = np.right_shift(pairs_R, np.uint64(16), out=digits_R)
    for x_R, factor in ((pairs_R, 1_000_000 << 32 | 100), (inner_R, 10_000 << 32 | 1)):
        x_R &= _TWO_BYTES
        x_R *= np.uint64(factor)
    pairs_R += inner_R
    pairs_R >>= np.uint64(32)
    return pairs_R.view(np.int64).astype(np.float64)

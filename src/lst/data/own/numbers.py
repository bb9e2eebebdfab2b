"""Numbers from files: what is a coordinate, what is missing, and what is refused."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lst.data.own.recording import ReadError
from lst.facts.shown import shown_json

LARGEST = 1e7
"""No coordinate is larger, in any unit: 10 km in millimetres. A larger one is taken as missing."""
MAX_JOINTS = 1000
_MISSING_WORDS = frozenset({"", "nan", "na", "n/a", "null", "none", "inf", "+inf", "-inf", "-nan"})


def floats_of(values: Sequence[Any], what: str) -> np.ndarray:
    """(n,) float64 from a list of JSON; null, NaN, infinite and absurdly large ones become NaN.

    Raises:
        ReadError: one is no number (a text, true, a list).
    """
    if not isinstance(values, list):
        raise ReadError(f"{what}: expected a list of numbers, got {shown_json(values)}")
    if wrong := set(map(type, values)) - {int, float, type(None)}:
        value = next(value for value in values if type(value) in wrong)
        raise ReadError(f"{what}: expected numbers, got {shown_json(value)}")
    try:
        array = np.array([math.nan if value is None else value for value in values], dtype=np.float64)
    except OverflowError:
        array = np.array([_float(value) for value in values])
    return without_absurd(array)


def _float(value: Any) -> float:
    try:
        return math.nan if value is None else float(value)
    except OverflowError:
        return math.nan


def table_of(rows: Any, width: int | None, what: str) -> np.ndarray:
    """(rows, width) float64 from a list of lists; `width` None = that of the first row.

    Raises:
        ReadError: as `floats_of`, or a row has another width.
    """
    if not isinstance(rows, list) or not rows:
        raise ReadError(f"{what}: expected a list of points, got {shown_json(rows)}")
    flat: list[Any] = []
    for number, row in enumerate(rows):
        if not isinstance(row, list):
            raise ReadError(f"{what}, point {number}: expected a list of numbers, got {shown_json(row)}")
        width = len(row) if width is None else width
        if len(row) != width:
            raise ReadError(f"{what}, point {number}: expected {width} numbers, got {len(row)}")
        flat += row
    return floats_of(flat, what).reshape(len(rows), -1)


def without_absurd(array: np.ndarray) -> np.ndarray:
    """NaN in place of what is infinite or larger than LARGEST."""
    with np.errstate(invalid="ignore"):
        absurd = ~(np.abs(array) <= LARGEST)
    return np.where(absurd, np.nan, array)


def float_of_text(text: str, what: str, line: int) -> float:
    """One cell of a table; an empty cell and words such as nan are NaN.

    Raises:
        ReadError: it is something else that is no number.
    """
    word = text.strip().strip('"')
    if word.lower() in _MISSING_WORDS:
        return math.nan
    try:
        if "_" not in word:  # Python would read 1_000
            return float(word)
    except ValueError:
        pass
    comma = " (a comma is no decimal point here)" if "," in word else ""
    raise ReadError(f"{what}: expected a number, got {shown_json(text)}{comma}", line)


def whole_of(value: Any, what: str, line: int | None = None) -> int:
    """A frame number or an id; 3.0 and "3" count as 3.

    Raises:
        ReadError: it is no whole number, or has more than 15 digits.
    """
    try:
        number = (
            float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
        )
    except (ValueError, OverflowError):
        number = None
    if number is None or not abs(number) < 1e15 or number != int(number):
        raise ReadError(f"{what}: expected a whole number, got {shown_json(value)}", line)
    return int(number)


def check_joints(count: int, what: str) -> None:
    """Raise a ReadError if nobody has that many joints."""
    if not 2 <= count <= MAX_JOINTS:
        raise ReadError(f"{what}: {count} joints; expected 2 to {MAX_JOINTS}")


def mean_step(times: Iterable[float]) -> float | None:
    """Frames per second from times in seconds; None if they do not tell."""
    steps = np.diff(np.fromiter(times, dtype=np.float64))
    steps = steps[np.isfinite(steps) & (steps > 0)]
    return round(float(1 / np.median(steps)), 3) if len(steps) else None

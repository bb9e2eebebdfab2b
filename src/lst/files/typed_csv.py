"""CSV files of ours: bounded, decoded, every row as long as the header; whole numbers read strictly."""

import csv
import io
import re
from pathlib import Path

from lst.facts.shown import shown_json
from lst.files.typed_json import read_bytes

_WHOLE = re.compile(r"-?[0-9]{1,15}", re.ASCII)


def read_table(path: Path, again: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a CSV file.

    Raises:
        FileNotFoundError, ValueError: there is no such file; it is not UTF-8 text, or a row has more or fewer
            cells than the header. Names the line.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: byte {error.start} is not UTF-8 text. {again}") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if rows and len(row) != len(rows[0]):
                raise ValueError(
                    f"{path}:{reader.line_num}: {len(row)} cells, expected {len(rows[0])}. {again}"
                )
            rows.append(row)
    except csv.Error as error:
        raise ValueError(f"{path}:{reader.line_num}: broken CSV ({error}). {again}") from None
    header, *rest = rows or [[]]
    return header, rest


def whole_number(cell: str, where: str, again: str, *, low: int, high: int) -> int:
    """A cell as a whole number from `low` to `high`, in plain digits.

    Raises:
        ValueError: it is something else. Says what and where.
    """
    if not _WHOLE.fullmatch(cell) or not low <= (number := int(cell)) <= high:
        raise ValueError(
            f"{where}: expected a whole number from {low} to {high:,}, got {shown_json(cell)}. {again}"
        )
    return number

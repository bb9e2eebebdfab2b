"""A table of text or of columns: header, cells, and the line that each row stands in."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lst.data.own.numbers import float_of_text, without_absurd
from lst.data.own.recording import ReadError
from lst.data.own.source import Source

MAX_COLUMNS = 4 * 1000 + 20
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of equal width; `header` is empty if the first line already holds numbers."""

    header: tuple[str, ...]
    rows: list[list[str]] = field(repr=False)
    lines: list[int] = field(repr=False)
    decimal_comma: bool = False

    def texts(self, column: int) -> list[str]:
        return [row[column].strip() for row in self.rows]

    def floats(self, columns: Sequence[int]) -> np.ndarray:
        """(rows, columns) float64, NaN = missing.

        Raises:
            ReadError: a cell is no number; names column and line.
        """
        names = [self.header[c] if self.header else f"column {c + 1}" for c in columns]
        cells = [
            [self._float(row[c], name, line) for c, name in zip(columns, names, strict=True)]
            for row, line in zip(self.rows, self.lines, strict=True)
        ]
        return without_absurd(np.array(cells, dtype=np.float64).reshape(len(self.rows), len(columns)))

    def _float(self, text: str, what: str, line: int) -> float:
        return float_of_text(text.replace(",", ".") if self.decimal_comma else text, f"column {what!r}", line)


def read_csv_table(source: Source) -> Table:
    """Comma, semicolon or tab between cells; rows of other width than the header are an error with a reason.

    Raises:
        ReadError: it is no table, has no row, or rows of different widths.
    """
    return table_of_text(source.text)


def table_of_text(text: str) -> Table:
    """As `read_csv_table`, from text."""
    first = text.lstrip("\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise ReadError(f"is no table ({error})", reader.line_num) from None
    if len(rows[0]) > MAX_COLUMNS:
        raise ReadError(f"has {len(rows[0])} columns; expected at most {MAX_COLUMNS}", lines[0])
    header: tuple[str, ...] = ()
    if not all(map(_is_number, rows[0])):
        header, rows, lines = tuple(cell.strip() for cell in rows[0]), rows[1:], lines[1:]
        rows, header = _expanded(rows, header)
        if repeated := sorted({name for name in header if header.count(name) > 1 and name}):
            raise ReadError(f"the header has {', '.join(repeated[:3])} more than once", 1)
        if not rows:
            raise ReadError("has a header, but no row below it", 1)
    width = len(header) if header else len(rows[0])
    for row, line in zip(rows, lines, strict=True):
        if len(row) != width:
            raise ReadError(
                f"{len(row)} cells, but {width} {'names in the header' if header else 'before'}", line
            )
    return Table(header, rows, lines, decimal_comma=delimiter == ";")


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def _expanded(rows: list[list[str]], header: tuple[str, ...]) -> tuple[list[list[str]], tuple[str, ...]]:
    """A header that names one landmark where the rows have many: `Frame,Landmark,X,Y,Z`, then more of them.

    The columns of the further landmarks get names of the landmarks; other tables are handed back as they are.
    """
    lower = [name.lower() for name in header]
    start = next((lower.index(name) for name in ("landmark", "joint", "keypoint") if name in lower), None)
    widths = {len(row) for row in rows}
    if start is None or len(widths) != 1 or widths == {len(header)}:
        return rows, header
    size, (width,) = len(header) - start, widths
    if size < 3 or (width - start) % size:
        return rows, header
    names = list(header[:start])
    keep = list(range(start))
    for first in range(start, width, size):
        landmark = {row[first].strip() for row in rows}
        if len(landmark) != 1:
            return rows, header
        names += [f"{next(iter(landmark))}_{axis.lower()}" for axis in header[start + 1 :]]
        keep += range(first + 1, first + size)
    return [[row[c] for c in keep] for row in rows], tuple(names)

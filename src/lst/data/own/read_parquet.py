"""Parquet: the same tables as csv. Needs pyarrow."""

import io

from lst.data.own.options import ReadOptions
from lst.data.own.read_tables import recordings_of
from lst.data.own.recording import ReadError, Recording
from lst.data.own.source import MAX_BYTES, Source
from lst.data.own.tables import MAX_COLUMNS, Table


def read_parquet(source: Source, options: ReadOptions) -> list[Recording]:
    """As `read_tables.read_csv`.

    Raises:
        ReadError: pyarrow is not installed, the file is damaged or too large, or it is no table of joints.
    """
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise ReadError("parquet needs pyarrow: pip install pyarrow, or save the table as csv") from None
    try:
        file = parquet.ParquetFile(io.BytesIO(source.content))
        groups = range(file.metadata.num_row_groups)
        size = sum(file.metadata.row_group(i).total_byte_size for i in groups)
        if size > MAX_BYTES or file.metadata.num_columns > MAX_COLUMNS:
            raise ReadError(f"unpacks to {size / 1e9:.1f} GB in {file.metadata.num_columns} columns")
        table = file.read()
    except (arrow.ArrowException, OSError) as error:
        raise ReadError(f"cannot be read as parquet ({str(error)[:100]})") from None
    columns = [
        ["" if value is None else str(value) for value in column.to_pylist()] for column in table.columns
    ]
    rows = [list(row) for row in zip(*columns, strict=True)]
    if not rows:
        raise ReadError("has no row")
    return recordings_of(
        Table(tuple(table.column_names), rows, list(range(1, len(rows) + 1))), source, options
    )

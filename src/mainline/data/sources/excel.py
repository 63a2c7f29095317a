"""Sheets of Excel and OpenDocument files, as Parquet: numbers, dates and texts as the cells hold them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    import pyarrow as pa

ENDINGS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
HEADER_ROWS = 20  # a title, a date and an empty line may stand above the names


def is_workbook(name: str) -> bool:
    return name.lower().endswith(ENDINGS)


def sheets(path: Path) -> list[str]:
    """The names of the sheets that are tables.

    Raises
    ------
    DataError
        Where the file is no workbook.
    """
    return [str(name) for name in _workbook(path, path.name).sheet_names]


def write_parquet(path: Path, origin: str, sheet: str | None, target: Path) -> None:
    """Write a sheet, by default the first that has rows, as a Parquet file.

    Raises
    ------
    DataError
        Where the file is no workbook, the sheet has no table, or two columns have one name.
    ConfigurationError
        Where there is no such sheet.
    """
    import pyarrow.parquet as pq

    pq.write_table(table(path, origin, sheet), target, compression="zstd")


def table(path: Path, origin: str, sheet: str | None) -> pa.Table:
    import pyarrow as pa

    book = _workbook(path, origin)
    names = list(book.sheet_names)
    if sheet is not None and sheet not in names:
        raise ConfigurationError(f"{origin} has no sheet {sheet}; there are: {', '.join(names)}")
    for name in [sheet] if sheet is not None else names:
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=True)
        start = header_row(rows)
        if start is None:
            continue
        header = [str(cell).strip() for cell in rows[start]]
        width = max(place for place, cell in enumerate(header) if cell) + 1
        nameless = [place + 1 for place, cell in enumerate(header[:width]) if not cell]
        if nameless:
            raise DataError(f"{origin}, sheet {name}: column {nameless[0]} has no name in line {start + 1}")
        body = [row[:width] for row in rows[start + 1 :] if any(cell != "" for cell in row[:width])]
        return pa.table([column([row[place] for row in body]) for place in range(width)], names=header[:width])
    raise DataError(f"{origin}: no sheet holds a table: a line of column names with rows below it")


def header_row(rows: Sequence[Sequence[Any]]) -> int | None:
    """The first line in which as many cells are filled, all with text, as in the fullest of the first lines."""
    filled = [sum(cell != "" for cell in row) for row in rows[:HEADER_ROWS]]
    for place, row in enumerate(rows[:HEADER_ROWS]):
        texts = sum(isinstance(cell, str) and cell != "" for cell in row)
        if texts == filled[place] and texts > 0 and texts >= 0.8 * max(filled) and len(rows) > place + 1:
            return place
    return None


def column(cells: Sequence[Any]) -> pa.Array:
    """The cells of one column in one type: where they differ, as text."""
    import pyarrow as pa

    values = [None if cell == "" else cell for cell in cells]
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float}:
        whole = all(value is None or (float(value).is_integer() and abs(value) < 2**53) for value in values)
        return pa.array(
            [None if v is None else int(v) if whole else float(v) for v in values],
            pa.int64() if whole and kinds else pa.float64(),
        )
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds <= {dt.date, dt.datetime}:
        moments = [
            dt.datetime.combine(v, dt.time()) if v is not None and not isinstance(v, dt.datetime) else v for v in values
        ]
        if all(m is None or m.time() == dt.time() for m in moments):
            return pa.array([None if m is None else m.date() for m in moments], pa.date32())
        return pa.array(moments, pa.timestamp("us"))
    if kinds == {dt.time}:
        return pa.array(values, pa.time64("us"))
    return pa.array([None if value is None else as_text(value) for value in values], pa.string())


def as_text(value: Any) -> str:
    """A cell as its sheet shows it: a whole number without a fraction."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _workbook(path: Path, origin: str) -> Any:
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        raise ConfigurationError(f"{origin} needs python-calamine: run `make install`") from None
    try:
        return CalamineWorkbook.from_path(str(path))
    except (CalamineError, OSError) as error:
        raise DataError(f"{origin} is no Excel or OpenDocument file: {error}") from None

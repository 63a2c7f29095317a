"""The key: what identifies a row, so that it never changes its side of the split."""

from __future__ import annotations

from itertools import combinations

from mainline.config.schema import CONTENT
from mainline.data.split import quoted
from mainline.errors import ConfigurationError, DataError
from mainline.init.guesses import names
from mainline.init.guesses.numbers_in_text import is_amount
from mainline.init.guesses.table import Table, Told
from mainline.init.kinds import is_integer, kind_of
from mainline.init.proposal import Column, Wishes

MOST_CANDIDATES = 8  # for a key of several columns
MOST_TRIED = 20
MOST_WORDS = 6.0  # of a text that names something


def guess(table: Table, wishes: Wishes, told: Told) -> tuple[str, ...]:
    """The columns of the key; `content` alone where nothing identifies a row.

    Raises
    ------
    ConfigurationError, DataError
        Where KEY names a column that does not exist, or that several rows share.
    """
    if wishes.key:
        key, reason = wished(table, wishes), "as KEY says"
    else:
        key, reason = found(table, wishes.label)
    told.decide("prepare.key", ", ".join(key), reason, "KEY=column,column, or KEY=content")
    told.reasons["prepare", "key"] = reason
    return key


def counter(table: Table, key: tuple[str, ...]) -> str | None:
    """The key's column if it only counts the rows: a row's number, not its name."""
    column = table.columns.get(key[0]) if len(key) == 1 else None
    named = column is not None and (names.says(column.name, names.COUNTER) or column.name.lower().startswith("unnamed"))
    return column.name if column and named and counts(column) else None


def wished(table: Table, wishes: Wishes) -> tuple[str, ...]:
    key = wishes.key
    if key == (CONTENT,) and CONTENT not in table.columns:
        return key
    for name in key:
        if name not in table.columns:
            raise ConfigurationError(f"KEY: there is no column {name}: there are {', '.join(list(table.columns)[:20])}")
        if name == wishes.label:
            raise ConfigurationError(f"KEY: {name} is the label: what is predicted cannot identify a row")
        if not nameable(name):
            raise ConfigurationError(f"KEY: {name!r}: a key's name has no quotes and no control characters: rename it")
    repeated = table.rows - table.distinct(key)
    if repeated:
        raise DataError(f"KEY={','.join(key)}: {repeated:,} rows share it with another: add a column, or KEY=content")
    return key


def found(table: Table, label: str) -> tuple[tuple[str, ...], str]:
    columns = [
        column
        for name, column in table.columns.items()
        if name != label
        and can_identify(column)
        and not is_amount(table, column)
        and (kind_of(column.type) != "time" or is_regular(table, column))
    ]
    single = sorted(filter(is_unique, columns), key=lambda column: rank(column))
    if single and rank(single[0]) < 9:
        column = single[0]
        how = "counts the rows" if counts(column) else "is unique"
        return (column.name,), f"{column.name} {how} in {column.rows:,} rows"
    several = combination(table, columns)
    if several:
        return several, f"no column is unique; {' and '.join(several)} together are"
    return (CONTENT,), "no column identifies a row: a key is made from the row's content"


def can_identify(column: Column) -> bool:
    kind = kind_of(column.type)
    if column.missing or column.distinct < 2 or not nameable(column.name):
        return False
    return kind == "time" or (kind == "text" and column.words <= MOST_WORDS) or is_integer(column.type)


def is_regular(table: Table, column: Column) -> bool:
    """A time that a row is named by, such as a day or a full hour: at seconds, two rows differ by chance."""
    if names.says(column.name, names.AFTER):
        return False
    if column.type == "DATE":
        return True
    (odd,) = table.one(f"count(*) FILTER (second({quoted(column.name)}::TIMESTAMP) <> 0)")
    return not odd


def nameable(name: str) -> bool:
    return not any(ord(letter) < 32 or letter in '"\\' for letter in name)


def is_unique(column: Column) -> bool:
    return column.distinct == column.rows


def counts(column: Column) -> bool:
    """Whether a whole number counts the rows, with few gaps."""
    return is_integer(column.type) and is_unique(column) and column.maximum - column.minimum < 1.2 * column.rows


def rank(column: Column) -> int:
    """Which of several unique columns is the key: the lowest; 9 is none, such as an income that differs by chance."""
    kind, named = kind_of(column.type), names.is_identifier(column.name)
    if named and not (counts(column) and names.says(column.name, names.COUNTER - {"id"})):
        return 0
    if kind == "text":
        return 1 if named else 2
    if counts(column) or named:
        return 3
    if kind == "time":
        return 4
    return 5 if names.is_entity(column.name) else 9


def combination(table: Table, columns: list[Column]) -> tuple[str, ...] | None:
    """Two or three columns that are unique together, each of a kind that identifies: a name, a code, a date."""
    within = [column for column in columns if names.says(column.name, names.WITHIN)]
    fit = [column for column in columns if kind_of(column.type) != "number" or is_naming(column) or column in within]
    fit = [column for column in fit if kind_of(column.type) != "text" or column.words <= 3]
    fit = sorted(fit, key=lambda column: -column.distinct)[:MOST_CANDIDATES]
    tried = 0
    for size in (2, 3):
        for chosen in combinations(fit, size):
            product = 1
            for column in chosen:
                product *= column.distinct
            # A product far above the rows is unique by chance alone; one below them cannot be.
            naming = [column for column in chosen if is_naming(column)]
            if product < table.rows or len(naming) < 1 + (size == 3):
                continue
            tried += 1
            if tried > MOST_TRIED:
                return None
            key = tuple(column.name for column in chosen)
            if table.distinct(key) == table.rows:
                order = list(table.columns)
                return tuple(sorted(key, key=order.index))
    return None


def is_naming(column: Column) -> bool:
    name = column.name
    calendar = names.is_calendar(name)
    return kind_of(column.type) == "time" or calendar or names.is_identifier(name) or names.is_entity(name)

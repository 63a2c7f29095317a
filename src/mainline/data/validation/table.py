"""A table as the data gate reads it: a query in DuckDB, of which counts and a few rows come into memory.

Great Expectations and its pandas engine say what a finding is. What is counted here must therefore be what pandas would
find: a column has the type that it would have in the DataFrame of all rows, and NaN is a missing value. A column of a
type that is not in `KINDS` is never counted here: it is loaded, and pandas decides.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from mainline.data.sources.duckdb_scan import NO_ROOM, SPILLED, connect, is_nan, no_room_to_spill, text
from mainline.data.split import quoted
from mainline.data.validation.dtypes import dtype_of, examinable
from mainline.errors import ConfigurationError, ExternalError, MainlineError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from ibis.expr.types import Table as Relation

    from mainline.data.validation.suites import Suite

NAME = "examined"
RELATION, IN_UTC = "examined_with_times", " in UTC, of Mainline"
BETWEEN = "expect_column_values_to_be_between"
KIND = "expect_column_kind_to_be"
KINDS = {
    "BOOLEAN": "boolean", "VARCHAR": "text", "FLOAT": "float", "DOUBLE": "float",
    "DATE": "date", "TIMESTAMP": "date", "TIMESTAMP WITH TIME ZONE": "instant",
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"), "integer"),
}  # fmt: skip
FIRST, LAST = "0001-01-01", "9999-12-31"  # of the times that pandas and DuckDB handle alike
MOST_VALUES = 20_000
MEMORY = 400  # megabytes: sorting and grouping spill to disk beyond it


class NotCounted(Exception):
    """DuckDB's answer could differ from that of pandas, or there is none: pandas decides."""


@dataclass(frozen=True)
class Facts:
    """What the first query measures of a column."""

    type: str
    kind: str  # of `KINDS`; else `odd`
    nulls: int
    missing: int  # NULL and NaN


class Counts(Protocol):
    """Another engine than DuckDB, which counts the same rows."""

    def counted(self, sql: str, expression: Relation | None) -> DuckDBPyConnection | None:
        """The result of a query, as DuckDB's types; None where the engine cannot compute it.

        Raises
        ------
        MainlineError
            Where the engine is lost, or its result is not DuckDB's.
        """
        ...


@dataclass
class Table:
    """Rows in DuckDB, in the order in which a DataFrame would have them.

    Parameters
    ----------
    compared
        The columns that are compared with bounds: pandas has them as int64 or float64.
    """

    connection: DuckDBPyConnection
    facts: Mapping[str, Facts]
    rows: int
    compared: frozenset[str] = frozenset()
    key: Sequence[str] = ()
    suite: Suite | None = None
    frames: dict[tuple[str, ...], pd.DataFrame] = field(default_factory=dict)
    made: dict[Any, Any] = field(default_factory=dict)
    limited: bool = False  # by a memory limit that a person has set
    trouble: list[Exception] = field(default_factory=list)  # not of the data: Great Expectations would say it was
    counts: Counts | None = None  # another engine, which is asked first

    @property
    def columns(self) -> list[str]:
        return list(self.facts)

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, name: str) -> pd.Series:
        """A column of all rows, loaded for as long as no other is."""
        return self.frame([name])[name]

    @functools.cached_property
    def dtypes(self) -> dict[str, Any]:
        """The types of the columns in the DataFrame of all rows, as the expectations see it."""
        return {name: self._dtype(name) for name in self.facts}

    def _dtype(self, name: str) -> Any:
        facts = self.facts[name]
        if facts.kind == "odd":
            return self.once(("dtype", name), lambda: self.odd_dtype(name))
        if name in self.compared and facts.kind in ("integer", "float"):
            return pd.Series(dtype="float64" if facts.missing or facts.kind == "float" else "int64").dtype
        return dtype_of(facts.type, facts.kind, facts.nulls > 0, facts.nulls < self.rows)

    def odd_dtype(self, name: str) -> Any:
        column = quoted(name)
        some = [f"(SELECT {column} FROM {NAME} WHERE {column} IS {word} LIMIT 1)" for word in ("NULL", "NOT NULL")]
        return examinable(self.query(" UNION ALL ".join(some)), self.compared)[name].dtype

    def value(self, name: str) -> str:
        """SQL of a column's value as pandas has it; missing values are NULL."""
        facts, column = self.facts[name], quoted(name)
        if facts.kind == "float":
            return f"CASE WHEN {is_nan(column)} THEN NULL ELSE {column}::DOUBLE END"
        if facts.kind == "integer":
            return f"{column}::{'DOUBLE' if name in self.compared and facts.missing else 'BIGINT'}"
        return column

    def kind(self, name: str) -> str:
        return self.facts[name].kind if name in self.facts else "odd"

    def need(self, kinds: Iterable[str], *names: str) -> None:
        """Raise `NotCounted` unless each column is of one of `kinds`."""
        known = tuple(kinds)
        for name in names:
            if self.kind(name) not in known:
                raise NotCounted(name)

    def fetch(self, names: Iterable[str], where: str = "", limit: int | None = None) -> pd.DataFrame:
        """Rows in their order, with the types that the DataFrame of all rows has."""
        import duckdb

        wanted = [name for name in self.facts if name in set(names)]
        listed = ", ".join(map(quoted, wanted)) or "NULL"
        sql = f"SELECT {listed} FROM {NAME}" + (f" WHERE {where}" if where else "")
        try:
            found = self.executed(sql + (f" LIMIT {limit}" if limit is not None else "")).df()
        except duckdb.Error as error:
            self.trouble.append(error)  # rows that cannot be read at all
            raise
        return self.typed(found)

    def typed(self, found: pd.DataFrame) -> pd.DataFrame:
        """`found` with the types of the columns whose names it has."""
        types = {name: self._dtype(name) for name in found.columns if self.kind(name) != "odd"}
        return found.astype({name: dtype for name, dtype in types.items() if found[name].dtype != dtype})

    def frame(self, names: Iterable[str] | None = None) -> pd.DataFrame:
        """All rows of some columns, or of all, loaded once."""
        wanted = tuple(self.facts if names is None else [name for name in self.facts if name in set(names)])
        if wanted not in self.frames:
            whole = self.frames.get(tuple(self.facts))
            if whole is None:
                if len(self.frames) > 1:
                    self.frames.pop(next(iter(self.frames)))
                self.frames[wanted] = examinable(self.fetch(wanted), self.compared)
            else:
                self.frames[wanted] = whole[list(wanted)]
        return self.frames[wanted]

    def query(self, sql: str, expression: Relation | None = None) -> pd.DataFrame:
        """Counts, or whatever else need not come from DuckDB; `expression` is the same for another engine.

        Raises
        ------
        NotCounted
            Where DuckDB refuses to compute it, such as for a number that is too large.
        """
        import duckdb

        try:
            found: pd.DataFrame = self.counted(sql, expression).df()
        except duckdb.Error as error:
            if self.trouble:
                raise
            raise NotCounted(str(error)) from error
        return found

    def one(self, sql: str) -> tuple[Any, ...]:
        """As `query`, the values of the only row."""
        import duckdb

        try:
            found: tuple[Any, ...] | None = self.counted(sql).fetchone()
        except duckdb.Error as error:
            if self.trouble:
                raise
            raise NotCounted(str(error)) from error
        assert found
        return found

    def counted(self, sql: str, expression: Relation | None = None) -> DuckDBPyConnection:
        """The result of a query by another engine, where one is there and can compute it; else by DuckDB."""
        try:
            counts = self.counts.counted(sql, expression) if self.counts else None
        except MainlineError as error:
            self.trouble.append(error)
            raise
        return self.executed(sql) if counts is None else counts

    def executed(self, sql: str) -> DuckDBPyConnection:
        """The result of a query. A disk that is full and a memory limit that is too small are kept as `trouble`."""
        import duckdb

        try:
            return self.connection.execute(sql)
        except duckdb.OutOfMemoryException as error:
            if self.limited:
                self.trouble.append(error)
                raise
            self.connection.execute("RESET memory_limit")  # the limit was no one's wish
            return self.connection.execute(sql)
        except duckdb.IOException as error:
            self.trouble.append(error)
            raise

    def whole(self, name: str) -> bool:
        """Whether all numbers of a column are whole, or all times at midnight."""
        rules = self.suite.rules if self.suite else []
        names = sorted({str(rule.column) for rule in rules if rule.type == KIND} | {name})

        def make() -> dict[str, bool]:
            measures = {each: sql for each in names if (sql := self.broken(each))}
            found = self.one(f"SELECT {', '.join(measures.values())} FROM {NAME}") if measures else ()
            return {each: not count for each, count in zip(measures, found, strict=True)}

        made: dict[str, bool] = self.once(("whole", *names), make)
        return made.get(name, True)

    def broken(self, name: str) -> str | None:
        """SQL of how many values are not whole; None where none can be."""
        column, type_ = quoted(name), self.facts[name].type if name in self.facts else ""
        if self.kind(name) == "float":
            return f"count(*) FILTER (NOT isnan({column}) AND (isinf({column}) OR {column} <> trunc({column})))"
        return f"count(*) FILTER ({column} <> date_trunc('day', {column}))" if type_ == "TIMESTAMP" else None

    def once(self, key: Any, make: Any) -> Any:
        """What `make` returns, computed once."""
        if key not in self.made:
            self.made[key] = make()
        return self.made[key]

    @functools.cached_property
    def relation(self) -> Relation:
        """The rows as an Ibis expression, with each instant also as a time in UTC without a zone (`IN_UTC`)."""
        import ibis

        instants = [name for name, facts in self.facts.items() if facts.kind == "instant"]
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {RELATION} AS {with_times(instants)}")
        found: Relation = ibis.duckdb.from_connection(self.connection).table(RELATION)
        return found

    def forget(self) -> None:
        """Free the memory."""
        self.frames.clear()
        self.made.clear()


@contextmanager
def opened(sql: str, keep: bool = False, memory_megabytes: int | None = None) -> Iterator[DuckDBPyConnection]:
    """A connection in which the rows of `sql` are shown; `keep` reads them once, such as where they are text.

    What does not fit into `memory_megabytes` is spilled to a folder for temporary files.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix=f"{SPILLED}-") as folder, connect() as connection:
        connection.execute(f"SET temp_directory = {text(folder)}")
        connection.execute(f"SET memory_limit = '{memory_megabytes or MEMORY}MB'")
        if keep:
            connection.execute(f"ATTACH {text(str(Path(folder, 'rows.duckdb')))} AS kept; USE kept")
        shown = f"CREATE {'TABLE' if keep else 'TEMP VIEW'} {NAME} AS {sql}"
        try:
            connection.execute(shown)
        except duckdb.IOException as error:
            if not any(words in str(error).lower() for words in NO_ROOM):
                raise
            reason = no_room_to_spill(error) or str(error).splitlines()[0]
            raise ExternalError(f"a table could not be kept below {Path(folder).parent}: {reason}") from error
        except duckdb.OutOfMemoryException as error:
            full = no_room_to_spill(error)
            if memory_megabytes and full:
                raise ExternalError(f"a table could not be read: {full}") from error
            if memory_megabytes:
                reason = str(error).splitlines()[0]
                raise ConfigurationError(
                    f"params.yaml: data.memory_megabytes: {memory_megabytes}: reading a table needs more memory than "
                    f"it may have ({reason}): set it to {2 * memory_megabytes} or more"
                ) from error
            connection.execute("RESET memory_limit")
            connection.execute(shown)
        yield connection


def with_times(instants: Iterable[str]) -> str:
    """SQL of the rows, with each instant also as a time in UTC without a zone."""
    # DuckDB's cast of an instant asks the calendar of a time zone for each row: sixteen times as long.
    added = [f"make_timestamp(epoch_us({quoted(name)})) AS {quoted(name + IN_UTC)}" for name in instants]
    return f"SELECT {', '.join(['*', *added])} FROM {NAME}"


def examined(connection: DuckDBPyConnection, limited: bool = False, counts: Counts | None = None) -> Table:
    """The table that `opened` shows, with what its first query measures."""
    types = {name: str(type_) for name, type_, *_ in connection.execute(f"DESCRIBE {NAME}").fetchall()}
    places, measures = [], ["count(*)"]
    for name, type_ in types.items():
        wanted = measured(quoted(name), KINDS.get(type_, "odd"))
        places.append({each: len(measures) + place for place, each in enumerate(wanted)})
        measures += wanted.values()
    sql = f"SELECT {', '.join(measures)} FROM {NAME}"
    found = ((counts.counted(sql, None) if counts else None) or connection.execute(sql)).fetchone()
    assert found
    facts = {}
    for (name, type_), place in zip(types.items(), places, strict=True):
        said = {each: found[at] for each, at in place.items()}
        nulls = found[0] - said["there"]
        kind = KINDS.get(type_, "odd") if said.get("usual", True) else "odd"
        facts[name] = Facts(type_, kind, nulls, nulls + said.get("nan", 0))
    return Table(connection, facts, found[0], limited=limited, counts=counts)


def measured(column: str, kind: str) -> dict[str, str]:
    """SQL of what is measured of a column: values, NaN, times in the usual range."""
    found = {"there": f"count({column})"}
    if kind == "float":
        found["nan"] = f"count(*) FILTER (isnan({column}))"
    elif kind in ("date", "instant"):
        found["usual"] = f"coalesce(min({column}) >= '{FIRST}' AND max({column}) <= '{LAST}', true)"
    return found


def compared_in(suite: Suite | None) -> frozenset[str]:
    """The columns that the suite compares with bounds."""
    return frozenset(str(rule.column) for rule in (suite.rules if suite else []) if rule.type == BETWEEN)

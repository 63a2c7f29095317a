"""The table that is guessed about: its rows in DuckDB with their label, and what was measured of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mainline.data.collect import Collected, relation_sql
from mainline.data.split import quoted
from mainline.init.profile import profile
from mainline.init.proposal import Column, Decision, Finding, Wishes

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SAMPLE = 50_000  # rows that associations are looked for in
CELLS = 20_000_000  # of them; a wide table has fewer rows in its sample


@dataclass
class Table:
    """One table and its profile; `sql` is a SELECT over its rows."""

    con: DuckDBPyConnection
    name: str
    sql: str
    columns: Mapping[str, Column]

    @property
    def rows(self) -> int:
        """Rows of the whole table, of a sample too."""
        return next((column.rows for column in self.columns.values()), 0)

    @property
    def rows_here(self) -> int:
        ((count,),) = self.con.execute(f"SELECT count(*) FROM ({self.sql})").fetchall()
        return int(count)

    def one(self, select: str, where: str = "true") -> tuple[Any, ...]:
        found: tuple[Any, ...] = self.con.execute(f"SELECT {select} FROM ({self.sql}) WHERE {where}").fetchone() or ()
        return found

    def all(self, select: str, rest: str = "") -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.con.execute(f"SELECT {select} FROM ({self.sql}) {rest}").fetchall()
        return found

    def distinct(self, names: Sequence[str]) -> int:
        """How many combinations of values the columns have."""
        listed = ", ".join(map(quoted, names))
        ((count,),) = self.con.execute(f"SELECT count(*) FROM (SELECT DISTINCT {listed} FROM ({self.sql}))").fetchall()
        return int(count)


@dataclass
class Told:
    """What the guesses say on their way, in the order in which they say it."""

    decisions: list[Decision] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    reasons: dict[tuple[str, ...], str] = field(default_factory=dict)

    def decide(self, setting: str, chosen: str, reason: str, otherwise: str) -> None:
        self.decisions.append(Decision(setting, chosen, reason, otherwise))

    def leak(self, column: str | None, text: str) -> None:
        self.findings.append(Finding("leak", column, text))

    def risk(self, column: str | None, text: str) -> None:
        self.findings.append(Finding("risk", column, text))

    def ask(self, column: str | None, text: str) -> None:
        self.findings.append(Finding("question", column, text))


def load(con: DuckDBPyConnection, table: Collected, place: str) -> Table:
    """The table with its profile; the rows of text files are parsed once and kept in DuckDB as `place`."""
    sql = relation_sql(table)
    if table.format != "parquet":
        con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(place)} AS {sql}")
        sql = f"SELECT * FROM {quoted(place)}"
    columns = {column.name: column for column in profile(con, sql, table.columns)}
    return Table(con, table.name, sql, columns)


def sampled(table: Table, place: str) -> Table:
    """Every n-th row, in a table of DuckDB: the same rows on each machine."""
    size = max(1000, min(SAMPLE, CELLS // max(1, len(table.columns))))
    step = max(1, -(-table.rows // size))
    where = f"WHERE (_place - 1) % {step} = 0" if step > 1 else ""
    table.con.execute(
        f"CREATE OR REPLACE TEMP TABLE {quoted(place)} AS SELECT * EXCLUDE (_place) FROM "
        f"(SELECT *, row_number() OVER () AS _place FROM ({table.sql})) {where}"
    )
    return Table(table.con, table.name, f"SELECT * FROM {quoted(place)}", table.columns)


@dataclass(frozen=True)
class Context:
    """What every guess may look at."""

    table: Table  # the rows, with the label where it lies in a second table
    sample: Table
    wishes: Wishes
    told: Told

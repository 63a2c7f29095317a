"""Words in a label of text that are no outcome: `N/A`, `pending`; and one outcome that is spelled in several ways."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from mainline.data.sources.duckdb_scan import text
from mainline.data.split import quoted
from mainline.init.guesses.names import listed
from mainline.init.guesses.table import Table, Told
from mainline.init.kinds import in_ibis, kind_of, literal
from mainline.init.proposal import Column

MOST = 100  # different values: more are no classes
ABSENT = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "nil", "?", "-", "--", "n.a.", "missing", "<na>"})
UNDECIDED = listed(
    "unknown undetermined unclear pending open tbd undecided indeterminate unbekannt offen unklar inconnu desconocido "
    "desconhecido sconosciuto onbekend okänd ukjent ukendt nieznany"
)


def without_absent(table: Table, name: str, told: Told) -> tuple[Table, tuple[str, ...]]:
    """The table in which a label that is a word for missing is null, and those words as the table writes them."""
    column = table.columns.get(name)
    if column is None or kind_of(column.type) != "text" or not 2 < column.distinct <= MOST:
        return table, ()
    at = quoted(name)
    counts = dict(table.all(f"{at}::VARCHAR, count(*)", f"WHERE {at} IS NOT NULL GROUP BY 1 ORDER BY 1"))
    words = tuple(value for value in counts if value.strip().lower() in ABSENT)
    ask_of_undecided(name, counts, told)
    if not words or len(counts) - len(words) < 2:
        return table, ()
    rows = sum(counts[word] for word in words)
    shown = ", ".join(map(repr, words))
    told.decide(
        f"label {name}", f"{shown} is no label", f"a word for a missing one, in {rows:,} rows", "another LABEL="
    )
    null = f"CASE WHEN {at}::VARCHAR IN ({', '.join(map(text, words))}) THEN NULL ELSE {at} END"
    known = dataclasses.replace(
        column, missing=column.missing + rows, distinct=column.distinct - len(words),
        top=tuple(each for each in column.top if each[0] not in words),
    )  # fmt: skip
    sql = f"SELECT * REPLACE ({null} AS {at}) FROM ({table.sql})"
    return dataclasses.replace(table, sql=sql, columns={**table.columns, name: known}), words


def ask_of_undecided(name: str, counts: Mapping[str, int], told: Told) -> None:
    for value, rows in counts.items():
        if value.strip().lower() in UNDECIDED:
            told.ask(
                name,
                f"{value} is one of the classes of {name}, in {rows:,} rows. If it says that the outcome is not yet "
                "known, make it null in the preparation: such a row has no label",
            )


def spelled(column: Column, classes: Mapping[str, Sequence[str]], told: Told) -> None:
    """Say that some classes differ in capital letters, blanks or a full stop alone."""
    counts = dict(column.top)
    several = {said: values for said, values in classes.items() if len(values) > 1}
    for values in list(several.values())[:5]:
        shown = " and ".join(f"{value!r} ({counts.get(value, 0):,} rows)" for value in values)
        told.risk(
            column.name,
            f"{shown} are classes of their own in {column.name}: if they are one, write it in one way in the source's "
            "query or in the preparation",
        )


def expression(name: str, words: Sequence[str]) -> str:
    """The Ibis expression of a label whose `words` are missing ones."""
    return in_ibis(name) + "".join(f".nullif({literal(word)})" for word in words)

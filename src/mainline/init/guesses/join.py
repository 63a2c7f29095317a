"""Labels in a second table: by which key they are joined, and since when they are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from mainline.data.collect import Collected, relation_sql
from mainline.data.split import quoted
from mainline.errors import ConfigurationError, DataError
from mainline.init.guesses.table import Table, Told
from mainline.init.kinds import kind_of, literal
from mainline.init.profile import profile
from mainline.init.proposal import Column, Wishes

JOINED = "_init_joined"
MOST_KEY_COLUMNS = 3


def guess(rows: Table, labels: Table, wishes: Wishes, told: Told) -> tuple[Table, tuple[str, ...], str]:
    """The rows with their label, the key that joins both, and the join as an Ibis expression.

    Raises
    ------
    ConfigurationError
        Where nothing joins the two.
    DataError
        Where a key has several labels: the join would multiply rows.
    """
    key = wishes.key or joining(rows, labels, wishes.label)
    for table in (rows, labels):
        absent = [name for name in key if name not in table.columns]
        if absent:
            there = ", ".join(list(table.columns)[:20])
            raise ConfigurationError(f"KEY={','.join(key)}: {table.name} has no column {absent[0]}: it has {there}")
        repeated = table.rows - table.distinct(key)
        if repeated:
            columns = ", ".join(map(quoted, key))
            example = table.all(f"{columns}, count(*)", f"GROUP BY {columns} HAVING count(*) > 1 ORDER BY ALL LIMIT 1")
            shown = ", ".join(f"{n}={v}" for n, v in zip(key, example[0], strict=False))
            raise DataError(
                f"{table.name}: {repeated:,} rows share their {', '.join(key)} with another, first {shown} "
                f"({example[0][-1]} times): joined by it, rows would multiply. Leave one row of each, or name "
                "another key"
            )
    named = ", ".join(key)
    told.decide("prepare.key", named, f"unique in {rows.name} and in {labels.name}: it joins the labels", "KEY=…")
    told.ask(None, f"The labels of {labels.name} are joined to {rows.name} by {named}. Is it the same thing in both?")
    chosen = ", ".join(map(literal, [*key, wishes.label]))
    by = literal(key[0]) if len(key) == 1 else f"[{', '.join(map(literal, key))}]"
    dropped = ", ".join(literal(f"{name}_right") for name in key)
    expression = (
        f"tables[{literal(rows.name)}].left_join(tables[{literal(labels.name)}].select({chosen}), {by}).drop({dropped})"
    )
    return joined(rows, labels, key, wishes.label), key, expression


def joining(rows: Table, labels: Table, label: str) -> tuple[str, ...]:
    """The fewest columns that both tables have and that are unique in both."""
    shared = [
        name
        for name, column in labels.columns.items()
        if name in rows.columns and name != label and not column.missing and not rows.columns[name].missing
    ]
    for size in range(1, MOST_KEY_COLUMNS + 1):
        for key in combinations(shared, size):
            if labels.distinct(key) == labels.rows and rows.distinct(key) == rows.rows:
                return key
    if shared:
        return tuple(shared[:1])  # its repeated rows are named in the error
    raise ConfigurationError(
        f"LABELS: {labels.name} and {rows.name} have no column in common that has a value in every row: rename the key "
        f"of one of them. {rows.name} has {', '.join(list(rows.columns)[:20])}; {labels.name} has "
        f"{', '.join(list(labels.columns)[:20])}"
    )


def joined(rows: Table, labels: Table, key: Sequence[str], label: str) -> Table:
    added = [name for name in labels.columns if name not in rows.columns]
    sql = joined_sql(rows.sql, labels.sql, key, added)
    rows.con.execute(f"CREATE OR REPLACE TEMP TABLE {JOINED} AS {sql}")
    sql = f"SELECT * FROM {JOINED}"
    measured = profile(rows.con, sql, {name: labels.columns[name].type for name in added})
    return Table(rows.con, rows.name, sql, {**rows.columns, **{column.name: column for column in measured}})


def joined_sql(rows: str, labels: str, key: Sequence[str], added: Sequence[str]) -> str:
    chosen = ", ".join(f"l.{quoted(name)}" for name in added)
    same = " AND ".join(f"r.{quoted(name)} = l.{quoted(name)}" for name in key)
    return f"SELECT r.*, {chosen} FROM ({rows}) AS r LEFT JOIN ({labels}) AS l ON {same}"


def relation(collected: Mapping[str, Collected], key: Sequence[str]) -> str:
    """SQL of the rows that `propose` guessed about: with the columns of the table of the labels, where there is one."""
    rows, *more = collected.values()
    if not more:
        return relation_sql(rows)
    added = [name for name in more[0].columns if name not in rows.columns]
    return joined_sql(relation_sql(rows), relation_sql(more[0]), key, added)


def reported(labels: Table, key: Sequence[str]) -> Column | None:
    """The time at which a label is known: the latest of the label table's own times that no row lacks."""
    times = [
        column
        for name, column in labels.columns.items()
        if kind_of(column.type) == "time" and name not in key and not column.missing
    ]
    return max(times, key=lambda column: str(column.maximum), default=None)

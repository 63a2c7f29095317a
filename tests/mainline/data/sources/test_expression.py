"""Joins and windows that a database computes: PostgreSQL and ClickHouse, held against DuckDB."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import ibis
import pytest
from ibis import _

from mainline.errors import ConfigurationError
from tests.mainline.data.sources.test_clickhouse import PASSWORD, Front
from tests.servers import free_port
from tests.tables import collected, rows

pytestmark = pytest.mark.slow

START = "2013-01-01 00:00:00"
HOURS, SHOPS = 200, 3
# Columns of each table by the database's words for hour number `i` and for its time.
VISITS = "{i} AS visit, {at} AS at, {i} % 3 AS shop, {i} * 7 % 50 AS minutes, {i} * 7 % 50 / {two} AS half"
LOGGED = "{i} AS visit, {i} % 2 AS bought, {at} AS known_at"
SOURCE = {
    "expression": "shop_warehouse:visits", "database": "SHOP_URL", "time": "at",
    "tables": {"visits": "at", "purchases": "known_at"},
}  # fmt: skip
COLUMNS = 'visit, "at"::VARCHAR, past, before, bought'


def visits(tables: dict[str, Any]) -> Any:
    bought = tables["purchases"].select("visit", bought=_.bought.cast("int64"))
    week = ibis.window(group_by="shop", order_by="at", preceding=7, following=0)
    known = tables["visits"].mutate(
        past=_.minutes.sum().over(week).cast("int64"), before=_.count().over(week).cast("int64")
    )
    return known.left_join(bought, "visit").select("visit", "at", "past", "before", "bought")


def wrong(tables: dict[str, Any]) -> Any:
    return tables["visits"].mutate(half=_.half.sum().over(group_by="shop"))


def shortened(tables: dict[str, Any]) -> Any:
    # A cast to a whole number rounds in DuckDB, and cuts off in ClickHouse.
    return tables["visits"].mutate(minutes=_.half.cast("int64"))


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("shop_warehouse")
    for function in (visits, wrong, shortened):
        setattr(module, function.__name__, function)
    monkeypatch.setitem(sys.modules, "shop_warehouse", module)


@pytest.fixture
def postgres(postgresql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from adbc_driver_postgresql import dbapi

    at = f"TIMESTAMPTZ '{START}+00' + i * INTERVAL '1 hour'"
    monkeypatch.setenv("SHOP_URL", postgresql)
    with dbapi.connect(postgresql, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
        for table, columns in (("visits", VISITS), ("purchases", LOGGED)):
            selected = columns.format(i="i", at=at, two="2.0::float8")
            cursor.execute(f"CREATE TABLE {table} AS SELECT {selected} FROM generate_series(0, {HOURS - 1}) AS s(i)")


@pytest.fixture
def clickhouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pytest.importorskip("chdb", reason="ClickHouse's engine is not installed: make tools")
    port, number = free_port(), "toInt64(number)"
    monkeypatch.setenv("SHOP_URL", f"clickhouse://{PASSWORD}127.0.0.1:{port}/shop")
    at = f"toDateTime64('{START}', 6, 'UTC') + INTERVAL number HOUR"
    made = [
        f"CREATE TABLE shop.{table} ENGINE = MergeTree ORDER BY visit AS SELECT "
        f"{columns.format(i=number, at=at, two='2.0')} FROM numbers({HOURS})"
        for table, columns in (("visits", VISITS), ("purchases", LOGGED))
    ]
    front = Front(tmp_path / "clickhouse", port, "CREATE DATABASE shop", *made)
    yield
    front.kill()


def by_duckdb(until: str) -> list[tuple[Any, ...]]:
    backend = ibis.duckdb.connect()
    backend.con.execute("SET TimeZone = 'Asia/Tokyo'")  # as `rows` shows times
    at = f"TIMESTAMPTZ '{START}+00' + i * INTERVAL '1 hour'"
    for table, columns in (("visits", VISITS), ("purchases", LOGGED)):
        selected = columns.format(i="i", at=at, two="2.0::DOUBLE")
        time = '"at"' if table == "visits" else "known_at"
        backend.con.execute(
            f"CREATE TABLE {table} AS SELECT * FROM (SELECT {selected} FROM range({HOURS}) AS s(i)) "
            f"WHERE {time} < TIMESTAMPTZ '{until} 00:00:00+00'"
        )
    sql = ibis.to_sql(visits({name: backend.table(name) for name in ("visits", "purchases")}), dialect="duckdb")
    found: list[tuple[Any, ...]] = backend.con.execute(f"SELECT {COLUMNS} FROM ({sql}) ORDER BY ALL").fetchall()
    return found


@pytest.mark.parametrize("database", ["postgres", "clickhouse"])
def test_a_database_computes_joins_and_windows_of_what_is_known_and_duckdb_the_same(
    database: str, functions: None, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(database)
    table = collected(tmp_path, until="2013-01-05", **SOURCE)
    assert table.rows == 96, "the cutoff is applied to the tables themselves"
    assert sorted(rows(table, COLUMNS)) == by_duckdb("2013-01-05")
    assert collected(tmp_path, until="2013-01-05", **SOURCE).digest == table.digest
    assert collected(tmp_path, until="2013-01-06", **SOURCE).digest != table.digest

    def refused(name: str, **source: Any) -> str:
        with pytest.raises(ConfigurationError) as caught:
            collected(tmp_path / name, **{**SOURCE, "expression": f"shop_warehouse:{name}", **source})
        return str(caught.value)

    said = refused("wrong")
    assert "shop_warehouse:wrong can be another table in every run" in said
    assert "Sum(half): of floating-point numbers it depends on the order of the rows" in said
    said = refused("visits", tables={"visits": "gone", "purchases": "known_at"})
    assert "data.sources.events.tables.visits: there is no column gone: it has visit, at, shop" in said
    if database == "clickhouse":
        said = refused("shortened")
        assert "the database of SHOP_URL computes other rows than DuckDB, so they were not kept: the row visit=" in said

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mainline.data.collect import Collected
from mainline.errors import ConfigurationError, DataError, ExternalError
from tests.servers import free_port
from tests.tables import collected, rows

pytestmark = pytest.mark.slow

Ask = Callable[..., Collected]
HIDDEN = "hidden"


@pytest.fixture
def run(mariadb: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """SOURCE_URL is an empty MariaDB; calling it runs statements there."""
    pymysql = pytest.importorskip("pymysql", reason="PyMySQL is not installed: make install GROUPS=mysql")
    monkeypatch.setenv("SOURCE_URL", mariadb)
    port = int(mariadb.rpartition(":")[2].partition("/")[0])

    def run(statements: str) -> None:
        options = {"user": "tester", "password": "se/cret", "database": "shop"}  # pragma: allowlist secret
        with pymysql.connect(host="127.0.0.1", port=port, autocommit=True, **options) as connection:
            for statement in statements.split(";"):
                connection.cursor().execute(statement)

    run("DROP DATABASE shop; CREATE DATABASE shop CHARACTER SET utf8mb4; USE shop")
    return run


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    return lambda query, **source: collected(tmp_path, query=query, database="SOURCE_URL", **source)


EVENTS = """
CREATE TABLE shop.events AS
SELECT TIMESTAMP('2013-01-30') + INTERVAL seq HOUR AS moment, seq AS n, CONCAT('ü%', seq) AS s FROM seq_0_to_95
"""


def test_types_arrive(run: Any, ask: Ask) -> None:
    run(
        """CREATE TABLE shop.t (z TIMESTAMP(6) NULL, t DATETIME, d DATE, n DECIMAL(10, 2), i INT, l BIGINT, f FLOAT,
        g DOUBLE, s VARCHAR(9), x TEXT, j JSON, b BLOB, e ENUM('a', 'b'), o TINYINT(1));
        SET time_zone = '-05:00';
        INSERT INTO shop.t VALUES ('2013-01-01 05:00', '2013-01-01 05:00', '2013-01-01', 2.50, 8, 9, 1.5, 0.1,
        'ü''x', 'long', '{"a": 1}', x'00ff', 'b', true);
        INSERT INTO shop.t (i) VALUES (1)"""
    )
    table = ask("SELECT * FROM t WHERE i > 1", time="t")
    assert table.columns["n"] == "DOUBLE" and table.columns["z"] == "TIMESTAMP WITH TIME ZONE"
    (found,) = rows(table, "t, d, n, i, l, f, g, s, x, j, b, e, o")
    assert found == (
        dt.datetime(2013, 1, 1, 5), dt.date(2013, 1, 1), 2.5, 8, 9, 1.5, 0.1,
        "ü'x", "long", '{"a": 1}', b"\x00\xff", "b", 1,
    )  # fmt: skip


def test_the_data_cutoff_is_bound_and_rows_are_cut_in_utc(run: Any, ask: Ask) -> None:
    run(EVENTS)
    bound = ask("SELECT * FROM events WHERE moment < :until AND s LIKE 'ü%'", time="moment")
    assert bound.rows == 48
    assert bound.digest == ask("SELECT * FROM events ORDER BY n DESC", time="moment").digest


def test_what_is_wrong_is_named(run: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    run(EVENTS)
    with pytest.raises(ConfigurationError, match=r"events\.query: the database of SOURCE_URL says: .*doesn't exist"):
        ask("SELECT * FROM gone")
    with pytest.raises(ConfigurationError, match="a source may only read"):
        ask("DELETE FROM events")
    with pytest.raises(ConfigurationError, match=r"column t has a type .* CAST\(t AS CHAR\) AS t"):
        ask("SELECT TIME('10:00') AS t")
    with pytest.raises(DataError, match="is empty"):
        ask("SELECT * FROM events WHERE n < 0")
    monkeypatch.setenv("SOURCE_URL", f"mysql://tester:{HIDDEN}@127.0.0.1:{free_port()}/shop")
    with pytest.raises(ExternalError, match="the database of SOURCE_URL cannot be reached") as caught:
        ask("SELECT 1 AS a")
    assert "hidden" not in str(caught.value)


def test_a_connection_that_is_killed_in_the_middle_leaves_nothing(
    run: Any, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mainline.data.sources import mysql

    run(EVENTS.replace("seq_0_to_95", "seq_0_to_200000").replace("seq HOUR", "seq SECOND"))
    fetched = mysql._plain
    seen: list[int] = []

    def kill(value: Any) -> Any:
        seen.append(1)
        if len(seen) == 40_000:
            other = "info LIKE '%the long one%' AND id <> CONNECTION_ID()"
            run(f"KILL (SELECT id FROM information_schema.processlist WHERE {other})")
        return fetched(value)

    with monkeypatch.context() as patched:
        patched.setattr(mysql, "_plain", kill)
        with pytest.raises(ExternalError, match="the connection to the database of SOURCE_URL was lost"):
            ask("SELECT * FROM events /* the long one */", until="2014-01-01")
    assert not list((tmp_path / ".cache").rglob("*.parquet"))
    assert ask("SELECT * FROM events", until="2014-01-01").rows == 200_001


def test_a_missing_driver_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_URL", "mysql://tester@127.0.0.1/shop")
    monkeypatch.setitem(sys.modules, "pymysql", None)  # as where it is not installed
    with pytest.raises(ConfigurationError, match="run `make install GROUPS=mysql`"):
        collected(tmp_path, query="SELECT 1", database="SOURCE_URL")

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from mainline.data.collect import Collected
from mainline.data.sources.database import bound
from mainline.errors import ConfigurationError, DataError, ExternalError
from tests.servers import free_port
from tests.tables import collected, rows

Ask = Callable[..., Collected]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Collect a query's answer from the database whose URL is in SOURCE_URL."""

    def collect_answer(query: str, **source: Any) -> Collected:
        return collected(tmp_path, query=query, database="SOURCE_URL", **source)

    return collect_answer


@pytest.fixture
def postgres(postgresql: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """SOURCE_URL is a PostgreSQL; calling it runs statements there."""
    from adbc_driver_postgresql import dbapi

    monkeypatch.setenv("SOURCE_URL", postgresql)

    def run(statements: str) -> None:
        with dbapi.connect(postgresql, autocommit=True) as connection, connection.cursor() as cursor:
            for statement in statements.split(";"):
                cursor.execute(statement)

    run("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return run


@pytest.fixture
def sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """SOURCE_URL is a SQLite file; calling it runs statements there."""
    path = tmp_path / "it's a [file].db"
    monkeypatch.setenv("SOURCE_URL", f"sqlite:///{quote(str(path))}")

    def run(statements: str) -> None:
        connection = sqlite3.connect(path)
        connection.executescript(statements)
        connection.commit()
        connection.close()

    run("CREATE TABLE kept (n INTEGER)")
    return run


EVENTS = """
CREATE TABLE events AS SELECT TIMESTAMPTZ '2013-01-30 00:00:00+00' + i * INTERVAL '1 hour' AS at, i AS n
FROM generate_series(0, 95) AS s(i)
"""

COUNT = "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s LIMIT {})"


def test_postgresql_types_arrive(postgres: Callable[[str], None], ask: Ask) -> None:
    postgres(
        """
        CREATE TABLE t (z timestamptz, t timestamp, d date, n numeric(10, 2), b bool, s text, j json, k jsonb,
                        f real, g float8, h smallint, i int, l bigint, u uuid, a int[], v varchar(9));
        INSERT INTO t VALUES ('2013-01-01 05:00-05', '2013-01-01 05:00', '2013-01-01', 2.50, true, 'ü''x', '{"a":  1}',
                              '{"a":  1}', 1.5, 0.1, 7, 8, 9, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{1,2}', 'v');
        INSERT INTO t (z, n) VALUES ('2013-01-02', 'NaN')
        """
    )
    table = ask("SELECT * FROM t", time="z")
    assert table.columns == {
        "z": "TIMESTAMP WITH TIME ZONE", "t": "TIMESTAMP", "d": "DATE", "n": "DOUBLE", "b": "BOOLEAN", "s": "VARCHAR",
        "j": "VARCHAR", "k": "VARCHAR", "f": "FLOAT", "g": "DOUBLE", "h": "SMALLINT", "i": "INTEGER", "l": "BIGINT",
        "u": "UUID", "a": "INTEGER[]", "v": "VARCHAR",
    }  # fmt: skip
    first, second = rows(table, "epoch(z), t, d, n, b, s, j, k, f, g, h, i, l, u::VARCHAR, a, v")
    assert first == (
        1357034400.0, dt.datetime(2013, 1, 1, 5), dt.date(2013, 1, 1), 2.5, True, "ü'x", '{"a":  1}', '{"a": 1}',
        1.5, 0.1, 7, 8, 9, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", [1, 2], "v",
    )  # fmt: skip
    assert second[4:] == (None,) * 12
    assert second[3] != second[3]  # NaN


@pytest.mark.parametrize("expression", ["'10:00+02'::timetz", "1.5::money", "'127.0.0.1'::inet", "int4range(1, 3)"])
def test_a_postgresql_type_that_cannot_be_read_is_refused(
    postgres: Callable[[str], None], ask: Ask, expression: str
) -> None:
    with pytest.raises(ConfigurationError, match=r"events\.query: column x has the type .* x::text AS x"):
        ask(f"SELECT {expression} AS x")
    assert ask(f"SELECT ({expression})::text AS x").rows == 1


@pytest.mark.slow
def test_the_clock_cuts_before_the_answer_is_kept(postgres: Callable[[str], None], ask: Ask) -> None:
    postgres(EVENTS)
    before = ask("SELECT * FROM events", time="at")
    assert (before.rows, before.end) == (48, "2013-01-31T23:00:00+00:00")
    postgres("INSERT INTO events VALUES ('2013-06-01', 1000)")
    assert ask("SELECT * FROM events", time="at") == before  # a database that grows is the same until the clock moves
    postgres("INSERT INTO events VALUES ('2013-01-01', 1000)")
    assert ask("SELECT * FROM events", time="at").digest != before.digest


def test_known_after_cuts_a_database_s_table_too(postgres: Callable[[str], None], ask: Ask) -> None:
    postgres(EVENTS)
    assert ask("SELECT * FROM events", time="at", known_after="1 day").rows == 24


@pytest.mark.slow
def test_the_order_of_the_rows_does_not_matter(postgres: Callable[[str], None], ask: Ask) -> None:
    postgres(
        """CREATE TABLE t AS SELECT i % 1000 AS a, 'x' || i % 777 AS s, nullif(i % 10, 0) AS n, (i % 7)::float8 / 3 AS f
           FROM generate_series(1, 130000) AS s(i)"""  # more than one group of rows of a file, which has 122,880
    )
    first = ask("SELECT * FROM t")
    (file,) = first.paths
    written = file.stat().st_mtime_ns
    for order in ("random()", "s DESC", "n, f, a"):
        shuffled = ask(f"SELECT * FROM t ORDER BY {order}")
        assert (shuffled.digest, shuffled.paths) == (first.digest, [file])
    assert file.stat().st_mtime_ns == written
    assert first.rows == 130_000
    assert ask("SELECT * FROM t WHERE a <> 5 OR s <> 'x5'").digest != first.digest


def test_until_is_the_clock_in_postgresql(postgres: Callable[[str], None], ask: Ask) -> None:
    postgres(EVENTS)
    query = "SELECT count(*) AS n, ':until' AS s FROM events WHERE at < :until -- :until"
    table = ask(query, timezone="America/New_York")
    assert rows(table) == [(53, ":until")]


def test_until_is_the_clock_in_sqlite(sqlite: Callable[[str], None], ask: Ask) -> None:
    sqlite("CREATE TABLE t (at TEXT); INSERT INTO t VALUES ('2013-02-01 04:59:59'), ('2013-02-01 05:00:00')")
    table = ask("SELECT * FROM t WHERE at < :until AND at < :until;", timezone="America/New_York")
    assert rows(table) == [("2013-02-01 04:59:59",)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("a < :until", "a < ?1"),
        ("a < :until AND b < (:until)", "a < ?1 AND b < (?1)"),
        ("':until' || ''':until' < :until", "':until' || ''':until' < ?1"),
        ('":until"', '":until"'),
        ("a::until", "a::until"),
        ("-- :until\n1 /* :until\n */", "-- :until\n1 /* :until\n */"),
        ("$x$ :until $x$ < :until", "$x$ :until $x$ < ?1"),
        ("a < :untilnow", "a < :untilnow"),
        ("SELECT 1 ; \n", "SELECT 1 "),
    ],
)
def test_until_is_bound_only_where_it_stands_for_the_clock(sql: str, expected: str) -> None:
    assert bound(sql, "?1") == (expected, "?1" in expected)


def test_sqlite_s_values_make_the_types(sqlite: Callable[[str], None], ask: Ask) -> None:
    sqlite(
        """CREATE TABLE t (i INTEGER, r REAL, s TEXT, b BOOLEAN, d DATE, u);
           INSERT INTO t VALUES (1, 1.5, 'x', true, '2013-01-01', NULL), (NULL, NULL, NULL, NULL, NULL, NULL)"""
    )
    table = ask("SELECT * FROM t")
    assert table.columns == {
        "i": "BIGINT", "r": "DOUBLE", "s": "VARCHAR", "b": "BIGINT", "d": "VARCHAR", "u": "BIGINT",
    }  # fmt: skip
    assert rows(table) == [(1, 1.5, "x", 1, "2013-01-01", None), (None,) * 6]


def test_sqlite_s_text_is_a_time_where_the_source_says_so(sqlite: Callable[[str], None], ask: Ask) -> None:
    sqlite("CREATE TABLE t (at); INSERT INTO t VALUES ('2013-01-01 05:00'), ('2013-01-01T05:00:00-05'), ('2013-03-01')")
    table = ask("SELECT * FROM t", time="at")
    assert (table.rows, table.start, table.end) == (2, "2013-01-01T05:00:00+00:00", "2013-01-01T10:00:00+00:00")
    sqlite("INSERT INTO t VALUES ('soon')")
    with pytest.raises(DataError, match=r"events\.time: column at is text that is not a time: .*soon"):
        ask("SELECT * FROM t", time="at")


@pytest.mark.slow
def test_a_sqlite_column_of_several_types_is_named(sqlite: Callable[[str], None], ask: Ask) -> None:
    sqlite(f"CREATE TABLE t (n INTEGER, mixed); {COUNT.format(70_000)} INSERT INTO t SELECT i, i FROM s")
    sqlite("INSERT INTO t VALUES (0, 'text')")
    with pytest.raises(DataError, match=r"mixed contains INT64 and later STRING.*CAST\(mixed AS TEXT\) AS mixed"):
        ask("SELECT * FROM t")
    assert ask("SELECT n, CAST(mixed AS TEXT) AS mixed FROM t").rows == 70_001


def test_null_times_in_an_answer_are_refused(sqlite: Callable[[str], None], ask: Ask) -> None:
    sqlite("CREATE TABLE t (at TEXT); INSERT INTO t VALUES ('2013-01-01'), (NULL)")
    with pytest.raises(DataError, match="the query against SOURCE_URL: column at is null in 1 of 2 rows"):
        ask("SELECT * FROM t", time="at")


def test_an_infinite_time_is_refused(postgres: Callable[[str], None], ask: Ask) -> None:
    with pytest.raises(DataError, match="column at is infinite"):
        ask("SELECT 'infinity'::timestamptz AS at UNION SELECT '2013-01-01'", time="at")


@pytest.mark.parametrize("where", ["n < 0", "n > 90"])
def test_an_answer_without_a_row_before_the_clock_is_refused(
    postgres: Callable[[str], None], ask: Ask, where: str
) -> None:
    postgres(EVENTS)
    with pytest.raises(DataError, match=r"SOURCE_URL: the answer has no row before the data cutoff, data\.until"):
        ask(f"SELECT * FROM events WHERE {where}", time="at")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELEKT 1", 'syntax error at or near "SELEKT"'),
        ("SELECT * FROM nowhere", 'relation "nowhere" does not exist'),
        ("SELECT nothing FROM pg_class", 'column "nothing" does not exist'),
        ("SELECT 1; SELECT 2", "cannot insert multiple commands"),
        ("SELECT 1 AS a, 2 AS a", "two columns are named a"),
        ("DROP TABLE keep", "a source may only read"),
        ("DELETE FROM keep RETURNING n", "a source may only read"),
    ],
)
def test_a_wrong_query_is_answered_with_the_server_s_words(
    postgres: Callable[[str], None], ask: Ask, query: str, said: str
) -> None:
    postgres("CREATE TABLE keep AS SELECT 1 AS n")
    with pytest.raises(ConfigurationError, match=rf"data\.sources\.events\.query: .*{said}"):
        ask(query)
    assert ask("SELECT * FROM keep").rows == 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELEKT 1", 'near "SELEKT": syntax error'),
        ("SELECT * FROM nowhere", "no such table: nowhere"),
        ("DELETE FROM kept", "a source may only read"),
    ],
)
def test_a_wrong_query_is_answered_with_sqlite_s_words(
    sqlite: Callable[[str], None], ask: Ask, query: str, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"data\.sources\.events\.query: .*{said}"):
        ask(query)


def test_a_query_that_fails_on_the_data_is_a_matter_of_the_data(postgres: Callable[[str], None], ask: Ask) -> None:
    with pytest.raises(DataError, match="division by zero"):
        ask("SELECT 1 / (i - 5) AS n FROM generate_series(1, 9) AS s(i)")


def test_a_time_column_that_the_answer_lacks_is_answered_with_the_nearest(
    postgres: Callable[[str], None], ask: Ask
) -> None:
    postgres(EVENTS)
    with pytest.raises(ConfigurationError, match="there is no column att: did you mean at"):
        ask("SELECT * FROM events", time="att")


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set_is_named(ask: Ask, monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("SOURCE_URL", raising=False)
    if value is not None:
        monkeypatch.setenv("SOURCE_URL", value)
    with pytest.raises(ConfigurationError, match="the environment variable SOURCE_URL is not set"):
        ask("SELECT 1")


def test_a_database_of_an_unknown_kind_is_refused(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_URL", "oracle://user:hidden@host/name")  # pragma: allowlist secret
    with pytest.raises(ConfigurationError, match="SOURCE_URL must be a URL that begins with postgresql") as caught:
        ask("SELECT 1")
    assert "hidden" not in str(caught.value)


def test_an_unreachable_database_is_a_matter_of_the_outside(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"postgresql://user:hidden@127.0.0.1:{free_port()}/name"  # pragma: allowlist secret
    monkeypatch.setenv("SOURCE_URL", url)
    with pytest.raises(ExternalError, match=r"SOURCE_URL cannot be reached: .*Connection refused") as caught:
        ask("SELECT 1")
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_sqlite_file_that_is_not_there_is_named_and_not_made(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SOURCE_URL", f"sqlite:///{tmp_path}/gone.db")
    with pytest.raises(ExternalError, match=r"gone\.db, which does not exist"):
        ask("SELECT 1")
    assert not (tmp_path / "gone.db").exists()


@pytest.mark.parametrize("password", ["wrong", "se/cret", "a@b:c", "%zz"])
def test_a_password_is_never_shown(postgresql: str, ask: Ask, monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    monkeypatch.setenv("SOURCE_URL", postgresql.replace("se%2Fcret", password))
    with pytest.raises((ConfigurationError, ExternalError)) as caught:
        ask("SELECT 1")
    shown = str(caught.value).replace("password", "")
    assert all(part not in shown for part in ("wrong", "cret", "a@b", "b:c", '"se', "%zz"))


def test_a_missing_driver_names_the_command(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_URL", "postgresql://user@127.0.0.1/name")
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)  # as where it is not installed
    with pytest.raises(ConfigurationError, match="run `make install GROUPS=database`"):
        ask("SELECT 1")


@pytest.mark.slow
def test_a_server_that_stops_in_the_middle_leaves_nothing(
    postgres: Callable[[str], None], ask: Ask, tmp_path: Path
) -> None:
    stop = "CASE WHEN i = 2000000 THEN pg_terminate_backend(pg_backend_pid()) END"
    query = f"SELECT i, {stop} AS stop FROM generate_series(1, 2000000) AS s(i)"
    with pytest.raises(ExternalError, match="the database of SOURCE_URL"):
        ask(query)
    assert [path for path in (tmp_path / ".cache").rglob("*") if path.is_file()] == []


@pytest.mark.slow
def test_a_full_disk_leaves_nothing_of_the_answer(sqlite: Callable[[str], None], tmp_path: Path) -> None:
    sqlite(f"CREATE TABLE t AS {COUNT.format(50_000)} SELECT i, random() AS r FROM s")
    program = """
import resource, signal, sys
from pathlib import Path
from mainline.errors import MainlineError
from tests.tables import collected
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    collected(Path(sys.argv[1]), query="SELECT * FROM t", database="SOURCE_URL")
except MainlineError as error:
    print(error)
    sys.exit(error.status)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], env=dict(os.environ),
        cwd=Path(__file__).parents[4], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == ExternalError.status, done.stdout + done.stderr
    assert "no space left for the answer" in done.stdout
    assert [path for path in (tmp_path / ".cache").rglob("*") if path.is_file()] == []

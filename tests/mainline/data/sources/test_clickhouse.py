"""Tables of ClickHouse: its engine answers, behind an HTTP server of the tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mainline.errors import ConfigurationError, DataError, ExternalError
from tests.bounds import HANG
from tests.servers import free_port
from tests.tables import collected, rows

pytestmark = pytest.mark.slow

FRONT = Path(__file__).with_name("clickhouse_front.py")
PASSWORD = "tester:se%2Fcret@"  # pragma: allowlist secret
SHOP = (
    "CREATE DATABASE shop",
    "CREATE TABLE shop.visits (at DateTime('America/New_York'), day Date, exact DateTime64(3, 'UTC'), n UInt64,"
    " price Decimal(18, 4), shop LowCardinality(Nullable(String)), kind Enum8('web' = 1, 'app' = 2), ok Bool,"
    " f Float32)"
    " ENGINE = MergeTree ORDER BY n",
    "INSERT INTO shop.visits SELECT toDateTime('2013-01-01 00:00:00', 'UTC') + number * 3600, toDate('2013-01-01'),"
    " toDateTime64('2013-01-01 00:00:00.125', 3, 'UTC'), number, number / 8, if(number % 2 = 0, 'norð', NULL), 'app',"
    " true, 0.5 FROM numbers(48)",
)
SOURCE = {"query": "SELECT * FROM visits WHERE at < :until -- not ':until'", "database": "CLICKS_URL", "time": "at"}


class Front:
    def __init__(self, folder: Path, port: int, *statements: str) -> None:
        command = [sys.executable, str(FRONT), str(folder), str(port), *statements]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.version = self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(HANG)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    pytest.importorskip("chdb", reason="ClickHouse's engine is not installed: make tools")
    found = free_port()
    monkeypatch.setenv("CLICKS_URL", f"clickhouse://{PASSWORD}127.0.0.1:{found}/shop")
    return found


@pytest.fixture
def front(port: int, tmp_path: Path) -> Iterator[Front]:
    started = Front(tmp_path / "clickhouse", port, *SHOP)
    yield started
    started.kill()


def refused(root: Path, query: str, **source: Any) -> str:
    with pytest.raises((ConfigurationError, DataError, ExternalError)) as caught:
        collected(root, **{**SOURCE, "query": query, "time": None, **source})
    assert not list((root / ".cache").rglob("*.parquet")), "nothing is half-written"
    return f"{caught.value.status} {caught.value}"


def test_the_rows_of_a_query_are_read_with_their_types_and_wrong_ones_are_named(
    front: Front, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert front.version.split(".") >= ["26"], "the engine of this year"
    table = collected(tmp_path, until="2013-01-02", **SOURCE)
    assert table.columns == {
        "at": "TIMESTAMP WITH TIME ZONE", "day": "DATE", "exact": "TIMESTAMP WITH TIME ZONE", "n": "UBIGINT",
        "price": "DOUBLE", "shop": "VARCHAR", "kind": "VARCHAR", "ok": "BOOLEAN", "f": "FLOAT",
    }  # fmt: skip
    assert table.rows == 24, "the cutoff is a moment, not a clock's time of New York"
    assert rows(table, "n, price, shop, kind, ok, f, exact::VARCHAR")[:2] == [
        (0, 0.0, "norð", "app", True, 0.5, "2013-01-01 09:00:00.125+09"),
        (1, 0.125, None, "app", True, 0.5, "2013-01-01 09:00:00.125+09"),
    ]
    assert collected(tmp_path, until="2013-01-02", **SOURCE) == table

    root = tmp_path / "wrong"
    assert refused(root, "INSERT INTO visits (n) VALUES (1)").startswith("2 data.sources.events.query: a source may on")
    assert refused(root, "SELECT gone FROM visits").startswith("2 ")
    assert "Unknown expression identifier" in refused(root, "SELECT gone FROM visits")
    assert refused(root, "SELECT throwIf(n = 47) FROM visits").startswith(
        "3 data.sources.events.query: the database of"
    )
    assert refused(root, "SELECT 1 AS n FORMAT CSV") == (
        "2 data.sources.events.query: the answer of CLICKS_URL is no table: write a SELECT, without FORMAT"
    )
    monkeypatch.setenv("CLICKS_URL", f"clickhouse://tester:wrong-one@127.0.0.1:{port}/shop")  # pragma: allowlist secret
    said = refused(root, "SELECT 1 AS n")
    assert said.startswith("4 ") and "Authentication failed" in said and "wrong-one" not in said


def test_a_server_that_dies_in_the_middle_of_its_answer_is_named_and_the_next_run_has_every_row(
    front: Front, port: int, tmp_path: Path
) -> None:
    cut = refused(tmp_path / "cut", "SELECT n AS cut_off FROM visits")
    assert cut.startswith("4 data.sources.events.query: the connection to the database of CLICKS_URL was lost")
    assert refused(tmp_path / "cut", "SELECT 1 AS n").startswith(
        "4 data.sources.events.database: the database of CLICK"
    )
    front.kill()
    again = Front(tmp_path / "clickhouse", port)
    try:
        assert [n for (n,) in rows(collected(tmp_path / "cut", **SOURCE), "n")] == list(range(48))
    finally:
        again.kill()

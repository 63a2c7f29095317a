"""Every type that pandas, Polars, Spark or DuckDB write to Parquet by default is read, in frame and cutoff."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mainline.data.collect import relation_sql
from tests.tables import collected, rows

NOON = dt.datetime(2026, 1, 31, 12)
UTC = NOON.replace(tzinfo=dt.UTC)
ARRAYS: dict[str, tuple[Any, Any]] = {
    "timestamp[ns]": (pa.array([NOON], pa.timestamp("ns")), NOON),
    "timestamp[ns, UTC]": (pa.array([NOON], pa.timestamp("ns", "UTC")), UTC),
    "timestamp[us]": (pa.array([NOON], pa.timestamp("us")), NOON),
    "timestamp[us, New York]": (pa.array([UTC], pa.timestamp("us", "America/New_York")), UTC),
    "timestamp[ms]": (pa.array([NOON], pa.timestamp("ms")), NOON),
    "timestamp[s]": (pa.array([NOON], pa.timestamp("s")), NOON),
    "date32": (pa.array([NOON.date()], pa.date32()), NOON.date()),
    "date64": (pa.array([NOON.date()], pa.date64()), NOON.date()),
    "time64[ns]": (pa.array([NOON.time()], pa.time64("ns")), NOON.time()),
    "time32": (pa.array([NOON.time()], pa.time32("s")), NOON.time()),
    "duration": (pa.array([dt.timedelta(1)], pa.duration("us")), 86_400_000_000),
    "dictionary": (pa.array(["a"]).dictionary_encode(), "a"),
    "large_string": (pa.array(["a"], pa.large_string()), "a"),
    "string_view": (pa.array(["a"], pa.string_view()), "a"),
    "binary": (pa.array([b"a"]), b"a"),
    "float16": (pa.array([1.5], pa.float16()), 1.5),
    "decimal128": (pa.array([Decimal("1.10")], pa.decimal128(5, 2)), Decimal("1.10")),
    "decimal256": (pa.array([Decimal("1.5")], pa.decimal256(60, 2)), 1.5),
    "bool": (pa.array([True]), True),
    "null": (pa.array([None], pa.null()), None),
    "list": (pa.array([[1]]), [1]),
    "struct": (pa.array([{"a": 1}]), {"a": 1}),
    "map": (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), {"a": 1}),
    "int8": (pa.array([1], pa.int8()), 1),
    "uint64": (pa.array([2**64 - 1], pa.uint64()), 2**64 - 1),
    "uuid": (pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16], pa.binary(16))), None),
    "json": (pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}"])), "{}"),
}
TIMES = [name for name in ARRAYS if name.startswith(("timestamp", "date"))]


@pytest.mark.parametrize("name", ARRAYS)
def test_a_column_of_every_arrow_type_is_read_by_duckdb_and_by_ibis(tmp_path: Path, name: str) -> None:
    array, value = ARRAYS[name]
    pq.write_table(pa.table({"c": array, "id": [1]}), tmp_path / "t.parquet")
    table = collected(tmp_path, path="t.parquet")
    ((found, _),) = rows(table)
    assert name == "uuid" or found == value
    backend = ibis.duckdb.connect()
    backend.con.execute(f"CREATE TEMP VIEW t AS {relation_sql(table)}")
    assert backend.table("t").schema().names == ("c", "id"), "the preparation function gets the column"


@pytest.mark.parametrize("name", TIMES)
def test_the_cutoff_applies_to_every_type_of_time(tmp_path: Path, name: str) -> None:
    array, _ = ARRAYS[name]
    late = array.cast(pa.timestamp("us")).to_pylist()[0] + dt.timedelta(days=2)
    later = pa.array([late], pa.timestamp("us")).cast(array.type)
    pq.write_table(pa.table({"c": pa.concat_arrays([array, later])}), tmp_path / "t.parquet")
    table = collected(tmp_path, path="t.parquet", time="c", until="2026-02-01")
    assert len(rows(table)) == table.rows == 1
    assert str(table.start).startswith("2026-01-31T")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(
    "empty", [pa.array([None], pa.null()), pa.array([None], pa.float64()), pa.array([None], pa.int32())]
)
def test_a_parquet_part_without_a_value_agrees_with_any_type(
    tmp_path: Path, empty: Any, order: tuple[int, int]
) -> None:
    parts = [pa.table({"a": [1], "b": empty}), pa.table({"a": [2], "b": ["x"]})]
    for name, i in zip("12", order, strict=True):
        pq.write_table(parts[i], tmp_path / f"{name}.parquet")
    table = collected(tmp_path, path="*.parquet")
    assert table.columns["b"] == "VARCHAR"
    assert rows(table) == [(1, None), (2, "x")]


def test_nanoseconds_in_one_part_and_microseconds_in_another_are_one_column(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([NOON], pa.timestamp("ns"))}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"a": pa.array([NOON], pa.timestamp("us"))}), tmp_path / "2.parquet")
    assert rows(collected(tmp_path, path="*.parquet", time="a", until="2026-02-01")) == [(NOON,), (NOON,)]

"""`data.engine: spark` without a cluster: Spark in a process of its own on this machine."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

pytest.importorskip("pyspark", reason="Spark is not installed: make test-frameworks")

from tests.projects import RETURN, Project
from tests.servers import free_port

pytestmark = pytest.mark.slow

ENGINE = ("data:\n", "data:\n  engine: spark\n")
FRAMES = ("duckdb", "spark", "part", "uncounted")
# Both frames in one process, and what a moment in the past, a wrong value and another result lead to.
PROGRAM = """
import datetime as dt
import sys
from pathlib import Path

import pyspark.sql

from mainline.config import loader
from mainline.data import point_in_time, prepare
from mainline.data.collect import collect
from mainline.errors import MainlineError

settings = loader.load().settings
tables = collect(settings.data, Path.cwd(), Path("cache"))
spark = settings.model_copy(update={"data": settings.data.model_copy(update={"engine": "spark"})})
prepare.build(settings, tables, Path("frames/duckdb.parquet"))
prepare.build(spark, tables, Path("frames/spark.parquet"))
print(point_in_time.check(spark, tables, Path("frames/spark.parquet")))
few = spark.data.model_copy(update={"spark": spark.data.spark.model_copy(update={"checked_rows": 100})})
part = spark.model_copy(update={"data": few})
prepare.build(part, tables, Path("frames/part.parquet"))
for name in ("division", "rounded", "summed"):
    for each in (spark, part):
        function = each.prepare.model_copy(update={"function": f"shop.wrong:{name}"})
        try:
            prepare.build(each.model_copy(update={"prepare": function}), tables, Path("frames/wrong.parquet"))
            print(name, "passed")
        except MainlineError as error:
            print(name, error.status, str(error).replace("\\n", " "))
pyspark.sql.Observation.get = property(lambda seen: {})  # what a busy server answers
prepare.build(part, tables, Path("frames/uncounted.parquet"))
"""
WRONG = """\
from ibis import _

from shop.frame import prepare


def division(tables):
    return prepare(tables).mutate(pages=1000 // (_.pages - _.pages))


def rounded(tables):
    return prepare(tables).mutate(pages=_.minutes.cast("int64"))


def summed(tables):
    return prepare(tables).mutate(pages=_.minutes.sum().over(group_by="shop"))
"""


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    return Project(tmp_path / "shop")


def test_values_of_every_type_keys_from_content_and_moments_in_the_past_are_the_same(shop: Project) -> None:
    shop.write("src/shop/wrong.py", WRONG)
    shop.edit("src/shop/frame.py", (RETURN, RETURN.replace('drop("visit_right")', 'drop("visit_right", "visit")')))
    shop.edit("params.yaml", ("  key: [visit]\n", "  key: content\n"))
    visits = shop.path("data/visits.parquet")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            f"COPY (SELECT *, md5(visit::VARCHAR)::UUID AS id, (minutes / 3)::DECIMAL(12, 4) AS price, "
            f'pages::UTINYINT AS few, "at"::DATE AS date, "at"::TIMESTAMP - INTERVAL 300 YEAR AS local, '
            f"visit % 2 = 0 AS even, minutes::FLOAT AS single, CASE WHEN visit % 7 = 0 THEN 'ß' || shop END AS name, "
            f"CASE WHEN visit % 5 = 0 THEN 'NaN'::DOUBLE WHEN visit % 5 = 1 THEN -0.0 ELSE sqrt(visit) END AS real "
            f"FROM '{visits}' ORDER BY visit DESC) TO '{shop.root / 'visits.parquet'}' (FORMAT parquet)"
        )
    (shop.root / "visits.parquet").replace(shop.path("data/_visits.parquet"))  # a name that Spark skips
    visits.unlink()
    shop.edit("params.yaml", ("data/visits.parquet", "data/_visits.parquet"))
    result = shop.python(PROGRAM)
    assert result.status == 0, result.err
    leaks, *wrong = result.out.splitlines()
    assert leaks == "[]"
    assert [line.split()[:2] for line in wrong] == [
        ["division", "3"], ["division", "3"], ["rounded", "2"], ["rounded", "2"], ["summed", "2"], ["summed", "2"],
    ]  # fmt: skip
    assert "Division by zero" in wrong[0]
    assert "Spark's result differs from DuckDB's in 2,133 of 4,800 rows" in wrong[2]
    assert "on Spark and" in wrong[2]
    assert "Cast(minutes): Spark cuts the fraction off" in wrong[3]
    assert "Sum(minutes): of floating-point numbers it depends on the order of the rows" in wrong[4]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        frames = [f"read_parquet('{shop.root}/frames/{name}.parquet')" for name in FRAMES]
        first, *others = (
            connection.execute(f"SELECT *, typeof(columns(*)) FROM {frame}").fetchall() for frame in frames
        )
        assert len(first) == 4800
        for other in others:
            assert repr(other) == repr(first)  # NaN is not itself
    assert {path.name for path in (shop.root / "frames").iterdir()} == {f"{name}.parquet" for name in FRAMES}
    assert not (shop.root / "artifacts").exists()


def test_a_cluster_that_does_not_answer_stops_the_run_with_status_4(shop: Project) -> None:
    shop.edit("params.yaml", ENGINE)
    port = free_port()
    result = shop.run(SPARK_REMOTE=f"sc://127.0.0.1:{port}")
    assert result.status == 4
    assert f"SPARK_REMOTE: no Spark Connect server answers at 127.0.0.1:{port}" in result.err
    assert not shop.records

"""`data.engine: spark` on a real standalone cluster of two workers, by Spark Connect."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

pytest.importorskip("pyspark", reason="Spark is not installed: make test-frameworks")

from mainline.evaluation.baseline import CONTRACT
from tests.bounds import HANG, happens
from tests.projects import Project
from tests.spark import cluster as spark
from tests.spark.cluster import Cluster

pytestmark = pytest.mark.slow

ENGINE = ("data:\n", "data:\n  engine: spark\n")
# Every visit against every other one of the same shop before it: enough work to be met in its middle.
HEAVY = """\
from ibis import _


def prepare(tables):
    bought = tables["purchases"].select("visit", bought=_.bought.cast("boolean"))
    visits = tables["visits"].mutate(day=_.at.date(), mills=(_.minutes * 10).round().cast("int64"))
    other = visits.select(shop_of="shop", before="visit", mills_before="mills")
    pairs = visits.join(other, [visits.shop == other.shop_of, other.before < visits.visit])
    past = pairs.group_by("visit").agg(past=_.mills_before.sum(), pairs=_.count())
    joined = visits.left_join(past, "visit").drop("visit_right").left_join(bought, "visit").drop("visit_right")
    return joined.mutate(pages=_.pages + (_.past / _.pairs.nullif(0)).fill_null(0.0) / 1000)
"""


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    return Project(tmp_path / "shop")


def frame_of(project: Project) -> Path:
    (found,) = project.path(".mainline/frames").glob("*.parquet")
    return found


def rows_of(frame: Path) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        types = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(frame)]).fetchall()
        return [*types, *connection.execute("SELECT * FROM read_parquet(?)", [str(frame)]).fetchall()]


def test_two_workers_and_duckdb_make_one_frame_and_one_model(cluster: Cluster, shop: Project, tmp_path: Path) -> None:
    other = Project(tmp_path / "other")
    assert shop.run().status == 0
    other.edit("params.yaml", ENGINE)
    result = other.run(SPARK_REMOTE=cluster.url)
    assert result.status == 0, result.err
    assert rows_of(frame_of(other)) == rows_of(frame_of(shop))
    for same in ("fingerprint", "model_digest", "data", "metrics"):
        assert other.verdict[same] == shop.verdict[same]
    assert "Registered app" in cluster.log("master")
    assert list(other.path(".mainline/frames").iterdir()) == [frame_of(other)]  # the cluster's parts are gone


def test_a_worker_is_killed_in_the_middle_and_the_run_ends_well(
    cluster: Cluster, shop: Project, tmp_path: Path
) -> None:
    other = Project(tmp_path / "other")
    for project in (shop, other):
        project.write("src/shop/frame.py", HEAVY)
        project.edit("params.yaml", ("time_travel_checks: 2", "time_travel_checks: 0"))
    assert train(shop)[0] == 0
    other.edit("params.yaml", ENGINE)
    status, said = train(other, cluster, in_the_middle=lambda: cluster.kill("worker-0"))
    assert status == 0, said
    assert "Lost executor" in cluster.log("connect")
    assert rows_of(frame_of(other)) == rows_of(frame_of(shop))
    assert [path.parent.name for path in other.records] == [path.parent.name for path in shop.records]


def test_a_cluster_that_ends_in_the_middle_stops_the_run_and_leaves_nothing_half_written(
    cluster: Cluster, shop: Project
) -> None:
    shop.write("src/shop/frame.py", HEAVY)
    shop.edit("params.yaml", ENGINE)
    status, said = train(shop, cluster, in_the_middle=lambda: cluster.kill("connect"))
    assert status == 4, said
    assert "the Spark cluster" in said
    assert not shop.records
    assert not list(shop.path(".mainline/frames").iterdir())


def train(
    project: Project, cluster: Cluster | None = None, in_the_middle: Callable[[], None] = lambda: None
) -> tuple[int, str]:
    """Status and words of a training; on a cluster, both workers stand still while `in_the_middle` is called."""
    state = ("--state", str(project.path(".mainline")), "--contract", str(CONTRACT))
    process = project.start("train", *state, **({"SPARK_REMOTE": cluster.url} if cluster else {}))
    if cluster:
        before = {*cluster.shuffled()}
        happens(lambda: {*cluster.shuffled()} - before or process.poll() is not None)
        for name in spark.WORKERS:
            cluster.signal(name, signal.SIGSTOP)
        assert process.poll() is None, process.communicate()[1]
        assert not list(project.path(".mainline/frames").glob("*.parquet"))
        in_the_middle()
        for name in cluster.processes.keys() & {*spark.WORKERS}:
            cluster.signal(name, signal.SIGCONT)
    _, said = process.communicate(timeout=HANG)
    return process.returncode, said

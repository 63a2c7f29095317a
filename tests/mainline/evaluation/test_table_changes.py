from __future__ import annotations

import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mainline.data.collect import Collected, collect
from mainline.evaluation.attribution import tables_of
from mainline.evaluation.results import DayChange, TableChange
from mainline.evaluation.table_attribution import shapley
from mainline.evaluation.table_changes import change_of, changed_tables
from mainline.runtime.workspace import Workspace
from mainline.training.train import portable
from tests.tables import data, hourly, parquet

pytestmark = pytest.mark.slow

START = "TIMESTAMPTZ '2013-01-01 00:00:00+00'"
ROWS = f"SELECT {START} + to_hours(i::INT) AS \"at\", i AS n, 'x' || {{s}} AS s FROM range({{rows}}) r(i)"


def version(root: Path, sql: str, until: str = "2013-02-01", **source: Any) -> Collected:
    path = parquet(root / "t.parquet", sql)
    return collect(data(until, events={"path": str(path), "time": "at", **source}), root, root / ".cache")["events"]


def two(tmp_path: Path, before: str, after: str, **options: Any) -> TableChange:
    then = version(tmp_path / "then", before)
    return change_of(version(tmp_path / "now", after, **options), then, ["n"])


BEFORE = ROWS.format(s="i", rows=48)


def test_rows_added_removed_and_changed_are_counted_by_day(tmp_path: Path) -> None:
    after = (
        "SELECT \"at\", n, CASE WHEN n IN (3, 30, 31) THEN 'new' ELSE s END AS s "
        f"FROM ({ROWS.format(s='i', rows=50)}) WHERE n <> 5"
    )
    found = two(tmp_path, BEFORE, after)
    assert (found.added, found.removed, found.changed, found.later) == (2, 1, 3, 0)
    assert found.key == ["n"]
    assert found.days == [
        DayChange("2013-01-01", 0, 1, 1), DayChange("2013-01-02", 0, 0, 2), DayChange("2013-01-03", 2, 0, 0)
    ]  # fmt: skip


def test_rows_that_the_moved_cutoff_brings_are_not_changes_of_the_past(tmp_path: Path) -> None:
    then = version(tmp_path / "then", BEFORE, until="2013-01-02")
    now = version(tmp_path / "now", BEFORE)
    assert changed_tables({"events": now}, {"events": then}, ["n"])[0].later == 24
    back = change_of(then, now, ["n"])
    assert (back.rows, back.later) == (0, -24), "what an earlier cutoff leaves out was not removed"
    found = change_of(now, then, ["n"])
    assert (found.rows, found.later) == (0, 24)


def test_a_key_is_found_where_the_frame_s_is_not_in_the_table(tmp_path: Path) -> None:
    places = "SELECT 'p' || i AS place, i / 2 AS height FROM range(9) r(i)"
    then = version(tmp_path / "then", places, time=None)
    now = version(
        tmp_path / "now", f"SELECT place, height + 1 AS height FROM ({places}) WHERE place <> 'p0'", time=None
    )
    found = change_of(now, then, ["visit"])
    assert (found.key, found.added, found.removed, found.changed, found.days) == (["place"], 0, 1, 8, [])


def test_without_a_key_a_changed_row_is_removed_and_added(tmp_path: Path) -> None:
    same = "SELECT 'a' AS s, 1.5 AS x FROM range(4)"
    then = version(tmp_path / "then", same, time=None)
    now = version(tmp_path / "now", f"{same} UNION ALL SELECT 'b', 2.5", time=None)
    assert change_of(now, then, []).added == 1
    other = version(tmp_path / "other", "SELECT 'a' AS s, 2.5 AS x FROM range(4)", time=None)
    found = change_of(other, then, [])
    assert (found.added, found.removed, found.changed) == (4, 4, 0)
    assert "no columns identify a row" in str(found.note)


def test_a_column_or_a_table_that_is_new_or_gone_is_named(tmp_path: Path) -> None:
    then = version(tmp_path / "then", BEFORE)
    now = version(tmp_path / "now", f'SELECT "at", n, 1 AS more FROM ({BEFORE})')
    assert change_of(now, then, ["n"]).note == "column more is new; column s is gone"
    notes = {each.table: each.note for each in changed_tables({"a": now}, {"b": then}, [])}
    assert notes == {"a": "the table is new", "b": "the table is gone"}


def test_long_spans_are_counted_by_month(tmp_path: Path) -> None:
    hourly(tmp_path / "x.parquet", "2013-01-01")
    days = "SELECT TIMESTAMPTZ '2012-01-01 00:00:00+00' + to_days(i::INT) AS \"at\", i AS n FROM range({}) r(i)"
    found = two(tmp_path, days.format(1), days.format(366))
    assert found.period == "month"
    assert [(each.day, each.added) for each in found.days][:2] == [("2012-01", 30), ("2012-02", 29)]


@pytest.mark.parametrize("tables", [["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d"]])
def test_the_parts_of_tables_that_do_not_interact_are_their_own(tables: list[str]) -> None:
    worth = {"a": 1.0, "b": -2.0, "c": 4.0, "d": 0.5}
    found = shapley(tables, lambda now: {"auc": sum(worth[table] for table in now)})
    assert {table: share["auc"] for table, share in found.items()} == pytest.approx({t: worth[t] for t in tables})


def test_tables_that_act_together_share_what_they_do() -> None:
    found = shapley(["a", "b", "c"], lambda now: {"auc": float(now >= {"a", "b"})})
    assert [found[table]["auc"] for table in "abc"] == pytest.approx([0.5, 0.5, 0.0])


def test_a_fetched_table_of_the_baseline_is_in_the_cache_and_its_own_files_are_in_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hourly(tmp_path / "own.parquet", "2013-01-01")
    with sqlite3.connect(tmp_path / "shop.db") as shop:
        shop.execute("CREATE TABLE visits AS SELECT 1 AS n")
    monkeypatch.setenv("SHOP_URL", f"sqlite:///{tmp_path}/shop.db")
    workspace = Workspace.at(tmp_path)
    sources = {"own": {"path": "own.parquet"}, "visits": {"query": "SELECT * FROM visits", "database": "SHOP_URL"}}
    tables = collect(data(**sources), workspace.root, workspace.cache)
    baseline: Any = SimpleNamespace(facts=SimpleNamespace(tables=portable(tables, workspace.root)))
    found = tables_of(baseline, tmp_path / "tree", workspace)
    assert found["own"].paths == [tmp_path / "tree" / "own.parquet"]
    assert found["visits"].paths == tables["visits"].paths and found["visits"].paths[0].exists()

"""Leaks in a project's preparation are found and named."""

from __future__ import annotations

import pandas as pd
import pytest

from mainline.config import loader
from mainline.data import point_in_time, prepare
from mainline.data.collect import collect
from mainline.data.point_in_time import Leak
from mainline.data.validation import gate
from mainline.runtime.file_digests import Watch
from mainline.runtime.workspace import Workspace
from tests.projects import FRAME, RETURN, Project, visits


def leaks(shop: Project, body: str = RETURN, feature: str | None = None) -> list[Leak]:
    shop.write(
        "src/shop/frame.py",
        FRAME.replace("from ibis import _", "import ibis\nfrom ibis import _").replace(RETURN, body),
    )
    if feature:
        shop.edit("params.yaml", ("numeric: [minutes, pages]", f"numeric: [minutes, pages, {feature}]"))
    settings = loader.load().settings
    tables = collect(settings.data, shop.root, shop.root / "cache")
    path = shop.root / "frame.parquet"
    prepare.build(settings, tables, path)
    return point_in_time.check(settings, tables, path)


@pytest.mark.slow
def test_an_honest_preparation_has_no_leak(shop: Project) -> None:
    assert leaks(shop) == []


@pytest.mark.slow
def test_the_outcome_as_a_feature_is_named_with_a_row(shop: Project) -> None:
    found = leaks(shop, RETURN + '.mutate(sold=_.bought.cast("int"))', "sold")
    assert [leak.column for leak in found] == ["sold"]
    assert "sold saw the future" in str(found[0])
    assert "visit=" in found[0].example
    # What is bought is known a day later: only the visits of the last day before the moment differ.
    assert 20 < found[0].rows < 120


@pytest.mark.slow
def test_a_mean_over_all_time_is_found(shop: Project) -> None:
    found = leaks(shop, RETURN + '.mutate(usual=_.minutes.mean().over(group_by="shop"))', "usual")
    assert [leak.column for leak in found] == ["usual"]


@pytest.mark.slow
def test_a_mean_over_the_whole_day_is_found_as_it_holds_visits_still_to_come(shop: Project) -> None:
    found = leaks(shop, RETURN + '.mutate(rush=_.count().over(group_by="day"))', "rush")
    assert [leak.column for leak in found] == ["rush"]


@pytest.mark.slow
def test_a_mean_over_the_rows_before_is_honest(shop: Project) -> None:
    before = "ibis.window(group_by='shop', order_by='at', preceding=(5, 1))"
    assert leaks(shop, RETURN + f".mutate(late=_.pages.sum().over({before}))", "late") == []


@pytest.mark.slow
def test_rows_that_are_only_there_once_their_outcome_is_known_are_found(shop: Project) -> None:
    found = leaks(shop, RETURN.replace("left_join", "inner_join").replace('.drop("visit_right")', ""))
    assert [leak.column for leak in found] == ["the presence of rows"]
    assert "absent then, present now at visit=" in found[0].example


@pytest.mark.slow
@pytest.mark.parametrize("since", ["2026-02-12", "2026-02-20", "2026-02-26"])
@pytest.mark.parametrize("filled", ["", ".fill_null(0)"])
def test_the_outcome_is_found_where_the_column_exists_only_since_lately(shop: Project, since: str, filled: str) -> None:
    late = f"(_.at >= ibis.timestamp('{since}')).ifelse(_.bought.cast('int'), None){filled}"
    assert [leak.column for leak in leaks(shop, f"{RETURN}.mutate(sold={late})", "sold")] == ["sold"]


@pytest.mark.slow
def test_the_outcome_is_found_where_the_column_exists_only_for_some_days(shop: Project) -> None:
    days = "((_.at >= ibis.timestamp('2026-01-06')) & (_.at < ibis.timestamp('2026-01-13')))"
    late = f"{days}.ifelse(_.bought.cast('int') + 1, None)"
    assert [leak.column for leak in leaks(shop, f"{RETURN}.mutate(sold={late})", "sold")] == ["sold"]


@pytest.mark.slow
@pytest.mark.parametrize("day", ["2026-01-06", "2026-01-25", "2026-02-13", "2026-02-25"])
def test_the_outcome_is_found_where_the_column_exists_on_a_single_day(shop: Project, day: str) -> None:
    one = f"((_.at >= ibis.timestamp('{day}')) & (_.at < ibis.timestamp('{day}') + ibis.interval(days=1)))"
    late = f"{one}.ifelse(_.bought.cast('int') + 1, None)"
    assert [leak.column for leak in leaks(shop, f"{RETURN}.mutate(sold={late})", "sold")] == ["sold"]


MONTHS = (("path: data/visits.parquet", "path: data/visits/*.parquet"),)


def in_months(shop: Project) -> None:
    """The visits as a file a month."""
    rows = visits().drop(columns="bought")
    shop.path("data/visits.parquet").unlink()
    for month, part in rows.groupby(rows["at"].dt.month):
        part.to_parquet(shop.path(f"data/visits/{month}.parquet"), index=False, coerce_timestamps="us")
    shop.edit("params.yaml", *MONTHS)


@pytest.mark.slow
def test_the_outcome_is_found_where_only_the_last_evening_of_a_file_holds_it(shop: Project) -> None:
    in_months(shop)
    evening = "((_.at >= ibis.timestamp('2026-01-31 18:00:00')) & (_.at < ibis.timestamp('2026-02-01')))"
    late = f"{evening}.ifelse(_.bought.cast('int'), _.pages)"
    assert [leak.column for leak in leaks(shop, f"{RETURN}.mutate(sold={late})", "sold")] == ["sold"]


@pytest.mark.slow
def test_the_first_moment_is_where_the_nearest_file_ends_and_costs_no_other_one(shop: Project) -> None:
    in_months(shop)
    assert leaks(shop) == []
    settings = loader.load().settings
    tables = collect(settings.data, shop.root, shop.root / "cache")
    found = point_in_time.moments(settings, tables, shop.root / "frame.parquet")
    assert found[0].isoformat() > "2026-02-01" and found[0].date().isoformat() == "2026-02-01"
    assert len(found) == len(point_in_time.moments(settings, {}, shop.root / "frame.parquet")) == 3


@pytest.mark.slow
def test_the_moments_lie_in_the_first_half_the_last_training_period_and_the_holdout(shop: Project) -> None:
    leaks(shop)
    found = point_in_time.moments(loader.load().settings, {}, shop.root / "frame.parquet")
    days = [moment.date().isoformat() for moment in found]
    assert len(days) == 3
    assert "2026-01-15" < days[0] < "2026-02-01"
    assert "2026-02-02" < days[1] < "2026-02-16"
    assert "2026-02-16" < days[2] < "2026-03-02"


def test_no_check_is_asked_for_and_none_is_made(shop: Project) -> None:
    shop.edit("params.yaml", ("time_travel_checks: 2", "time_travel_checks: 0"))
    assert leaks(shop, RETURN + '.mutate(sold=_.bought.cast("int"))', "sold") == []


@pytest.mark.slow
def test_a_leak_says_of_how_many_rows_and_where_the_check_is_set(shop: Project) -> None:
    (leak,) = leaks(shop, RETURN + '.mutate(usual=_.minutes.mean().over(group_by="shop"))', "usual")
    moment = pd.Timestamp(leak.moment)
    assert leak.of == pytest.approx((visits()["at"] < moment).sum(), abs=80)  # the moment is told to the minute
    assert 0 < leak.rows <= leak.of

    workspace = Workspace.at(shop.root)
    settings = loader.load().settings
    tables = collect(settings.data, shop.root, shop.root / "cache")
    # The second answer is the kept one, and the line has moved meanwhile.
    for above in ("", "# one more line\n"):
        shop.write("params.yaml", above + shop.path("params.yaml").read_text())
        (found,) = gate.of_time(settings, workspace, tables, shop.root / "frame.parquet", "digest", Watch())
        line = shop.path("params.yaml").read_text().splitlines()[found.line - 1]
        assert line.strip() == "time_travel_checks: 2"
        assert (found.unexpected, found.rows) == (leak.rows, leak.of)

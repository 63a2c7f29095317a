"""The report names what the data gate cannot see."""

from __future__ import annotations

import pytest

from mainline.config import loader
from mainline.data import prepare
from mainline.data.collect import collect
from mainline.data.validation.results import Unchecked
from mainline.data.validation.unchecked import unchecked
from tests.projects import FRAME, RETURN, Project


def found(shop: Project) -> list[Unchecked]:
    settings = loader.load().settings
    tables = collect(settings.data, shop.root, shop.root / "cache")
    path = shop.root / "frame.parquet"
    prepare.build(settings, tables, path)
    return unchecked(settings, shop.root, tables, path)


@pytest.mark.slow
def test_a_table_with_a_time_and_a_suite_is_not_listed_and_one_without_a_suite_is(shop: Project) -> None:
    (only,) = found(shop)
    assert (only.table, only.rolled_back, only.has_suite) == ("purchases", True, False)
    assert not only.risky


@pytest.mark.slow
def test_a_table_without_a_time_is_named_with_its_features_and_what_it_shares_with_the_label(shop: Project) -> None:
    shop.write("data/rates.csv", "visit,usual\n1,0.5\n2,0.7\n")
    shop.edit(
        "params.yaml",
        ("    purchases:", "    rates: {path: data/rates.csv}\n    purchases:"),
        ("numeric: [minutes, pages]", "numeric: [minutes, pages, usual]"),
    )
    joined = f'{RETURN}.left_join(tables["rates"], "visit", rname="r_{{name}}").drop("r_visit")'
    shop.write("src/shop/frame.py", FRAME.replace(RETURN, joined))
    rates = {table.table: table for table in found(shop)}["rates"]
    assert rates == Unchecked("rates", False, False, False, ["usual"], ["visit"])
    assert rates.risky


@pytest.mark.slow
def test_a_table_that_is_known_ahead_is_named_and_no_risk(shop: Project) -> None:
    shop.edit("params.yaml", ("time: at}", "time: at, known_ahead: true}"))
    visits = {table.table: table for table in found(shop)}["visits"]
    assert (visits.rolled_back, visits.ahead, visits.risky) == (False, True, False)

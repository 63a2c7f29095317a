"""What is refused on Spark before anything is computed."""

from __future__ import annotations

from collections.abc import Callable

import ibis
import ibis.expr.operations as ops
import pytest
from ibis import _
from ibis.expr.types import Table

from mainline.config import loader
from mainline.config.schema import Settings
from mainline.data.spark import differences
from mainline.errors import ConfigurationError
from tests.projects import EXAMPLE

COLUMNS = {"id": "int64", "x": "float64", "n": "int64", "w": "string", "at": "timestamp('UTC')"}
ROWS = ibis.duckdb.connect().create_table("rows", schema=ibis.schema(COLUMNS))


@pytest.fixture(scope="module")
def settings() -> Settings:
    return loader.load(EXAMPLE).settings


def said(settings: Settings, expression: Table, *, all_compared: bool) -> str:
    try:
        differences.refuse(settings, expression, all_compared=all_compared)
    except ConfigurationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda t: t.group_by("w").agg(v=_.x.sum()), "Sum(x): of floating-point numbers it depends on the order"),
        (lambda t: t.mutate(v=_.x.mean().over(group_by="w")), "Mean(x): of floating-point numbers"),
        (lambda t: t.group_by("w").agg(v=_.n.std()), "StandardDev(n): it depends on the order"),
        (lambda t: t.group_by("w").agg(v=_.n.first()), "First(n): it depends on the order"),
        (lambda t: t.group_by("w").agg(v=_.n.collect()), "ArrayCollect(n): it depends on the order"),
        (lambda t: t.mutate(v=ibis.random()), "RandomScalar(): it is another one in every run"),
        (lambda t: t.group_by("w").agg(v=_.n.approx_nunique()), "ApproxCountDistinct(n): it is another one"),
        (lambda t: ops.SQLQueryResult("SELECT 1 AS n", ibis.schema({"n": "int64"}), t.get_backend()).to_expr(),
         "SQL text is DuckDB's"),
    ],
)  # fmt: skip
def test_what_depends_on_the_order_of_the_rows_is_refused_always(
    settings: Settings, make: Callable[[Table], Table], words: str
) -> None:
    for all_compared in (True, False):
        assert words in said(settings, make(ROWS), all_compared=all_compared)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (_.x.exp(), "Exp(x): its last bits differ"),
        (_.w.upper(), "Uppercase(w): letters beyond ASCII"),
        (_.x.cast("int64"), "Cast(x): Spark cuts the fraction off and DuckDB rounds"),
        (_.x.cast("string"), "Cast(x): the engines write other texts"),
        (_.at.cast("string"), "Cast(at): the engines write other texts"),
        (_.at.epoch_seconds(), "ExtractEpochSeconds(at): Spark has no fraction"),
        (_.w.hash(), "Hash(w): the engines have other hashes"),
    ],
)
def test_what_differs_in_some_values_is_refused_where_not_all_rows_are_compared(
    settings: Settings, value: object, words: str
) -> None:
    expression = ROWS.mutate(v=value)
    assert words in said(settings, expression, all_compared=False)
    assert said(settings, expression, all_compared=True) == ""


def test_every_problem_is_named_at_once_and_what_is_exact_passes(settings: Settings) -> None:
    both = ROWS.mutate(a=_.x.exp(), b=_.x.mean().over(group_by="w"))
    refused = said(settings, both, all_compared=False)
    assert "  Exp(x): " in refused
    assert "  Mean(x): " in refused
    exact = ROWS.mutate(
        cents=(_.x * 1000).round().cast("int64").sum().over(group_by="w"), share=_.n.sum().over(group_by="w") / _.n,
        day=_.at.date(), weekday=_.at.day_of_week.index(), clean=_.w.strip(), up=_.x.floor().cast("int64"),
    )  # fmt: skip
    assert said(settings, exact, all_compared=False) == ""

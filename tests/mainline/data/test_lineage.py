"""Which tables a column of the frame comes from, and that a label without a time is refused in a split by time."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.operations as ops
import pytest
from ibis import _

from mainline.config import loader
from mainline.data import lineage, prepare
from mainline.data.collect import collect
from mainline.errors import ConfigurationError
from tests.mainline.settings import params
from tests.projects import FRAME, RETURN, Project

VISITS = ibis.table({"visit": "int", "shop": "string", "minutes": "float"}, name="visits")
SHOPS = ibis.table({"shop": "string", "rate": "float"}, name="shops")
JOINED = VISITS.left_join(SHOPS, "shop").drop("shop_right")


@pytest.mark.parametrize(
    ("expression", "comes_from"),
    [
        (JOINED.mutate(x=_.minutes + 1), ["visits"]),
        (JOINED.mutate(x=_.rate * 2), ["shops"]),
        (JOINED.mutate(x=_.minutes > _.rate), ["shops", "visits"]),
        (JOINED.mutate(x=ibis.cases((_.rate > 1, _.minutes), else_=0.0)), ["shops", "visits"]),
        (JOINED.mutate(r=_.rate).filter(_.minutes > 3).mutate(x=_.r.mean().over(group_by="shop")), ["shops", "visits"]),
        (VISITS.mutate(x=_.minutes.lag().over(order_by="visit")), ["visits"]),
        (VISITS.join(SHOPS.group_by("shop").agg(x=_.rate.max()), "shop"), ["shops"]),
        (VISITS.union(VISITS).mutate(x=_.minutes), ["visits"]),
        (JOINED.mutate(x=ibis.literal(1)), []),
    ],
)  # fmt: skip
def test_a_columns_tables_are_those_that_its_value_is_computed_of(expression: Any, comes_from: list[str]) -> None:
    found = lineage.of_expression(expression, ["visits", "shops"])["x"]
    # A window by a column depends on that column as well.
    assert set(comes_from) - {"visits"} <= set(found) <= set(comes_from) | {"visits"} if comes_from else found == []
    if comes_from == ["visits"]:
        assert found == ["visits"]


def test_sql_text_cannot_be_followed_and_may_come_from_every_table() -> None:
    schema = ibis.schema({"visit": "int", "x": "int"})
    expression = ops.SQLQueryResult("SELECT visit, 1 AS x FROM visits", schema, ibis.duckdb.connect()).to_expr()
    assert lineage.of_expression(expression, ["visits", "shops"])["x"] == ["shops", "visits"]


@pytest.mark.slow
def test_the_frame_says_where_its_columns_come_from(shop: Project) -> None:
    path = built(shop)
    found = lineage.of_frame(path)
    assert found["bought"] == ["purchases"]
    assert found["minutes"] == ["visits"]


def built(shop: Project) -> Any:
    settings = loader.load().settings
    path = shop.root / "frame.parquet"
    prepare.build(settings, collect(settings.data, shop.root, shop.root / "cache"), path)
    return path


@pytest.mark.slow
def test_a_label_of_a_table_without_a_time_is_refused_in_a_split_by_time(shop: Project) -> None:
    shop.edit("params.yaml", (", time: known_at", ""))
    with pytest.raises(ConfigurationError, match=r"purchases: no time: the label bought comes from") as said:
        built(shop)
    assert "split by hash" in str(said.value)
    shop.edit("params.yaml", ("by: time\n  holdout: 2 weeks", "by: hash\n  holdout: 0.3"))
    built(shop)


@pytest.mark.slow
def test_a_label_that_needs_a_table_with_a_time_has_one(shop: Project) -> None:
    shop.edit("params.yaml", (", time: known_at", ""))
    shop.write("src/shop/frame.py", FRAME.replace(RETURN, f"{RETURN}.mutate(bought=_.bought & (_.minutes > 1))"))
    built(shop)


def test_a_split_by_time_without_any_time_to_cut_at_is_refused() -> None:
    without = ((", time: at", ""), (", time: known_at", ""))
    with pytest.raises(ConfigurationError, match="without it data"):
        params(*without)
    params(*without, ("by: time\n  holdout: 2 weeks", "by: hash\n  holdout: 0.3"))

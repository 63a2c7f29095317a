"""A row's side of the split: where rows are grouped, all of a group are on one side."""

from __future__ import annotations

import duckdb
import pytest

from mainline.config.schema import Split
from mainline.data.prepare import check_columns
from mainline.data.split import row_id_sql, sides
from mainline.errors import ConfigurationError
from tests.mainline.settings import params

BY_HASH = ("by: time\n  holdout: 2 weeks", "by: hash\n  holdout: 0.3")
GROUPED = params((BY_HASH[0], f"{BY_HASH[1]}\n  group: shop")).settings


def on_both_sides(settings: object, group: str) -> list[int]:
    """For each of 200 customers with 5 visits each, its visits in the holdout."""
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE frame AS SELECT *, {row_id_sql(['visit'])} AS row_id FROM "
            f"(SELECT i AS visit, {group} AS shop FROM range(1000) AS numbers(i))"
        )
        held = sides(settings).holdout  # type: ignore[arg-type]
        rows = connection.execute(f"SELECT count(*) FILTER ({held}) FROM frame GROUP BY visit // 5").fetchall()
        return [count for (count,) in rows]


def test_all_rows_of_a_group_are_on_one_side() -> None:
    held = on_both_sides(GROUPED, "'C' || (i // 5)")
    assert set(held) == {0, 5}
    assert sum(held) == pytest.approx(300, abs=80)
    assert set(on_both_sides(params(BY_HASH).settings, "'C' || (i // 5)")) > {0, 5}, "by the key they are divided"


def test_a_row_without_a_group_stands_for_itself() -> None:
    held = on_both_sides(GROUPED, "NULL::VARCHAR")
    assert held == on_both_sides(params(BY_HASH).settings, "NULL::VARCHAR")


def test_a_group_is_refused_by_time_and_where_the_frame_has_no_such_column() -> None:
    with pytest.raises(ValueError, match="group is a setting of `by: hash`"):
        Split.model_validate({"by": "time", "holdout": "1 month", "group": "shop"})
    with pytest.raises(
        ConfigurationError, match=r"split.group: the prepared frame has no column shop: did you mean sho"
    ):
        check_columns(GROUPED, {"visit": "int64", "sho": "string"})

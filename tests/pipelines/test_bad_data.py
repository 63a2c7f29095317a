"""Bad data, through the whole job: a clear message, the right status, and what was there before intact."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.pipelines.shops import LEAN
from tests.pipelines.traces import recorded, unfinished
from tests.projects import Project

pytestmark = pytest.mark.slow

VISITS, PURCHASES = "data/visits.parquet", "data/purchases.csv"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """With suites."""
    project = Project(tmp_path_factory.mktemp("shop"))
    project.edit("params.yaml", *LEAN)
    project.commit("Quicker")
    found = project.run()
    assert found.status == 0, found.err
    return project


def rewrite(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Project], None]:
    def spoil(shop: Project) -> None:
        change(pd.read_parquet(shop.path(VISITS))).to_parquet(shop.path(VISITS), index=False, coerce_timestamps="us")

    return spoil


def gone(shop: Project) -> None:
    shop.path(VISITS).unlink()


def truncated(shop: Project) -> None:
    whole = shop.path(VISITS).read_bytes()
    shop.path(VISITS).write_bytes(whole[: len(whole) // 2])


def damaged_page(shop: Project) -> None:
    whole = shop.path(VISITS).read_bytes()
    middle = len(whole) // 2
    shop.path(VISITS).write_bytes(whole[: middle - 500] + bytes(1000) + whole[middle + 500 :])


def no_parquet(shop: Project) -> None:
    shop.path(VISITS).write_bytes(b"<html>sign in</html>")


def a_month_twice(shop: Project) -> None:
    shop.edit("params.yaml", ("path: data/visits.parquet", "path: data/visits*.parquet"))
    shop.path("data/visits-again.parquet").write_bytes(shop.path(VISITS).read_bytes())


def other_months_columns(shop: Project) -> None:
    shop.edit("params.yaml", ("path: data/visits.parquet", "path: data/visits*.parquet"))
    pd.read_parquet(shop.path(VISITS)).rename(columns={"pages": "page_count"}).to_parquet(
        shop.path("data/visits-later.parquet"), index=False, coerce_timestamps="us"
    )


def no_database(shop: Project) -> None:
    query = "{database: SHOP_URL, query: SELECT visit FROM purchases}"
    shop.edit("params.yaml", ("{path: data/purchases.csv, time: known_at}", query))


def constant_target(shop: Project) -> None:
    rows = pd.read_csv(shop.path(PURCHASES))
    rows.assign(bought=False).to_csv(shop.path(PURCHASES), index=False)


def answers(value: str) -> Callable[[Project], None]:
    """A model that answers what no number should be."""

    def spoil(shop: Project) -> None:
        shop.write(
            "src/shop/model.py",
            "import numpy as np\nfrom sklearn.linear_model import LogisticRegression\n\n\n"
            "class Broken(LogisticRegression):\n"
            "    def predict_proba(self, rows):\n"
            "        found = super().predict_proba(rows)\n"
            f"        found[::7] = np.{value}\n"
            "        return found\n",
        )
        shop.edit(
            "params.yaml",
            ("sklearn.ensemble.HistGradientBoostingClassifier", "shop.model.Broken"),
            ("{max_iter: 30, early_stopping: false}", "{}"),
        )

    return spoil


BAD = {
    "a missing file": (gone, 3, ["data/visits.parquet"]),
    "an empty table": (rewrite(lambda rows: rows.head(0)), 3, ["data/visits.parquet: the table is empty"]),
    "a truncated file": (truncated, 3, ["visits.parquet"]),
    "a damaged page of a file": (damaged_page, 3, ["data.sources.visits: data/visits.parquet cannot be read"]),
    "a file that is no Parquet": (no_parquet, 3, ["visits.parquet"]),
    "a renamed column": (
        rewrite(lambda rows: rows.rename(columns={"minutes": "mins"})),
        3,
        ["visits", "minutes", "data/expectations/visits.yaml:"],
    ),
    "a missing column": (rewrite(lambda rows: rows.drop(columns="pages")), 3, ["visits", "pages"]),
    "an extra column": (rewrite(lambda rows: rows.assign(refunded=1)), 3, ["visits", "refunded"]),
    "a changed type": (
        rewrite(lambda rows: rows.assign(minutes=rows["minutes"].astype(str))),
        3,
        ["visits", "minutes"],
    ),
    "duplicate keys": (
        rewrite(lambda rows: pd.concat([rows, rows.tail(3)])),
        3,
        ["visits", "expect_column_values_to_be_unique", "6 of 4,803 rows"],
    ),
    "a month twice": (a_month_twice, 3, ["expect_column_values_to_be_unique", "9,600 of 9,600 rows"]),
    "a month with other columns": (other_months_columns, 3, ["visits-later.parquet", "page_count"]),
    "an all-null column": (rewrite(lambda rows: rows.assign(minutes=np.nan)), 3, ["frame", "minutes", "4,800 rows"]),
    "infinite values": (
        rewrite(lambda rows: rows.assign(pages=rows["pages"].astype(float).where(rows.index != 7, np.inf))),
        3,
        ["infinite", "pages"],
    ),
    "values beyond any visit": (
        rewrite(lambda rows: rows.assign(minutes=rows["minutes"] * 60)),
        3,
        ["minutes", "data/expectations/visits.yaml:", "a visit ends after four hours"],
    ),
    "a constant target": (constant_target, 3, ["bought", "False", "nothing to learn"]),
    "no row in the holdout": (rewrite(lambda rows: rows[rows["at"] < "2026-02-10"]), 3, ["holdout"]),
    "a database that does not answer": (no_database, 4, ["purchases", "127.0.0.1"]),
    "predictions that are NaN": (answers("nan"), 1, ["NaN or infinity", "of 1,"]),
    "predictions that are infinite": (answers("inf"), 1, ["NaN or infinity", "visit="]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_by_name_and_nothing_is_lost(shop: Project, case: str) -> None:
    spoil, status, words = BAD[case]
    before = recorded(shop)
    spoil(shop)
    found = shop.run(SHOP_URL="postgresql://nobody@127.0.0.1:1/shop")
    assert found.status == status, found.err
    assert [word for word in words if word not in found.err] == [], found.err
    assert "Traceback" not in found.err
    assert recorded(shop) == before
    assert unfinished(shop) == []


def test_what_was_recorded_before_bad_data_answers_when_they_are_mended(shop: Project) -> None:
    whole = shop.path(VISITS).read_bytes()
    truncated(shop)
    assert shop.run().status == 3
    shop.path(VISITS).write_bytes(whole)
    again = shop.run()
    assert again.status == 0, again.err
    assert "identical to main" in again.out
    assert " train " not in again.err


def test_times_out_of_order_change_nothing(shop: Project) -> None:
    digest = shop.verdict["model_digest"]
    rewrite(lambda rows: rows.sample(frac=1, random_state=0))(shop)
    found = shop.run()
    assert found.status == 0, found.err
    assert shop.verdict["model_digest"] == digest


def test_a_new_category_is_a_warning_and_is_scored(shop: Project) -> None:
    rewrite(lambda rows: rows.assign(shop=rows["shop"].where(rows["at"] < "2026-02-24", "west")))(shop)
    found = shop.run()
    assert found.status in (0, 1), found.err
    assert "west" in shop.report
    assert "1 warning" in found.err


def test_a_holdout_of_one_class_cannot_be_measured(shop: Project) -> None:
    visits = pd.read_parquet(shop.path(VISITS))
    late = set(visits.loc[visits["at"] >= "2026-02-16", "visit"])
    rows = pd.read_csv(shop.path(PURCHASES))
    rows.assign(bought=rows["bought"] & ~rows["visit"].isin(late)).to_csv(shop.path(PURCHASES), index=False)
    found = shop.run()
    assert found.status == 1, found.err
    assert shop.verdict["verdict"] == "not_measurable"
    assert "every labelled holdout row has the label False" in shop.report


def test_a_holdout_too_small_to_be_measured_is_said(shop: Project) -> None:
    rewrite(lambda rows: rows[(rows["at"] < "2026-02-16") | (rows["visit"] % 200 == 0)])(shop)
    found = shop.run()
    assert found.status == 1, found.err
    assert shop.verdict["verdict"] == "not_measurable"
    assert "labelled rows, compare.min_rows requires" in shop.report


def test_a_changed_suite_is_asked_anew_and_an_unchanged_one_answers_from_what_it_said(shop: Project) -> None:
    checks = shop.root / ".mainline" / "checks"
    kept = {path.name: stamps(path) for path in checks.iterdir()}
    assert len([name for name in kept if name.startswith("visits-")]) == 1
    digest = shop.verdict["model_digest"]

    shop.edit("data/expectations/visits.yaml", ("max_value: 240", "max_value: 60"))
    found = shop.run()
    assert found.status == 3, found.err
    assert "data/expectations/visits.yaml:" in found.err
    assert "a visit ends after four hours" in found.err
    asked = {path.name for path in checks.iterdir()} - kept.keys()
    assert [name.partition("-")[0] for name in asked] == ["visits"], "the frame's suite was not asked again"

    shop.edit("data/expectations/visits.yaml", ("max_value: 60", "max_value: 240"))
    again = shop.run()
    assert again.status == 0, again.err
    assert shop.verdict["model_digest"] == digest
    assert {path.name for path in checks.iterdir()} == kept.keys() | asked
    assert {name: stamps(checks / name) for name in kept} == kept, "answered from what was kept"


def stamps(path: Path) -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in [path, *path.rglob("*")] if file.is_file()}

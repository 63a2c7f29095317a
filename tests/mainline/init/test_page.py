from __future__ import annotations

import dataclasses
import html as entities
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mainline.errors import ExternalError
from mainline.init import associations
from mainline.init import page as pages
from mainline.init.column_bins import bins_of, number, of_range
from mainline.init.proposal import Column, Finding, Use
from tests.mainline.init import tables

pytestmark = pytest.mark.slow


def text(page: str) -> str:
    """What a reader sees, in one line."""
    shown = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page.replace("<wbr>", ""), flags=re.DOTALL)
    return re.sub(r"\s+", " ", entities.unescape(shown))


def cards(page: str) -> dict[str, str]:
    found = re.findall(r"<article.*?</article>", page, re.DOTALL)
    return {text(re.findall(r"<h3>(.*?)</h3>", card)[0]).strip(): card for card in found}


@pytest.fixture(scope="module")
def churn() -> str:
    return pages.html(*tables.churn(), tables.RELATION)


@pytest.fixture(scope="module")
def transactions() -> str:
    return pages.html(*tables.transactions(), tables.RELATION)


def test_the_head_says_what_is_predicted_what_was_decided_and_what_to_look_at(churn: str) -> None:
    said = text(churn)
    assert "shop: binary classification of churn 1 leak, 1 risk and 1 question to look at" in said
    assert "Rows 5,000 of the table rows Columns 13 2 left out Features 9" in said
    assert "prepare.key [customer] unique in every row, never missing KEY=content" in said
    assert said.index("✗ leak closed_by") < said.index("⚠ risk day_charge") < said.index("? question gender")


def test_a_value_has_the_rows_and_the_share_of_positives_that_the_table_holds(churn: str) -> None:
    _, con = tables.churn()
    counted = con.execute(
        "SELECT international_plan, count(*), avg((churn = 'yes')::INT) FROM rows GROUP BY 1"
    ).fetchall()
    said = text(cards(churn)["international_plan"])
    for value, rows, positives in counted:
        assert f"{value} {rows:,} {100 * positives:.1f} %" in said


def test_the_bars_of_a_number_add_up_to_the_rows_in_which_it_is_known(churn: str) -> None:
    proposal, _ = tables.churn()
    tenure = next(column for column in proposal.columns if column.name == "tenure")
    bars = re.findall(r"<title>[^<]*: ([\d,]+) rows?", cards(churn)["tenure"])
    assert len(bars) > 10
    assert sum(int(bar.replace(",", "")) for bar in bars) == tenure.rows - tenure.missing


def test_a_leak_comes_first_and_a_column_that_says_nothing_comes_after_what_does(churn: str) -> None:
    order = list(cards(churn))
    assert order[0] == "closed_by"
    assert order.index("service_calls") < order.index("gender")
    said = text(cards(churn)["closed_by"])
    assert "association 1.000" in said
    assert "Where it is missing, the share of yes is 0.0 %; elsewhere 100.0 %." in said


def test_values_that_are_missing_together_are_counted_together(churn: str) -> None:
    _, con = tables.churn()
    both = con.execute("SELECT count(*) FROM rows WHERE balance IS NULL AND tenure IS NULL AND closed_by IS NULL")
    ((rows,),) = both.fetchall()
    assert f"closed_by tenure balance {rows:,}" in text(churn[churn.index('id="missing"') :])


def test_two_features_that_are_one_are_the_closest_pair(churn: str) -> None:
    assert "Closest pairs of features day_charge and day_minutes 1.000" in text(churn)


def test_what_is_in_names_and_values_is_text_and_nothing_is_asked_of_the_outside(tmp_path: Path) -> None:
    bad = "<script>alert(1)</script>\"'`\u202e"
    frame = pd.DataFrame({bad: ["</title><img src=http://x/>", "a" * 300, "🦊", None] * 50, "period": ["x"] * 200,
                          "c1": [1.5, 2.5, np.inf, np.nan] * 50, "label": [0, 1] * 100})  # fmt: skip
    con = tables.held(frame)
    finding = Finding("leak", bad, f"{bad} is a leak")
    given = tables.proposal(con, "binary", "label", {bad: Use("categorical", bad)}, findings=(finding,))
    pages.page(given, con, tables.RELATION, tmp_path / "init.html")
    page = (tmp_path / "init.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert "a" * 61 not in page
    assert "🦊" in page
    assert not re.findall(r"<[^>]*\s(?:src|href)=|url\(|@import", page)
    assert con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'mainline%'").fetchone() == (0,)


def test_values_that_name_persons_or_are_free_text_are_not_shown(churn: str, transactions: str) -> None:
    assert "c-000017" not in churn
    assert "Every row has its own value, so none is shown." in text(cards(churn)["customer"])
    assert "DE0000" not in transactions
    assert "invoice" not in transactions


def test_a_table_with_a_time_shows_the_label_and_each_column_over_it(transactions: str) -> None:
    said = text(transactions)
    assert "Period 700 days 2023-01-01 to 2024-11-30, by at" in said
    assert "By month" in said
    assert "mean by month" in text(cards(transactions)["amount"])
    assert transactions.count('<svg class="spark"') == 4  # amount, balance, country, device


def test_classes_and_numbers_as_labels_have_their_own_plots() -> None:
    digits, diabetes = (pages.html(*table(), tables.RELATION) for table in (tables.digits, tables.diabetes))
    assert "Classes 10 the rarest has 174 rows" in text(digits)
    assert digits.count('<svg class="classes"') == 64
    assert "Mean of the label 152.1 442 rows" in text(diabetes)
    assert list(cards(diabetes))[:2] == ["bmi", "s5"]


def test_hundreds_of_columns_make_a_page_of_a_hundred_cards_and_a_table() -> None:
    r = np.random.default_rng(3)
    y = r.integers(0, 2, 300)
    frame = pd.DataFrame(r.normal(size=(300, 300)), columns=[f"f{n:03d}" for n in range(300)])
    frame["f123"] = y + r.normal(scale=0.4, size=300)
    frame["y"] = y
    con = tables.held(frame)
    page = pages.html(tables.proposal(con, "binary", "y", {}), con, tables.RELATION)
    assert next(iter(cards(page))) == "f123"
    assert len(cards(page)) == pages.CARDS
    assert "The other columns 200" in text(page)
    assert len(page) < 700_000


def test_a_label_that_another_table_holds_is_said_to_be_elsewhere() -> None:
    proposal, con = tables.diabetes()
    apart = dataclasses.replace(
        proposal, label="later", label_expression="_.outcome.cast('int8')", join="_.left_join(…)"
    )
    page = pages.html(apart, con, tables.RELATION)
    assert "later comes from another table, so no column is compared with it here." in text(page)
    assert "association" not in text(cards(page)["bmi"])


def test_a_table_without_a_value_and_with_types_of_every_kind_has_a_page() -> None:
    con = tables.held(pd.DataFrame({"y": [0.5]}))
    con.execute(
        "CREATE OR REPLACE TABLE rows AS SELECT range % 3 AS y, NULL::DOUBLE AS nothing, NULL::VARCHAR AS silent, "
        "[range] AS list, {'a': range} AS struct, range % 2 = 0 AS truth, DATE '2024-01-01' + range::INT AS day, "
        "TIME '10:00:00' AS hour, 'x'::BLOB AS raw, range::HUGEINT AS huge, 1.5::DECIMAL(9, 2) AS price, "
        "uuid() AS uuid, INTERVAL 1 DAY AS span, 'nan'::DOUBLE AS nan FROM range(40)"
    )
    page = pages.html(tables.proposal(con, "regression", "y", {"day": Use("time", "a day")}), con, tables.RELATION)
    assert {"nothing", "silent", "list", "truth", "day", "nan", "price"} <= set(cards(page))


def test_a_sample_is_said_to_be_one_and_the_same_rows_are_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mainline.init.table_sample.ROWS", 1_000)
    one, two = (pages.html(*tables.churn(), tables.RELATION) for _ in range(2))
    assert re.search(r"measured on [\d,]+ of 5,000 rows", text(one))
    assert one == two


def test_rows_that_stay_in_their_files_give_the_same_page(monkeypatch: pytest.MonkeyPatch, churn: str) -> None:
    monkeypatch.setattr(pages, "HELD", 0)
    assert pages.html(*tables.churn(), tables.RELATION) == churn


def test_a_page_that_cannot_be_written_leaves_the_former_one(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file where the folder would be", encoding="utf-8")
    with pytest.raises(ExternalError, match="cannot write to"):
        pages.page(*tables.diabetes(), tables.RELATION, tmp_path / "reports/init.html")


def test_an_association_is_zero_by_chance_and_one_by_copy() -> None:
    r = np.random.default_rng(5)
    chance = np.bincount(r.integers(0, 50, 3_000) * 2 + r.integers(0, 2, 3_000), minlength=100).reshape(50, 2)
    assert associations.cramers_v(chance.astype(float)) < 0.06
    assert associations.cramers_v(np.diag([10.0, 300.0, 5.0])) == pytest.approx(1)
    rows = np.array([0, 50, 50])
    assert associations.correlation_ratio(rows, np.array([[0, 0], [50, 50], [150, 450]])) == pytest.approx(1)
    assert associations.correlation_ratio(rows, np.array([[0, 0], [100, 350], [100, 350]])) == 0


def test_a_curve_with_a_turning_point_is_a_close_pair_without_a_direction() -> None:
    import duckdb

    from mainline.init.table_sample import codes_of

    x = np.linspace(-1, 1, 2_001)
    con = duckdb.connect()
    con.register("given", pd.DataFrame({"c0": x, "c1": x * x, "c2": -x}))
    drawn = con.sql("SELECT * FROM given").to_arrow_table().combine_chunks()
    columns = [Column(name, "DOUBLE", 2_001, 0, 2_001) for name in ("x", "square", "minus")]
    sample = {column.name: drawn.column(place) for place, column in enumerate(columns)}
    bins = {column.name: bins_of(column, "numbers", sample[column.name]) for column in columns}
    codes = codes_of(con, drawn, columns, bins, list(bins))
    found = {(p.one, p.other): p for p in associations.pairs(list(bins), bins, sample, codes)}
    assert found["x", "minus"].strength == pytest.approx(1)
    assert found["x", "minus"].sign == -1
    assert found["x", "square"].strength > 0.95
    assert found["x", "square"].sign == 0


@pytest.mark.parametrize(
    ("low", "high", "whole", "first", "last"),
    [(0.3, 9.7, False, "below 0.5", "9.5 and above"), (1, 12, True, "1 or less", "12 or more")],
)
def test_bins_have_round_edges(low: float, high: float, whole: bool, first: str, last: str) -> None:
    found = of_range("numbers", low, high, whole=whole, logarithm=False)
    assert (found.names[0], found.names[-1]) == (first, last)


def test_numbers_are_written_as_the_reports_write_them() -> None:
    assert [number(x) for x in (0.704, -0.01, 12345.6, 1e-7, float("nan"))] == [
        "0.704",
        "−0.01",
        "12,346",
        "1e−07",
        "–",
    ]

"""Values as people write them: amounts with a sign, months by name, JSON, codes for missing, two encodings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mainline.config.schema import Settings
from mainline.data.prepare import frame_sql
from mainline.data.sources.duckdb_scan import connect
from mainline.errors import ConfigurationError, DataError
from mainline.init.proposal import Wishes
from mainline.init.propose import propose
from tests.mainline.init.proposals import features, frame_of, left_out, of_frame, of_sources, said
from tests.mainline.init.test_reading import frame, read, root

__all__ = ["root"]
ROWS = 600

pytestmark = pytest.mark.slow


def messy() -> pd.DataFrame:
    random = np.random.default_rng(5)
    amount = random.normal(500, 2_000, ROWS).round(2)
    price = random.lognormal(6, 1, ROWS).round(2)
    income = random.normal(40_000, 5_000, ROWS).round()
    return pd.DataFrame(
        {
            "balance": [f"(${-v:,.2f})" if v < 0 else f"${v:,.2f}" for v in amount],
            "prix": [f"{v:,.2f} €".replace(",", "\u202f").replace(".", ",") for v in price],
            "rate": [f"{n} %" if n else "n/a" for n in random.integers(0, 40, ROWS)],
            "size": [f"{n} {unit}" for n, unit in zip(random.integers(1, 9, ROWS), ["cm", "mm"] * 300, strict=True)],
            "plan": random.choice(["A 1", "B 2", "C 3"], ROWS),
            "details": [f'{{"weight": {n}}}' for n in random.integers(0, 30, ROWS)],
            "income": np.where(np.arange(ROWS) % 20 == 0, -999, income).astype(int),
            "score": random.integers(0, 100, ROWS),
            "x": random.normal(size=ROWS),
            "y": amount / 1_000 + random.normal(size=ROWS),
        }
    )


def test_a_number_with_a_sign_is_read_by_the_preparation(tmp_path: Path) -> None:
    given = messy()
    found = of_frame(tmp_path, given, "y")
    assert {"balance_number", "prix_number", "rate_number"} <= set(features(found)["numeric"])
    assert found.settings["prepare"]["key"] == "content", "an amount names no row"
    assert left_out(found)["details"].startswith("JSON: take it apart")
    assert "balance_number is its number" in left_out(found)["balance"]
    assert {"size", "plan"} <= set(features(found)["categorical"]), "two units, and words"
    prepared = frame_of(found, tmp_path).sort_values("x")
    given = given.sort_values("x")
    signed = given["balance"].str.replace(r"[$,()]", "", regex=True).astype(float)
    signed = signed.where(~given["balance"].str.startswith("("), -signed)
    assert prepared["balance_number"].to_numpy() == pytest.approx(signed.to_numpy())
    price = given["prix"].str.replace("\u202f", "").str.replace(",", ".").str.rstrip(" €").astype(float)
    assert prepared["prix_number"].to_numpy() == pytest.approx(price.to_numpy())
    assert prepared["rate_number"].isna().to_numpy().tolist() == (given["rate"] == "n/a").tolist()


def test_a_label_that_is_an_amount_in_text_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"LABEL=rate: it is text such as .* %: write it as a number"):
        of_frame(tmp_path, messy().assign(rate=[f"{n} %" for n in range(ROWS)]), "rate")


def test_a_number_that_stands_for_missing_is_a_risk(tmp_path: Path) -> None:
    found = of_frame(tmp_path, messy(), "y")
    assert "income is -999 in 30 rows" in said(found, "risk", "income")
    assert said(found, "risk", "score") == "", "99 is one of the scores"


def test_numbers_and_dates_that_are_text_are_read_or_asked_about(tmp_path: Path) -> None:
    given, random = messy(), np.random.default_rng(9)
    amount = random.lognormal(8, 1, ROWS).round(2)
    given["revenue"] = [f"{v:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".") for v in amount]
    given["wealth"] = [f"{v:,.0f}".replace(",", " ") for v in amount]
    given["dose"] = [f"{v:.3f}" for v in amount]
    given["python"] = random.choice(["3.10", "3.11", "3.12"], ROWS)
    given["years"] = random.integers(18, 60, ROWS).astype(str)
    given["postcode"] = [f"{n:05d}" for n in random.integers(1000, 1040, ROWS)]
    given["quarter"] = [f"{2020 + n // 4}Q{n % 4 + 1}" for n in random.integers(0, 20, ROWS)]
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(given.index // 2, unit="D")
    given["day"] = [f"{each:%Y-%m-%d}" for each in days]
    given["tool"] = [f"m{n}" for n in random.integers(10, 40, ROWS)]
    given["order_date"] = 45_292 + given.index % 300
    found = of_frame(tmp_path, given, "y", key=("content",))
    assert {"revenue_number", "wealth_number", "dose_number"} <= set(features(found)["numeric"])
    assert {"python", "years", "postcode", "tool"} <= set(features(found)["categorical"])
    prepared = frame_of(found, tmp_path).sort_values("dose")
    for name, close in (("revenue_number", 0.01), ("wealth_number", 1), ("dose_number", 0.001)):
        assert np.abs(prepared[name].to_numpy() - amount[given.sort_values("dose").index]).max() <= close
    assert "years holds whole numbers as text" in said(found, "question", "years")
    assert said(found, "question", "postcode") == ""
    for name, shown in (("quarter", "20"), ("day", "2024-01-01"), ("order_date", "45591 is 2024-10-26")):
        assert shown in left_out(found)[name]
        assert "Is it the rows' time? They are split by a hash" in said(found, "question", name)


def test_each_way_of_writing_that_a_number_is_missing_is_a_risk(tmp_path: Path) -> None:
    given, place = messy(), np.arange(ROWS)
    random = np.random.default_rng(8)
    columns = {
        "sensor": (random.normal(20, 5, ROWS).round(1), 999.9),
        "months": (random.integers(0, 60, ROWS), -1),
        "glucose": (random.normal(120, 15, ROWS).round(), 0),
        "humidity": (random.uniform(20, 90, ROWS).round(1), -99.9),
    }
    for name, (values, code) in columns.items():
        given[name] = np.where(place % 20 == 3, code, values)
    given["delay"] = np.where(place % 2, -1, 1) * random.integers(0, 40, ROWS)
    given["debt"] = np.where(place % 20 == 3, -998, np.where(place % 20 == 5, -999, random.integers(0, 60, ROWS)))
    given["sold"] = random.poisson(2, ROWS)
    given["bracket"] = np.select([place % 20 == 3, place % 20 == 5], [98, 99], random.integers(1, 11, ROWS))
    given["freq"] = random.integers(1, 500, ROWS)
    found = of_frame(tmp_path, given, "y")
    for name, (_, code) in columns.items():
        assert f"{name} is {code:g} in 30 rows" in said(found, "risk", name)
    assert "debt is -999 in 30 rows and -998 in 30 rows and 0 to 59 in the others" in said(found, "risk", "debt")
    assert "bracket is 99 in 30 rows and 98 in 30 rows and 1 to 10" in said(found, "risk", "bracket")
    assert "how many things a row stands for" in said(found, "question", "freq")
    assert said(found, "risk", "delay") == said(found, "risk", "sold") == "", "measured below zero, and from zero on"


def test_a_label_that_is_nan_is_missing_and_one_that_is_infinite_is_refused(tmp_path: Path) -> None:
    given = messy()
    place = tmp_path / "rows.parquet"
    sources = {"rows": {"path": "rows.parquet"}}
    y = given["y"].to_numpy(copy=True)
    y[:60] = np.nan
    numbers = {"x": pa.array(given["x"].to_numpy()), "z": pa.array(given["x"].to_numpy() ** 2 + given["score"])}
    pq.write_table(pa.table({**numbers, "y": pa.array(y)}), place)  # as Polars writes it, no null
    found = of_sources(tmp_path, sources, "y")
    assert "60 of 600 rows have no y" in said(found, "risk", "y")
    assert found.settings["gates"]["label_coverage"] == 0.85
    settings = Settings.model_validate({**found.settings, "prepare": {**found.settings["prepare"], "key": ["x"]}})
    written = frame_sql(settings, f"SELECT * FROM '{place}'", dict.fromkeys("xzy", "float64"))
    assert connect().sql(f"SELECT count(y) FROM ({written})").fetchall() == [(540,)], "the frame has nulls"
    y[0] = np.inf
    pq.write_table(pa.table({**numbers, "y": pa.array(y)}), place)
    with pytest.raises(DataError, match="LABEL=y: some rows have an infinite one"):
        of_sources(tmp_path, sources, "y")
    numbers["x"] = pa.array(np.where(given.index < 3, np.inf, given["x"]))
    pq.write_table(pa.table({**numbers, "y": pa.array(given["y"].to_numpy())}), place)
    assert "infinite in some rows" in left_out(of_sources(tmp_path, sources, "y"))["x"]


def test_a_date_far_from_all_others_is_a_risk_and_no_end_of_the_table(tmp_path: Path) -> None:
    given = messy()
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(ROWS) // 2, unit="D")
    given["opened"] = [each.date() for each in days]
    given.loc[[7, 70], "opened"] = pd.Timestamp("9999-12-31").date()
    given["since"] = [each.date() for each in days - pd.Timedelta(days=40)]
    given.loc[given.index % 10 == 0, "since"] = pd.Timestamp("1900-01-01").date()
    found = of_frame(tmp_path, given, "y")
    assert str(found.settings["data"]["until"]) == "2024-10-27"
    assert "opened is 9999-12-31 in 2 rows, long after 2024-10-26" in said(found, "risk", "opened")
    assert "since is 1900-01-01 in 60 rows, long before all others" in said(found, "risk", "since")


def test_a_column_of_numbers_with_a_word_in_it_is_told_and_names_no_row(root: Path) -> None:
    lines = ["x,w,label", *(f"{n / 7:.4f},{n % 5},{n % 2}" for n in range(200)), "Total,3,1"]
    (root / "rows.csv").write_text("\n".join(lines), encoding="utf-8")
    found = read(root, str(root / "rows.csv"))
    (finding,) = found.findings
    assert "x is a number in 200 rows and something else in 1 row, such as 'Total'" in finding.text
    (table,) = found.tables.values()
    proposal = propose(connect(), found.tables, Wishes("rows.csv", "label"), found.sources, "shop", ())
    assert proposal.settings["prepare"]["key"] == "content"
    assert (table.columns["x"], "x" in left_out(proposal)) == ("VARCHAR", True)


def test_months_by_name_and_two_encodings_are_told(root: Path) -> None:
    lines = [
        "opened,city,label",
        *(f'"Mar {1 + n % 28:02d}, 2024",{"Köln" if n % 2 else "Bonn"},{n % 2}' for n in range(60)),
    ]
    (root / "rows.csv").write_bytes(b"\n".join(each.encode("cp1252") for each in lines))
    found = read(root, str(root / "rows.csv"))
    assert str(frame(found)["opened"][0]).startswith("2024-03-01")
    assert found.findings == ()
    mixed = (each.encode("utf-8" if n % 3 else "cp1252") for n, each in enumerate(lines))
    (root / "rows.csv").write_bytes(b"\n".join(mixed))
    (finding,) = read(root, str(root / "rows.csv")).findings
    assert "written in two encodings: 20 lines are UTF-8 and 10 are not" in finding.text

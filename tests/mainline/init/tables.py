"""Tables that `make init` was not written for, with a proposal for each as a person would write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection

from mainline.data.sources.duckdb_scan import connect
from mainline.data.sources.duckdb_scan import name as quoted
from mainline.init.proposal import Column, Decision, Derived, Finding, Proposal, Use

RELATION = "SELECT * FROM rows"
LONG = "a value that is much too long to be shown as it is because nobody reads " * 5


def held(frame: pd.DataFrame) -> DuckDBPyConnection:
    """A connection whose table `rows` is the frame."""
    con = connect()
    con.register("given", frame)
    con.execute("CREATE TABLE rows AS SELECT * FROM given")
    return con


def measured(con: DuckDBPyConnection) -> tuple[Column, ...]:
    """The facts about each column, as the profile states them."""
    return tuple(facts(con, name, kind) for name, kind, *_ in con.execute(f"DESCRIBE {RELATION}").fetchall())


def facts(con: DuckDBPyConnection, name: str, kind: str) -> Column:
    column = quoted(name)
    number = kind in ("BIGINT", "DOUBLE", "INTEGER", "FLOAT")
    ends = f"min({column}), max({column})" if number or kind.startswith(("DATE", "TIMESTAMP")) else "NULL, NULL"
    mean = f"avg({column}), bool_and({column} = floor({column}))" if number else "NULL, false"
    rows, present, distinct, low, high, average, whole, longest = con.execute(
        f"SELECT count(*), count({column}), count(DISTINCT {column}), {ends}, {mean}, max(length({column}::VARCHAR)) "
        "FROM rows"
    ).fetchall()[0]
    top = con.execute(
        f"SELECT {column}::VARCHAR, count(*) FROM rows WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC LIMIT 50"
    ).fetchall()
    return Column(name, kind, rows, rows - present, distinct, low, high, average, bool(whole), tuple(top), longest or 0)


def proposal(
    con: DuckDBPyConnection, task: str, label: str, roles: Mapping[str, Use], expression: str | None = None, **more: Any
) -> Proposal:
    columns = measured(con)
    numeric = ("BIGINT", "DOUBLE", "INTEGER", "FLOAT")
    uses = {
        column.name: Use("numeric", "numbers") if column.type in numeric else Use("categorical", "few values of text")
        for column in columns
    }
    decision = Decision("task", task, f"what {label} holds in {columns[0].rows:,} rows", "TASK=regression")
    given = {"decisions": (decision,), **more}
    return Proposal(
        "shop", "rows", {"task": task}, {}, label, expression, columns,
        {**uses, label: Use("label", "what is predicted"), **roles}, **given,
    )  # fmt: skip


def churn(rows: int = 5_000) -> tuple[Proposal, DuckDBPyConnection]:
    """A binary label as yes and no, text categories, missing values that come together, a leak."""
    r = np.random.default_rng(14)
    calls, minutes = r.poisson(1.5, rows), r.normal(180, 54, rows).round(1)
    plan = r.choice(["no", "yes"], rows, p=[0.9, 0.1])
    odds = -2.6 + 0.5 * calls + 1.9 * (plan == "yes") + 0.015 * (minutes - 180)
    churned = r.random(rows) < 1 / (1 + np.exp(-odds))
    frame = pd.DataFrame(
        {
            "customer": [f"c-{n:06d}" for n in range(rows)],
            "state": r.choice([f"S{n:02d}" for n in range(51)], rows),
            "area_code": r.choice([408, 415, 510], rows),
            "international_plan": plan,
            "service_calls": calls,
            "day_minutes": minutes,
            "day_charge": (minutes * 0.17).round(2),
            "balance": np.exp(r.normal(5, 1.6, rows)).round(2),
            "tenure": r.integers(1, 240, rows).astype(float),
            "last_offer": r.choice(["10 % off", "second line", "<b>bold & 'quoted'</b>", LONG, "🎁 gift"], rows),
            "closed_by": np.where(churned, r.choice(["agent", "online"], rows), None),
            "gender": r.choice(["female", "male"], rows),
            "churn": np.where(churned, "yes", "no"),
        }
    )
    gap = r.random(rows) < 0.12
    frame.loc[gap, ["balance", "tenure"]] = np.nan
    frame.loc[r.random(rows) < 0.03, "tenure"] = np.nan
    con = held(frame)
    roles = {
        "customer": Use("key", "unique in every row"),
        "area_code": Use("categorical", "three whole numbers without an order: a category written as a number"),
        "gender": Use("left out", "looks protected: a slice, not a feature"),
        "closed_by": Use("left out", "it alone predicts the label: a leak"),
    }
    findings = (
        Finding("question", "gender", "Looks protected. May it be used? It is left out and measured as a slice."),
        Finding("leak", "closed_by", "It is missing in every row with churn = no, and in no row with churn = yes: it is written after the outcome."),
        Finding("risk", "day_charge", "It is day_minutes times 0.17: one of both is enough."),
    )  # fmt: skip
    decisions = (
        Decision("task", "binary", "churn has two values, yes and no", "TASK=multiclass"),
        Decision("label", "yes is positive", "it is the rarer one", "POSITIVE=no"),
        Decision("prepare.key", "[customer]", "unique in every row, never missing", "KEY=content"),
        Decision("split", "by: hash, holdout: 0.3", "no column is a time that spreads over the rows", "TIME=<column>"),
        Decision("compare.metric", "roc_auc", "a ranking is what a yes/no label of this share is judged by", "params.yaml: compare.metric"),
        Decision("column area_code", "categorical", "three whole numbers without an order", "params.yaml: prepare.features"),
    )  # fmt: skip
    return (
        proposal(
            con, "binary", "churn", roles, "(_.churn == 'yes').cast('int8')", findings=findings, decisions=decisions,
            protected=("gender",), slices=("gender",),
        ),
        con,
    )  # fmt: skip


def transactions(rows: int = 20_000) -> tuple[Proposal, DuckDBPyConnection]:
    """A rare binary label, two years of time, free text, an identifier and columns that drift."""
    r = np.random.default_rng(15)
    day = np.sort(r.integers(0, 700, rows))
    amount = np.exp(r.normal(3.4 + day / 2_000, 1.1, rows)).round(2)
    country = r.choice(["DE", "FR", "IT", "PL", "AT"], rows, p=[0.6, 0.15, 0.1, 0.1, 0.05])
    fraud = r.random(rows) < np.clip(0.004 + 0.05 * (amount > 150) + 0.03 * (country == "PL"), 0, 1)
    frame = pd.DataFrame(
        {
            "at": pd.Timestamp("2023-01-01") + pd.to_timedelta(day * 24 + r.integers(0, 24, rows), unit="h"),
            "id": np.arange(rows),
            "account": [f"DE{n:08d}" for n in r.integers(0, rows // 3, rows)],
            "purpose": [f"invoice {n} of {n % 97}, thank you" for n in r.integers(0, 10**6, rows)],
            "amount": amount,
            "balance": r.normal(1_200, 800, rows).round(2),
            "country": country,
            "device": r.choice(["phone", "desk", "card"], rows, p=[0.5, 0.3, 0.2]),
            "opened": pd.Timestamp("2015-01-01") + pd.to_timedelta(r.integers(0, 2_900, rows), unit="D"),
            "fraud": fraud,
        }
    )
    con = held(frame)
    roles = {
        "at": Use("time", "the rows spread over 700 days of it"),
        "id": Use("key", "unique and counting"),
        "account": Use("left out", "an identifier: thousands of values"),
        "purpose": Use("left out", "free text"),
        "opened": Use("left out", "a date: its age is a feature"),
    }
    derived = (
        Derived("hour", "_.at.hour()", "numeric", "the time of day"),
        Derived("age", "(_.at - _.opened).days()", "numeric", "how long the account is open"),
    )
    return proposal(con, "binary", "fraud", roles, derived=derived), con


def digits() -> tuple[Proposal, DuckDBPyConnection]:
    """Ten classes, 64 columns of whole numbers, some of them constant."""
    from sklearn.datasets import load_digits

    con = held(load_digits(as_frame=True).frame)
    return proposal(con, "multiclass", "target", {}), con


def diabetes() -> tuple[Proposal, DuckDBPyConnection]:
    """A regression in 442 rows."""
    from sklearn.datasets import load_diabetes

    con = held(load_diabetes(as_frame=True, scaled=False).frame)
    return proposal(con, "regression", "target", {}), con

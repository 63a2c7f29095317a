"""Proposals that were made by hand, with their tables: churn without time, and bookings over half a year."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mainline.init.proposal import Column, Derived, Proposal, Use

TYPES = {"int64": "BIGINT", "float64": "DOUBLE", "bool": "BOOLEAN", "object": "VARCHAR", "str": "VARCHAR"}


@functools.cache
def churn_rows(count: int = 1500) -> pd.DataFrame:
    """Customers with a name for a feature that YAML reads as a word, one that is missing at times, and a constant."""
    random = np.random.default_rng(3)
    rows = pd.DataFrame(
        {
            "customer": [f"c{number:05}" for number in range(count)],
            "state": random.choice(["OH", "NY", "CA"], count),
            "no": random.poisson(2, count),
            "day minutes": random.normal(180, 50, count).clip(0).round(3),
            "night minutes": random.normal(200, 60, count).clip(0).round(3),
            "currency": "EUR",
        }
    )
    logit = -3 + 0.02 * (rows["day minutes"] - 180) + rows["no"] * 0.8 + (rows["state"] == "OH")
    rows["churned"] = np.where(random.uniform(size=count) < 1 / (1 + np.exp(-logit)), "yes", "no")
    rows.loc[random.choice(count, count // 50, replace=False), "day minutes"] = np.nan
    return rows


def churn(**changed: Any) -> Proposal:
    given: dict[str, Any] = {
        "name": "churn",
        "table": "customers",
        "settings": {
            "task": "binary",
            "data": {
                "until": dt.date(2026, 1, 1),
                "sources": {"customers": {"path": "data/raw/churn.csv", "types": {"customer": "VARCHAR"}}},
            },
            "prepare": {
                "function": "churn.frame:prepare",
                "key": ["customer"],
                "label": "churned",
                "features": {"numeric": ["no", "day minutes", "night minutes"], "categorical": ["state"]},
            },
            "split": {"by": "hash", "holdout": 0.3},
            "train": {
                "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
                "params": {"max_iter": 60, "early_stopping": False, "random_state": 0},
            },
            "evaluate": {"slices": ["state"], "min_rows": 60, "min_positives": 10, "importance_rows": 0},
            "compare": {"metric": "roc_auc", "blocks": "customer", "resamples": 500},
            "gates": {"margins": {"roc_auc": 0.03}, "lead": {"by": ["state"], "metric": "roc_auc", "at_least": 0.05}},
        },
        "reasons": {
            ("task",): "`churned` has two values",
            ("split", "by"): "no column says when",
            ("gates", "lead", "at_least"): "a model must know more than the state",
        },
        "label": "churned",
        "label_expression": '_.churned == "yes"',
        "columns": measured_once(churn_rows),
        "uses": {
            "customer": Use("key", "unique text"),
            "state": Use("categorical", "3 values"),
            "no": Use("numeric", "whole numbers"),
            "day minutes": Use("numeric", "a number"),
            "night minutes": Use("numeric", "a number"),
            "currency": Use("left out", "constant: every row has EUR"),
            "churned": Use("label", "as asked"),
        },
    }
    return Proposal(**{**given, **changed})


@functools.cache
def booking_rows(count: int = 6000) -> pd.DataFrame:
    random = np.random.default_rng(4)
    at = pd.Timestamp("2025-07-01") + pd.to_timedelta(np.sort(random.uniform(0, 184 * 86400, count)), unit="s")
    rows = pd.DataFrame(
        {
            "booking": np.arange(count) + 1000,
            "at": at.floor("s"),
            "channel": random.choice(["web", "phone", "agent"], count, p=[0.6, 0.3, 0.1]),
            "nights": random.poisson(3, count) + 1,
            "price": random.gamma(3, 40, count).round(2),
            "note": [f"guest {number} asks for a room" for number in range(count)],
        }
    )
    logit = -2.5 + 0.012 * rows["price"] + 0.1 * rows["nights"] + 0.8 * (rows["channel"] == "phone")
    rows["cancelled"] = (random.uniform(size=count) < 1 / (1 + np.exp(-logit))).astype(int)
    return rows


def bookings(**changed: Any) -> Proposal:
    given: dict[str, Any] = {
        "name": "bookings",
        "table": "bookings",
        "settings": {
            "task": "binary",
            "data": {
                "until": dt.date(2026, 1, 1),
                "sources": {"bookings": {"path": "data/raw/bookings.parquet", "time": "at"}},
            },
            "prepare": {
                "function": "bookings.frame:prepare",
                "key": ["booking"],
                "time": "at",
                "label": "cancelled",
                "features": {"numeric": ["nights", "price", "at_hour"], "categorical": ["channel"]},
            },
            "split": {"by": "time", "holdout": "1 month"},
            "train": {
                "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
                "params": {"max_iter": 60, "early_stopping": False, "random_state": 0},
            },
            "evaluate": {"slices": ["channel"], "min_rows": 60, "min_positives": 10, "importance_rows": 0},
            "compare": {"metric": "roc_auc", "blocks": "day", "resamples": 500},
            "gates": {"margins": {"roc_auc": 0.04}},
        },
        "reasons": {("split", "by"): "`at` is spread over half a year"},
        "label": "cancelled",
        "label_expression": "_.cancelled == 1",
        "columns": measured_once(booking_rows),
        "uses": {
            "booking": Use("key", "whole numbers, each once"),
            "at": Use("time", "a moment of each row"),
            "channel": Use("categorical", "3 values"),
            "nights": Use("numeric", "whole numbers"),
            "price": Use("numeric", "a number"),
            "note": Use("left out", "free text: 7 words on average"),
            "cancelled": Use("label", "as asked"),
        },
        "derived": (
            Derived("at_hour", "_.at.hour()", "numeric", "the hour of `at`"),
            Derived("day", "_.at.date()", "categorical", "blocks of the resampling: rows of a day resemble each other"),
        ),
    }
    return Proposal(**{**given, **changed})


@functools.cache
def measured_once(rows: Callable[[], pd.DataFrame]) -> tuple[Column, ...]:
    return measured(rows())


def measured(rows: pd.DataFrame) -> tuple[Column, ...]:
    """The facts that `profile` gives, of small tables."""
    return tuple(column(str(name), values) for name, values in rows.items())


def column(name: str, values: pd.Series) -> Column:
    number = pd.api.types.is_numeric_dtype(values)
    time = pd.api.types.is_datetime64_any_dtype(values)
    text = not number and not time
    held = values.dropna()
    top: Mapping[Any, int] = held.value_counts().head(50).to_dict() if not time else {}
    return Column(
        name=name,
        type="TIMESTAMP" if time else TYPES[str(values.dtype)],
        rows=len(values),
        missing=int(values.isna().sum()),
        distinct=int(values.nunique()),
        minimum=None if text else plain(held.min()),
        maximum=None if text else plain(held.max()),
        mean=float(held.mean()) if number else None,
        whole=bool(number and (held % 1 == 0).all()),
        top=tuple((str(value), int(rows)) for value, rows in top.items()),
        longest=int(held.str.len().max()) if text else 0,
        words=float(held.str.split().str.len().mean()) if text else 0.0,
    )


def plain(value: Any) -> Any:
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value.item()


def with_rows(root: Path, proposal: Proposal) -> Path:
    """The file of the proposal's table below `root`."""
    path = root / proposal.settings["data"]["sources"][proposal.table]["path"]
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        churn_rows().to_csv(path, index=False)
    else:
        booking_rows().to_parquet(path, index=False, coerce_timestamps="us")
    return path

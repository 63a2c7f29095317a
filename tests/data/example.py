"""The example's tables as they stood at a moment, for tests."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import ibis
import pandas as pd
from ibis.expr.types import Table

from flights.features import KEY, prepare

ROOT = Path(__file__).parents[2]
SUITES = ROOT / "data" / "expectations"
NEW_YORK = ZoneInfo("America/New_York")
KEYS = {
    "schedule": list(KEY),
    "outcomes": list(KEY),
    "weather": ["origin", "time_hour"],
    "planes": ["tailnum"],
    "airlines": ["carrier"],
    "frame": list(KEY),
}


def clock(until: str) -> dt.datetime:
    return dt.datetime.combine(dt.date.fromisoformat(until), dt.time(), NEW_YORK)


def tables(until: str, *only: str) -> dict[str, pd.DataFrame]:
    """Every table, or some, with what was known at midnight in New York, and the frame that is prepared of them."""
    moment = clock(until)
    connection = ibis.duckdb.connect()
    connection.raw_sql("SET TimeZone = 'UTC'")

    def read(path: str) -> Table:
        return connection.read_parquet(str(ROOT / "data" / "raw" / path))

    raw = {name: read(f"{name}/*.parquet") for name in ("schedule", "outcomes")}
    raw |= {name: read(f"{name}.parquet") for name in ("weather", "planes", "airlines")}
    raw["schedule"] = raw["schedule"].filter(raw["schedule"].time_hour < moment)
    raw["outcomes"] = raw["outcomes"].filter(raw["outcomes"].known_at < moment)
    measured = raw["weather"].time_hour + ibis.interval(minutes=51)
    raw["weather"] = raw["weather"].filter(measured < moment)
    made = {**raw, "frame": prepare(raw)}
    return {name: made[name].to_pandas() for name in only or made}

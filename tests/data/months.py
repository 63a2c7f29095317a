"""The example's real months of 2013: what a model trained until September keeps, and the months that came after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from mainline.config.loader import load
from mainline.config.schema import Settings
from mainline.data import prepare as frame
from mainline.data.collect import collect
from mainline.monitoring import window
from mainline.training import drift, reference_profile, sample
from mainline.training.feature_drift import FeatureDrift
from tests.projects import EXAMPLE, TOP

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Flights:
    settings: Settings  # as they are on main: data.until is 1 October
    frame: Path  # of the whole year
    kept: dict[str, Any]  # what the record of that training keeps

    @contextmanager
    def rows(self, condition: str) -> Iterator[DuckDBPyConnection]:
        """A connection with the view `log` of departures that meet `condition`, each logged as it was due."""
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'; SET threads = 1")
            connection.execute(
                f"CREATE VIEW log AS SELECT *, departs AS _time FROM read_parquet('{self.frame}') WHERE {condition}"
            )
            yield connection

    def drift(self, condition: str) -> list[FeatureDrift]:
        with self.rows(condition) as connection:
            day = window.day(self.settings)
            return drift.measure(connection, "log", day, self.kept["monitor"], self.settings.monitor)


def flights(folder: Path) -> Flights:
    import datetime as dt

    settings = load(EXAMPLE).settings
    year = settings.data.model_copy(update={"until": dt.date(2014, 1, 1)})
    path = folder / "frame.parquet"
    frame.build(settings, collect(year, TOP, folder / "cache"), path)
    return Flights(settings, path, reference_profile.described(settings, path, sample.labelled(settings)))

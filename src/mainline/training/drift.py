"""Drift: the counts of a window compared with the reference, by feature, each with its own threshold."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np

from mainline.config.schema import Monitor
from mainline.errors import ConfigurationError
from mainline.training import bin_counts, distances
from mainline.training.feature_drift import FeatureDrift
from mainline.training.record import Record
from mainline.training.reference_profile import span_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def reference_of(record: Record, columns: list[str]) -> dict[str, Any]:
    """The reference profile in the record, for the `columns` that are logged.

    Raises
    ------
    ConfigurationError
        If the record is older than reference profiles.
    """
    whole = record.profile.get("monitor")
    if whole is None:
        raise ConfigurationError(
            f"{record.path} has no reference profile for monitoring (an old record): train again with `make run`"
        )
    return {kind: {name: was for name, was in whole[kind].items() if name in columns} for kind in whole}


def measure(
    connection: DuckDBPyConnection, source: str, day: str, reference: dict[str, Any], settings: Monitor
) -> list[FeatureDrift]:
    """The drift of each feature in the reference, sorted by PSI relative to its threshold, largest first.

    `source` is SQL for the window's rows, `day` for a row's day. DuckDB counts: memory does not grow
    with the rows.
    """
    numeric, categorical = reference["numeric"], reference["categorical"]
    rate = settings.false_alarms / max(len(numeric) + len(categorical), 1)
    counted = bin_counts.numeric(connection, source, day, {name: was["edges"] for name, was in numeric.items()})
    drifts = [compare(name, numeric[name], now, rate, settings) for name, now in counted.items()]
    for name, was in categorical.items():
        now = bin_counts.categorical(connection, source, day, name, was["values"])
        drifts.append(compare(name, was, now, rate, settings))
    return sorted(drifts, key=lambda d: -d.psi / d.threshold)


def compare(name: str, was: dict[str, Any], now: bin_counts.Counted, rate: float, settings: Monitor) -> FeatureDrift:
    before, after = np.array(was["counts"]), now.table.sum(axis=0)
    rows = int(after.sum())
    span = span_of(days(now.days))
    p, q = distances.pooled(before, after)
    threshold, why = drift_threshold(was, p, q, span, rate, settings)
    numeric = "edges" in was
    test = distances.kolmogorov_smirnov if numeric else distances.chi_squared
    share = float(before[0] / max(before.sum(), 1))
    most, daily_most = was["missing"][span], was["missing"]["day"]
    scatter = 4 * np.sqrt(max(share, 1 / max(rows, 1)) * (1 - share) / max(rows, 1))
    base = max(share, most if most is not None else share)
    return FeatureDrift(
        feature=name,
        kind="numeric" if numeric else "categorical",
        rows=rows,
        psi=distances.psi(p, q),
        threshold=threshold,
        why=why,
        jensen_shannon=distances.jensen_shannon(before, after),
        statistic=test(before, after),
        missing_before=share,
        missing_now=float(after[0] / max(rows, 1)),
        missing_threshold=float(base + max(settings.missing_slack, scatter)),
        missing_days=missing_days(now, daily_most, settings),
        new_share=0.0 if numeric else float(after[-1] / max(rows, 1)),
        daily={str(d): distances.psi(before, r) for d, r in zip(now.days, now.table, strict=True)},
        daily_missing={str(d): float(r[0] / max(r.sum(), 1)) for d, r in zip(now.days, now.table, strict=True)},
    )


def drift_threshold(
    was: dict[str, Any], before: Any, after: Any, span: str, rate: float, settings: Monitor
) -> tuple[float, str]:
    """The largest of: the difference between periods of training, the noise of sampling, and the floor."""
    season = was["psi"][span]
    options = [
        (settings.slack * season if season is not None else 0.0, "season"),
        (distances.noise(len(before), before.sum(), after.sum(), rate), "noise"),
        (settings.psi_floor, "floor"),
    ]
    return max(options)


def missing_days(now: bin_counts.Counted, most: float | None, settings: Monitor) -> list[str]:
    """Days with far more missing values than any day of training: a feed that has stopped."""
    if most is None:
        return []
    limit = most + settings.missing_day_slack
    return [
        str(day)
        for day, rows in zip(now.days, now.table, strict=True)
        if rows.sum() >= settings.min_day_rows and rows[0] / rows.sum() > limit
    ]


def days(found: list[dt.date]) -> int:
    return (found[-1] - found[0]).days + 1 if found else 0

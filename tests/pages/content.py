"""What the pages show in these tests: as much as a real run has, with long names and many examples."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

from mainline.data.validation.results import Expectation, Severity, Validation
from mainline.evaluation.results import Gate, Interval, Review
from mainline.monitoring.labels import Labels
from mainline.monitoring.results import Cause, Check, Decay, Health, Seen, Slice, Verdict
from mainline.serving.signature import Agreement, Column, Key, Signature
from mainline.training.feature_drift import FeatureDrift
from tests.mainline.report import samples

DAYS = [str(dt.date(2013, 10, 1) + dt.timedelta(days=day)) for day in range(30)]
LONG = "departures_of_this_carrier_within_the_last_seven_days"  # a name that no line breaks by itself


def invalid() -> Review:
    """Data that breaks expectations in every way: many columns an example, long values, none at all."""
    row = {"year": 2013, "month": 9, "day": 12, "carrier": "EV", "flight": 4711, "tailnum": "N14228", "origin": "EWR",
           "dest": "IAH", "time_hour": "2013-09-12 08:00:00-04:00"}  # fmt: skip

    def broken(column: str | None, severity: Severity, rule: str, count: int, examples: int) -> Expectation:
        shown = [{**row, "flight": 4711 + n, column or "row": "2013-09-12 08:15:00"} for n in range(examples)]
        return Expectation(
            "frame", "expect_column_values_to_be_between", column, rule, severity, False, 252_484, count, shown,
            None if count else "the column is missing", "Beyond this the source has a typing error; see the data card.",
            "data/expectations/frame.yaml", 31,
        )  # fmt: skip

    failed = [
        broken("sched_dep_time", Severity.critical, "sched_dep_time is between 500 and 2359", 1_204, 5),
        broken("wind_gust", Severity.warning, "wind_gust is between 0 and 80 miles an hour", 3, 3),
        broken(LONG, Severity.critical, f"{LONG} is never missing", 0, 0),
        broken(None, Severity.warning, "the compound columns carrier, flight, origin and day are unique", 12, 5),
    ]
    found = samples.flights(validation=Validation([*failed, *samples.expectations()], 1.2))
    gate = Gate("label coverage", "at least 90 % of the holdout rows", "42.0 %", False)
    return dataclasses.replace(found, passed=False, gates=[gate, *found.gates])


def interval(value: float, half: float = 0.012) -> Interval:
    return Interval(value, value - half, value + half)


def drifted(name: str, psi: float, threshold: float, missing: float = 0.01) -> FeatureDrift:
    daily = {day: psi * (0.5 + 0.5 * math.sin(place / 4) ** 2) for place, day in enumerate(DAYS)}
    absent = {day: missing * (0.5 + (place % 5) / 10) for place, day in enumerate(DAYS)}
    return FeatureDrift(
        name, "numeric", 28_903, psi, threshold, "season", psi / 4, psi / 2, 0.004, missing, 0.05, [], 0.002,
        daily, absent,
    )  # fmt: skip


def monitored() -> Health:
    """A month of decay and drift, with labels, by day."""
    columns = [drifted("temp", 1.284, 0.91), drifted(LONG, 0.64, 0.81), drifted("wind_gust", 0.09, 0.2, 0.79)]
    columns += [drifted(name, 0.05 / (place + 1), 0.1) for place, (name, _) in enumerate(samples.FEATURES)]
    names = ("roc_auc", "average_precision", "log_loss", "brier", "calibration_error")
    promised = {name: interval(0.7 - 0.1 * place) for place, name in enumerate(names)}
    reached = {name: interval(value.value - 0.02) for name, value in promised.items()}
    decay = Decay(
        "roc_auc", reached["roc_auc"], promised["roc_auc"], interval(-0.041), interval(0.69), interval(-0.021),
        Cause.aged, "the metric of a model that was trained on the newest rows, on the same window",
    )  # fmt: skip
    checks = [
        Check("decay", Verdict.decay, "ROC AUC −0.041 [−0.053, −0.029]", "not significantly worse by more than 0.030"),
        Check("drift of temp", Verdict.drift, "PSI 1.284", "at most 0.910, the season's own"),
        Check("labels", Verdict.ok, "96.2 % of the rows have one", "at least 90 %"),
        Check(f"missing {LONG}", Verdict.not_measurable, "12 rows", "at least 500 rows"),
    ]
    parts = [
        Slice("carrier", name, 900 + place, {"roc_auc": interval(0.7)}) for place, name in enumerate(samples.CARRIERS)
    ]
    return Health(
        Verdict.decay, "The model performs worse than evaluated: decay. Concept drift likely.",
        Seen(f"{DAYS[0]}T00:00:00-04:00", f"{DAYS[-1]}T23:59:00-04:00", 28_903, {"4": 28_903, "3": 1_204}),
        "d3" * 32, "4", checks, ["1,204 rows are of version 3, model 8f3e8f3e8f3e: they are not judged here"],
        columns, drifted("score", 0.12, 0.2), [], Labels(27_801, 27_801), decay, reached, promised,
        dict(list(promised.items())[:3]), {day: 0.66 + 0.03 * math.sin(place) for place, day in enumerate(DAYS)},
        [*parts, Slice("carrier", "OO", 3, {})], {day: 900 + 70 * (place % 7) for place, day in enumerate(DAYS)},
    )  # fmt: skip


def served() -> Signature:
    """A model with the example's nineteen inputs, one of them with a hundred categories."""
    places = [f"{chr(65 + n % 26)}{chr(65 + n // 26)}X" for n in range(104)]
    columns = [
        Column("dest", "categorical", False, places),
        Column("carrier", "categorical", True, list(samples.CARRIERS)),
    ]
    columns += [Column(name, "numeric", True, [], 0.0, 359.25) for name, _ in samples.FEATURES[2:]]
    columns.append(Column(LONG, "numeric", False, [], -12.5, 1_048.36))
    row: list[str | float | None] = ["IAH", "EV", *(12.25 for _ in columns[2:])]
    return Signature(
        1, "mainline-flights", "4", "binary", [0, 1], 0.3, columns, "onnx", "model.onnx", "8f3e" * 16, "41c0" * 16,
        "c0de" * 16, "b1c6" * 16, "c0ffee11" * 5, "2013-10-01T04:00:00+00:00",
        Agreement(26_922, 2e-7), [row, row], [0.2146, 0.0831],
        key=[Key("date", "date"), Key("carrier", "text"), Key("flight", "integer")],
    )  # fmt: skip

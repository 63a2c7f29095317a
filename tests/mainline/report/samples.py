"""Reviews as the flights example makes them, for tests and for looking at the reports."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from mainline.data.messages import Messages, too_late
from mainline.data.validation.results import Expectation, Severity, Validation
from mainline.evaluation.results import (
    Attribution,
    Change,
    DataPart,
    DayChange,
    Gap,
    Gate,
    Importance,
    Interval,
    Metric,
    Outcome,
    Review,
    Side,
    Slice,
    TableChange,
    TableVersion,
)
from mainline.report.plots.curves import Curves
from mainline.training.feature_drift import Drift

CARRIERS = ("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV")
FEATURES = (
    ("minute_of_day", 0.0712), ("precip", 0.0214), ("origin", 0.0131), ("dest", 0.0126), ("humid", 0.0108),
    ("carrier", 0.0095), ("pressure", 0.0087), ("visib", 0.0061), ("wind_speed", 0.0052), ("temp", 0.0049),
    ("weekday", 0.0043), ("dewp", 0.0031), ("carrier_past_rate", 0.0028), ("origin_past_rate", 0.0024),
    ("hour_departures", 0.0019), ("wind_dir", 0.0011), ("block", 0.0009), ("wind_gust", 0.0003), ("distance", -0.0001),
)  # fmt: skip


def metric(name: str, candidate: float, baseline: float | None, half: float = 0.004, greater: bool = True) -> Metric:
    wide = Interval(candidate, candidate - 6 * half, candidate + 6 * half)
    if baseline is None:
        return Metric(name, greater, wide)
    delta = candidate - baseline
    return Metric(
        name,
        greater,
        wide,
        Interval(baseline, baseline - 6 * half, baseline + 6 * half),
        Interval(delta, delta - half, delta + half),
    )


def flights(**changes: Any) -> Review:
    """A learning rate of 0.08 for 0.10, and September for August as the holdout: no worse than main."""
    review = Review(
        outcome=Outcome.no_worse,
        passed=True,
        task="binary",
        metric="roc_auc",
        base_ref="main",
        candidate=Side("3f2a9c1d5b7e8f60112233445566778899aabbcc", True, "b1c6" * 16, "sha256:" + "8f3e" * 16, 812_344, 4.31),
        baseline=Side("9d8c7b6a5f4e3d2c1b0a99887766554433221100", True, "77aa" * 16, "sha256:" + "41c0" * 16, 809_120, 4.18),
        tables=[
            TableVersion("schedule", "sha256:" + "1a2b" * 16, 252_484, "2013-01-01", "2013-09-30", True),
            TableVersion("outcomes", "sha256:" + "3c4d" * 16, 251_727, "2013-01-01", "2013-09-30", True),
            TableVersion("weather", "sha256:" + "5e6f" * 16, 19_578, "2013-01-01", "2013-09-30", True),
            TableVersion("airlines", "sha256:" + "7a8b" * 16, 16, None, None, False),
        ],
        data_digest="sha256:" + "c0de" * 16,
        rows={"train": 220_163, "holdout": 27_574, "unlabelled": 564, "unlabelled cancelled": 452, "unlabelled diverted": 112},
        label_coverage=0.9795,
        period={
            "train_start": "2013-01-01T10:15:00", "train_end": "2013-09-01T03:59:00",
            "holdout_start": "2013-09-01T04:05:00", "holdout_end": "2013-09-30T23:59:00",
        },
        metrics=[
            metric("roc_auc", 0.7164, 0.7181, 0.0045),
            metric("average_precision", 0.3312, 0.3287, 0.007),
            metric("log_loss", 0.3589, 0.3602, 0.0011, greater=False),
            metric("brier", 0.1059, 0.1062, 0.0004, greater=False),
            metric("calibration_error", 0.0417, 0.0466, 0.0034, greater=False),
            metric("precision", 0.3391, 0.3350, 0.009),
            metric("recall", 0.3871, 0.4023, 0.0121),
            metric("f1", 0.3615, 0.3656, 0.008),
            metric("accuracy", 0.8197, 0.8160, 0.0031),
        ],
        gates=[
            Gate("margin: roc_auc", "at most 0.010 worse than main's model on the same rows", "−0.002 [−0.006, +0.003]", True, "passes 18 of 18 pairs of equal models; 0.005 refuses three"),
            Gate("margin: brier", "at most 0.003 worse than main's model on the same rows", "0.000 [−0.001, 0.000]", True, "the same pairs, the same reason"),
            Gate("slices", "no slice's ROC AUC significantly worse by more than 0.050", "18 slices, lowest carrier F9: −0.028 [−0.071, +0.016]", True, None),
            Gate("gaps", "slice disparity in recall at most 0.100 wider than main's", "widest change carrier: +0.021", True, None),
            Gate("lead", "ROC AUC ahead of the mean by hour by at least 0.030", "+0.081 [+0.062, +0.099]", True, "half of the smallest lead of any month of 2013"),
            Gate("calibration error", "at most 0.100", "0.042 [0.021, 0.062]", True, "months differ in level; beyond this the probabilities mislead"),
            Gate("label coverage", "at least 90 % of the holdout rows", "98.0 %", True, "worst month 2013: February, 94.6 %"),
            Gate("training time", "at most 120 s", "4.3 s", True, None),
            Gate("model size", "at most 10 MB", "0.81 MB", True, None),
        ],
        validation=Validation(expectations(), 0.94),
        attribution=[
            Attribution("roc_auc", -0.0086, -0.0069, -0.0017, "both models on both holdouts, mean of both orders"),
            Attribution("brier", -0.0381, -0.0378, -0.0003, "both models on both holdouts, mean of both orders"),
        ],
        slices=slices(),
        gaps=[
            Gap("carrier", "recall", 0.412, 0.391, "HA", "EV"),
            Gap("origin", "recall", 0.087, 0.093, "LGA", "EWR"),
            Gap("carrier", "selection_rate", 0.310, 0.322, "HA", "EV"),
        ],
        drift=[
            Drift("temp", 1.284, 0.004, 0.004), Drift("dewp", 1.117, 0.004, 0.004), Drift("humid", 0.164, 0.004, 0.004),
            Drift("wind_gust", 0.083, 0.781, 0.802, "2.1 points more missing"), Drift("pressure", 0.061, 0.101, 0.112),
            Drift("dest", 0.022, 0.0, 0.0, "new categories: LEX, SBN"), Drift("carrier_past_rate", 0.019, 0.012, 0.010),
            Drift("hour_departures", 0.006, 0.0, 0.0), Drift("carrier", 0.002, 0.0, 0.0), Drift("weekday", 0.0004, 0.0, 0.0),
        ],
        changes=[
            Change("parameter", "train.params.learning_rate", "0.1", "0.08"),
            Change("parameter", "data.until", "2013-09-01", "2013-10-01"),
            Change("code", "src/flights/features.py", "…", "changed"),
            Change("package", "scikit-learn", "1.9.0", "1.9.1"),
        ],
        importance=[Importance(name, value, value - 0.002, value + 0.0025) for name, value in FEATURES],
        notes=[
            "compared on 27,010 of 27,574 holdout rows: 452 cancelled and 112 diverted flights have no label",
            "27,010 of the holdout rows are new to main's model as well",
        ],
        seconds={"collect": 0.21, "validate": 0.94, "prepare": 0.63, "train": 4.31, "evaluate": 1.12, "compare": 0.88, "report": 0.71, "record": 0.66},
        computed="trained",
        run_id="5d0c1f2e3a4b5c6d7e8f901234567890",
        estimator="sklearn.ensemble.HistGradientBoostingClassifier",
        threshold=0.3,
        blocks="date",
        resamples=2000,
    )  # fmt: skip
    return dataclasses.replace(review, **changes)


def corrected() -> Review:
    """Tables whose rows differ from main's: a stream that went on, corrections, a table that is new."""
    days = [f"2013-09-{day:02d}" for day in range(1, 31)]
    clicks = [DayChange(day, 400 + 37 * (place % 7), 0, 12 * (place % 3)) for place, day in enumerate(days)]
    outcomes = [DayChange(day, 0, 90 if place == 4 else 3, 180 - 5 * place) for place, day in enumerate(days[9:])]
    months = [DayChange(f"2013-{month:02d}", 0, 700 * month, 0) for month in range(1, 10)]
    read = Messages(1_234_567, 312, 41, 98_765, ".mainline/cache/streams/clicks/0a1b2c3d4e5f6071")
    stream = TableVersion("clicks", "sha256:" + "9c8d" * 16, 1_135_449, "2013-01-01", "2013-09-30", True, read)
    return flights(
        tables=[*flights().tables, stream],
        warnings=too_late("clicks", read, 0.05),
        table_changes=[
            TableChange("clicks", ["session", "at"], sum(d.added for d in clicks), 0, 350, 27_574, clicks),
            TableChange("outcomes", ["flight_id"], 0, 150, 2_700, 0, outcomes),
            TableChange("weather", [], 0, sum(d.removed for d in months), 0, 0, months, "month"),
            TableChange("ratings_of_the_carriers_by_their_passengers", [], 412, 0, 0, note="the table is new"),
        ],
        data_parts=[
            DataPart("clicks", {"roc_auc": 0.0021, "brier": -0.0003}),
            DataPart("outcomes", {"roc_auc": -0.0114, "brier": -0.0321}),
            DataPart("weather", {"roc_auc": 0.0002, "brier": 0.0}),
            DataPart("data cutoff", {"roc_auc": 0.0019, "brier": -0.0050}),
            DataPart("interaction with the model", {"roc_auc": 0.0003, "brier": -0.0004}),
        ],
    )


def expectations() -> list[Expectation]:
    passed = [
        Expectation(table, "expect_column_values_to_not_be_null", column, f"{column} is never missing",
                    Severity.critical, True, 252_484, 0, [], None, None, f"data/expectations/{table}.yaml", line)
        for table in ("schedule", "outcomes", "weather")
        for line, column in enumerate(("date", "carrier", "flight", "origin", "dest", "time_hour", "distance"), 3)
    ]  # fmt: skip
    odd = Expectation(
        "weather", "expect_column_values_to_be_between", "wind_speed", "wind_speed is between 0 and 80 miles an hour",
        Severity.warning, False, 19_578, 1,
        [{"origin": "EWR", "time_hour": "2013-02-12 08:00", "wind_speed": 1048.36}], None,
        "one record of 2013-02-12 is a typing error of the source", "data/expectations/weather.yaml", 31,
    )  # fmt: skip
    return [*passed, odd]


def slices() -> list[Slice]:
    draw = np.random.default_rng(7)
    found = []
    for column, values in (("carrier", CARRIERS), ("origin", ("EWR", "JFK", "LGA"))):
        for value in values:
            rows = int(draw.integers(240, 4900)) if column == "carrier" else int(draw.integers(8000, 10000))
            base, change, half = 0.68 + 0.05 * draw.random(), 0.012 * draw.normal(), 2.2 / rows**0.5 / 2
            found.append(Slice(column, value, rows, [metric("roc_auc", base + change, base, half)]))
    fallen = Slice("carrier", "WN", 1_214, [metric("roc_auc", 0.655, 0.692, 0.031)])
    risen = Slice("carrier", "B6", 4_291, [metric("roc_auc", 0.741, 0.722, 0.012)])
    return [s for s in found if s.value not in ("WN", "B6")] + [fallen, risen]


def refused_by_slices() -> Review:
    """Better in all, and much worse for one carrier."""
    review = flights()
    gate = Gate("slices", "no slice's ROC AUC significantly worse by more than 0.050", "carrier WN: −0.097 [−0.131, −0.062]",
                False, "a slice of 200 rows is noisy; the interval's bound decides")  # fmt: skip
    fallen = Slice("carrier", "WN", 1_214, [metric("roc_auc", 0.595, 0.692, 0.034)])
    return dataclasses.replace(
        review,
        outcome=Outcome.better,
        passed=False,
        metrics=[metric("roc_auc", 0.7244, 0.7164, 0.005), *review.metrics[1:]],
        gates=[gate if g.name == "slices" else g for g in review.gates],
        slices=[fallen if s.value == "WN" else s for s in review.slices],
        changes=[*review.changes, Change("gate", "gates.margins.roc_auc", "0.01", "0.02")],
    )


def worse() -> Review:
    review = flights()
    gate = Gate("margin: roc_auc", "at most 0.010 worse than main's model on the same rows", "−0.026 [−0.031, −0.020]",
                False, "passes 18 of 18 pairs of equal models; 0.005 refuses three", 0.010)  # fmt: skip
    return dataclasses.replace(
        review,
        outcome=Outcome.worse,
        passed=False,
        metrics=[metric("roc_auc", 0.6904, 0.7164, 0.0055), *review.metrics[1:]],
        gates=[gate, *review.gates[1:]],
    )


def not_established() -> Review:
    """The interval holds zero, and reaches beyond the margin: nothing is known for sure."""
    review = worse()
    found = dataclasses.replace(review.metrics[0], delta=Interval(-0.0101, -0.0211, 0.0007))
    return dataclasses.replace(review, metrics=[found, *review.metrics[1:]])


def without_baseline() -> Review:
    review = flights()
    alone = [dataclasses.replace(m, baseline=None, delta=None) for m in review.metrics]
    parts = [dataclasses.replace(s, metrics=[dataclasses.replace(m, baseline=None, delta=None) for m in s.metrics])
             for s in review.slices]  # fmt: skip
    return dataclasses.replace(
        review,
        outcome=Outcome.no_baseline,
        baseline=None,
        metrics=alone,
        slices=parts,
        gaps=[dataclasses.replace(gap, baseline=None) for gap in review.gaps],
        gates=review.gates[4:],
        attribution=[],
        changes=[],
        drift=[],
        tables=[dataclasses.replace(table, changed=None) for table in review.tables],
        notes=["no commit on main has a model yet: only the absolute gates decide"],
    )


def curves(rows: int = 27_010, baseline: bool = True, seed: int = 0) -> Curves:
    """Labels and scores of a model with an AUC of about 0.72 whose probabilities are nearly calibrated."""
    draw = np.random.default_rng(seed)
    logit = draw.normal(-2.1, 0.85, rows)
    y = (draw.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.int64)
    score = 1 / (1 + np.exp(-(logit * 1.05 + 0.25 + draw.normal(0, 0.3, rows))))
    other = 1 / (1 + np.exp(-(logit * 0.95 + 0.45 + draw.normal(0, 0.35, rows))))
    return Curves(y, score, other if baseline else None)


def multiclass(rows: int = 6_000) -> tuple[Review, Curves]:
    draw = np.random.default_rng(1)
    y = draw.choice(4, rows, p=[0.55, 0.25, 0.15, 0.05])

    def scores(noise: float) -> np.ndarray[Any, Any]:
        raw = draw.normal(0, noise, (rows, 4))
        raw[np.arange(rows), y] += 1.6
        weights = np.exp(raw)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    names = ["on time", "late", "very late", "cancelled"]
    found = [metric("accuracy", 0.812, 0.803, 0.006), metric("macro_f1", 0.71, 0.70, 0.01), metric("log_loss", 0.52, 0.54, 0.007, False)]  # fmt: skip
    review = flights(task="multiclass", metric="accuracy", outcome=Outcome.better, metrics=found, threshold=None)
    return review, Curves(y, scores(1.0), scores(1.1), names)


def regression(rows: int = 27_010) -> tuple[Review, Curves]:
    draw = np.random.default_rng(2)
    y = draw.gamma(2.0, 18.0, rows) - 20
    found = [metric("rmse", 21.32, 21.71, 0.22, False), metric("mae", 14.02, 14.10, 0.15, False), metric("r2", 0.312, 0.298, 0.012), metric("bias", -0.41, 0.22, 0.3, False)]  # fmt: skip
    review = flights(task="regression", metric="rmse", outcome=Outcome.better, metrics=found, threshold=None)
    return review, Curves(y, 0.55 * y + 7 + draw.normal(0, 13, rows), 0.5 * y + 8 + draw.normal(0, 14, rows))

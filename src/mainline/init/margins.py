"""The thresholds that only models can tell: margins from pairs of equal models, floors from what they reach."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.config.schema import Settings
from mainline.data.sources.duckdb_scan import parquet_file
from mainline.errors import DataError
from mainline.evaluation import bootstrap, equal_models
from mainline.evaluation.equal_models import MODELS, WINDOWS, Margin
from mainline.evaluation.metrics import title_of
from mainline.init.proposal import Finding
from mainline.training import pipeline, sample

if TYPE_CHECKING:
    from collections.abc import Iterator

FEWEST_MODELS = 3
BUDGET = 25.0  # seconds of fits: the first verdict is to stand within a minute and a half
TRIED_ROWS = (5_000, 50_000)  # of fits whose time says how long the others will take
FLOORS = {"regression": "r2", "multiclass": "accuracy"}  # absolute by nature; a binary model has its lead
COARSE = {"roc_auc": 0.05, "average_precision": 0.1, "accuracy": 0.05, "brier": 0.03}  # larger margins tell little
SHARE = 0.1  # of the metric itself, where its scale is the label's


@dataclass(frozen=True)
class Measured:
    """What equal models said: margins and floors to write, and what a person must know of them."""

    margins: tuple[Margin, ...] = ()
    floors: tuple[tuple[str, float, str], ...] = ()  # metric, least value, the reason
    findings: tuple[Finding, ...] = ()
    fitted_on: int | None = None  # training rows of each model, where they are a sample of all


def measure(
    settings: Settings, frame: Path, *, budget: float = BUDGET, tell: Callable[[str], None] = lambda text: None
) -> Measured:
    """The margins of `gates.margins` and a floor, from as many equal models as `budget` seconds allow.

    At least three models on one holdout; at most six, on three holdouts. Where three fits take too long, the models are
    fitted on a sample of the training rows: they differ more than models of all rows, so the margin is not too small.
    """
    names = list(settings.gates.margins)
    floor = FLOORS.get(settings.task)
    asked = list(dict.fromkeys([*names, *([floor] if floor else [])]))
    models, rows = affordable(settings, frame, budget)
    settings = with_rows(settings, rows)
    needed: dict[str, list[float]] = {name: [] for name in names}
    first = None
    started = time.perf_counter()
    for done, moved in enumerate(equal_models.holdouts(settings, WINDOWS)):
        spent = time.perf_counter() - started
        if done and spent + spent / done > budget:
            break
        try:
            found = equal_models.equal_models(moved, frame, asked, models, tell)
        except DataError as error:
            if done == 0:
                return Measured(findings=(too_small(settings, str(error)),))
            continue
        first = first or found
        for name, values in equal_models.pairs(moved, names, found).items():
            needed[name] += values
    assert first is not None
    margins, findings = [], []
    for name, values in needed.items():
        try:
            margins.append(equal_models.margin_of(name, values))
        except DataError as error:
            findings.append(Finding("risk", None, str(error)))
    findings += list(coarse(settings, margins, first))
    floors = [one for one in [floor_of(settings, floor, first)] if one] if floor else []
    return Measured(tuple(margins), tuple(floors), tuple(findings), rows)


def affordable(settings: Settings, frame: Path, budget: float) -> tuple[int, int | None]:
    """How many models can be trained on one holdout, and on how many rows: None for all.

    Judged by fits on few rows, which cost more for each row than large ones do.
    """
    every = labelled_rows(settings, frame)
    each = 0.0  # seconds of a fit on all rows
    for few in TRIED_ROWS:
        if every <= few:
            break
        started = time.perf_counter()
        try:
            pipeline.fit_rows(settings, pipeline.training_rows(with_rows(settings, few), frame))
        except DataError:
            return MODELS, None
        each = (time.perf_counter() - started) * every / few
        if each * MODELS <= budget:
            break
    if each * FEWEST_MODELS <= budget or every <= TRIED_ROWS[-1]:
        return max(FEWEST_MODELS, min(MODELS, int(budget / max(each, 1e-3)))), None
    rows = every * budget / (2 * MODELS * each)  # two holdouts
    return MODELS, max(TRIED_ROWS[-1], math.floor(rows / 10_000) * 10_000)


def labelled_rows(settings: Settings, frame: Path) -> int:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        where = sample.labelled(settings)
        found = connection.execute(f"SELECT count(*) FROM {parquet_file(frame)} WHERE {where}").fetchone()
    return int(found[0]) if found else 0


def with_rows(settings: Settings, rows: int | None) -> Settings:
    """The settings with fits on so many rows; as they are, where `rows` is None."""
    if rows is None:
        return settings
    return settings.model_copy(update={"train": settings.train.model_copy(update={"rows": rows})})


def too_small(settings: Settings, why: str) -> Finding:
    """That nothing can be told, with how many rows it would take."""
    share = settings.split.holdout if isinstance(settings.split.holdout, float) else None
    rows = math.ceil(max(settings.compare.min_rows, bootstrap.LEAST_BLOCKS) / share) if share else None
    more = f": it takes about {rows:,} rows" if rows else ": a longer history, or a longer holdout"
    return Finding("risk", None, f"This table is too small to tell one model from another ({why}){more}.")


def coarse(settings: Settings, margins: Sequence[Margin], first: equal_models.Equal) -> Iterator[Finding]:
    """Margins that let large losses pass, and how many rows would make them fine."""
    for one in margins:
        if one.metric != settings.compare.metric:
            continue
        level = abs(float(first.models[0][one.metric][0]))
        fine = COARSE.get(one.metric, SHARE * level)
        if fine and one.margin > fine:
            times = (one.margin / fine) ** 2  # the spread falls with the root of the rows
            text = (
                f"{title_of(one.metric)}: with {first.rows:,} holdout rows a loss below {one.margin:g} cannot be "
                f"told from chance; to see one of {fine:.2g} takes about {math.ceil(first.rows * times):,}"
            )
            yield Finding("risk", None, text)


def floor_of(settings: Settings, name: str, first: equal_models.Equal) -> tuple[str, float, str] | None:
    """Well below what the models reach: under it something is broken."""
    lows = [bootstrap.interval(one[name], settings.compare.confidence, first.blocks).low for one in first.models]
    known = [low for low in lows if low is not None]
    if not known or min(known) <= 0:
        return None
    reached = sorted(float(one[name][0]) for one in first.models)
    value = math.floor((min(known) - (reached[-1] - min(known)) / 2) * 100) / 100
    return (
        (name, value, f"equal models reach {reached[0]:.3f} to {reached[-1]:.3f}; below this something is broken")
        if value > 0
        else None
    )

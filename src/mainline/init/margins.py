"""The thresholds that only models can tell: margins from pairs of equal models, floors from what they reach."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.config.schema import Settings
from mainline.errors import DataError
from mainline.evaluation import bootstrap, equal_models
from mainline.evaluation.equal_models import MODELS, WINDOWS, Margin
from mainline.evaluation.metrics import title_of
from mainline.init.proposal import Finding
from mainline.training import pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

FEWEST_MODELS = 3
BUDGET = 25.0  # seconds of fits: the first verdict is to stand within a minute and a half
TRIED_ROWS = 5_000  # of a fit whose time says how long the others will take
FLOORS = {"regression": "r2", "multiclass": "accuracy"}  # absolute by nature; a binary model has its lead
COARSE = {"roc_auc": 0.05, "average_precision": 0.1, "accuracy": 0.05, "brier": 0.03}  # larger margins tell little
SHARE = 0.1  # of the metric itself, where its scale is the label's


@dataclass(frozen=True)
class Measured:
    """What equal models said: margins and floors to write, and what a person must know of them."""

    margins: tuple[Margin, ...] = ()
    floors: tuple[tuple[str, float, str], ...] = ()  # metric, least value, the reason
    findings: tuple[Finding, ...] = ()


def measure(
    settings: Settings, frame: Path, *, budget: float = BUDGET, tell: Callable[[str], None] = lambda text: None
) -> Measured:
    """The margins of `gates.margins` and a floor, from as many equal models as `budget` seconds allow.

    At least three models on one holdout; at most six, on three holdouts.
    """
    names = list(settings.gates.margins)
    floor = FLOORS.get(settings.task)
    asked = list(dict.fromkeys([*names, *([floor] if floor else [])]))
    models = affordable(settings, frame, budget)
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
    return Measured(tuple(margins), tuple(floors), tuple(findings))


def affordable(settings: Settings, frame: Path, budget: float) -> int:
    """How many models can be trained on one holdout, judged by a fit on the first rows."""
    by = settings.compare.blocks
    rows = pipeline.training_rows(settings, frame, *([by] if by else []))
    few = rows.iloc[:: max(1, len(rows) // TRIED_ROWS)].reset_index(drop=True)
    if len(few) == len(rows):
        return MODELS
    started = time.perf_counter()
    try:
        pipeline.fit_rows(settings, few)
    except DataError:
        return MODELS
    each = (time.perf_counter() - started) * len(rows) / len(few)
    return max(FEWEST_MODELS, min(MODELS, int(budget / max(each, 1e-3))))


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

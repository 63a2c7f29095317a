"""How far two equally good models differ, and the margin that most pairs of them hold.

Equal models are trained with the same settings and other seeds, each on its own nine tenths of the training blocks: as
two changes of a project are, which share most of their data. Every pair is compared as a candidate with its baseline:
on the same holdout rows, by the paired bootstrap. A margin is large enough where it passes 95 % of these pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings, Span
from mainline.data.blocks import codes
from mainline.data.split import quoted, sides
from mainline.errors import DataError
from mainline.evaluation import bootstrap, metrics
from mainline.evaluation.results import Metric, better
from mainline.training import estimators, pipeline

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

PASSING = 0.95  # of the pairs of equal models
MODELS, WINDOWS = 6, 3
SHARE = 0.9  # of the training blocks: bootstrapped blocks would differ far more than two changes of a project do
DRAWS = 20  # of a resample that has every class


@dataclass(frozen=True)
class Margin:
    """The margin of one metric, rounded up to two digits."""

    metric: str
    margin: float
    passed: int  # pairs of equal models, each in both directions, that this margin lets pass
    pairs: int

    def __str__(self) -> str:
        return f"{self.passed} of {self.pairs} pairs of equal models pass"


def measure(
    settings: Settings,
    frame: Path,
    names: list[str],
    *,
    models: int = MODELS,
    windows: int = WINDOWS,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Margin]:
    """The margin of each metric of `names`, from `models` equal models on each of the last `windows` holdouts.

    Raises
    ------
    DataError
        Where no holdout has enough labelled rows and blocks to compare on.
    """
    needed: dict[str, list[float]] = {name: [] for name in names}
    skipped = []
    for moved in holdouts(settings, windows):
        why = None
        try:
            for name, values in pairs_of(moved, frame, names, models, tell).items():
                needed[name] += values
        except DataError as error:
            why = f"data.until {moved.data.until}: {error}"
        if why:
            skipped.append(why)
            tell(why)
    lacking = [name for name, values in needed.items() if not values]
    if lacking:
        raise DataError(f"no margin can be measured for {', '.join(lacking)}: " + "; ".join(skipped))
    return [margin_of(name, values) for name, values in needed.items()]


def holdouts(settings: Settings, windows: int) -> Iterator[Settings]:
    """The settings with the data cutoff moved back by one holdout at a time; once where the split is by hash."""
    yield settings
    length = settings.split.holdout
    until = settings.data.cutoff
    for _ in range(windows - 1 if isinstance(length, Span) else 0):
        assert isinstance(length, Span)
        until = length.before(until)
        yield settings.model_copy(update={"data": settings.data.model_copy(update={"until": until.date()})})


def pairs_of(
    settings: Settings, frame: Path, names: list[str], models: int, tell: Callable[[str], None]
) -> dict[str, list[float]]:
    """For each metric, the margin that each pair of models would need, in both directions."""
    return pairs(settings, names, equal_models(settings, frame, names, models, tell))


def pairs(settings: Settings, names: list[str], found: Equal) -> dict[str, list[float]]:
    return {
        name: [
            needs(settings, name, one[name] - other[name], found.blocks) for one, other in permutations(found.models, 2)
        ]
        for name in names
    }


@dataclass(frozen=True)
class Equal:
    """The metrics of equal models on one holdout: of each model by name, the value and its resamples."""

    models: list[dict[str, NDArray[Any]]]
    rows: int
    blocks: int


def equal_models(settings: Settings, frame: Path, names: list[str], models: int, tell: Callable[[str], None]) -> Equal:
    """Train the models, and measure each on the holdout.

    Raises
    ------
    DataError
        Where the holdout has too few labelled rows or blocks to compare on.
    """
    import numpy as np

    by = settings.compare.blocks
    more = [by] if by else []
    train = pipeline.training_rows(settings, frame, *more)
    rows = holdout(settings, frame, *more)
    if len(rows) < settings.compare.min_rows:
        raise DataError(f"{len(rows):,} labelled holdout rows, compare.min_rows requires {settings.compare.min_rows:,}")
    blocks = codes(rows[by].astype(str).to_numpy()) if by else np.arange(len(rows))
    weights = bootstrap.draw(int(blocks.max()) + 1, settings.compare.resamples, settings.compare.seed)
    few = bootstrap.too_few(weights.shape[1], by)
    if few:
        raise DataError(few)
    found = []
    for model in range(models):
        tell(f"data.until {settings.data.until}: model {model + 1} of {models}")
        fitted = pipeline.fit_rows(with_seed(settings, model + 1), sampled(settings, train, model + 1))
        y, _ = pipeline.encode(settings.task, rows[settings.prepare.label], known=fitted.classes)
        score = pipeline.predict(settings, fitted.pipeline, rows)
        threshold = settings.evaluate.threshold
        found.append(metrics.measure(settings.task, y, score, blocks, weights, threshold=threshold, only=names))
    return Equal(found, len(rows), weights.shape[1])


def holdout(settings: Settings, frame: Path, *more: str) -> pd.DataFrame:
    """The labelled holdout rows; the frame may hold later ones where the cutoff was moved back."""
    side, time = sides(settings), settings.prepare.time
    before = f" AND {quoted(time)} < TIMESTAMPTZ '{side.end.isoformat()}'" if side.end and time else ""
    labelled = f"{quoted(settings.prepare.label)} IS NOT NULL"
    return pipeline.read_rows(settings, frame, f"({side.holdout}){before} AND {labelled}", *more)


def sampled(settings: Settings, rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Nine tenths of the blocks of the training rows, at random; of single rows where there are no blocks."""
    import numpy as np

    by, label = settings.compare.blocks, settings.prepare.label
    block = codes(rows[by].astype(str).to_numpy()) if by else np.arange(len(rows))
    if block.max() == 0:
        block = np.arange(len(rows))
    order = np.argsort(block, kind="stable")
    ends = np.append(0, np.cumsum(np.bincount(block)))
    random = np.random.default_rng(seed)
    for _ in range(DRAWS):
        drawn = random.permutation(len(ends) - 1)[: math.ceil(SHARE * (len(ends) - 1))]
        chosen = rows.iloc[np.concatenate([order[ends[one] : ends[one + 1]] for one in np.sort(drawn)])]
        if settings.task == "regression" or chosen[label].nunique() == rows[label].nunique():
            return chosen.reset_index(drop=True)
    raise DataError(f"{label} has a class that is too rare: resamples of the training rows lack it")


def with_seed(settings: Settings, seed: int) -> Settings:
    """The settings with another seed, of the estimator and of the libraries."""
    train = settings.train
    name = estimators.seed_name(estimators.estimator_class(train.estimator), train)
    params: dict[str, Any] = {**train.params, name: seed} if name else train.params
    return settings.model_copy(update={"train": train.model_copy(update={"params": params, "seed": seed})})


def needs(settings: Settings, name: str, difference: NDArray[Any], n_blocks: int) -> float:
    """The margin that this pair needs; infinity where its difference has no interval."""
    found = bootstrap.interval(difference, settings.compare.confidence, n_blocks)
    low = better(Metric(name, metrics.greater_is_better(name), found), found).low
    return math.inf if low is None else -low


def margin_of(name: str, needed: list[float]) -> Margin:
    """The smallest margin that passes 95 % of the pairs."""
    ordered = sorted(needed)
    bound = ordered[math.ceil(PASSING * len(ordered)) - 1]
    if not math.isfinite(bound):
        raise DataError(f"no margin can be measured for {name}: the differences of equal models have no interval")
    margin = rounded_up(max(bound, 0.0))
    return Margin(name, margin, sum(value < margin for value in needed), len(needed))


def rounded_up(value: float) -> float:
    """Up to two significant digits, and above the value itself: a margin must be more than the bound."""
    if value <= 0:
        return 1e-6
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return round((math.floor(value / step) + 1) * step, 12)

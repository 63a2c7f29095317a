"""How much of a difference is luck: the same training with other seeds, measured on the same rows.

The models of `compare.seeds` seeds are scored once and kept by fingerprint. For each metric, their standard deviation
enters the interval of the difference, for the candidate and for the baseline alike: both were one draw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.split import ROW_ID, sides
from mainline.errors import DataError
from mainline.evaluation import evaluate, formatting
from mainline.evaluation.equal_models import with_seed
from mainline.evaluation.evaluate import Labelled
from mainline.evaluation.results import Interval, Metric
from mainline.runtime.atomic_files import replacing
from mainline.training import parts, tree_counts
from mainline.training.record import Holdout, Record, align
from mainline.training.train import fit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mainline.evaluation.bootstrap import Counts

KEPT = 10  # files of scores: one of the example has 1 MB


@dataclass(frozen=True)
class Spread:
    """The standard deviation of each metric over so many seeds."""

    seeds: int
    deviation: dict[str, float]

    def reach(self, metric: str, confidence: float) -> float:
        """How far luck alone moves the difference of two models, at this confidence.

        Student's quantile, since the deviation comes from few seeds; times the root of two, since both models were a
        draw.
        """
        from scipy.special import stdtrit

        quantile = float(stdtrit(self.seeds - 1, (1 + confidence) / 2))
        return quantile * math.sqrt(2) * self.deviation.get(metric, 0.0)


def measure(
    settings: Settings, state: Path, frame: Path, record: Record, rows: Labelled, weights: Counts
) -> Spread | None:
    """The spread on these rows; None where `compare.seeds` does not ask for it."""
    import numpy as np

    count = settings.compare.seeds
    if not count:
        return None
    place = align(rows.rows[ROW_ID].to_numpy(), record.holdout)
    found: dict[str, list[float]] = {}
    for score in scores(settings, state / "seeds", frame, record):
        measured = evaluate.measure(settings, rows, score[place], weights[:1])
        for name, values in measured.items():
            found.setdefault(name, []).append(float(values[0]))
    return Spread(count, {name: float(np.std(values, ddof=1)) for name, values in found.items()})


def scores(settings: Settings, folder: Path, frame: Path, record: Record) -> list[NDArray[np.float64]]:
    """Each seed's scores of the holdout, in the order of the record's; trained here unless they are kept."""
    import numpy as np

    file = folder / f"{record.fingerprint}.npz"
    kept: list[NDArray[np.float64]] = []
    if file.exists():
        with np.load(file, allow_pickle=False) as stored:
            kept = [stored[name] for name in sorted(stored.files)]
    count = settings.compare.seeds
    if len(kept) >= count:
        return kept[:count]
    used = next((trial for trial in record.facts.sizes[:-1] if trial.used), None)  # the last is the whole model
    as_trained = tree_counts.with_trees(settings, used.trees) if used and used.trees else settings
    for number in range(len(kept), count):
        fitted = fit(with_seed(as_trained, settings.train.seed + 1 + number), frame)
        ids, score = parts.scored(settings, fitted.pipeline, frame, sides(settings).holdout)
        place = align(record.holdout.row_id, Holdout(ids, np.empty(0), np.empty(0)))
        if (place < 0).any():
            raise DataError("compare.seeds: the holdout is not that of the record: run `make clean`, then run again")
        kept.append(score[place])
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(file) as part, part.open("wb") as out:
        arrays: dict[str, Any] = {f"{number:03}": score for number, score in enumerate(kept)}
        np.savez(out, allow_pickle=False, **arrays)
    for old in sorted(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)
    return kept


def widened(found: Sequence[Metric], spread: Spread | None, confidence: float) -> list[Metric]:
    """The metrics with the luck of the seeds in the intervals of their differences."""
    if spread is None:
        return list(found)
    return [
        replace(metric, delta=wider(metric.delta, spread.reach(metric.name, confidence))) if metric.delta else metric
        for metric in found
    ]


def wider(delta: Interval, reach: float) -> Interval:
    """Resampling and seeds are independent: their half widths add up as the legs of a triangle."""
    if delta.low is None or delta.high is None:
        return delta
    low, high = (math.hypot(bound - delta.value, reach) for bound in (delta.low, delta.high))
    return Interval(delta.value, delta.value - low, delta.value + high)


def note(settings: Settings, spread: Spread | None, found: Sequence[Metric]) -> list[str]:
    """How much of the headline's difference is luck."""
    name = settings.compare.metric
    metric = next((each for each in found if each.name == name), None)
    if spread is None or metric is None:
        return []
    deviation = spread.deviation.get(name, 0.0)
    if deviation == 0:
        return [f"seeds: {spread.seeds} other seeds give the same {name}: none of the difference is luck"]
    said = f"seeds: over {spread.seeds} other seeds {name} has a standard deviation of {formatting.score(deviation)}"
    if metric.delta is None:
        return [said]
    reach = spread.reach(name, settings.compare.confidence)
    luck = "luck alone explains it" if abs(metric.delta.value) <= reach else "it is more than luck"
    return [
        f"{said}. Of the difference of {metric.delta.value:+.4f}, up to {reach:.4f} can be luck "
        f"({settings.compare.confidence:.0%}): {luck}. The intervals of all differences include it"
    ]

"""How far two trials differ on the inner folds: the paired bootstrap over blocks, as the review compares models."""

from __future__ import annotations

from pathlib import Path

from mainline.config.schema import Settings
from mainline.errors import ExternalError
from mainline.evaluation import bootstrap, metrics
from mainline.evaluation.results import Interval, Metric, better
from mainline.search.fold_score import blocks_of, scores_file
from mainline.search.folds import Folds
from mainline.training import pipeline


def difference(settings: Settings, made: Folds, folder: Path, trial: int, other: int) -> Interval:
    """The mean over the folds of the metric of `trial` minus that of `other`, positive where it is better.

    The blocks of each fold are drawn for themselves.
    """
    import numpy as np

    assert settings.search
    name, blocks = settings.compare.metric, 0
    total = np.zeros(1 + settings.compare.resamples)
    for fold in range(settings.search.folds):
        train, rows = made.parts(fold)
        _, classes = pipeline.encode(settings.task, train[settings.prepare.label], known=None)
        y, _ = pipeline.encode(settings.task, rows[settings.prepare.label], known=classes)
        place = blocks_of(settings, rows)
        counts = bootstrap.draw(int(place.max()) + 1, settings.compare.resamples, settings.compare.seed + fold)
        blocks += counts.shape[1]
        both = []
        for one in (trial, other):
            file = scores_file(folder, one, fold)
            try:
                scores = np.load(file, allow_pickle=False)
            except (OSError, ValueError, EOFError) as error:
                raise ExternalError(
                    f"{file} cannot be read ({error}): delete {folder.parent} and search again"
                ) from None
            measured = metrics.measure(
                settings.task, y, scores, place, counts, threshold=settings.evaluate.threshold, only=[name]
            )
            both.append(measured[name])
        total += (both[0] - both[1]) / settings.search.folds
    found = bootstrap.interval(total, settings.compare.confidence, blocks)
    return better(Metric(name, metrics.greater_is_better(name), found), found)


def is_better(found: Interval) -> bool:
    """Whether chance alone does not explain it; what cannot be measured is not better."""
    return found.low is not None and found.low > 0

"""Early stopping: the number of rounds that is best on a slice of the training rows, never on the holdout.

The slice is the last part of the training period, or by a hash of the key or the group where the split is by one. The
model is then fitted again, with this number of rounds, on all training rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings, Span
from mainline.data.split import before_sql, place_sql, sides
from mainline.errors import ConfigurationError, DataError
from mainline.training import seeds
from mainline.training.frameworks.adapter import Adapter, Data, Params

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

MARK = "mainline_stopping_slice"  # the column that says whether a training row is in the slice


def slice_sql(settings: Settings) -> str:
    """SQL of a training row that says whether it is in the slice."""
    asked = settings.train.early_stopping
    assert asked
    if isinstance(asked.slice, Span):
        start = sides(settings).start
        assert start
        return f"NOT ({before_sql(settings, asked.slice.before(start))})"
    held = settings.split.holdout
    assert isinstance(held, float)  # the settings refuse another slice than the split's
    # Training rows lie above the holdout's share: the slice is the next one.
    return f"{place_sql(settings.split.group)} < {int((held + (1 - held) * asked.slice) * 2**64)}::UBIGINT"


def best_rounds(
    settings: Settings,
    pipeline: Pipeline,
    adapter: Adapter | None,
    features: pd.DataFrame,
    target: Any,
    mark: Any,
    more: Params,
) -> int:
    """The number of rounds that is best on the slice.

    Parameters
    ----------
    pipeline
        Unfitted; it is fitted on the other training rows, and of no use afterwards.
    mark
        (rows,) true for the rows of the slice.
    more
        Further parameters of `fit`.

    Raises
    ------
    ConfigurationError
        Where the estimator has no early stopping that takes rows from outside.
    DataError
        Where the slice, or what is left without it, cannot be trained with.
    """
    asked = settings.train.early_stopping
    assert asked
    if adapter is None or adapter.stop is None:
        raise ConfigurationError(
            f"params.yaml: train.early_stopping: {settings.train.estimator} takes no rows to stop at: LightGBM, "
            "XGBoost, CatBoost and networks do"
        )
    stop = mark.to_numpy(dtype=bool)
    check(settings, target, stop)
    seeds.settle(settings.train.seed)
    columns, estimator = pipeline.named_steps["columns"], pipeline.named_steps["estimator"]
    fit_x = columns.fit_transform(features[~stop], target[~stop])
    data = Data(fit_x, target[~stop], columns.transform(features[stop]), target[stop])
    return max(1, adapter.stop(estimator, data, asked.rounds, more))


def check(settings: Settings, target: NDArray[Any], stop: NDArray[np.bool_]) -> None:
    import numpy as np

    asked = settings.train.early_stopping
    assert asked
    where = f"params.yaml: train.early_stopping.slice: {asked.slice}"
    if not stop.any() or stop.all():
        side = "no training row lies in it" if not stop.any() else "every training row lies in it"
        raise DataError(f"{where}: {side}")
    if settings.task == "regression":
        return
    inside, outside = np.unique(target[stop]), np.unique(target[~stop])
    if len(outside) < 2 or len(inside) < 2 or not np.isin(inside, outside).all():
        raise DataError(
            f"{where}: it has {len(inside)} classes of the label and the rest of the training rows {len(outside)}: "
            "both need two or more, and the slice none that the rest lacks"
        )

"""The predictions of the window compared with those of the holdout, which is not training data either."""

from __future__ import annotations

from typing import Any

import numpy as np

from mainline.config.schema import Settings
from mainline.monitoring.window import Window
from mainline.training import bin_counts, drift
from mainline.training.feature_drift import FeatureDrift
from mainline.training.feature_profile import deciles
from mainline.training.record import Record
from mainline.training.reference_profile import SPANS


def measure(window: Window, record: Record, settings: Settings, day: str) -> FeatureDrift | None:
    """The drift of the score, of the value, or (with more than two classes) of the predicted class.

    One holdout has too few periods for a seasonal threshold: `monitor.prediction_psi` is the floor. None if the
    holdout is empty.
    """
    score = record.holdout.score
    if not len(score):
        return None
    was: dict[str, Any] = {"psi": dict.fromkeys(SPANS), "missing": dict.fromkeys(SPANS)}
    if score.ndim == 1:
        ends = deciles(score.astype(np.float32).astype(np.float64))
        value = f"(SELECT _time, _prediction[{2 if record.facts.task == 'binary' else 1}] AS prediction FROM log)"
        now = bin_counts.numeric(window.connection, value, day, {"prediction": ends})["prediction"]
        binned = np.bincount(1 + np.searchsorted(ends, score.astype(np.float32)), minlength=len(ends) + 2)
        was |= {"edges": ends, "counts": binned.tolist()}
    else:
        values = [str(n) for n in range(score.shape[1])]
        chosen = "(list_position(_prediction, list_max(_prediction)) - 1)::VARCHAR"
        value = f"(SELECT _time, {chosen} AS prediction FROM log)"
        now = bin_counts.categorical(window.connection, value, day, "prediction", values)
        binned = np.bincount(1 + score.argmax(axis=1), minlength=len(values) + 2)
        was |= {"values": values, "counts": binned.tolist()}
    rules = settings.monitor.model_copy(update={"psi_floor": settings.monitor.prediction_psi})
    return drift.compare("prediction", was, now, settings.monitor.false_alarms, rules)

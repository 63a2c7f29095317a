"""What the gates allow of any model, as constraints of the search: training time, size, and the time of an answer."""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.packaging import onnx
from mainline.packaging.agreement import matrices
from mainline.serving import scorer
from mainline.serving.signature import FORMAT, Agreement, Column, Signature
from mainline.training import pipeline

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

ANSWERS = 300  # single rows whose answers are timed


@dataclass(frozen=True)
class Limit:
    """A gate that bounds a number of the model itself; `most` is its threshold."""

    gate: str
    most: float
    unit: str

    def says(self, measured: float) -> str:
        return f"{self.gate}: {measured:.3g} {self.unit}, at most {self.most:g} {self.unit}"


def limits(settings: Settings) -> list[Limit]:
    """The limits that `params.yaml` sets."""
    named = (
        ("gates.train_seconds", settings.gates.train_seconds, "s"),
        ("gates.model_megabytes", settings.gates.model_megabytes, "MB"),
        ("stage.p99_milliseconds", settings.stage.p99_milliseconds, "ms"),
    )
    return [Limit(gate, most, unit) for gate, most, unit in named if most is not None]


def measure(settings: Settings, fitted: pipeline.Fitted, rows: pd.DataFrame, seconds: float) -> dict[str, float]:
    """The number of each limit, by its gate, of a model of a fold; `seconds` is the time to train on all rows.

    Of the answers' time, what the exported model needs alone: a container takes longer, so one that fails here fails
    there too.
    """
    found: dict[str, float] = {}
    for limit in limits(settings):
        if limit.gate == "gates.train_seconds":
            found[limit.gate] = seconds
        elif limit.gate == "gates.model_megabytes":
            found[limit.gate] = len(fitted.pickled) / 1e6
        else:
            found[limit.gate] = answer_milliseconds(settings, fitted, rows)
    return found


def answer_milliseconds(settings: Settings, fitted: pipeline.Fitted, rows: pd.DataFrame) -> float:
    """The 99th percentile of the time for one row, of the ONNX graph; of the pipeline where it has none."""
    import numpy as np

    signature = draft(settings, fitted)
    answer = scorer_of(fitted.pipeline, signature)
    some = rows.iloc[:: max(1, len(rows) // ANSWERS)].iloc[:ANSWERS]
    categorical, numeric = matrices(signature, some)
    taken = []
    for one in range(len(some)):
        started = time.perf_counter()
        answer(categorical[one : one + 1], numeric[one : one + 1])
        taken.append(1000 * (time.perf_counter() - started))
    return float(np.quantile(taken, 0.99))


def scorer_of(fitted: Pipeline, signature: Signature) -> scorer.Scorer:
    """The exported model; where it cannot be converted, the pipeline, as it is then served."""
    try:
        return scorer.Onnx(onnx.EXPORTERS[onnx.exporter_of(fitted)].convert(fitted, signature), signature)
    except Exception:  # after any error of a converter the pipeline is served

        class Served(scorer.Fitted):
            def __init__(self) -> None:
                self.pipeline, self.signature = pickle.loads(pickle.dumps(fitted)), signature

        return Served()


def draft(settings: Settings, fitted: pipeline.Fitted) -> Signature:
    """As much of an export's description as a conversion needs."""
    features = settings.prepare.features
    columns = [Column(name, "categorical", True) for name in features.categorical]
    columns += [Column(name, "numeric", True) for name in features.numeric]
    nothing: dict[str, Any] = dict.fromkeys(
        ("name", "version", "digest", "pipeline_digest", "data_digest", "fingerprint", "trained"), ""
    )
    return Signature(
        format=FORMAT,
        task=settings.task,
        classes=fitted.classes,
        threshold=None,
        columns=columns,
        engine="onnx",
        file="",
        commit=None,
        agreement=Agreement(0, 0.0),
        example=[],
        answers=[],
        **nothing,
    )

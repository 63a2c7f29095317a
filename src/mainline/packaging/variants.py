"""Variants of an exported graph, such as one with 8-bit weights: measured on every holdout row, used or refused."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.split import ROW_ID
from mainline.evaluation import evaluate, formatting
from mainline.evaluation.evaluate import Labelled
from mainline.evaluation.results import Metric, better
from mainline.packaging import agreement
from mainline.packaging.quantise import VARIANTS
from mainline.serving.scorer import Onnx
from mainline.serving.signature import Signature
from mainline.training.record import Record, align

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

PLAIN = "32-bit"
TIMED = 500  # rows that are asked one by one for the latency


@dataclass(frozen=True)
class Variant:
    """A graph and what was measured with it. `refused` says why it may not be used; None where it may."""

    name: str
    model: bytes
    rows: int  # of the holdout, each asked among all others and alone
    largest: float  # difference from the fitted pipeline: of probabilities, of values relative to the largest one
    alone: float  # between a row's answer alone and among the others
    metrics: list[Metric]  # on the labelled rows; the baseline is the fitted pipeline
    microseconds: float  # a single row, the median
    refused: str | None = None


def measured(
    settings: Settings, signature: Signature, record: Record, rows: pd.DataFrame, name: str, model: bytes
) -> Variant:
    """A variant's answers for `rows`, which are those of the record's holdout, next to the recorded ones."""
    import numpy as np

    recorded = agreement.recorded_answers(record, rows)
    asked = agreement.matrices(signature, rows)
    scorer = Onnx(model, signature)
    together = one_column(signature, scorer(*asked))
    seconds, parts = [], []
    for row in range(len(rows)):
        begun = time.perf_counter()
        parts.append(scorer(asked[0][row : row + 1], asked[1][row : row + 1]))
        seconds.append(time.perf_counter() - begun)
    each = one_column(signature, np.concatenate(parts))
    scale = max(1.0, float(np.abs(recorded).max())) if settings.task == "regression" else 1.0
    largest = max(float(np.abs(answers - recorded).max()) / scale for answers in (together, each))
    alone = float(np.abs(each - together).max()) / scale
    found = losses(settings, record, rows, together)
    variant = Variant(name, model, len(rows), largest, alone, found, float(np.median(seconds[:TIMED])) * 1e6)
    return Variant(**{**vars(variant), "refused": None if name == PLAIN else why_refused(settings, variant)})


def one_column(signature: Signature, answers: NDArray[Any]) -> NDArray[np.float64]:
    import numpy as np

    found = np.asarray(answers, dtype=np.float64)
    return found[:, 1] if signature.task == "binary" else found


def losses(settings: Settings, record: Record, rows: pd.DataFrame, answers: NDArray[np.float64]) -> list[Metric]:
    """The headline metric and those with a margin, of the answers and of the fitted pipeline on the labelled rows."""
    import numpy as np

    holdout = record.holdout
    place = align(rows[ROW_ID].to_numpy(), holdout)
    y, recorded = holdout.y[place], holdout.score[place]
    known = ~np.isnan(y)
    if not known.any():
        return []
    block = np.arange(len(y)) if holdout.block is None else holdout.block[place]
    _, blocks = np.unique(block[known], return_inverse=True)
    target = y[known] if settings.task == "regression" else y[known].astype(np.int64)
    labelled = Labelled(target, answers[known], recorded[known], blocks, rows[known], record.facts.classes)
    names = list(dict.fromkeys([settings.compare.metric, *settings.gates.margins]))
    return evaluate.paired(settings, labelled, evaluate.draw(settings, blocks), only=names)


def why_refused(settings: Settings, variant: Variant) -> str | None:
    """None where it answers each row in one way, near the fitted pipeline, and within the non-inferiority margins."""
    if not variant.alone <= agreement.TOLERANCE:
        return f"it answers a row alone otherwise than among others, by up to {variant.alone:.2g}"
    if not variant.largest <= settings.export.tolerance:
        return f"it differs by up to {variant.largest:.2g}, export.tolerance is {settings.export.tolerance:g}"
    return beyond_a_margin(settings, variant.metrics)


def beyond_a_margin(settings: Settings, found: list[Metric]) -> str | None:
    """The first metric whose loss may be beyond its non-inferiority margin; None where there is none."""
    for name, margin in settings.gates.margins.items():
        metric = next((each for each in found if each.name == name), None)
        if metric is None or metric.delta is None or metric.delta.low is None:
            return f"the loss of {name} cannot be measured"
        low = better(metric, metric.delta).low
        if low is None or not low > -margin:
            return f"{name}: {formatting.difference(metric.delta)}, the margin is {formatting.score(margin)}"
    return None


def tried(
    settings: Settings, signature: Signature, record: Record, rows: pd.DataFrame, model: bytes
) -> tuple[list[Variant], list[str]]:
    """The graph as it is and each variant of it, and in words those that there are not."""
    made, missing = [measured(settings, signature, record, rows, PLAIN, model)], []
    for name, change in VARIANTS.items():
        changed = change(model)
        if changed is None:
            missing.append(f"{name}: the graph multiplies by no matrix of 32-bit floats, as that of trees")
        else:
            made.append(measured(settings, signature, record, rows, name, changed))
    return made, missing


def smallest(made: list[Variant]) -> Variant:
    """Of those that may be used, the one with the fewest bytes; the first of equals."""
    return min((variant for variant in made if variant.refused is None), key=lambda variant: len(variant.model))

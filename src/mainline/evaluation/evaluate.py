"""Metrics of a model on its holdout: overall, by slice, the disparity of slices, and a naive reference."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.sources.duckdb_scan import parquet_file, reading
from mainline.data.split import quoted, sides
from mainline.evaluation import bootstrap, metrics
from mainline.evaluation.results import Gap, Metric, Slice

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from mainline.evaluation.bootstrap import Counts


@dataclass(frozen=True)
class Labelled:
    """Labelled holdout rows, scored by the candidate and, where that was possible, by the baseline.

    `y` are class codes or values (n,); scores are (n,) or (n, classes); `blocks` are codes (n,);
    `rows` has a column for every slice.
    """

    y: NDArray[Any]
    candidate: NDArray[np.float64]
    baseline: NDArray[np.float64] | None
    blocks: NDArray[np.int64]
    rows: pd.DataFrame
    classes: list[Any]

    def subset(self, mask: NDArray[np.bool_]) -> Labelled:
        return Labelled(
            self.y[mask],
            self.candidate[mask],
            None if self.baseline is None else self.baseline[mask],
            self.blocks[mask],
            self.rows.loc[mask],
            self.classes,
        )


def draw(settings: Settings, blocks: NDArray[np.int64]) -> Counts:
    compare = settings.compare
    return bootstrap.draw(int(blocks.max()) + 1 if len(blocks) else 0, compare.resamples, compare.seed)


def paired(
    settings: Settings,
    labelled: Labelled,
    weights: Counts,
    confidence: float | None = None,
    only: list[str] | None = None,
) -> list[Metric]:
    """Every metric of both models on the same rows and the same resamples, with their difference."""
    import numpy as np

    confidence = confidence or settings.compare.confidence
    n_blocks = len(np.unique(labelled.blocks))
    # NumPy releases the interpreter lock; a metric of the project's own need not be made for two threads.
    with ThreadPoolExecutor(1 if metrics.added_titles(settings.task) else 2) as pool:
        scores = (labelled.candidate, labelled.baseline)
        candidate, baseline = pool.map(lambda score: measure(settings, labelled, score, weights, only), scores)
    found = []
    for name, values in candidate.items():
        other = baseline.get(name)
        found.append(
            Metric(
                name,
                metrics.greater_is_better(name),
                bootstrap.interval(values, confidence, n_blocks, level=True),
                None if other is None else bootstrap.interval(other, confidence, n_blocks, level=True),
                None if other is None else bootstrap.interval(values - other, confidence, n_blocks),
                metrics.is_directed(name),
            )
        )
    return found


def measure(
    settings: Settings,
    labelled: Labelled,
    score: NDArray[np.float64] | None,
    weights: Counts,
    only: list[str] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Every metric of one model by resample; none of a model that is not there."""
    if score is None:
        return {}
    return metrics.measure(
        settings.task,
        labelled.y,
        score,
        labelled.blocks,
        weights,
        threshold=settings.evaluate.threshold,
        only=only,
    )


def slices(settings: Settings, labelled: Labelled, weights: Counts) -> list[Slice]:
    """Both models on every slice that is large enough to be measured.

    The intervals hold jointly (Bonferroni): with k slices each has a confidence of 1 - (1 - c) / k.
    """
    wanted = list(dict.fromkeys([settings.compare.metric, *slice_metrics(settings)]))
    large = [
        (column, value, mask)
        for column in settings.evaluate.slices
        for value, mask in values_of(labelled.rows[column])
        if is_large(settings, labelled.y[mask])
    ]
    confidence = 1 - (1 - settings.compare.confidence) / max(len(large), 1)
    return [
        Slice(column, value, int(mask.sum()), paired(settings, labelled.subset(mask), weights, confidence, wanted))
        for column, value, mask in large
    ]


def slice_metrics(settings: Settings) -> list[str]:
    gates = settings.gates
    named = [gates.slices.metric] if gates.slices else []
    return (
        named + {"binary": ["recall", "precision"], "multiclass": ["accuracy"], "regression": ["bias"]}[settings.task]
    )


def values_of(column: pd.Series[Any]) -> list[tuple[str, NDArray[np.bool_]]]:
    text = column.astype(object).where(column.notna(), "(missing)").astype(str)
    return [(value, (text == value).to_numpy()) for value in sorted(text.unique())]


def is_large(settings: Settings, y: NDArray[Any]) -> bool:
    evaluate = settings.evaluate
    if len(y) < evaluate.min_rows:
        return False
    if settings.task != "binary":
        return True
    positives = int(y.sum())
    return min(positives, len(y) - positives) >= evaluate.min_positives


def gaps(settings: Settings, labelled: Labelled) -> list[Gap]:
    """Slice disparity: the largest difference between the slices of a column, by Fairlearn's MetricFrame.

    Slices are operational; they are protected groups only where the project lists such columns.
    """
    found = []
    for column in settings.evaluate.slices:
        keep = [m for _, m in values_of(labelled.rows[column]) if is_large(settings, labelled.y[m])]
        if len(keep) < 2:
            continue
        rows = labelled.subset(sum(keep[1:], keep[0]))
        sides = [score for score in (rows.candidate, rows.baseline) if score is not None]
        now, *before = by_group(settings, rows, column, sides)
        for metric in now.columns:
            values = now[metric].dropna().astype(float)
            if len(values) < 2:
                continue
            was = before[0][metric].dropna().astype(float) if before else None
            found.append(
                Gap(
                    column,
                    metric,
                    float(values.max() - values.min()),
                    float(was.max() - was.min()) if was is not None else None,
                    str(values.idxmin()),
                    str(values.idxmax()),
                )
            )
    return found


def by_group(
    settings: Settings, rows: Labelled, column: str, scores: Sequence[NDArray[np.float64]]
) -> list[pd.DataFrame]:
    """Fairlearn's metrics of every slice (index) of a column, for each model's scores.

    Equal rows of model, slice, label and decision are counted first and weighted, and both models are asked about at
    once: 0.05 s for a month of the example, where Fairlearn takes 1.3 s row by row.
    """
    import numpy as np
    import pandas as pd
    from fairlearn.metrics import MetricFrame, mean_prediction
    from sklearn.metrics import accuracy_score, confusion_matrix, mean_absolute_error

    functions: dict[str, Any]
    if settings.task == "binary":
        decided = [(score >= settings.evaluate.threshold).astype(int) for score in scores]
        functions = {"counts": partial(confusion_matrix, labels=[0, 1])}
    elif settings.task == "multiclass":
        decided = [np.argmax(score, axis=1) for score in scores]
        functions = {"accuracy": accuracy_score}
    else:
        decided = [score - rows.y for score in scores]  # the bias of a regression is the mean of its errors
        functions = {"bias": mean_prediction, "mae": mean_absolute_error}
    by = rows.rows[column].astype(object).where(rows.rows[column].notna(), "(missing)").astype(str).to_numpy()
    true = np.zeros(len(rows.y)) if settings.task == "regression" else rows.y
    # One column names model and slice: for a second one, Fairlearn computes differences that nobody asked for.
    each = [pd.DataFrame({"by": f"{of}" + by, "true": true, "said": said}) for of, said in enumerate(decided)]
    equal = pd.concat(each).value_counts(sort=False).reset_index()
    frame = MetricFrame(
        metrics=functions,
        y_true=equal["true"],
        y_pred=equal["said"],
        sensitive_features=equal["by"],
        sample_params={name: {"sample_weight": equal["count"]} for name in functions},
    )
    found: pd.DataFrame = rates(frame.by_group["counts"]) if settings.task == "binary" else frame.by_group
    return [found[found.index.str.startswith(f"{of}")].rename(index=lambda name: name[1:]) for of in range(len(scores))]


def rates(counts: pd.Series[Any]) -> pd.DataFrame:
    """Fairlearn's `selection_rate`, `true_positive_rate` and `false_positive_rate`, from one confusion matrix a slice.

    Each of the three computes that matrix again, which takes most of its time.
    """
    import pandas as pd

    return pd.DataFrame(
        {
            "selection_rate": [(c[0, 1] + c[1, 1]) / c.sum() for c in counts],
            "recall": [c[1, 1] / c[1].sum() for c in counts],
            "false_positive_rate": [c[0, 1] / c[0].sum() for c in counts],
        },
        index=counts.index,
    )


def reference(settings: Settings, frame: Path, rows: pd.DataFrame, classes: list[Any]) -> NDArray[np.float64]:
    """The naive reference: the training label's mean, or its classes' shares, by `gates.lead.by`.

    A group without training rows gets the overall mean.
    """
    import numpy as np

    lead = settings.gates.lead
    assert lead
    label = quoted(settings.prepare.label)
    groups = ", ".join(map(quoted, lead.by))
    if settings.task == "multiclass":
        targets = [f"avg(({label}::VARCHAR = '{str(value).replace(chr(39), chr(39) * 2)}')::INT)" for value in classes]
    else:
        targets = [f"avg({label}::DOUBLE)"]
    source = f"{parquet_file(frame)} WHERE ({sides(settings).train}) AND {label} IS NOT NULL"
    with reading() as connection:
        overall = connection.execute(f"SELECT {', '.join(targets)} FROM {source}").fetchone() or ()
        learnt = connection.execute(f"SELECT {groups}, {', '.join(targets)} FROM {source} GROUP BY {groups}").df()
    answers = [name for name in learnt.columns if name not in lead.by]
    merged = rows[lead.by].merge(learnt, on=lead.by, how="left")
    values = np.column_stack([merged[name].fillna(mean) for name, mean in zip(answers, overall, strict=True)])
    return values if settings.task == "multiclass" else values[:, 0]

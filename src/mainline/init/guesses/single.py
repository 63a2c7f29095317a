"""How far each column gets alone: a cross-fitted score from the label's mean in its bins, on a sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mainline.data.split import quoted
from mainline.init.guesses.classes import Label
from mainline.init.guesses.table import Context
from mainline.init.kinds import kind_of
from mainline.init.profile import as_plain, slices
from mainline.init.proposal import Column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int64]

BINS = 50  # of a number with more values
SMOOTHING = 5.0  # rows of the overall mean in each bin: a bin of one row says little


@dataclass(frozen=True)
class Value:
    """One value of a category, and the share of positives (or the most frequent class, or the mean) in its rows."""

    shown: str
    rows: int
    rate: float


@dataclass(frozen=True)
class Single:
    """One column alone.

    `score` is ROC AUC (binary), or the share of what a constant gets wrong or leaves unexplained (multiclass,
    regression); `missing` is the same for whether the column has a value.
    """

    score: float
    missing: float
    values: tuple[Value, ...] = ()
    correlation: float = 0.0  # with the label, of numbers: the larger of Pearson's and of the ranks'


def target(context: Context, label: Label) -> tuple[Any, int]:
    """The labels of the sample's labelled rows as floats or class codes, and the number of classes (0: numbers)."""
    import numpy as np

    rows = context.sample.con.execute(
        f"SELECT {label.sql} AS y FROM ({context.sample.sql}) WHERE {label.sql} IS NOT NULL"
    ).fetchnumpy()["y"]
    values = np.ma.getdata(rows)
    if label.task != "multiclass":
        return values.astype(np.float64), 0
    classes, codes = np.unique(values.astype(str), return_inverse=True)
    return codes.astype(np.int64), len(classes)


def columns(context: Context, label: Label, names: Sequence[str]) -> Iterator[tuple[Column, Any]]:
    """Each column's values in the sample's labelled rows, as Arrow holds them."""
    described = context.table.columns
    for part in slices(names, context.sample.rows_here):
        shown = ", ".join(f"{as_plain(name, described[name].type)} AS {quoted(f'c{i}')}" for i, name in enumerate(part))
        table = context.sample.con.sql(
            f"SELECT {shown} FROM ({context.sample.sql}) WHERE {label.sql} IS NOT NULL"
        ).to_arrow_table()
        for i, name in enumerate(part):
            yield described[name], table.column(i)


def scores(context: Context, label: Label, names: Sequence[str]) -> dict[str, Single]:
    """The score of every column alone; the same on each machine."""
    import numpy as np

    y, classes = target(context, label)
    half = np.random.default_rng(0).permutation(len(y)) % 2 == 0
    found: dict[str, Single] = {}
    if len(y) < 4:
        return found
    for column, values in columns(context, label, names):
        codes, shown, numbers = binned(column, values)
        absent = (codes == 0).astype(np.int64)
        score = fitted(label.task, y, codes, half, classes)
        missing = fitted(label.task, y, absent, half, classes) if 0 < absent.sum() < len(y) else 0.0
        correlation = correlated(y, numbers) if label.task == "regression" and numbers is not None else 0.0
        found[column.name] = Single(score, missing, by_value(label.task, y, codes, shown, classes), correlation)
    return found


def binned(column: Column, values: Any) -> tuple[Codes, list[str] | None, Floats | None]:
    """Bin numbers (0 is missing), the names of the bins where they are values, and the numbers themselves."""
    import numpy as np

    if kind_of(column.type) in ("number", "boolean"):
        numbers = np.asarray(values.cast("double").to_numpy(), dtype=np.float64)
        there = ~np.isnan(numbers)
        different = np.unique(numbers[there])
        if len(different) <= 2 * BINS:
            codes = np.where(there, 1 + np.searchsorted(different, numbers), 0)
            few = len(different) <= 12
            return codes, ["missing", *(f"{v:g}" for v in different)] if few else None, numbers
        edges = np.unique(np.quantile(numbers[there], np.linspace(0, 1, BINS + 1)[1:-1]))
        return np.where(there, 1 + np.searchsorted(edges, numbers), 0), None, numbers
    encoded = values.combine_chunks().dictionary_encode()
    codes = 1 + np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
    shown = ["missing", *map(str, encoded.dictionary.to_pylist())]
    return codes, shown if len(shown) <= BINS else None, None


def fitted(task: str, y: Any, codes: Codes, half: Any, classes: int) -> float:
    """Learnt on one half and scored on the other, both ways; the mean of both."""
    import numpy as np

    both = []
    for train in (half, ~half):
        score = ~train
        if task == "multiclass":
            both.append(lift(y, codes, train, score, classes))
            continue
        bins = int(codes.max()) + 1
        count, total = np.bincount(codes[train], minlength=bins), np.bincount(codes[train], y[train], minlength=bins)
        mean = y[train].mean()
        answers = ((total + SMOOTHING * mean) / (count + SMOOTHING))[codes[score]]
        both.append(auc(y[score], answers) if task == "binary" else explained(y[score], answers))
    return float(np.mean(both))


def auc(y: Floats, answers: Floats) -> float:
    import numpy as np

    _, place = np.unique(answers, return_inverse=True)
    positives, every = np.bincount(place, y), np.bincount(place)
    negatives = every - positives
    if not positives.sum() or not negatives.sum():
        return 0.5
    below = np.cumsum(negatives) - negatives
    return float((positives * (below + negatives / 2)).sum() / (positives.sum() * negatives.sum()))


def explained(y: Floats, answers: Floats) -> float:
    total = float(((y - y.mean()) ** 2).sum())
    return max(0.0, 1.0 - float(((y - answers) ** 2).sum()) / total) if total else 0.0


def lift(y: Codes, codes: Codes, train: Any, score: Any, classes: int) -> float:
    """The share of the most frequent class's errors that the most frequent class of each bin avoids."""
    import numpy as np

    bins = int(codes.max()) + 1
    counts = np.bincount(codes[train] * classes + y[train], minlength=bins * classes).reshape(bins, classes)
    usual = np.bincount(y[train], minlength=classes)
    answers = (counts + usual / max(1, usual.sum())).argmax(axis=1)[codes[score]]
    right, constant = float((answers == y[score]).mean()), float((usual.argmax() == y[score]).mean())
    return max(0.0, (right - constant) / (1 - constant)) if constant < 1 else 0.0


def correlated(y: Floats, numbers: Floats) -> float:
    import numpy as np

    there = np.isfinite(numbers)
    x, of = numbers[there], y[there]
    if len(x) < 10 or x.min() == x.max() or of.min() == of.max():
        return 0.0
    rank, rank_of = (np.unique(values, return_inverse=True)[1].astype(np.float64) for values in (x, of))
    return float(max(abs(np.corrcoef(x, of)[0, 1]), abs(np.corrcoef(rank, rank_of)[0, 1])))


def by_value(task: str, y: Any, codes: Codes, shown: list[str] | None, classes: int) -> tuple[Value, ...]:
    import numpy as np

    if shown is None or task == "regression":
        return ()
    count = np.bincount(codes, minlength=len(shown))
    if task == "binary":
        rate = np.bincount(codes, y, minlength=len(shown)) / np.maximum(count, 1)
    else:
        table = np.bincount(codes * classes + y, minlength=len(shown) * classes).reshape(len(shown), classes)
        rate = table.max(axis=1) / np.maximum(count, 1)
    return tuple(Value(name, int(n), float(r)) for name, n, r in zip(shown, count, rate, strict=True) if n)

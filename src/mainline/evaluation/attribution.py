"""Attribution: how much of a metric's change is due to the data, and how much to the model.

It needs four numbers: each model on each holdout. The step from the baseline on its holdout to the candidate on
its own is split in both orders, data first and model first, and the two are averaged: the Shapley values of two
players. So the parts add up to the whole.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data import prepare
from mainline.data.collect import Collected
from mainline.data.sources import snapshot
from mainline.errors import DataError, MainlineError
from mainline.evaluation import evaluate
from mainline.evaluation.comparison import Comparison
from mainline.evaluation.evaluate import Labelled
from mainline.evaluation.results import Attribution
from mainline.runtime import git
from mainline.runtime.atomic_files import scratch
from mainline.runtime.workspace import Workspace
from mainline.training import parts
from mainline.training.record import Holdout, Record, align, among, same_tables

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BOTH_WAYS = "both models on both holdouts, mean of both orders"
ONE_WAY = "the baseline on both holdouts, the candidate only on its own: it {why}"
TRAINED_ON = "was trained on rows of the baseline's holdout"
CANNOT_SCORE = "cannot score the baseline's holdout"
NO_VALUE = "has no value of this metric on the baseline's holdout"
SAME_ROWS = "same data: the whole change is due to the model"


def attribute(
    comparison: Comparison, baseline: Record, commit: str, compared: Labelled
) -> tuple[list[Attribution], str | None]:
    """Split the change of the headline metric and of every metric with a margin, or say why that is not possible."""
    import numpy as np

    settings, workspace, candidate = comparison.settings, comparison.workspace, comparison.candidate
    names = list(dict.fromkeys([settings.compare.metric, *settings.gates.margins]))
    here = point(settings, compared.y, compared.candidate, names)
    assert compared.baseline is not None
    there = point(settings, compared.y, compared.baseline, names)
    if same_tables(candidate, baseline):
        # A metric without a value, such as precision without a positive prediction, has no change to split.
        measured = [name for name in names if np.isfinite([there[name], here[name]]).all()]
        return [all_due_to_model(name, there[name], here[name]) for name in measured], None
    if baseline.facts.classes != candidate.facts.classes:
        return [], "the change is not split into data and model: the classes differ"
    own = labelled_holdout(baseline)
    if not len(own.y):
        return [], "the change is not split into data and model: no row of the baseline's holdout has a label"
    y = own.y if settings.task == "regression" else own.y.astype(np.int64)
    before = point(settings, y, own.score, names)
    crossed: dict[str, float] | None = None
    why = TRAINED_ON
    if not among(own.row_id, candidate.train_rows).any():
        try:
            with git.worktree(workspace.root, commit, workspace.worktrees / commit) as tree:
                score = candidate_on(settings, workspace, tables_of(baseline, tree, workspace), candidate, own)
            crossed = point(settings, y, score, names)
        except MainlineError as error:
            why = f"{CANNOT_SCORE} ({error})"
    return [
        split(name, before[name], there[name], here[name], *in_both_orders(crossed, name, why))
        for name in names
        if np.isfinite([before[name], there[name], here[name]]).all()
    ], None


def in_both_orders(crossed: dict[str, float] | None, name: str, why: str) -> tuple[float | None, str]:
    """The fourth number, or why there is none: the candidate's metric may have no value on the baseline's holdout."""
    if crossed is None:
        return None, why
    return (crossed[name], why) if math.isfinite(crossed[name]) else (None, NO_VALUE)


def labelled_holdout(record: Record) -> Holdout:
    import numpy as np

    found = record.holdout
    known = ~np.isnan(found.y)
    return Holdout(found.row_id[known], found.y[known], found.score[known])


def candidate_on(
    settings: Settings, workspace: Workspace, theirs: dict[str, Collected], candidate: Record, own: Holdout
) -> NDArray[np.float64]:
    """The candidate's scores of the baseline's holdout, prepared by the candidate's code from the baseline's tables.

    Raises
    ------
    MainlineError
        Where the baseline's tables are gone (a database or a URL returns what it holds now), or where the
        candidate's preparation drops rows of the baseline's holdout.
    """
    import numpy as np

    gone = [path.name for table in theirs.values() for path in table.paths if not path.exists()]
    if gone:
        raise DataError(f"{gone[0]} of the baseline's data is gone")
    with scratch(workspace.state) as folder:
        path = folder / "frame.parquet"
        prepare.build(settings, theirs, path)
        ids, score = parts.scored(settings, candidate.model(), path, "true", own.row_id)
    place = align(own.row_id, Holdout(ids, np.empty(0), np.empty(0)))
    if (place < 0).any():
        raise DataError(f"its preparation drops {int((place < 0).sum()):,} of the rows")
    return score[place]


def tables_of(baseline: Record, tree: Path, workspace: Workspace) -> dict[str, Collected]:
    """The baseline's tables; files that belong to its commit are taken from a worktree of it.

    What was fetched is in the cache of this checkout; where it was fetched on another machine, it is taken from the
    snapshot of main's run, where there is one.
    """
    home = workspace.home.relative_to(workspace.root) if workspace.home.is_relative_to(workspace.root) else None
    found = {}
    for name, table in baseline.facts.tables.items():
        # An absolute path stays as it is.
        own = [home is not None and path.is_relative_to(home) for path in table.paths]
        paths = [(workspace.root if is_own else tree) / path for path, is_own in zip(table.paths, own, strict=True)]
        found[name] = replace(table, paths=snapshot.standing(workspace.cache, name, table.digest, paths))
    return found


def point(settings: Settings, y: NDArray[Any], score: NDArray[np.float64], names: list[str]) -> dict[str, float]:
    """Metrics without intervals."""
    import numpy as np

    one = Labelled(y, score, None, np.zeros(len(y), dtype=np.int64), None, [])  # type: ignore[arg-type]
    found = evaluate.measure(settings, one, score, np.ones((1, 1), dtype=np.int64), names)
    return {name: float(values[0]) for name, values in found.items()}


def split(
    metric: str,
    baseline_on_its_own: float,
    baseline_on_candidates: float,
    candidate_on_its_own: float,
    candidate_on_baselines: float | None,
    why_not: str = TRAINED_ON,
) -> Attribution:
    """Split `candidate_on_its_own - baseline_on_its_own`.

    `candidate_on_baselines` is None where that number would be too optimistic or cannot be measured (`why_not`
    says which); then the change is split in one order only, data first.
    """
    total = candidate_on_its_own - baseline_on_its_own
    data_first = baseline_on_candidates - baseline_on_its_own
    if candidate_on_baselines is None:
        return Attribution(metric, total, data_first, total - data_first, ONE_WAY.format(why=why_not))
    data_last = candidate_on_its_own - candidate_on_baselines
    due_to_data = (data_first + data_last) / 2
    return Attribution(metric, total, due_to_data, total - due_to_data, BOTH_WAYS)


def all_due_to_model(metric: str, baseline: float, candidate: float) -> Attribution:
    return Attribution(metric, candidate - baseline, 0.0, candidate - baseline, SAME_ROWS)

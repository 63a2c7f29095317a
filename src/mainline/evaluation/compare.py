"""Both models on the same rows: whose scores are there already, whose must be asked for, which rows are fair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.blocks import codes
from mainline.data.collect import Collected
from mainline.data.split import ROW_ID, sides
from mainline.errors import ExternalError
from mainline.evaluation import attribution as crossing
from mainline.evaluation import baseline_scores
from mainline.evaluation.baseline_scores import Scored
from mainline.evaluation.evaluate import Labelled
from mainline.evaluation.results import Attribution
from mainline.runtime import git
from mainline.runtime.workspace import Workspace
from mainline.training import pipeline
from mainline.training.record import Record, align

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Compared:
    """`rows` are what the metrics are measured on; `not_comparable` says why main's model is not among them."""

    rows: Labelled
    features: pd.DataFrame
    attribution: list[Attribution] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    not_comparable: str | None = None


def line_up(
    settings: Settings,
    workspace: Workspace,
    tables: Mapping[str, Collected],
    prepared: Path,
    candidate: Record,
    baseline: Record | None,
    commit: str | None,
) -> Compared:
    """Put the labelled holdout rows beside both models' scores."""
    import numpy as np

    rows = holdout_rows(settings, prepared)
    ids = rows[ROW_ID].to_numpy()
    place = align(ids, candidate.holdout)
    if (place < 0).any():
        raise ExternalError(f"{candidate.path} has not scored every holdout row: delete the folder and run again")
    y, score = candidate.holdout.y[place], candidate.holdout.score[place]
    fair = ~np.isnan(y)
    notes = overlap(candidate.train_rows, ids, "this model's own training rows")

    def alone(why: str | None) -> Compared:
        found = labelled(settings, candidate, rows, y, score, None, fair)
        return Compared(found, rows[fair], notes=notes, not_comparable=why)

    if baseline is None or commit is None:
        return alone(None)
    if baseline.facts["task"] != settings.task:
        was = baseline.facts["task"]
        return alone(f"main's task is {was}, this one's {settings.task}: their scores mean other things")
    theirs = scores_of_baseline(settings, workspace, tables, prepared, ids, candidate, baseline, commit)
    notes += theirs.notes
    trained_on = np.isin(ids, baseline.train_rows)
    if trained_on.any():
        notes.append(
            f"{int(trained_on.sum()):,} of the {len(rows):,} holdout rows are training rows of main's model: "
            "they are left out of the comparison"
        )
    both = fair & theirs.has & ~trained_on
    if both.sum() < settings.compare.min_rows:
        count = int(both.sum())
        return alone(
            f"only {count:,} labelled rows can be compared, compare.min_rows asks for {settings.compare.min_rows:,}"
        )
    if both.sum() < fair.sum():
        notes.append(f"compared on {int(both.sum()):,} of {int(fair.sum()):,} labelled holdout rows")
    notes += relabelled(candidate, baseline, ids[both], y[both])
    own, wanted = baseline.facts["classes"], candidate.facts["classes"]
    if own != wanted:
        notes.append(
            f"main's model knows the classes {listed(own)}, this one {listed(wanted)}: "
            "main's probabilities are those among this one's classes, 0 for a class that it does not know"
        )
    compared = labelled(settings, candidate, rows, y, score, in_classes(theirs.score, own, wanted), both)
    found: list[Attribution] = []
    if not theirs.fell_back:
        found, why = crossing.attribute(settings, workspace, compared, candidate, baseline, commit)
        notes += [why] if why else []
    return Compared(compared, rows[both], found, notes)


def scores_of_baseline(
    settings: Settings,
    workspace: Workspace,
    tables: Mapping[str, Collected],
    prepared: Path,
    ids: NDArray[np.uint64],
    candidate: Record,
    baseline: Record,
    commit: str,
) -> Scored:
    """From main's record where it has scored these very rows, else by main's own code; that gone, by its model."""
    import numpy as np

    place = align(ids, baseline.holdout)
    if crossing.same_tables(candidate, baseline) and (place >= 0).all():
        return Scored(baseline.holdout.score[place], np.ones(len(ids), dtype=bool))
    if git.commit_of(workspace.root, commit) is None:
        return baseline_scores.without_code(settings, prepared, ids, baseline)
    return baseline_scores.ask(settings, workspace, tables, ids, baseline, commit)


def holdout_rows(settings: Settings, prepared: Path) -> pd.DataFrame:
    """Every holdout row with the columns that slices, blocks and the reference need."""
    more = [*settings.evaluate.slices]
    if settings.compare.blocks:
        more.append(settings.compare.blocks)
    if settings.gates.lead:
        more += settings.gates.lead.by
    return pipeline.read_rows(settings, prepared, sides(settings).holdout, *more)


def labelled(
    settings: Settings,
    candidate: Record,
    rows: pd.DataFrame,
    y: NDArray[np.float64],
    score: NDArray[np.float64],
    other: NDArray[np.float64] | None,
    mask: NDArray[np.bool_],
) -> Labelled:
    import numpy as np

    chosen = rows[mask]
    by = settings.compare.blocks
    blocks = codes(chosen[by].astype(str).to_numpy()) if by else np.arange(len(chosen))
    target = y[mask] if settings.task == "regression" else y[mask].astype(np.int64)
    return Labelled(
        target, score[mask], None if other is None else other[mask], blocks, chosen, candidate.facts["classes"]
    )


def overlap(train: NDArray[np.uint64], holdout: NDArray[np.uint64], whose: str) -> list[str]:
    import numpy as np

    count = int(np.isin(holdout, train).sum())
    return [f"{count:,} of {len(holdout):,} holdout rows are {whose}: the metrics flatter it"] if count else []


def relabelled(candidate: Record, baseline: Record, ids: NDArray[np.uint64], y: NDArray[np.float64]) -> list[str]:
    """Say where main's label of a row is another: its definition has changed, or its data were corrected."""
    import numpy as np

    place = align(ids, baseline.holdout)
    was = in_codes(baseline.holdout.y[place], baseline.facts["classes"], candidate.facts["classes"])
    # Where the data have moved on, a label that was not known yet is no other definition.
    known = (place >= 0) & (crossing.same_tables(candidate, baseline) | ~np.isnan(baseline.holdout.y[place]))
    count = int((known & (was != y)).sum())
    if not count:
        return []
    return [f"the label differs from main's in {count:,} of {int(known.sum()):,} rows: both are measured on this one's"]


def in_codes(y: NDArray[np.float64], own: list[Any], wanted: list[Any]) -> NDArray[np.float64]:
    """Class codes as `wanted` numbers them; NaN for a class that is not among them."""
    import numpy as np

    if own == wanted:
        return y
    place = np.array([wanted.index(value) if value in wanted else np.nan for value in own])
    found = np.full(len(y), np.nan)
    found[~np.isnan(y)] = place[y[~np.isnan(y)].astype(np.int64)]
    return found


def in_classes(score: NDArray[np.float64], own: list[Any], wanted: list[Any]) -> NDArray[np.float64]:
    """Class probabilities in the order of `wanted`, 0 for a class that the model does not know.

    What it gives to classes that are not wanted is shared out in proportion: it is asked for the
    class given that it is one of these.
    """
    import numpy as np

    if score.ndim == 1 or own == wanted:
        return score
    columns = [score[:, own.index(value)] if value in own else np.zeros(len(score)) for value in wanted]
    found = np.column_stack(columns)
    total = found.sum(axis=1, keepdims=True)
    return np.where(total > 0, found / np.where(total > 0, total, 1), 1 / len(wanted))


def listed(classes: list[Any]) -> str:
    return ", ".join(map(str, classes[:10])) + (", …" if len(classes) > 10 else "")

"""Both models on the same rows: their scores side by side, on the rows where a comparison is fair."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.blocks import codes
from mainline.data.split import ROW_ID, sides
from mainline.errors import ExternalError
from mainline.evaluation.attribution import attribute
from mainline.evaluation.baseline import other_task
from mainline.evaluation.baseline_scores import scores_of_baseline
from mainline.evaluation.comparison import Comparison
from mainline.evaluation.data_changes import DataChanges, data_changes
from mainline.evaluation.evaluate import Labelled
from mainline.evaluation.identity import shared, why_other_rows
from mainline.evaluation.results import Attribution
from mainline.training import parts
from mainline.training.record import Record, align, among, same_tables

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Compared:
    """`rows` are what the metrics are measured on; `not_comparable` says why they lack the baseline's scores."""

    rows: Labelled
    attribution: list[Attribution] = field(default_factory=list)
    tables: DataChanges = field(default_factory=DataChanges)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)  # read before the verdict
    not_comparable: str | None = None


@dataclass(frozen=True)
class HoldoutRows:
    """Every holdout row in the order of `rows`, with the candidate's label and score."""

    rows: pd.DataFrame
    y: NDArray[np.float64]
    score: NDArray[np.float64]

    @property
    def ids(self) -> NDArray[np.uint64]:
        ids: NDArray[np.uint64] = self.rows[ROW_ID].to_numpy()
        return ids


def compare(comparison: Comparison) -> Compared:
    """The labelled holdout rows with the scores of both models, or of the candidate alone."""
    import numpy as np

    settings, candidate = comparison.settings, comparison.candidate
    baseline, commit = comparison.baseline.record, comparison.baseline.commit
    holdout = scored_by_candidate(comparison)
    ids, y = holdout.ids, holdout.y
    labels_known = ~np.isnan(y)
    notes = overlap(candidate.train_rows, ids)
    warnings: list[str] = []

    def alone(why: str | None) -> Compared:
        found = labelled(comparison, holdout, None, labels_known)
        return Compared(found, notes=notes, warnings=warnings, not_comparable=why)

    if baseline is None or commit is None or comparison.identical:
        return alone(None)
    if baseline.facts.task != settings.task:
        return alone(other_task(baseline.facts.task, settings.task))
    common = shared(candidate, baseline, labels_of(baseline, candidate))
    other = why_other_rows(candidate, baseline, common, settings.compare.max_changed)
    if other:
        return alone(other)
    theirs = scores_of_baseline(comparison, baseline, commit, ids)
    notes += theirs.notes
    if theirs.unusable:
        return alone(theirs.unusable)
    trained_on = among(ids, baseline.train_rows)
    if trained_on.any():
        notes.append(
            f"{int(trained_on.sum()):,} of the {len(ids):,} holdout rows are training rows of the baseline: "
            "they are left out of the comparison"
        )
    both = labels_known & theirs.has & ~trained_on
    if theirs.unseen:
        warnings.append(theirs.unseen.said(len(ids)))
        both &= ~theirs.unseen.rows
    if both.sum() < settings.compare.min_rows:
        count, least = int(both.sum()), settings.compare.min_rows
        few = f"only {count:,} labelled rows can be compared, compare.min_rows requires {least:,}"
        return alone("; ".join([*warnings, few]))
    if both.sum() < labels_known.sum():
        notes.append(f"compared on {int(both.sum()):,} of {int(labels_known.sum()):,} labelled holdout rows")
    notes += relabelled(candidate, baseline, ids[both], y[both])
    own, wanted = baseline.facts.classes, candidate.facts.classes
    if own != wanted:
        notes.append(
            f"the baseline's classes are {listed(own)}, the candidate's {listed(wanted)}: the baseline's "
            "probabilities are rescaled to the candidate's classes, 0 for a class that it does not know"
        )
    compared = labelled(comparison, holdout, in_classes(theirs.score, own, wanted), both)
    found: list[Attribution] = []
    if not theirs.fell_back:
        found, why = attribute(comparison, baseline, commit, compared)
        notes += [why] if why else []
    tables = data_changes(comparison, baseline, commit, found)
    notes += tables.notes
    return Compared(compared, found, tables, notes, warnings)


def scored_by_candidate(comparison: Comparison) -> HoldoutRows:
    candidate = comparison.candidate
    rows = holdout_rows(comparison.settings, comparison.frame)
    place = align(rows[ROW_ID].to_numpy(), candidate.holdout)
    if (place < 0).any():
        raise ExternalError(f"{candidate.path} has no score for some holdout rows: delete the folder and run again")
    return HoldoutRows(rows, candidate.holdout.y[place], candidate.holdout.score[place])


def holdout_rows(settings: Settings, prepared: Path) -> pd.DataFrame:
    """Every holdout row with the columns that slices, blocks and the naive reference need."""
    import pandas as pd

    more = [ROW_ID, *settings.evaluate.slices]
    if settings.compare.blocks:
        more.append(settings.compare.blocks)
    if settings.gates.lead:
        more += settings.gates.lead.by
    found = list(parts.read(settings, prepared, sides(settings).holdout, *more))
    return found[0] if len(found) == 1 else pd.concat(found, ignore_index=True)


def labelled(
    comparison: Comparison, holdout: HoldoutRows, other: NDArray[np.float64] | None, mask: NDArray[np.bool_]
) -> Labelled:
    """The rows of `mask`; `other` are the baseline's scores of all holdout rows."""
    import numpy as np

    settings = comparison.settings
    chosen = holdout.rows[mask]
    by = settings.compare.blocks
    blocks = codes(chosen[by].astype(str).to_numpy()) if by else np.arange(len(chosen))
    target = holdout.y[mask] if settings.task == "regression" else holdout.y[mask].astype(np.int64)
    baseline = None if other is None else other[mask]
    return Labelled(target, holdout.score[mask], baseline, blocks, chosen, comparison.candidate.facts.classes)


def overlap(train: NDArray[np.uint64], holdout: NDArray[np.uint64]) -> list[str]:
    count = int(among(holdout, train).sum())
    if not count:
        return []
    return [
        f"{count:,} of {len(holdout):,} holdout rows are also training rows of the candidate: "
        "its metrics are too optimistic"
    ]


def relabelled(candidate: Record, baseline: Record, ids: NDArray[np.uint64], y: NDArray[np.float64]) -> list[str]:
    """Count the rows with another label than the baseline's: its definition or its data have changed."""
    import numpy as np

    place = align(ids, baseline.holdout)
    was = in_codes(baseline.holdout.y[place], baseline.facts.classes, candidate.facts.classes)
    # In newer data, a label that the baseline did not know yet is no change of its definition.
    known = (place >= 0) & (same_tables(candidate, baseline) | ~np.isnan(baseline.holdout.y[place]))
    count = int((known & (was != y)).sum())
    if not count:
        return []
    return [
        f"the label differs from the baseline's in {count:,} of {int(known.sum()):,} rows: "
        "both models are measured on the candidate's labels"
    ]


def labels_of(baseline: Record, candidate: Record) -> NDArray[np.float64]:
    """The baseline's labels of the candidate's holdout rows, in the candidate's codes; NaN where it has none."""
    import numpy as np

    place = align(candidate.holdout.row_id, baseline.holdout)
    found = np.full(len(place), np.nan)
    was = in_codes(baseline.holdout.y, baseline.facts.classes, candidate.facts.classes)
    found[place >= 0] = was[place[place >= 0]]
    return found


def in_codes(y: NDArray[np.float64], own: list[Any], wanted: list[Any]) -> NDArray[np.float64]:
    """Class codes in the order of `wanted`; NaN for a class that is not among them."""
    import numpy as np

    if own == wanted:
        return y
    place = np.array([wanted.index(value) if value in wanted else np.nan for value in own])
    found = np.full(len(y), np.nan)
    found[~np.isnan(y)] = place[y[~np.isnan(y)].astype(np.int64)]
    return found


def in_classes(score: NDArray[np.float64], own: list[Any], wanted: list[Any]) -> NDArray[np.float64]:
    """Class probabilities in the order of `wanted`, 0 for a class that the model does not know.

    The probabilities are rescaled to sum to 1: they are those of a class given that it is one of `wanted`.
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

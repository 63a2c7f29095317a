"""The model card of an export: measured from the record alone, so that an image can contain it."""

from __future__ import annotations

from pathlib import Path

from mainline.config.schema import Settings
from mainline.data.validation.results import Validation
from mainline.evaluation import evaluate, review
from mainline.evaluation.compare import compare
from mainline.evaluation.comparison import Comparison
from mainline.evaluation.results import Outcome, Review
from mainline.report import model_card
from mainline.runtime.workspace import Workspace
from mainline.training.record import Record, data_digest


def of_record(settings: Settings, record: Record, frame: Path, version: str, root: Path) -> str:
    """The card as Markdown: the same for the same record, on any machine and day.

    Parameters
    ----------
    frame
        The prepared frame that the record was trained on.
    version
        The version that the server reports.
    root
        The checkout, for `docs/model-card.md`.
    """
    return model_card.of_export(settings, measured(settings, record, frame, root), record, version, root)


def measured(settings: Settings, record: Record, frame: Path, root: Path) -> Review:
    """The model's metrics on its holdout, without a baseline."""
    workspace = Workspace.at(root)
    found = compare(Comparison(settings, workspace, record.facts.tables, frame, record))
    rows = found.rows
    fit = review.unmeasurable(settings, rows) is None
    weights = evaluate.draw(settings, rows.blocks) if fit else None
    facts = record.facts
    return Review(
        outcome=Outcome.no_baseline,
        passed=True,
        task=settings.task,
        metric=settings.compare.metric,
        base_ref="",
        candidate=review.side(workspace, record, None),
        baseline=None,
        tables=review.table_versions(facts.tables, None),
        data_digest=data_digest(record),
        rows=facts.rows,
        label_coverage=facts.label_coverage,
        period=facts.period,
        metrics=evaluate.paired(settings, rows, weights) if weights is not None else [],
        gates=[],
        validation=Validation([]),  # a record exists only for data that passed
        slices=evaluate.slices(settings, rows, weights) if weights is not None else [],
        gaps=evaluate.gaps(settings, rows) if weights is not None else [],
        notes=found.notes,
        estimator=settings.train.estimator,
        threshold=settings.evaluate.threshold if settings.task == "binary" else None,
        blocks=settings.compare.blocks,
        resamples=settings.compare.resamples,
        confidence=settings.compare.confidence,
    )

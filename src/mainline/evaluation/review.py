"""From both models' scores to a verdict: metrics, slices, gates, and why it changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.loader import Params
from mainline.config.schema import Settings
from mainline.data.collect import Collected
from mainline.data.messages import forgotten, too_late
from mainline.data.validation.results import Validation
from mainline.evaluation import (
    anchor,
    bootstrap,
    changes,
    evaluate,
    gates,
    leaks,
    metrics,
    missing_labels,
    overlap,
    seed_spread,
    shifted_inputs,
    sizes,
)
from mainline.evaluation.compare import compare
from mainline.evaluation.comparison import Baseline, Comparison
from mainline.evaluation.gates import Measured
from mainline.evaluation.results import Change, Gate, Importance, Interval, Outcome, Review, Side, TableVersion
from mainline.runtime import git
from mainline.runtime.workspace import Workspace
from mainline.training import feature_profile, label_coverage, sample
from mainline.training.feature_drift import Drift
from mainline.training.frame_cache import FrameCache
from mainline.training.record import Record, data_digest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mainline.evaluation.evaluate import Labelled


PASSING = frozenset({Outcome.better, Outcome.no_worse, Outcome.identical, Outcome.no_baseline})


@dataclass(frozen=True)
class ReviewedRows:
    """A review, and the labelled rows that its plots are drawn from."""

    review: Review
    rows: Labelled

    def with_importance(self, importance: list[Importance], before: Mapping[str, float] | None) -> ReviewedRows:
        """`before` is the importance of the baseline's features; None where it is not known."""
        found = leaks.warnings(self.review, importance, before)
        review = replace(self.review, importance=importance, warnings=[*found, *self.review.warnings])
        return replace(self, review=review)

    def with_gates(self, more: list[Gate]) -> ReviewedRows:
        """The same with more gates, which decide as well."""
        passed = self.review.passed and all(gate.passed for gate in more)
        return replace(self, review=replace(self.review, passed=passed, gates=[*self.review.gates, *more]))


def review_candidate(params: Params, comparison: Comparison, validation: Validation) -> ReviewedRows:
    settings, workspace, record = params.settings, comparison.workspace, comparison.candidate
    frame, baseline, identical = comparison.frame, comparison.baseline, comparison.identical
    against = baseline.record
    compared = compare(comparison)
    rows = compared.rows
    notes = [*not_reproducible(record, "this model"), *note(settings, baseline), *made_key(settings), *compared.notes]
    notes += sampled(settings, record)
    notes += stopped_early(settings, record)
    notes += [table.snapshot for table in comparison.tables.values() if table.snapshot]
    notes += [text for name, table in comparison.tables.items() for text in forgotten(name, table.messages)]
    if against and not identical:
        notes += not_reproducible(against, "the baseline")
    no_metrics = unmeasurable(settings, rows)
    weights = evaluate.draw(settings, rows.blocks)
    few = None if no_metrics else bootstrap.too_few(weights.shape[1], settings.compare.blocks)
    notes += [f"no difference can be measured: {few}"] if few else []
    found = [] if no_metrics else evaluate.paired(settings, rows, weights)
    compared_rows = found and rows.baseline is not None
    spread = seed_spread.measure(settings, workspace.state, frame, record, rows, weights) if compared_rows else None
    found = seed_spread.widened(found, spread, settings.compare.confidence)
    notes += seed_spread.note(settings, spread, found)
    earlier = anchor.find(comparison, rows, weights) if found and rows.baseline is not None else anchor.Found()
    notes += earlier.notes
    cache = FrameCache(workspace.checks, record.facts.frame, settings)
    copied = overlap.cached(cache, frame)
    warnings = list(compared.warnings)
    outside = shifted_inputs.cached(cache, record, frame)
    warnings += late_messages(settings, comparison.tables)
    warnings += leaks.not_rolled_back(validation, against.features if against else None)
    coverage = missing_labels.parts(settings, label_coverage.cached(cache, frame), against)
    late = missing_labels.overdue(settings, frame)
    fifths = missing_labels.by_score(record.holdout.score, missing_labels.settled(settings, frame, record))
    warnings += missing_labels.warnings(coverage, fifths, late, settings)
    if outside:
        warnings.append(shifted_inputs.warning(outside, settings.monitor))
    if copied.rows:
        warnings.append(f"holdout rows are copies of training rows under another key: {copied}")
    measured = Measured(
        compared=bool(baseline.commit or settings.compare.required) and not identical,
        metrics=found,
        lead=lead(settings, frame, rows, weights) if found else None,
        slices=evaluate.slices(settings, rows, weights) if found else [],
        gaps=evaluate.gaps(settings, rows) if found else [],
        label_coverage=record.facts.label_coverage,
        train_seconds=record.facts.model.seconds,
        model_bytes=record.facts.model.bytes,
        drifted=None if outside is None else [feature.feature for feature in outside],
        coverage=coverage,
        overdue=late,
        copies=copied,
        no_metrics=no_metrics,
        no_comparison=None if identical else incomparable(settings, baseline, compared.not_comparable or no_metrics),
        no_interval=few,
        anchor=earlier.anchor,
        no_anchor=earlier.problem,
    )
    decided = gates.judge(params, measured)
    outcome = gates.outcome(params, measured, decided, identical)
    return ReviewedRows(
        Review(
            outcome=outcome,
            passed=outcome in PASSING and all(gate.passed for gate in decided),
            task=settings.task,
            metric=settings.compare.metric,
            base_ref=comparison.base_ref,
            candidate=side(workspace, record, None),
            baseline=side(workspace, against, baseline.commit) if against else None,
            tables=table_versions(comparison.tables, against),
            data_digest=data_digest(record),
            rows={**record.facts.rows, **({} if rows.baseline is None else {"compared": len(rows.y)})},
            label_coverage=record.facts.label_coverage,
            period=record.facts.period,
            metrics=found,
            gates=decided,
            validation=validation,
            attribution=compared.attribution,
            table_changes=compared.tables.tables,
            data_parts=compared.tables.parts,
            slices=list(measured.slices),
            gaps=list(measured.gaps),
            drift=drift(settings, frame, record, against) if against and not identical else [],
            coverage=[*coverage, *fifths],
            changes=changed(params, workspace, record, baseline),
            warnings=warnings,
            notes=notes,
            estimator=settings.train.estimator,
            threshold=settings.evaluate.threshold if settings.task == "binary" else None,
            blocks=settings.compare.blocks,
            resamples=settings.compare.resamples,
            confidence=settings.compare.confidence,
            anchor=earlier.anchor,
            sections=sizes.section(settings, record),
        ),
        rows,
    )


def note(settings: Settings, baseline: Baseline) -> list[str]:
    """Why there is nothing to compare with, and what that means for the verdict."""
    if not baseline.note:
        return []
    if baseline.commit or settings.compare.required:
        return [baseline.note]
    return [f"{baseline.note}; only the absolute gates decide"]


def made_key(settings: Settings) -> list[str]:
    """That rows are known by their content, and what follows from it."""
    if not settings.prepare.by_content:
        return []
    made_of = ", ".join(settings.prepare.key_columns) or "all columns of the table but the label's"
    return [f"the rows have no key: one is made from {made_of}, so a corrected value makes another row of it"]


def not_reproducible(record: Record, model: str) -> list[str]:
    """That a fit gives another model when it is repeated: its figures hold for this one fit."""
    found = record.facts.repeats
    if found is None or found.models < 2:
        return []
    fits = f"{found.fits} fits of {model} with the same data, settings and seeds gave {found.models} different models"
    if found.largest == 0:
        return [f"{fits}, whose predictions on the holdout are the same: only the saved files differ"]
    return [
        f"not reproducible: {fits}, and predictions differ by up to {found.largest:.3g}. The figures hold for the fit "
        "that was recorded; look for a random state that train.params does not set, or code that draws without a seed"
    ]


def sampled(settings: Settings, record: Record) -> list[str]:
    """On how many of the training rows the model was fitted, where `train.rows` states a sample."""
    used, known = len(record.train_rows), record.facts.rows["train"]
    if settings.train.rows is None or used == known:
        return []
    rows = f"a sample of {used:,} of the {known:,} labelled training rows"
    return [f"fitted on {rows}, by a hash of their key (train.rows)"]


def stopped_early(settings: Settings, record: Record) -> list[str]:
    """How many rounds early stopping has found, and on which rows."""
    asked, rounds = settings.train.early_stopping, record.facts.rounds
    if asked is None or rounds is None:
        return []
    where = (
        f"the last {asked.slice} before the holdout"
        if settings.split.by == "time"
        else f"{asked.slice:.0%} of the keys"
    )
    return [
        f"early stopping: {rounds:,} rounds are best on {where}; the model is fitted with them on all training rows"
    ]


def unmeasurable(settings: Settings, rows: Labelled) -> str | None:
    """Why no metric can be measured on these rows; None where they can."""
    import numpy as np

    if len(rows.y) < settings.compare.min_rows:
        least = f"compare.min_rows requires {settings.compare.min_rows:,}: set it lower, or widen split.holdout"
        return f"the holdout has {len(rows.y):,} labelled rows, {least}"
    if settings.task != "regression" and len(np.unique(rows.y)) < 2:
        return f"every labelled holdout row has the label {rows.classes[int(rows.y[0])]}"
    return None


def incomparable(settings: Settings, baseline: Baseline, rows: str | None) -> str | None:
    """Why the candidate cannot be compared with the baseline; `rows` is the reason that lies in the rows."""
    if not baseline.commit:
        return "compare.required is true, and there is no baseline" if settings.compare.required else None
    return rows if baseline.record else baseline.note


def changed(params: Params, workspace: Workspace, record: Record, baseline: Baseline) -> list[Change]:
    """What differs from the baseline: what decides about a model, and what the model is made from."""
    found = []
    if baseline.commit and git.commit_of(workspace.root, baseline.commit):
        found += changes.of_gates(workspace.root, baseline.commit, params.file, params.settings.data.expectations)
    if baseline.record and baseline.record.fingerprint != record.fingerprint:
        found += changes.of_model(baseline.record.facts.parts, record.facts.parts)
    return found


def lead(settings: Settings, frame: Path, rows: Labelled, weights: NDArray[Any]) -> Interval | None:
    """The lead of the model over the naive reference; positive is better."""
    gate = settings.gates.lead
    if gate is None:
        return None
    naive = evaluate.reference(settings, frame, rows.rows, rows.classes)
    ours = evaluate.measure(settings, rows, rows.candidate, weights, [gate.metric])[gate.metric]
    theirs = evaluate.measure(settings, rows, naive, weights, [gate.metric])[gate.metric]
    sign = 1 if metrics.greater_is_better(gate.metric) else -1
    return bootstrap.interval(sign * (ours - theirs), settings.compare.confidence, int(rows.blocks.max()) + 1)


def drift(settings: Settings, frame: Path, record: Record, against: Record) -> list[Drift]:
    now = record.profile  # of the same rows
    if not feature_profile.comparable(against.profile, now):
        now = feature_profile.profile(settings.prepare.features, frame, sample.labelled(settings), like=against.profile)
    return feature_profile.drift(against.profile, now)


def side(workspace: Workspace, record: Record, commit: str | None) -> Side:
    root = workspace.root
    top = commit is None and git.is_top(root)
    return Side(
        commit=git.commit_of(root, "HEAD") if top else commit,
        clean=commit is not None or (top and git.is_clean(root)),
        fingerprint=record.fingerprint,
        model_digest=record.digest,
        model_bytes=record.facts.model.bytes,
        train_seconds=record.facts.model.seconds,
    )


def late_messages(settings: Settings, tables: Mapping[str, Collected]) -> list[str]:
    return [
        line
        for name, table in tables.items()
        for line in too_late(name, table.messages, settings.data.sources[name].late_at_most)
    ]


def table_versions(tables: Mapping[str, Collected], against: Record | None) -> list[TableVersion]:
    before = against.facts.parts.tables if against else {}
    return [
        TableVersion(
            name,
            table.digest,
            table.rows,
            table.start,
            table.end,
            before.get(name) != table.digest if against else None,
            table.messages,
        )
        for name, table in tables.items()
    ]

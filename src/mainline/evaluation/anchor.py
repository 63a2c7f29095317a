"""The anchor: the best of the earlier releases, on the rows of the comparison."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mainline.data.split import ROW_ID, sides
from mainline.errors import DataError, MainlineError
from mainline.evaluation import evaluate
from mainline.evaluation.baseline_scores import by_own_code
from mainline.evaluation.compare import in_classes
from mainline.evaluation.comparison import Comparison, Release
from mainline.evaluation.results import Anchor, Metric, better
from mainline.runtime import git
from mainline.runtime.atomic_files import replacing
from mainline.training import parts
from mainline.training.record import Holdout, Record, align, among, same_tables

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mainline.evaluation.bootstrap import Counts
    from mainline.evaluation.evaluate import Labelled

KEPT = "anchor-"  # the scores of a release on some rows are kept for the next run


@dataclass(frozen=True)
class Found:
    """`anchor` is None where there is no release, or none that can be compared: `problem` says why."""

    anchor: Anchor | None = None
    problem: str | None = None
    notes: tuple[str, ...] = ()


def find(comparison: Comparison, rows: Labelled, weights: Counts) -> Found:
    """Compare with every release of the last `gates.anchor.for`, and measure the difference to the best of them.

    The best is the one that is furthest ahead of the candidate in `compare.metric`, each on the labelled rows of the
    comparison that it was not trained on.
    """
    gate = comparison.settings.gates.anchor
    if gate is None or comparison.identical:
        return Found()
    if not comparison.releases:
        return Found(
            notes=(f"no release of the last {gate.within} is known here: gates.anchor has nothing to compare with",)
        )
    scored, problems = [], []
    for release in distinct(comparison):
        try:
            scored.append((release, on_rows_of(comparison, release, rows)))
        except MainlineError as error:
            problems.append(f"version {release.version}: {error}")
    notes = tuple(f"not compared with an earlier release, {problem}" for problem in problems)
    if not scored:
        return Found(
            problem=f"no release of the last {gate.within} can be compared ({'; '.join(problems)})", notes=notes
        )
    settings = comparison.settings
    headline = settings.compare.metric
    leads = [ahead(evaluate.paired(settings, shared, weights[:1], only=[headline])[0]) for _, shared in scored]
    release, shared = scored[leads.index(max(leads))]
    assert release.record
    names = list(dict.fromkeys([headline, *settings.gates.margins]))
    return Found(
        Anchor(
            version=release.version,
            commit=release.commit,
            released=release.released,
            model_digest=release.record.digest,
            releases=len(scored),
            within=str(gate.within),
            rows=len(shared.y),
            metrics=evaluate.paired(settings, shared, weights, only=names),
        ),
        notes=notes,
    )


def distinct(comparison: Comparison) -> Iterator[Release]:
    """Each model once, its newest release."""
    seen = set()
    for release in sorted(comparison.releases, key=lambda one: -one.version):
        name = release.record.fingerprint if release.record else release.version
        if name not in seen:
            yield release
        seen.add(name)


def ahead(metric: Metric) -> float:
    """How far the release is ahead of the candidate; one that has no value here comes last."""
    import math

    assert metric.delta
    lead = -better(metric, metric.delta).value
    return lead if math.isfinite(lead) else -math.inf


def on_rows_of(comparison: Comparison, release: Release, rows: Labelled) -> Labelled:
    """The rows with the release's scores as those of the baseline.

    Raises
    ------
    MainlineError
        Where its record is gone, its task is another, or too few rows can be compared.
    """
    import numpy as np

    record, settings = release.record, comparison.settings
    if record is None:
        raise DataError(release.problem)
    if record.facts.task != settings.task:
        raise DataError(f"its task is {record.facts.task}")
    ids = rows.rows[ROW_ID].to_numpy()
    score = scores(comparison, record, rows, ids)
    has = np.isfinite(score.reshape(len(ids), -1)).all(axis=1) & ~among(ids, record.train_rows)
    if has.sum() < settings.compare.min_rows:
        least = settings.compare.min_rows
        raise DataError(f"it can be compared on {int(has.sum()):,} rows, compare.min_rows requires {least:,}")
    theirs = in_classes(score, record.facts.classes, comparison.candidate.facts.classes)
    return replace(rows, baseline=theirs).subset(has)


def scores(comparison: Comparison, record: Record, rows: Labelled, ids: NDArray[np.uint64]) -> NDArray[np.float64]:
    """The scores of a release, NaN where there is none: known ones, else by its recorded model."""
    import numpy as np

    candidate, baseline = comparison.candidate, comparison.baseline.record
    if record.fingerprint == candidate.fingerprint:
        return rows.candidate
    if baseline and baseline.fingerprint == record.fingerprint and rows.baseline is not None:
        return rows.baseline
    place = align(ids, record.holdout)
    if same_tables(candidate, record) and (place >= 0).all():
        return record.holdout.score[place]
    asked = hashlib.sha256(f"{record.digest} {candidate.facts.frame} ".encode() + ids.tobytes()).hexdigest()
    kept = comparison.workspace.checks / f"{KEPT}{asked[:32]}.npy"
    if kept.exists():
        found: NDArray[np.float64] = np.load(kept, allow_pickle=False)
        return found
    found = computed(comparison, record, ids)
    with replacing(kept) as unfinished, open(unfinished, "wb") as file:
        np.save(file, found)
    return found


def computed(comparison: Comparison, record: Record, ids: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Scores by the recorded model, on rows that its own preparation made wherever that differs from this one."""
    import numpy as np

    commit = record.facts.commit
    prepared_alike = same_preparation(comparison.candidate, record)
    if not prepared_alike and commit and git.commit_of(comparison.workspace.root, commit):
        theirs = by_own_code(comparison, record, commit, ids)
        if theirs.fell_back:
            raise DataError(theirs.unusable or theirs.notes[0])
        return theirs.score
    settings = record.settings(comparison.settings)
    try:
        there, score = parts.scored(settings, record.model(), comparison.frame, sides(settings).holdout, ids)
        place = align(ids, Holdout(there, np.empty(0), np.empty(0)))
        if (place < 0).any():
            raise DataError(f"it has no score of {int((place < 0).sum()):,} of them")
        return score[place]
    except Exception as error:  # an old model may raise anything on columns that it was not made for
        raise DataError(f"its recorded model cannot score these rows ({error})") from error


def same_preparation(candidate: Record, record: Record) -> bool:
    """Whether both were prepared by the same settings and the same code of the project."""

    def own(code: dict[str, str]) -> dict[str, str]:
        return {path: digest for path, digest in code.items() if not path.startswith("src/mainline/")}

    mine, theirs = candidate.facts.parts, record.facts.parts
    return mine.prepare == theirs.prepare and own(mine.code) == own(theirs.code)

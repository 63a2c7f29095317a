"""The baseline's scores of the candidate's holdout rows.

From its record where it has scored these very rows, otherwise from its own code in a worktree; where its commit
is gone, from its recorded model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data import prepare
from mainline.data.collect import from_json, to_json
from mainline.errors import DataError, MainlineError
from mainline.evaluation.baseline import score_in_worktree
from mainline.evaluation.comparison import Comparison
from mainline.evaluation.identity import unchanged, why_not_recorded
from mainline.evaluation.unseen import Unseen, unseen_in
from mainline.runtime import git
from mainline.runtime.atomic_files import scratch
from mainline.training import parts
from mainline.training.record import Holdout, Record, align, same_tables

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Scored:
    """Scores of the requested rows, valid where `has` is true."""

    score: NDArray[np.float64]
    has: NDArray[np.bool_]
    notes: list[str] = field(default_factory=list)
    fell_back: bool = False  # recorded scores of these rows in the baseline's data, not scores of this data
    unseen: Unseen | None = None  # rows with values that the baseline's training did not have
    unusable: str | None = None  # why there are no scores of these rows


def scores_of_baseline(comparison: Comparison, baseline: Record, commit: str, ids: NDArray[np.uint64]) -> Scored:
    import numpy as np

    place = align(ids, baseline.holdout)
    if same_tables(comparison.candidate, baseline) and (place >= 0).all():
        return Scored(baseline.holdout.score[place], np.ones(len(ids), dtype=bool))
    if git.commit_of(comparison.workspace.root, commit) is None:
        return by_recorded_model(comparison, baseline, ids)
    return by_own_code(comparison, baseline, commit, ids)


def by_own_code(comparison: Comparison, baseline: Record, commit: str, ids: NDArray[np.uint64]) -> Scored:
    """Scores by the baseline's own code; where it fails, those in its record."""
    import numpy as np

    settings, workspace = comparison.settings, comparison.workspace
    with scratch(workspace.state) as folder:
        folder.mkdir()
        np.save(folder / "rows.npy", ids)
        request = {
            "tables": to_json(dict(comparison.tables)),
            "until": settings.data.until.isoformat(),
            "timezone": settings.data.timezone,
            "rows": str(folder / "rows.npy"),
        }
        try:
            with git.worktree(workspace.root, commit, workspace.worktrees / commit) as tree:
                answer = score_in_worktree(workspace, tree, baseline, request, folder)
            with np.load(answer["scores"], allow_pickle=False) as arrays:
                found = Holdout(arrays["row_id"], np.empty(0), arrays["score"])
        except MainlineError as error:
            return from_record(comparison, ids, baseline, error)
        unseen = unseen_in(settings, baseline, folder / "frame.parquet", ids, settings.monitor.new_categories)
    place = align(ids, found)
    left_out = int((place < 0).sum())
    notes = [f"the baseline's preparation drops {left_out:,} of the {len(ids):,} holdout rows"] if left_out else []
    return Scored(taken(found.score, place), place >= 0, notes, unseen=unseen)


def by_recorded_model(comparison: Comparison, baseline: Record, ids: NDArray[np.uint64]) -> Scored:
    """Scores by the recorded model on rows that the candidate's code prepared: the baseline's commit is gone."""
    import numpy as np

    theirs = baseline.settings(comparison.settings)
    try:
        there, scores = parts.scored(theirs, baseline.model(), comparison.frame, "true", ids)
        place = align(ids, Holdout(there, np.empty(0), np.empty(0)))
        if (place < 0).any():
            raise DataError(f"the frame lacks {int((place < 0).sum()):,} of the rows")
        score = scores[place]
    except Exception as error:  # an old model may raise anything on columns that it was not made for
        return from_record(
            comparison, ids, baseline, DataError(f"its commit is gone, and its recorded model failed: {error}")
        )
    note = "the baseline's commit is gone: its recorded model scored the rows as the candidate's code prepares them"
    unseen = unseen_in(theirs, baseline, comparison.frame, ids, theirs.monitor.new_categories)
    return Scored(score, np.ones(len(ids), dtype=bool), [note], unseen=unseen)


def from_record(comparison: Comparison, ids: NDArray[np.uint64], baseline: Record, error: MainlineError) -> Scored:
    """The recorded scores of those rows whose inputs are what the baseline scored; never those of other rows."""
    import numpy as np

    candidate = comparison.candidate
    why = why_not_recorded(candidate, baseline, ids, comparison.settings.compare.max_changed)
    if why:
        said = f"the baseline cannot score this data ({error}), and {why}"
        none = np.full((len(ids), *baseline.holdout.score.shape[1:]), np.nan)
        return Scored(none, np.zeros(len(ids), dtype=bool), fell_back=True, unusable=said)
    place = align(ids, baseline.holdout)
    same = unchanged(candidate, baseline, ids)
    other = int(((place >= 0) & ~same).sum())
    said = (
        f"the baseline cannot score this data ({error}): compared on the {int(same.sum()):,} rows that are "
        "also in its own holdout, with its recorded scores; the change is not split into data and model"
    )
    more = [f"{other:,} rows have other inputs than main scored: they are left out of the comparison"] if other else []
    return Scored(taken(baseline.holdout.score, place), same, [said, *more], fell_back=True)


def taken(score: NDArray[np.float64], place: NDArray[np.int64]) -> NDArray[np.float64]:
    """Scores by position; NaN where there is none."""
    import numpy as np

    found = np.full((len(place), *score.shape[1:]), np.nan)
    found[place >= 0] = score[place[place >= 0]]
    return found


def score_request(settings: Settings, request: dict[str, Any]) -> dict[str, Any]:
    """Answer as the baseline: score another commit's rows with this checkout's recorded model."""
    import datetime as dt

    import numpy as np

    tables = from_json(request["tables"])
    data = settings.data.model_copy(
        update={"until": dt.date.fromisoformat(request["until"]), "timezone": request["timezone"]}
    )
    record = Record.read(Path(request["record"]))
    moved = record.settings(settings.model_copy(update={"data": data}))
    folder = Path(request["into"])
    prepare.build(moved, tables, folder / "frame.parquet")
    wanted = np.load(request["rows"], allow_pickle=False)
    ids, scores = parts.scored(moved, record.model(), folder / "frame.parquet", "true", wanted)
    np.savez(folder / "scores.npz", row_id=ids, score=scores)
    return {"scores": str(folder / "scores.npz")}

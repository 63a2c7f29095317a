"""Main's model on this pull request's rows: asked here, answered by main's own code in a worktree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data import prepare
from mainline.data.collect import Collected, from_json, to_json
from mainline.data.split import ROW_ID
from mainline.errors import DataError, MainlineError
from mainline.evaluation import baseline as base
from mainline.runtime import git
from mainline.runtime.atomic_files import scratch
from mainline.runtime.workspace import Workspace
from mainline.training import pipeline
from mainline.training.record import Holdout, Record, align

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Scored:
    """Scores of the rows that were asked for, valid where `has` is true."""

    score: NDArray[np.float64]
    has: NDArray[np.bool_]
    notes: list[str] = field(default_factory=list)
    fell_back: bool = False  # these are main's recorded answers to main's data, not its answers to these


def ask(
    settings: Settings,
    workspace: Workspace,
    tables: Mapping[str, Collected],
    ids: NDArray[np.uint64],
    baseline: Record,
    commit: str,
) -> Scored:
    """Main's scores of these rows by main's own code; where it cannot, those that its record has."""
    import numpy as np

    with scratch(workspace.state) as folder:
        folder.mkdir()
        np.save(folder / "rows.npy", ids)
        request = {
            "tables": to_json(dict(tables)),
            "until": settings.data.until.isoformat(),
            "timezone": settings.data.timezone,
            "rows": str(folder / "rows.npy"),
        }
        try:
            with git.worktree(workspace.root, commit, workspace.worktrees / commit) as tree:
                answer = base.score(workspace, tree, baseline, request, folder)
            with np.load(answer["scores"], allow_pickle=False) as arrays:
                found = Holdout(arrays["row_id"], np.empty(0), arrays["score"])
        except MainlineError as error:
            return recorded(ids, baseline, error)
    place = align(ids, found)
    left_out = int((place < 0).sum())
    notes = [f"main's preparation leaves out {left_out:,} of the {len(ids):,} holdout rows"] if left_out else []
    return Scored(taken(found.score, place), place >= 0, notes)


def without_code(settings: Settings, prepared: Path, ids: NDArray[np.uint64], baseline: Record) -> Scored:
    """Scores of these rows by the recorded model itself: its commit, and so its preparation, is gone."""
    import numpy as np

    own = settings.prepare.model_copy(
        update={"features": settings.prepare.features.model_validate(baseline.facts["parts"]["prepare"]["features"])}
    )
    theirs = settings.model_copy(update={"prepare": own})
    try:
        rows = pipeline.read_rows(theirs, prepared, "true")
        place = align(ids, Holdout(rows[ROW_ID].to_numpy(), np.empty(0), np.empty(0)))
        score = pipeline.predict(theirs, baseline.model(), rows.iloc[place])
    except Exception as error:  # whatever an old model says to columns that it was not made for
        return recorded(ids, baseline, DataError(f"its commit is no longer here, and its model: {error}"))
    note = "the baseline's commit is no longer here: its recorded model scored the rows as this code prepares them"
    return Scored(score, np.ones(len(ids), dtype=bool), [note])


def recorded(ids: NDArray[np.uint64], baseline: Record, error: MainlineError) -> Scored:
    """What main's record holds of these rows: its answers to the same rows as main's data had them."""
    place = align(ids, baseline.holdout)
    said = (
        f"main's code cannot score this data ({error}): compared on the {int((place >= 0).sum()):,} rows that main's "
        "own holdout shares with this one, with main's recorded scores; the change is not split into data and model"
    )
    return Scored(taken(baseline.holdout.score, place), place >= 0, [said], fell_back=True)


def taken(score: NDArray[np.float64], place: NDArray[np.int64]) -> NDArray[np.float64]:
    """Scores by place; where there is none, NaN."""
    import numpy as np

    found = np.full((len(place), *score.shape[1:]), np.nan)
    found[place >= 0] = score[place[place >= 0]]
    return found


def score_request(settings: Settings, request: dict[str, Any]) -> dict[str, Any]:
    """Be the baseline's side: score another commit's rows with this checkout's recorded model."""
    import datetime as dt

    import numpy as np

    tables = from_json(request["tables"])
    data = settings.data.model_copy(
        update={"until": dt.date.fromisoformat(request["until"]), "timezone": request["timezone"]}
    )
    moved = settings.model_copy(update={"data": data})
    folder = Path(request["into"])
    prepare.build(moved, tables, folder / "frame.parquet")
    rows = pipeline.read_rows(moved, folder / "frame.parquet", "true")
    wanted = np.load(request["rows"], allow_pickle=False)
    rows = rows[np.isin(rows[ROW_ID].to_numpy(), wanted)]
    scores = pipeline.predict(moved, Record.read(Path(request["record"])).model(), rows)
    np.savez(folder / "scores.npz", row_id=rows[ROW_ID].to_numpy(), score=scores)
    return {"scores": str(folder / "scores.npz")}

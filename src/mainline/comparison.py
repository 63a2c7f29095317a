"""Both models on the same rows: whose scores are there already, whose must be asked for, which rows are fair."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline import attribution as attributing
from mainline import baseline as base
from mainline import evaluate, frame, git, resampling, training
from mainline.collect import Collected, from_json, to_json
from mainline.errors import MainlineError
from mainline.evaluate import Labelled
from mainline.record import Holdout, Record, align
from mainline.results import Attribution
from mainline.rows import ROW_ID, sides
from mainline.settings import Settings
from mainline.workspace import Workspace

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
    holdout = candidate.holdout
    place = align(rows[ROW_ID].to_numpy(), holdout)
    y, score = holdout.y[place], holdout.score[place]
    fair = ~np.isnan(y)
    notes = overlap(candidate.train_rows, rows[ROW_ID].to_numpy(), "this model's own training rows")
    if baseline is None or commit is None:
        return Compared(labelled(settings, candidate, rows, y, score, None, fair), rows[fair], notes=notes)

    same_data = same_tables(candidate, baseline)
    place = align(rows[ROW_ID].to_numpy(), baseline.holdout)
    if same_data and (place >= 0).all():
        other, problem = baseline.holdout.score[place], None
        has = np.ones(len(rows), dtype=bool)
    else:
        other, has, problem = ask_baseline(settings, workspace, tables, rows, baseline, commit, place)
        if problem:
            notes.append(problem)
    trained_on = np.isin(rows[ROW_ID].to_numpy(), baseline.train_rows)
    if trained_on.any():
        notes.append(
            f"{int(trained_on.sum()):,} of the {len(rows):,} holdout rows are training rows of main's model: "
            "they are left out of the comparison"
        )
    both = fair & has & ~trained_on
    if both.sum() < settings.compare.min_rows:
        why = problem or f"only {int(both.sum()):,} labelled rows are new to both models"
        return Compared(
            labelled(settings, candidate, rows, y, score, None, fair), rows[fair], notes=notes, not_comparable=why
        )
    if both.sum() < fair.sum():
        notes.append(f"compared on {int(both.sum()):,} of {int(fair.sum()):,} labelled holdout rows")
    differing = baseline.holdout.y[place[both & (place >= 0)]] != y[both & (place >= 0)]
    if same_data and differing.any():
        notes.append(f"the label differs from main's in {int(differing.sum()):,} rows: both are measured on this one's")
    other = in_classes(other, baseline.facts["classes"], candidate.facts["classes"])
    compared = labelled(settings, candidate, rows, y, score, other, both)
    found = attribute(settings, workspace, compared, candidate, baseline, commit, same_data)
    return Compared(compared, rows[both], found, notes)


def holdout_rows(settings: Settings, prepared: Path) -> pd.DataFrame:
    """Every holdout row with the columns that slices, blocks and the reference need."""
    more = [*settings.evaluate.slices]
    if settings.compare.blocks:
        more.append(settings.compare.blocks)
    if settings.gates.lead:
        more += settings.gates.lead.by
    return training.read_rows(settings, prepared, sides(settings).holdout, *more)


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
    blocks = resampling.codes(chosen[by].astype(str).to_numpy()) if by else np.arange(len(chosen))
    target = y[mask] if settings.task == "regression" else y[mask].astype(np.int64)
    return Labelled(
        target, score[mask], None if other is None else other[mask], blocks, chosen, candidate.facts["classes"]
    )


def same_tables(candidate: Record, baseline: Record) -> bool:
    now, before = candidate.facts["parts"], baseline.facts["parts"]
    return bool(now["tables"] == before["tables"] and now["clock"] == before["clock"])


def overlap(train: NDArray[np.uint64], holdout: NDArray[np.uint64], whose: str) -> list[str]:
    import numpy as np

    count = int(np.isin(holdout, train).sum())
    return [f"{count:,} of {len(holdout):,} holdout rows are {whose}: the metrics flatter it"] if count else []


def ask_baseline(
    settings: Settings,
    workspace: Workspace,
    tables: Mapping[str, Collected],
    rows: pd.DataFrame,
    baseline: Record,
    commit: str,
    place: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.bool_], str | None]:
    """Main's scores of these rows by main's own code; where it cannot, those that its record has."""
    import numpy as np

    with tempfile.TemporaryDirectory(prefix="mainline-") as folder:
        scratch = Path(folder)
        np.save(scratch / "rows.npy", rows[ROW_ID].to_numpy())
        request = {
            "tables": to_json(dict(tables)),
            "until": settings.data.until.isoformat(),
            "timezone": settings.data.timezone,
            "rows": str(scratch / "rows.npy"),
        }
        try:
            with git.worktree(workspace.root, commit, workspace.worktrees / commit) as tree:
                answer = base.score(workspace, tree, baseline, request, scratch)
            with np.load(answer["scores"], allow_pickle=False) as arrays:
                found = Holdout(arrays["row_id"], np.empty(0), arrays["score"])
        except MainlineError as error:
            has = place >= 0
            said = (
                f"main's code cannot score this data ({error}): compared on the {int(has.sum()):,} rows "
                "that its own holdout shares with this one"
            )
            return baseline.holdout.score[np.maximum(place, 0)], has, said
    there = align(rows[ROW_ID].to_numpy(), found)
    has = there >= 0
    note = None
    if not has.all():
        note = f"main's preparation leaves out {int((~has).sum()):,} of the {len(rows):,} holdout rows"
    return found.score[np.maximum(there, 0)], has, note


def in_classes(score: NDArray[np.float64], own: list[Any], wanted: list[Any]) -> NDArray[np.float64]:
    """Class probabilities in the order of `wanted`; a class that the model does not know has probability 0."""
    import numpy as np

    if score.ndim == 1 or own == wanted:
        return score
    columns = [score[:, own.index(value)] if value in own else np.zeros(len(score)) for value in wanted]
    return np.column_stack(columns)


def attribute(
    settings: Settings,
    workspace: Workspace,
    compared: Labelled,
    candidate: Record,
    baseline: Record,
    commit: str,
    same_data: bool,
) -> list[Attribution]:
    """Split the change of the headline and of every gated metric."""
    import numpy as np

    names = list(dict.fromkeys([settings.compare.metric, *settings.gates.margins]))
    here = point(settings, compared.y, compared.candidate, names)
    assert compared.baseline is not None
    there = point(settings, compared.y, compared.baseline, names)
    if same_data:
        return [attributing.all_models(name, there[name], here[name]) for name in names]
    own = baseline.holdout
    mask = ~np.isnan(own.y)
    y = own.y[mask] if settings.task == "regression" else own.y[mask].astype(np.int64)
    if baseline.facts["classes"] != candidate.facts["classes"] or not mask.any():
        return []
    before = point(settings, y, own.score[mask], names)
    crossed: dict[str, float] | None = None
    if not np.isin(own.row_id, candidate.train_rows).any():
        with git.worktree(workspace.root, commit, workspace.worktrees / commit) as tree:
            crossed = candidate_on(settings, tables_of(baseline, tree), candidate, own, names)
    return [
        attributing.attribute(name, before[name], there[name], here[name], crossed[name] if crossed else None)
        for name in names
        if np.isfinite([before[name], there[name], here[name]]).all()
    ]


def candidate_on(
    settings: Settings, theirs: dict[str, Collected], candidate: Record, own: Holdout, names: list[str]
) -> dict[str, float] | None:
    """This model on main's holdout, prepared by this code from main's tables; None where that cannot be."""
    import numpy as np

    with tempfile.TemporaryDirectory(prefix="mainline-") as folder:
        path = Path(folder, "frame.parquet")
        try:
            frame.build(settings, theirs, path)
            rows = training.read_rows(settings, path, "true")
            found = Holdout(rows[ROW_ID].to_numpy(), np.empty(0), np.empty(0))
            place = align(own.row_id, found)
            mask = (place >= 0) & ~np.isnan(own.y)
            score = training.predict(settings, candidate.model(), rows.iloc[place[mask]])
        except MainlineError:
            return None
    y = own.y[mask] if settings.task == "regression" else own.y[mask].astype(np.int64)
    return point(settings, y, score, names)


def tables_of(baseline: Record, tree: Path) -> dict[str, Collected]:
    """Main's tables, with the files that its commit holds taken from a worktree of it."""
    facts = json.loads(json.dumps(baseline.facts["tables"]))
    for table in facts["tables"].values():
        table["paths"] = [str(tree / path) for path in table["paths"]]  # an absolute path stays what it is
    return from_json(json.dumps(facts))


def point(settings: Settings, y: NDArray[Any], score: NDArray[np.float64], names: list[str]) -> dict[str, float]:
    """Metrics without intervals."""
    import numpy as np

    one = Labelled(y, score, None, np.zeros(len(y), dtype=np.int64), None, [])  # type: ignore[arg-type]
    found = evaluate.measure(settings, one, score, np.ones((1, 1), dtype=np.int64), names)
    return {name: float(values[0]) for name, values in found.items()}


def score_request(settings: Settings, workspace: Workspace, request: dict[str, Any]) -> dict[str, Any]:
    """Be the baseline's side: score another commit's rows with this checkout's recorded model."""
    import datetime as dt

    import numpy as np

    tables = from_json(request["tables"])
    data = settings.data.model_copy(
        update={"until": dt.date.fromisoformat(request["until"]), "timezone": request["timezone"]}
    )
    moved = settings.model_copy(update={"data": data})
    folder = Path(request["into"])
    frame.build(moved, tables, folder / "frame.parquet")
    rows = training.read_rows(moved, folder / "frame.parquet", "true")
    wanted = np.load(request["rows"], allow_pickle=False)
    rows = rows[np.isin(rows[ROW_ID].to_numpy(), wanted)]
    scores = training.predict(moved, Record.read(Path(request["record"])).model(), rows)
    np.savez(folder / "scores.npz", row_id=rows[ROW_ID].to_numpy(), score=scores)
    return {"scores": str(folder / "scores.npz")}

"""What changed in the data since the baseline's run: rows by table, and what each table's change did to the metric."""

from __future__ import annotations

from dataclasses import dataclass, field

from mainline.data.sources import snapshot
from mainline.errors import MainlineError
from mainline.evaluation.attribution import tables_of
from mainline.evaluation.comparison import Comparison
from mainline.evaluation.results import Attribution, DataPart, TableChange
from mainline.evaluation.table_attribution import parts_of
from mainline.evaluation.table_changes import changed_tables
from mainline.runtime import git
from mainline.training.record import Record, same_tables


@dataclass(frozen=True)
class DataChanges:
    tables: list[TableChange] = field(default_factory=list)
    parts: list[DataPart] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def data_changes(comparison: Comparison, baseline: Record, commit: str, found: list[Attribution]) -> DataChanges:
    """The changes of all tables; what cannot be compared or measured is a note, and fails no review."""
    if same_tables(comparison.candidate, baseline):
        return DataChanges()
    workspace, key = comparison.workspace, comparison.settings.prepare.key
    try:
        with git.worktree(workspace.root, commit, workspace.worktrees / commit) as tree:
            theirs = tables_of(baseline, tree, workspace)
            gone = [name for name, table in theirs.items() if not all(path.exists() for path in table.paths)]
            if gone:
                said = f"the baseline's version of {gone[0]} is gone: its source holds what it holds now"
                kept = f"the variable {snapshot.KEEP} has main's runs keep a copy"
                return DataChanges(notes=[f"rows are not compared by table: {said}; {kept}"])
            changes = changed_tables(comparison.tables, theirs, key)
            try:
                parts = parts_of(comparison, baseline, theirs, changes, found)
            except Exception as error:  # an old model may raise anything on columns that it was not made for
                why = error if isinstance(error, MainlineError) else f"{type(error).__name__}: {error}"
                return DataChanges(changes, notes=[f"the change due to the data is not split by table: {why}"])
    except MainlineError as error:
        return DataChanges(notes=[f"rows are not compared by table: {error}"])
    return DataChanges(changes, parts)

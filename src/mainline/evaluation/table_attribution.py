"""How much of the part of a metric's change that is due to the data each table's change explains.

The baseline's model scores its holdout, prepared from mixed tables: some as they are now, the others as they were. The
tables share the change by their Shapley values: what a table adds, averaged over the orders in which tables can change.
All are cut at the earlier of both data cutoffs, and a moved one is a part of its own. What is left of the part due to
the data, which the attribution averages over both models, is the interaction with the model. So the parts add up.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.config.schema import Settings
from mainline.data import prepare
from mainline.data.collect import Collected
from mainline.data.split import sides
from mainline.errors import DataError
from mainline.evaluation.attribution import point
from mainline.evaluation.comparison import Comparison
from mainline.evaluation.results import Attribution, DataPart
from mainline.evaluation.table_changes import up_to
from mainline.runtime.atomic_files import scratch
from mainline.training import pipeline
from mainline.training.record import Record
from mainline.training.train import targets

if TYPE_CHECKING:
    from mainline.evaluation.results import TableChange

CUTOFF = "data cutoff"
INTERACTION = "interaction with the model"
MOST_EXACT = 3  # tables: six mixed holdouts; for more, the mean of a table's change as the first and as the last

Values = dict[str, float]


def parts_of(
    comparison: Comparison,
    baseline: Record,
    theirs: Mapping[str, Collected],
    changes: list[TableChange],
    found: list[Attribution],
) -> list[DataPart]:
    """The part of each changed table, of the cutoff, and the rest; none where the change itself was not split.

    Raises
    ------
    MainlineError
        Where a mixed holdout cannot be prepared or has no labelled row.
    """
    if not found:
        return []
    due = {each.metric: each.due_to_data for each in found}
    changed = [each.table for each in changes if (each.rows or each.note) and each.table in theirs]
    changed = [table for table in changed if table in comparison.tables]
    moved = comparison.settings.data.until.isoformat() != baseline.facts.parts.clock[:10]
    if len(changed) + moved < 2:
        only = changed[0] if changed else CUTOFF
        return [DataPart(only, due)] if changed or moved else []
    value = MixedHoldout(comparison, baseline, theirs, list(due))
    shares = shapley(changed, value) if changed else {}
    parts = [DataPart(table, share) for table, share in shares.items()]
    if moved:
        parts.append(DataPart(CUTOFF, value.of_cutoff(changed)))
    rest = {metric: total - sum(part.metrics[metric] for part in parts) for metric, total in due.items()}
    finite = [part for part in parts if all(map(math.isfinite, part.metrics.values()))]
    if len(finite) < len(parts):
        raise DataError("a metric has no value on a mixed holdout")
    return [*parts, DataPart(INTERACTION, rest)]


class MixedHoldout:
    """The baseline's metrics by the set of tables that are as they are now; each set is measured once."""

    def __init__(
        self, comparison: Comparison, baseline: Record, theirs: Mapping[str, Collected], metrics: list[str]
    ) -> None:
        self.comparison, self.baseline, self.theirs, self.metrics = comparison, baseline, theirs, metrics
        self.known: dict[frozenset[str], Values] = {}

    def __call__(self, now: frozenset[str]) -> Values:
        if now not in self.known:
            ours = self._ours()
            mixed = {name: self._chosen(name, table, name in now) for name, table in ours.items()}
            until = min(self._then(), self.comparison.settings.data.until)
            self.known[now] = self._measure(self._until(until), mixed)
        return self.known[now]

    def of_cutoff(self, changed: list[str]) -> Values:
        """What the moved cutoff adds: to the tables as they are now where it is later, as they were where earlier."""
        if self.comparison.settings.data.until >= self._then():
            after = self._measure(self.comparison.settings, dict(self.comparison.tables))
            before = self(frozenset(changed))
        else:
            after = self(frozenset())
            as_it_was = {name: self.theirs.get(name, table) for name, table in self._ours().items()}
            before = self._measure(self._until(self._then()), as_it_was)
        return {metric: after[metric] - before[metric] for metric in after}

    def _chosen(self, name: str, table: Collected, now: bool) -> Collected:
        theirs = self.theirs.get(name)
        if theirs is None:
            return table
        return up_to(theirs, table) if now else up_to(table, theirs)

    def _then(self) -> dt.date:
        return dt.date.fromisoformat(self.baseline.facts.parts.clock[:10])

    def _until(self, until: dt.date) -> Settings:
        settings = self.comparison.settings
        return settings.model_copy(update={"data": settings.data.model_copy(update={"until": until})})

    def _ours(self) -> dict[str, Collected]:
        import dataclasses

        # A table that is new has no version of before: it is cut as the others are.
        cutoffs = [table.before for table in self.theirs.values() if table.before is not None]
        return {
            name: dataclasses.replace(table, before=min([table.before, *cutoffs]))
            if table.before is not None and name not in self.theirs
            else table
            for name, table in self.comparison.tables.items()
        }

    def _measure(self, settings: Settings, tables: dict[str, Collected]) -> Values:
        asked = self.baseline.settings(settings)
        with scratch(self.comparison.workspace.state) as folder:
            frame = Path(folder) / "frame.parquet"
            prepare.build(asked, tables, frame)
            rows = pipeline.read_rows(asked, frame, sides(asked).holdout)
        rows = rows[rows[asked.prepare.label].notna()]
        if rows.empty:
            raise DataError("a mixed holdout has no labelled row")
        y = targets(asked, rows[asked.prepare.label], self.baseline.facts.classes)
        y = y if asked.task == "regression" else y.astype("int64")
        return point(asked, y, pipeline.predict(asked, self.baseline.model(), rows), self.metrics)


def shapley(tables: list[str], value: Callable[[frozenset[str]], Values]) -> dict[str, Values]:
    """What each table adds: the mean over all orders, or of first and last where there are too many."""
    whole = frozenset(tables)
    shares: dict[str, Values] = {}
    for table in tables:
        others = whole - {table}
        sets = (
            [(frozenset(chosen), weight(len(chosen), len(tables)))
             for size in range(len(tables)) for chosen in itertools.combinations(sorted(others), size)]
            if len(tables) <= MOST_EXACT
            else [(frozenset[str](), 0.5), (others, 0.5)]
        )  # fmt: skip
        added = [(value(before | {table}), value(before), share) for before, share in sets]
        shares[table] = {
            metric: sum(share * (after[metric] - before[metric]) for after, before, share in added)
            for metric in added[0][0]
        }
    return shares


def weight(size: int, players: int) -> float:
    """Of a set of `size` others, among the orders of `players`."""
    return math.factorial(size) * math.factorial(players - size - 1) / math.factorial(players)

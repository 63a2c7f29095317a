"""The label as the page reads it: a column of the relation, its classes, and the code or number of each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mainline.data.sources.duckdb_scan import name as quoted
from mainline.evaluation.formatting import plain
from mainline.init.column_bins import NAME
from mainline.init.proposal import Proposal

if TYPE_CHECKING:
    import numpy as np
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

CLASSES = 9  # of a multiclass label that are told apart by colour; the others are one
COLUMN = "mainline_label"  # in the relation, where the label is computed from others
TRUTHS = ("1", "true", "1.0")  # names of a class that say nothing without the label's own name


@dataclass(frozen=True)
class Target:
    task: str
    relation: str  # a SELECT over the rows, with the label
    sql: str  # what is selected for the label
    names: tuple[str, ...] = ()  # of classes, as people call them; empty for a number. Binary: the positive is last
    values: tuple[str, ...] = ()  # of classes, as `sql` writes them

    @property
    def what(self) -> str:
        """What the plots show of the label in a bin."""
        if self.task == "binary":
            return f"share of {self.names[1]}"
        return "shares of the classes" if self.names else "mean of the label"

    def codes(self, column: Any) -> NDArray[np.intp]:
        """Of classes, each row's place in `names`; the number after the last where the label is missing."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        place = pc.fill_null(pc.index_in(column, pa.array(self.values, pa.string())), len(self.values))
        codes = place.to_numpy(zero_copy_only=False).astype(np.intp)
        return np.where(column.is_null().to_numpy(zero_copy_only=False), len(self.names), codes)


def target_of(proposal: Proposal, con: DuckDBPyConnection, view: str, columns: Sequence[str]) -> Target | None:
    """The label over the rows of a view; None where it comes from another table, or does not vary."""
    task = str(proposal.settings.get("task", "binary"))
    if proposal.label_expression is None:
        label = quoted(proposal.label) if proposal.label in columns else None
        relation = f"SELECT * FROM {view}"
    else:
        label = quoted(COLUMN)
        relation = with_label(proposal, con, view)
    if label is None or not relation:
        return None
    if task == "regression":
        return Target(task, relation, f"CAST({label} AS DOUBLE)")
    written = f"CAST({label} AS VARCHAR)"
    own = next((name for name, use in proposal.uses.items() if use.role == "label" and name in columns), None)
    raw = f"CAST({quoted(own)} AS VARCHAR)" if own else written
    counted = con.execute(
        f"SELECT {written}, min({raw}), max({raw}) FROM ({relation}) WHERE {label} IS NOT NULL "
        "GROUP BY 1 ORDER BY count(*) DESC, 1"
    ).fetchall()
    if len(counted) < 2 or (task == "binary" and len(counted) > 2):
        return None
    shown = counted if len(counted) <= CLASSES + 1 else counted[:CLASSES]
    shown.sort(key=lambda row: in_order(row[0]))
    names = [plain(low if low == high else value, NAME) or "(empty)" for value, low, high in shown]
    if task == "binary" and names[1].lower() in TRUTHS:
        names[1] = f"{plain(proposal.label, NAME)} = {names[1]}"
    names += [f"{len(counted) - len(shown):,} other classes"] if len(shown) < len(counted) else []
    return Target(task, relation, written, tuple(names), tuple(value for value, *_ in shown))


def with_label(proposal: Proposal, con: DuckDBPyConnection, view: str) -> str:
    """The view's rows and the label that Ibis computes for them; empty where the label needs another table."""
    import ibis

    table = ibis.duckdb.from_connection(con).table(view)
    try:
        # The expression is the one that `make init` writes into the project's package, from quoted names.
        label = eval(str(proposal.label_expression), {"_": ibis._, "ibis": ibis})  # noqa: S307
        return str(ibis.to_sql(table.mutate(**{COLUMN: label}), dialect="duckdb"))
    except AttributeError:  # Ibis: the table has no such column
        if proposal.join is None:
            raise
        return ""


def in_order(value: str) -> tuple[float, str]:
    """Numbers by their size, before other words by the alphabet."""
    try:
        return float(value), value
    except ValueError:
        return float("inf"), value

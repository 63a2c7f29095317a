"""`reports/init.html`: what `make init` found in a table and decided for it, in one file that opens offline.

skrub's `TableReport` (0.11) was measured first, on 100 k rows of 20 columns: 9 to 11 s of CPU and 8 s more for its
import, 967 kB, 12 MB for 1,000 columns; it shows no distribution by label and nothing over time, has no dark mode,
is empty without JavaScript, and prints rows of the table. So the page is the house's own: counted in one pass of
DuckDB, drawn in SVG, with the style sheet of the reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.evaluation.formatting import count, plain
from mainline.init import associations, column_bins, page_head, table_counts, table_sample
from mainline.init.column_cards import card, compact
from mainline.init.heat_map import heat_map
from mainline.init.label_target import Target, target_of
from mainline.init.missing_patterns import patterns
from mainline.init.proposal import Column, Proposal, Use
from mainline.runtime.atomic_files import write_text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

VIEW = "mainline_init_page"
CARDS = 100  # columns that are shown with their distribution; the others are lines of a table
PAIRED = 30  # columns between which associations are measured
NO_USE = Use("left out", "nothing was decided for this column")


def page(proposal: Proposal, con: DuckDBPyConnection, relation: str, target: Path) -> None:
    """Write the page of a proposal.

    Parameters
    ----------
    relation
        A SELECT over the rows of the table, without a semicolon.

    Raises
    ------
    ExternalError
        Where `target` cannot be written; then what was there before is still there.
    """
    write_text(target, html(proposal, con, relation))


def html(proposal: Proposal, con: DuckDBPyConnection, relation: str) -> str:
    con.execute(f"CREATE OR REPLACE TEMP VIEW {VIEW} AS {relation}")
    try:
        return rendered(proposal, con)
    finally:
        con.execute(f"DROP VIEW {VIEW}")


def rendered(proposal: Proposal, con: DuckDBPyConnection) -> str:
    from markupsafe import Markup

    from mainline.report.html import TEMPLATES, environment

    relation = f"SELECT * FROM {VIEW}"
    columns = list(proposal.columns)
    uses = {column.name: proposal.uses.get(column.name, NO_USE) for column in columns}
    names = [name for name, *_ in con.execute(f"DESCRIBE {VIEW}").fetchall()]
    columns = [column for column in columns if column.name in names]
    rows = max((column.rows for column in columns), default=0)
    kinds = {column.name: column_bins.kind_of(column, uses[column.name]) for column in columns}
    drawn = table_sample.sample_of(con, relation, columns, kinds, rows)
    sample = {column.name: drawn.column(place) for place, column in enumerate(columns)}
    bins = {column.name: column_bins.bins_of(column, kinds[column.name], sample[column.name]) for column in columns}
    label = target_of(proposal, con, VIEW, names)
    counts = table_counts.count(con, relation, columns, bins, label, table_counts.clock_of(proposal, con, relation))
    features = [column for column in columns if uses[column.name].role != "label"]
    strength = strengths(features, bins, counts, label)
    shown, others = ordered(features, proposal, strength)
    order = [*shown, *others]
    paired = [c.name for c in order if uses[c.name].role in ("numeric", "categorical") and c.distinct > 1][:PAIRED]
    paired = [name for name in paired if bins[name].kind != "hidden"]
    pairs = associations.pairs(paired, bins, sample) if len(paired) > 1 else []
    css = "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in ("report.css", "init.css"))
    return environment().get_template("init.html.j2").render(
        css=Markup(css),
        proposal=proposal,
        head=page_head.head(proposal, columns, uses, counts, label),
        label=page_head.label_section(proposal, bins, counts, label),
        target=label,
        cards=[
            card(c, uses[c.name], proposal, bins[c.name], counts, label, strength.get(c.name)) for c in shown
        ],
        others=compact([(c, uses[c.name], strength.get(c.name)) for c in others]),
        strongest=[(plain(c.name, 60), strength[c.name]) for c in order if c.name in strength][:12],
        heat=heat_map(paired, pairs),
        pairs=[pair for pair in pairs[:12] if pair.strength >= 0.1],
        patterns=patterns(counts, label),
        sampled=f"{count(drawn.num_rows)} of {count(rows)} rows" if drawn.num_rows < rows else "",
        clock=counts.clock,
        plain=plain,
    )  # fmt: skip


def strengths(
    columns: list[Column], bins: Mapping[str, column_bins.Bins], counts: table_counts.Counts, target: Target | None
) -> dict[str, float]:
    if target is None:
        return {}
    return {
        column.name: associations.with_label(counts.cells[column.name], target)
        for column in columns
        if bins[column.name].kind != "hidden" or column.missing  # else there is one bin, and nothing to measure
    }


def ordered(columns: list[Column], proposal: Proposal, strength: dict[str, float]) -> tuple[list[Column], list[Column]]:
    """The columns with a card and the others, each by their association with the label; those with a leak lead."""
    leaks = {finding.column for finding in proposal.findings if finding.kind == "leak"}
    noted = {finding.column for finding in proposal.findings}
    order = sorted(columns, key=lambda c: (c.name not in leaks, -round(strength.get(c.name, 0.0), 9)))
    shown = [c for place, c in enumerate(order) if place < CARDS or c.name in noted][: 2 * CARDS]
    kept = {c.name for c in shown}
    return shown, [c for c in order if c.name not in kept]

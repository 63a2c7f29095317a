"""The top of the page: what the table is, what is predicted, what was decided and what a person must look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mainline.evaluation.formatting import count, plain, plural, share
from mainline.init import table_plots as plots
from mainline.init.column_bins import Bins, number
from mainline.init.column_cards import REASON, Row, end
from mainline.init.label_target import Target
from mainline.init.proposal import Column, Decision, Finding, Proposal, Use
from mainline.init.table_counts import Counts

if TYPE_CHECKING:
    from markupsafe import Markup

TASKS = {"binary": "binary classification", "multiclass": "classification", "regression": "regression"}
KINDS = (("leak", "leak"), ("risk", "risk"), ("question", "question"))
FINDINGS = 60  # on the page
DECISIONS = 60
LEFT_OUT = 200


@dataclass(frozen=True)
class Head:
    title: str
    evidence: str
    leaks: int
    findings: tuple[Finding, ...]
    more_findings: int
    tiles: tuple[tuple[str, str, str], ...]
    decisions: tuple[Decision, ...]
    more_decisions: int
    left_out: tuple[tuple[str, str], ...]
    more_left_out: int


@dataclass(frozen=True)
class LabelSection:
    said: str
    rows: tuple[Row, ...] = ()
    plot: Markup | str = ""
    ends: tuple[str, str] = ("", "")
    time: Markup | str = ""
    time_axis: tuple[str, str] = ("", "")
    time_ends: tuple[str, str] = ("", "")


def head(
    proposal: Proposal, columns: Sequence[Column], uses: Mapping[str, Use], counts: Counts, target: Target | None
) -> Head:
    rank = {kind: place for place, (kind, _) in enumerate(KINDS)}
    findings = sorted(proposal.findings, key=lambda finding: rank[finding.kind])
    leaks = sum(finding.kind == "leak" for finding in findings)
    left = [(column.name, uses[column.name].reason) for column in columns if uses[column.name].role == "left out"]
    said = [(plain(name, 80), plain(reason, REASON)) for name, reason in left]
    return Head(
        f"{plain(proposal.name, 60)}: {TASKS.get(str(proposal.settings.get('task')), 'a model')} of "
        f"{plain(proposal.label, 60)}",
        told(findings), leaks, tuple(findings[:FINDINGS]), max(0, len(findings) - FINDINGS),
        tuple(tiles(proposal, columns, uses, counts, target)),
        proposal.decisions[:DECISIONS], max(0, len(proposal.decisions) - DECISIONS),
        tuple(said[:LEFT_OUT]), max(0, len(said) - LEFT_OUT),
    )  # fmt: skip


def told(findings: Sequence[Finding]) -> str:
    """How many findings there are, by kind."""
    numbers = [(sum(finding.kind == kind for finding in findings), noun) for kind, noun in KINDS]
    found = [plural(number, noun) for number, noun in numbers if number]
    if not found:
        return "No leak, no risk and no open question was found."
    joined = found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"
    return f"{joined} to look at before the first pull request."


def tiles(
    proposal: Proposal, columns: Sequence[Column], uses: Mapping[str, Use], counts: Counts, target: Target | None
) -> list[tuple[str, str, str]]:
    roles = [uses[column.name].role for column in columns]
    features = roles.count("numeric") + roles.count("categorical") + len(proposal.derived)
    parts = f"{roles.count('numeric'):,} numeric, {roles.count('categorical'):,} categorical"
    derived = f", {len(proposal.derived):,} derived" if proposal.derived else ""
    found = [
        ("Rows", count(counts.rows), f"of the table {plain(proposal.table, 40)}"),
        ("Columns", count(len(columns)), f"{roles.count('left out'):,} left out"),
        ("Features", count(features), parts + derived),
    ]
    cells = sum(column.rows for column in columns)
    missing = sum(column.missing for column in columns)
    gaps = sum(column.missing > 0 for column in columns)
    where = f"in {plural(gaps, 'column')}" if gaps else "every cell has a value"
    found.append(("Missing values", share(missing / cells) if missing else "none", where))
    found += label_tile(proposal, counts, target)
    found += [period_tile(column) for column in columns if uses[column.name].role == "time" and column.minimum][:1]
    return found


def period_tile(column: Column) -> tuple[str, str, str]:
    first, last = column.minimum, column.maximum
    against = f"{end(first)[:10]} to {end(last)[:10]}, by {plain(column.name, 40)}"
    try:
        days = (last - first).days + 1
    except (TypeError, AttributeError):  # a time that is a text or a number
        return "Period", end(first)[:10], against
    return "Period", plural(days, "day"), against


def label_tile(proposal: Proposal, counts: Counts, target: Target | None) -> list[tuple[str, str, str]]:
    known = int(counts.label.known[0])
    if target is None or not known:
        return []
    if target.task == "binary":
        positive = float(counts.label.sums[0, 1])
        return [(f"{target.names[1]}"[:28], share(positive / known), f"{count(int(positive))} of {count(known)} rows")]
    if target.names:
        rarest = counts.label.sums[0].min()
        return [("Classes", count(len(target.names)), f"the rarest has {count(int(rarest))} rows")]
    return [("Mean of the label", number(float(counts.label.sums[0, 0]) / known), f"{count(known)} rows")]


def label_section(proposal: Proposal, bins: Mapping[str, Bins], counts: Counts, target: Target | None) -> LabelSection:
    """The label's distribution, and over time where there is one."""
    name = plain(proposal.label, 60)
    if target is None:
        if proposal.join is not None:
            return LabelSection(f"{name} comes from another table, so no column is compared with it here.")
        return LabelSection(f"{name} cannot be shown: it is not in this table, or has one value.")
    known, rows = int(counts.label.known[0]), counts.rows
    said = f"{count(known)} of {count(rows)} rows have a label." if known < rows else "Every row has a label."
    drawn: tuple[Row, ...] = ()
    if target.names:
        parts = counts.label.sums[0].tolist()
        most = max(parts) or 1
        drawn = tuple(
            Row(
                class_, count(int(part)), 100 * part / most, share(part / known) if known else "", classes=((n, 100.0),)
            )
            for n, (class_, part) in enumerate(zip(target.names, parts, strict=True))
        )
    plot: Markup | str = ""
    ends = ("", "")
    own = next((column for column, use in proposal.uses.items() if use.role == "label"), proposal.label)
    if not target.names and own in bins and bins[own].kind == "numbers":
        plot, _ = plots.histogram(bins[own].names, counts.cells[own], None, None, f"Rows by {name}")
        ends = bins[own].ends
    time: Markup | str = ""
    axis = ("", "")
    if counts.clock and counts.periods is not None:
        overall = plots.point(counts.label, target, 0) if target.task != "multiclass" else None
        names = counts.clock.names
        time, scale = plots.histogram(names, counts.periods, target, overall, f"{name} by {counts.clock.unit}", first=0)
        axis = (scale.written(scale.high), scale.written(scale.low)) if scale else axis
        return LabelSection(said, drawn, plot, ends, time, axis, (names[0], names[-1]))
    return LabelSection(said, drawn, plot, ends)

"""`report.md`: the comment on a pull request, readable without a single image."""

from __future__ import annotations

from collections.abc import Sequence

from mainline.evaluation.formatting import (
    count,
    difference,
    interval,
    metric_name,
    plural,
    remember,
    score,
    short,
    signed,
)
from mainline.evaluation.results import Anchor, Change, Gate, Metric, Review, TableChange
from mainline.report import gate_warning, ordering
from mainline.report.escape import code, prose
from mainline.report.headline import base_name, gate_name, headline_of, same_rows
from mainline.report.markdown_budget import Part, fit
from mainline.report.markdown_details import details

LIMIT = 59_000  # GitHub refuses a comment above 65,536 characters; the poster adds a line or two of its own


def render(review: Review, limit: int = LIMIT) -> str:
    """GitHub-flavoured Markdown of at most `limit` characters, whatever the review holds.

    Text from data or from a contributor can neither break the page nor mention anyone. The headline and the
    gates are cut last.
    """
    remember(review.titles)
    parts = [
        changed_gates(review),
        warnings(review),
        headline(review),
        notes(review),
        gates(review),
        metrics(review),
        anchor(review),
        attribution(review),
        data_changes(review),
        changes(review),
        *details(review),
    ]
    return fit([part for part in parts if part], limit)


def changed_gates(review: Review) -> Part | None:
    warning = gate_warning.warning(review.changes, base_name(review))
    return Part(warning) if warning else None


def warnings(review: Review) -> Part | None:
    """Why the verdict may mislead, above it."""
    if not review.warnings:
        return None
    rows = [f"> - {prose(_sentence(warning), 600)}" for warning in review.warnings]
    return Part("> [!WARNING]\n> **Read this before the verdict:**", rows, weight=95, most=12)


def headline(review: Review) -> Part:
    found = headline_of(review)
    mark = "✅" if found.passed else "❌"
    return Part(f"## {mark} {prose(found.verdict, 220)} — {prose(found.evidence, 220)}\n\n{summary(review)}")


def summary(review: Review) -> str:
    """Both models and the data, in two lines."""
    candidate, baseline = review.candidate, review.baseline
    against = f" against {code(base_name(review), 40)}"
    if baseline:
        against += f" at {code(short(baseline.commit))}"
    dirty = "" if candidate.clean else " with uncommitted changes"
    pieces = [
        f"{code(short(candidate.commit))}{dirty}{against}"
        if candidate.commit
        else f"A checkout without a commit{against}",
        code(review.estimator.rpartition(".")[2], 60) if review.estimator else "",
        prose(review.computed, 40) if review.computed != "trained" else "",
        *(prose(side, 80) for side in ordering.periods(review)),
        f"{count(review.rows.get('train', 0))} training rows, {count(same_rows(review))} measured",
    ]
    return " · ".join(piece for piece in pieces if piece)


def notes(review: Review) -> Part | None:
    if not review.notes:
        return None
    rows = [f"> - {prose(_sentence(note), 400)}" for note in review.notes]
    return Part("> [!IMPORTANT]", rows, weight=80, most=12)


def gates(review: Review) -> Part | None:
    if not review.gates:
        return None
    failed = sum(not gate.passed for gate in review.gates)
    said = f"{failed} of {count(len(review.gates))} failed" if failed else f"all {count(len(review.gates))} passed"
    head = f"### Gates: {said}\n\n| | Gate | Rule | Measured |\n|---|---|---|---|"
    return Part(head, [gate_row(gate) for gate in ordering.gates(review)], weight=100)


def gate_row(gate: Gate) -> str:
    reason = f"<br><i>Why: {prose(gate.reason, 200)}</i>" if gate.reason and not gate.passed else ""
    cells = [
        "✅&nbsp;passed" if gate.passed else "❌&nbsp;**failed**",
        prose(gate_name(gate), 60),
        prose(gate.rule, 160) + reason,
        prose(gate.measured, 160),
    ]
    return row(cells)


def metrics(review: Review) -> Part | None:
    if not review.metrics:
        return None
    percent = f"{review.confidence * 100:g} %"
    blocks = f"blocks of {code(review.blocks, 40)}" if review.blocks else "rows"
    how = f"Same {count(same_rows(review))} rows; {percent} intervals"
    how += f" from {count(review.resamples)} resamples of {blocks}." if review.resamples else "."
    if any(metric.delta for metric in review.metrics):
        head = f"| Metric | This model | {prose(base_name(review), 40)} | Difference | |\n|---|--:|--:|--:|---|"
    else:
        head, how = "| Metric | This model |\n|---|--:|", how.replace("Same ", "")
    rows = [metric_row(review, metric) for metric in ordering.metrics(review)]
    return Part(f"### Metrics\n\n{head}", rows, f"\n\n<i>{how}</i>", weight=90, most=30)


def metric_row(review: Review, metric: Metric) -> str:
    name = prose(metric_name(metric.name), 60)
    name = f"**{name}**" if metric.name == review.metric else name
    if not metric.greater_is_better and metric.directed:
        name += " <i>lower is better</i>"
    if not any(one.delta for one in review.metrics):
        return row([name, interval(metric.candidate)])
    said = difference(metric.delta) if metric.delta else "–"
    main = score(metric.baseline.value) if metric.baseline else "–"
    return row([name, score(metric.candidate.value), main, said, verdict_mark(ordering.direction(metric))])


def anchor(review: Review) -> Part | None:
    """The difference to the best of the earlier releases, for each metric with a margin."""
    found = review.anchor
    if found is None:
        return None
    head = (
        f"### Against the best release: version {found.version}\n\n"
        f"| Metric | This model | version {found.version} | Difference | |\n|---|--:|--:|--:|---|"
    )
    return Part(
        head, [metric_row(review, metric) for metric in found.metrics], f"\n\n<i>{anchor_text(found)}</i>", weight=85
    )


def anchor_text(found: Anchor) -> str:
    """Which release it is, and on how many rows."""
    commit = f", commit {code(short(found.commit))}" if found.commit else ""
    best = f"The best of {plural(found.releases, 'release')} of the last {prose(found.within, 40)}"
    return f"{best}{commit}, released {prose(found.released[:10], 40)}. Same {count(found.rows)} rows."


def attribution(review: Review) -> Part | None:
    """How far the data and how far the model moved the metric since main's own run."""
    if not review.attribution:
        return None
    head = "### Why it changed\n\n| Metric | Since main's run | due to the data | due to the model |\n|---|--:|--:|--:|"
    rows = [
        row([prose(metric_name(a.metric), 60), *signed(a.total, a.due_to_data, a.due_to_model)])
        for a in review.attribution
    ]
    methods = list(dict.fromkeys(prose(a.method, 160) for a in review.attribution))[:2]
    return Part(head, rows, f"\n\n<i>{'; '.join(methods)}</i>", weight=70, most=12)


def data_changes(review: Review) -> Part | None:
    """Which rows of each table differ from main's run, and what each table's change did to the metric."""
    if not review.table_changes and not review.data_parts:
        return None
    said = prose(metric_name(review.metric), 60)
    head = (
        "#### What changed in the data\n\n"
        f"| Table | rows added | removed | changed | by the data cutoff | change of {said} |\n"
        "|---|--:|--:|--:|--:|--:|"
    )
    rows = [
        row(
            [
                code(each.what) if each.is_table else prose(each.what, 60),
                *each.counts,
                *(signed(each.share) if each.share is not None else ["–"]),
            ]
        )
        for each in ordering.data_changes(review)
    ]
    notes = [f"{code(each.table)}: {prose(each.note, 200)}" for each in review.table_changes if each.note]
    days = [said for each in review.table_changes if (said := busiest(each))]
    more = "".join(f"\n\n<i>{'; '.join(found)}</i>" for found in (days, notes) if found)
    return Part(head, rows, more, weight=65, most=20)


def busiest(change: TableChange) -> str:
    """The day on which most of the table's rows differ."""
    if not change.days:
        return ""
    most = max(change.days, key=lambda day: day.added + day.removed + day.changed)
    number = most.added + most.removed + most.changed
    on = prose(most.day, 40)
    return f"{code(change.table)}: {plural(len(change.days), change.period)} differ, most of all {on} ({count(number)})"


def changes(review: Review) -> Part | None:
    """What differs from main's run, thresholds and expectation suites first."""
    found = ordering.changes(review)
    tables = [table for table in review.tables if table.changed]
    if not found and not tables:
        return None
    rows = [f"- **{prose(kind, 30)}:** {change_text(change)}" for kind, group in found.items() for change in group]
    rows += [
        f"- **Data:** table {code(table.name)} changed, now {plural(table.rows, 'row')}, {code(short(table.digest))}"
        for table in tables
    ]
    title = "#### What differs\n" if review.attribution else "### What differs\n"
    return Part(title, rows, weight=60, most=25)


def change_text(change: Change) -> str:
    if change.before is None and change.after is None:
        return code(change.what)
    if change.kind == "code" or change.before == "…":
        return f"{code(change.what, 120)} {prose(change.after or 'removed', 40)}"
    if change.before is None:
        return f"{code(change.what)} {code(change.after)} (new)"
    if change.after is None:
        return f"{code(change.what)} {code(change.before)} (removed)"
    return f"{code(change.what)} {code(change.before)} → {code(change.after)}"


def row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def verdict_mark(direction: str) -> str:
    return {"better": "▲ better", "worse": "▼ worse"}.get(direction, "")


def _sentence(note: str) -> str:
    return note[:1].upper() + note[1:]

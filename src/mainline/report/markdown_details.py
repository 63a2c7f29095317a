"""The longer parts of the comment, folded: for readers who want the details."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mainline.data.validation.results import Expectation
from mainline.evaluation.formatting import (
    bounds,
    count,
    difference,
    duration,
    metric_name,
    plural,
    score,
    share,
    short,
    signed,
    size,
)
from mainline.evaluation.results import Review, Section
from mainline.report import ordering
from mainline.report.escape import code, fenced, prose
from mainline.report.headline import base_name
from mainline.report.markdown_budget import Part

BAR = 12  # blocks of a bar of text
ADDED = 15_000  # characters of the texts of added sections
EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def details(review: Review) -> list[Part | None]:
    return [
        validation(review),
        messages(review),
        slices(review),
        gaps(review),
        coverage(review),
        drift(review),
        importance(review),
        *added_sections(review),
        cost(review),
        reproduce(review),
    ]


def validation(review: Review) -> Part | None:
    part = expectations(review)
    blind = "".join(f"\n\n<i>{prose(_sentence(line), 400)}</i>" for line in ordering.unchecked(review))
    return replace(part, tail=part.tail + blind) if blind else part


def _sentence(line: str) -> str:
    return f"{line}."


def expectations(review: Review) -> Part:
    found, failed = review.validation, ordering.failures(review)
    if not found.expectations:
        return Part("**Data validation:** ⚠️ no table has an expectation suite, so nothing was validated.", weight=65)
    passed = len(found.expectations) - len(failed)
    if not failed:
        tables = len({expectation.table for expectation in found.expectations})
        said = f"**Data validation:** ✅ all {plural(passed, 'expectation')} on {plural(tables, 'table')} met"
        return Part(f"{said} ({duration(found.seconds)}).", weight=65)
    said = f"{count(passed)} of {plural(len(found.expectations), 'expectation')} met"
    said += f", {count(len(found.critical))} critical failed" if found.critical else ""
    said += f", {plural(len(found.warnings), 'warning')}" if found.warnings else ""
    header = "| | Table | Column | Expectation | Rows | Examples |\n|---|---|---|---|--:|---|"
    mark = "❌" if found.critical else "⚠️"
    return folded(f"Data validation: {mark} {said}", header, broken_rows(failed), weight=65, most=25, opened=True)


def broken_rows(failed: Sequence[Expectation]) -> list[str]:
    return [
        "| "
        + " | ".join(
            [
                f"{'❌' if e.severity == 'critical' else '⚠️'}&nbsp;{prose(e.severity, 20)}",
                code(e.table, 40),
                code(e.column, 40) if e.column else "",
                prose(e.rule, 120) + (f"<br><i>{prose(e.note, 120)}</i>" if e.note else ""),
                f"{count(e.unexpected)} of {count(e.rows)}" if e.unexpected else prose(e.observed or "", 60),
                "<br>".join(code(example_text(example), 80) for example in e.examples[:2]),
            ]
        )
        + " |"
        for e in failed
    ]


def example_text(example: dict[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in list(example.items())[:8])


def messages(review: Review) -> Part | None:
    """What was read of streams; a stream all of whose messages are rows is left out."""
    found = [(table.name, table.messages) for table in review.tables if table.messages and table.messages.aside]
    if not found:
        return None
    header = "| Table | Messages read | Malformed | Of another type | Late | Put aside in |\n|---|--:|--:|--:|--:|---|"
    lines = [
        f"| {code(name, 40)} | {count(each.read)} | {count(each.malformed)} | {count(each.odd)} | {count(each.late)}"
        f" | {code(each.where, 120)} |"
        for name, each in found
    ]
    title = f"Messages that are no rows: {', '.join(f'{name} {count(each.aside)}' for name, each in found)}"
    return folded(title, header, lines, weight=45, most=20)


def slices(review: Review) -> Part | None:
    rows = ordering.moved(review)
    if not rows:
        return None
    compared = any(metric.delta for _, metric in rows)
    significant = sum(1 for _, metric in rows if ordering.direction(metric))
    name = metric_name(rows[0][1].name)
    said = f"{significant} of {count(len(rows))} changed significantly" if compared else plural(len(rows), "slice")
    header = f"| Slice | Rows | {prose(name, 40)} | {prose(base_name(review), 40)} | Difference | |\n"
    marks = {"better": "▲ better", "worse": "▼ worse", "": ""}
    lines = [
        f"| {code(part.column, 40)} = {code(part.value, 40)} | {count(part.rows)} | {score(metric.candidate.value)}"
        f" | {score(metric.baseline.value) if metric.baseline else '–'}"
        f" | {difference(metric.delta) if metric.delta else '–'} | {marks[ordering.direction(metric)]} |"
        for part, metric in rows
    ]
    return folded(f"Slices by {name}: {said}", f"{header}|---|--:|--:|--:|--:|---|", lines, weight=50, most=20)


def gaps(review: Review) -> Part | None:
    if not review.gaps:
        return None
    header = f"| Between values of | Metric | Gap | {prose(base_name(review), 40)} | Change | Lowest | Highest |\n"
    lines = [
        f"| {code(gap.column, 40)} | {prose(metric_name(gap.metric), 40)} | {score(gap.candidate)}"
        f" | {score(gap.baseline) if gap.baseline is not None else '–'}"
        f" | {signed(gap.candidate - gap.baseline)[0] if gap.baseline is not None else '–'}"
        f" | {code(gap.worst, 40)} | {code(gap.best, 40)} |"
        for gap in ordering.gaps(review)
    ]
    return folded("Gaps between slices", f"{header}|---|---|--:|--:|--:|---|---|", lines, weight=40, most=20)


def coverage(review: Review) -> Part | None:
    if not review.coverage:
        return None
    header = f"| Part | Rows | Labelled | {prose(base_name(review), 40)} |\n|---|--:|--:|--:|"
    lines = [
        f"| {prose(part.part, 60)} | {count(part.rows)} | {share(part.share)}"
        f" | {share(part.baseline) if part.baseline is not None else '–'} |"
        for part in review.coverage
    ]
    lowest = min(review.coverage, key=lambda part: part.share)
    title = f"Label coverage: lowest {lowest.part} {share(lowest.share)}"
    return folded(title, header, lines, weight=25, most=20)


def drift(review: Review) -> Part | None:
    rows = ordering.drift(review)
    if not rows:
        return None
    largest = rows[0].psi
    header = "| Feature | PSI | | Missing before | Missing now | |\n|---|--:|---|--:|--:|---|"
    lines = [
        f"| {code(f.feature, 60)} | {score(f.psi)} | {bar(f.psi, largest)} | {share(f.missing_before)}"
        f" | {share(f.missing_now)} | {prose(f.note, 100)} |"
        for f in rows
    ]
    tail = "\n\n<i>Between the training rows of both runs; seasonality changes it too: treat it as a hint.</i>"
    title = f"Feature drift: largest {rows[0].feature} {score(largest)}"
    return folded(title, header, lines, weight=30, most=20, tail=tail)


def importance(review: Review) -> Part | None:
    if not review.importance:
        return None
    largest = max(feature.value for feature in review.importance)
    header = (
        f"| Feature | Decrease in {prose(metric_name(review.metric), 40)} when shuffled | | Range |\n|---|--:|---|--:|"
    )
    lines = [
        f"| {code(f.feature, 60)} | {score(f.value)} | {bar(f.value, largest)} | {bounds(f.low, f.high)} |"
        for f in sorted(review.importance, key=lambda feature: -feature.value)
    ]
    return folded("Feature importance", header, lines, weight=20, most=20)


def added_sections(review: Review) -> Iterator[Part]:
    """The sections that the project added, as far as their texts fit: only rows of tables are cut later."""
    room = ADDED
    for number, section in enumerate(review.sections):
        part = added(section)
        room -= len(part.head) + len(part.tail)
        if room < 0:
            yield Part(f"_… {plural(len(review.sections) - number, 'more section')}: the HTML report has them all._")
            return
        yield part


def added(section: Section) -> Part:
    """A section that the project added."""
    said = "".join(f"\n\n{prose(paragraph, 1000)}" for paragraph in section.paragraphs[:20])
    columns = section.columns[:12]
    cells = [prose(name, 40) for name in columns]
    header = f"\n\n| {' | '.join(cells)} |\n|---{'|--:' * (len(columns) - 1)}|" if columns else ""
    lines = [f"| {' | '.join(prose(cell, 100) for cell in row[: len(columns)])} |" for row in section.rows]
    return folded(section.title, f"{said}{header}".strip(), lines if columns else [], weight=15, most=20, opened=True)


def cost(review: Review) -> Part:
    """Time and size, with a chart of the stages that GitHub draws from text."""
    candidate, baseline = review.candidate, review.baseline
    lines = [
        "| | This model | " + (f"{prose(base_name(review), 40)} |" if baseline else ""),
        "|---|--:|" + ("--:|" if baseline else ""),
        f"| Training | {duration(candidate.train_seconds)} |"
        + (f" {duration(baseline.train_seconds)} |" if baseline else ""),
        f"| Model | {size(candidate.model_bytes)} |" + (f" {size(baseline.model_bytes)} |" if baseline else ""),
    ]
    title = f"Time and size: {duration(candidate.train_seconds)} to train, {size(candidate.model_bytes)}"
    return Part(f"<details>\n<summary>{bold(title)}</summary>\n\n" + "\n".join(lines) + chart(review), (), END, 10)


def chart(review: Review) -> str:
    """Seconds by stage, for Mermaid. Its labels know no escapes: only plain letters get there."""
    found = [(re.sub(r"[^A-Za-z0-9 _-]", "", name)[:20] or "stage", s) for name, s in review.seconds.items()]
    found = [(name, s) for name, s in found if 0 <= s < 1e6][:15]
    if not found:
        return ""
    names = ", ".join(f'"{name}"' for name, _ in found)
    seconds = ", ".join(f"{abs(s):.2f}" for _, s in found)  # a zero may have a sign
    return (
        "\n\n```mermaid\nxychart-beta horizontal\n"
        '    title "Seconds by stage; some run in parallel"\n'
        f'    x-axis [{names}]\n    y-axis "seconds" 0 --> {max(s for _, s in found) * 1.05 + 0.01:.2f}\n'
        f"    bar [{seconds}]\n```"
    )


def reproduce(review: Review) -> Part:
    candidate, baseline = review.candidate, review.baseline
    warning = (
        ""
        if candidate.clean
        else "⚠️ The checkout had uncommitted changes: the commit alone does not reproduce this run.\n\n"
    )
    facts = [
        ("fingerprint", candidate.fingerprint),
        ("model digest", candidate.model_digest),
        ("data digest", review.data_digest),
        (f"fingerprint of {base_name(review)}", baseline.fingerprint if baseline else None),
        ("run in MLflow", review.run_id),
    ]
    lines = [f"| {prose(name, 60)} | {code(value, 100)} |" for name, value in facts if value]
    tables = [
        f"| table {code(t.name, 40)} | {code(short(t.digest), 40)}, {plural(t.rows, 'row')}{dates(t.start, t.end)} |"
        for t in review.tables
    ]
    commands = fenced(ordering.commands(review), "sh")
    head = f"<details>\n<summary>{bold('How to reproduce')}</summary>\n\n{warning}{commands}"
    return Part(f"{head}\n\n| | |\n|---|---|", [*lines, *tables], END, 55, 25)


def dates(start: str | None, end: str | None) -> str:
    return f", {prose(start, 30)} to {prose(end, 30)}" if start and end else ""


END = "\n\n</details>"


def folded(
    title: str, header: str, rows: Sequence[str], weight: int, most: int, opened: bool = False, tail: str = ""
) -> Part:
    start = "<details open>" if opened else "<details>"
    return Part(f"{start}\n<summary>{bold(title)}</summary>\n\n{header}", rows, f"{tail}{END}", weight, most)


def bold(title: str) -> str:
    return f"<b>{prose(title, 120)}</b>"


def bar(value: float, largest: float) -> str:
    if not (0 < value <= largest < float("inf")):
        return ""
    whole, eighths = divmod(max(1, round(8 * BAR * (value / largest))), 8)
    return "█" * whole + EIGHTHS[eighths]

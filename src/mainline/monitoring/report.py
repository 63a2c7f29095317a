"""`monitor.md`, `monitor.html` and the terminal's lines: one screen with the verdict and its reasons."""

from __future__ import annotations

import math

from mainline.evaluation.formatting import metric_name, share
from mainline.evaluation.results import Interval
from mainline.monitoring.plots import drawn
from mainline.monitoring.results import Cause, Check, Health, Verdict
from mainline.report.escape import prose
from mainline.report.markdown_budget import Part, fit

LIMIT = 58_000  # characters of monitor.md, which is part of an issue: GitHub refuses one above 65,536
COLUMNS = 30  # of the table of columns, those nearest to their threshold


def mark(check: Check) -> str:
    return {Verdict.ok: "✓", Verdict.not_measurable: "–"}.get(check.verdict, "✗")


def about(health: Health) -> str:
    window = health.window
    if not window.start or not window.end:
        return "No predictions in the window."
    labels = f", {health.labels.joined:,} with a label" if health.labels else ", no labels yet"
    return f"{window.rows:,} predictions from {window.start[:10]} to {window.end[:10]}{labels}."


def meta(health: Health) -> list[str]:
    others = {name: rows for name, rows in health.window.versions.items() if name != health.version}
    found = [f"version {health.version or '?'}", f"model {health.model[:12] or '?'}"]
    return found + [f"also {rows:,} rows of version {name}" for name, rows in others.items()]


def tiles(health: Health) -> list[tuple[str, str, str]]:
    """The figures to read first: the metric, its estimate without labels, the column nearest to its threshold."""
    found = []
    decay = health.decay
    if decay:
        reached = f"{metric_name(decay.metric)} reached"
        found.append((reached, number(decay.reached), f"evaluated {shown(decay.promised)}"))
    if health.estimated:
        name = decay.metric if decay else next(iter(health.promised))
        if name in health.estimated:
            found.append(
                (f"{metric_name(name)} estimated", number(health.estimated[name]), "from its own probabilities")
            )
    if health.drift:
        d = health.drift[0]
        found.append((f"PSI of {d.feature}", f"{d.psi:.2f}", f"at most {d.threshold:.2f}, set by the {d.why}"))
        m = max(health.drift, key=lambda d: d.most_missing)
        found.append((f"missing {m.feature}, worst day", share(m.most_missing), f"window {share(m.missing_now)}"))
    if health.predictions:
        p = health.predictions
        found.append(("PSI of the predictions", f"{p.psi:.2f}", f"at most {p.threshold:.2f}"))
    return found


def why(health: Health) -> str:
    decay = health.decay
    if not decay or not decay.expected or not decay.surprise:
        return "A regression has no probabilities that could separate covariate shift from concept drift."
    name = metric_name(decay.metric)
    expected = f"The model's own probabilities predict {name} {shown(decay.expected)} for these rows"
    beyond = f"{decay.surprise.value:+.3f} {bounds(decay.surprise)}"
    corrected = f"After correction for their error on the holdout, the difference is {beyond}."
    return f"{expected}; it reached {shown(decay.reached)}. {corrected}"


def cause(health: Health) -> str:
    likely = health.decay.cause if health.decay else Cause.none
    return "Cause not known" if likely == Cause.unknown else likely.value.capitalize()


def metric_rows(health: Health) -> list[tuple[str, str, str, str]]:
    sides = (health.reached, health.promised, health.estimated)
    names = dict.fromkeys(name for side in sides for name in side)
    return [(metric_name(name), *(shown(side.get(name)) for side in sides)) for name in names]  # type: ignore[misc]


def number(value: Interval) -> str:
    return "–" if math.isnan(value.value) else f"{value.value:.3f}"


def bounds(value: Interval) -> str:
    return f"[{value.low:.3f}, {value.high:.3f}]" if value.low is not None and value.high is not None else ""


def shown(value: Interval | None) -> str:
    return "–" if value is None else f"{number(value)} {bounds(value)}".strip()


def ordered(health: Health) -> list[Check]:
    order = list(Verdict)
    return sorted(health.checks, key=lambda check: order.index(check.verdict))


def markdown(health: Health, limit: int = LIMIT) -> str:
    """GitHub-flavoured Markdown of at most `limit` characters; every value in it is text."""
    seal = "✅" if health.passed else "➖" if health.verdict == Verdict.not_measurable else "❌"
    parts = [
        Part(f"## {seal} {prose(health.headline)}"),
        Part(f"{prose(about(health))}\n\n{prose(' · '.join(meta(health)))}"),
    ]
    if health.decay and health.decay.tells:
        tells = f"To verify: {prose(health.decay.tells)}."
        parts.append(Part(f"**{prose(cause(health))}.** {prose(why(health))} {tells}"))
    head = "| check | state | measured | required |\n|---|---|---|---|"
    parts.append(Part(head, [check_row(check) for check in ordered(health)], weight=3, most=100))
    if health.notes:
        parts.append(Part("Notes:\n", [f"- {prose(note)}" for note in health.notes], weight=1, most=30))
    rows = [f"| {prose(name, 60)} | {' | '.join(values)} |" for name, *values in metric_rows(health)]
    if rows:
        parts.append(Part("| metric | reached | evaluated | estimated |\n|---|---|---|---|", rows, weight=2, most=30))
    return fit(parts, limit)


def check_row(check: Check) -> str:
    state = f"{mark(check)} {check.verdict.value.replace('_', ' ')}"
    return f"| {prose(check.name)} | {state} | {prose(check.measured)} | {prose(check.rule)} |"


def terminal(health: Health) -> str:
    lines = [health.headline, f"  {about(health)}"]
    lines += [f"  {mark(c)} {c.name}: {c.measured} ({c.rule})" for c in ordered(health)]
    if health.decay and health.decay.tells:
        lines += [f"  {cause(health)}. {why(health)}", f"  To verify: {health.decay.tells}."]
    lines += [f"  · {note}" for note in health.notes]
    return "\n".join(lines)


def html(health: Health) -> str:
    """Self-contained: no scripts and no external addresses."""
    from jinja2 import Environment
    from markupsafe import Markup

    from mainline.report.html import TEMPLATES

    plots = [(title, Markup(svg)) for title, svg in drawn(health)]
    css = Markup((TEMPLATES / "report.css").read_text(encoding="utf-8"))
    source = (TEMPLATES / "monitor.html.j2").read_text(encoding="utf-8")
    return Environment(autoescape=True).from_string(source).render(
        health=health, about=about(health), meta=meta(health), tiles=tiles(health), css=css, mark=mark, shown=shown,
        metric_name=metric_name,
        plots=plots, metrics=metric_rows(health), checks=ordered(health), columns=health.drift[:COLUMNS],
        cause=cause(health), why=why(health),
    )  # fmt: skip

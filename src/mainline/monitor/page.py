"""`monitor.md`, `monitor.html` and the terminal's lines: one screen that says whether to worry."""

from __future__ import annotations

from typing import Any

from mainline.monitor.drift import FeatureDrift
from mainline.monitor.findings import Health, State
from mainline.report.escape import prose as cell
from mainline.results import Interval

MARK = {State.ok: "✓", State.look: "●", State.alarm: "✗", State.unmeasured: "–"}
SHOWN = 12

TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ health.headline }}</title><style>{{ css }}</style></head><body><main>
<header class="verdict {{ 'passed' if health.passed else 'refused' }}">
<div class="seal" aria-hidden="true">{{ '✓' if health.passed else '✗' }}</div>
<div><h1>{{ health.headline }}</h1><p class="evidence">{{ about }}</p></div></header>
<section><h2>Checks</h2><div class="table"><table>
<tr><th>Check</th><th>State</th><th>Measured</th><th>Rule</th></tr>
{% for c in health.checks %}<tr><td>{{ c.name }}</td>
<td><span class="state {{ 'good' if c.state == 'ok' else 'bad' }}">{{ mark[c.state] }} {{ c.state.value }}</span></td>
<td>{{ c.measured }}</td><td>{{ c.rule }}</td></tr>{% endfor %}
</table></div></section>
{% for title, svg in plots %}<figure class="wide"><h3>{{ title }}</h3>{{ svg }}</figure>{% endfor %}
{% if metrics %}<section><h2>Performance</h2><div class="table"><table>
<tr><th>Metric</th><th>Reached</th><th>Estimated</th><th>Promised</th></tr>
{% for row in metrics %}<tr>{% for value in row %}<td>{{ value }}</td>{% endfor %}</tr>{% endfor %}
</table></div></section>{% endif %}
{% if health.drift %}<section><h2>Columns</h2><div class="table"><table>
<tr><th>Column</th><th>PSI</th><th>Threshold</th><th>Set by</th>
<th>Jensen-Shannon</th><th>KS or χ²</th><th>Missing</th></tr>
{% for d in health.drift %}<tr><td>{{ d.feature }}</td><td>{{ '%.3f' % d.psi }}</td><td>{{ '%.3f' % d.threshold }}</td>
<td>{{ d.why }}</td><td>{{ '%.3f' % d.jensen_shannon }}</td><td>{{ '%.3f' % d.statistic }}</td>
<td>{{ '%.1f %%' % (100 * d.missing_now) }}</td></tr>{% endfor %}
</table></div></section>{% endif %}
</main></body></html>
"""


def about(health: Health) -> str:
    period = f"{health.start[:10]} to {health.end[:10]}" if health.start and health.end else "no rows"
    return f"{health.rows:,} predictions, {period}, model {health.model[:12]}"


def metric_rows(health: Health) -> list[tuple[str, str, str, str]]:
    names = dict.fromkeys([*health.promised, *health.metrics, *health.estimated])
    sides = (health.metrics, health.estimated, health.promised)
    return [(name, *(shown(side.get(name)) for side in sides)) for name in names]  # type: ignore[misc]


def shown(value: Interval | None) -> str:
    if value is None or value.value != value.value:
        return "–"
    return f"{value.value:.3f}" + (f" [{value.low:.3f}, {value.high:.3f}]" if value.low is not None else "")


def markdown(health: Health) -> str:
    lines = [f"## {MARK[State.ok] if health.passed else MARK[State.alarm]} {cell(health.headline)}", "", about(health)]
    lines += ["", "| check | state | measured | rule |", "|---|---|---|---|"]
    lines += [
        f"| {cell(c.name)} | {MARK[c.state]} {c.state.value} | {cell(c.measured)} | {cell(c.rule)} |"
        for c in health.checks
    ]
    rows = metric_rows(health)
    if rows:
        lines += ["", "| metric | reached | estimated | promised |", "|---|---|---|---|"]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def terminal(health: Health) -> str:
    lines = [health.headline, f"  {about(health)}"]
    lines += [f"  {MARK[c.state]} {c.name}: {c.measured} ({c.rule})" for c in health.checks]
    return "\n".join(lines)


def html(health: Health) -> str:
    """Self-contained: no script, no address outside itself."""
    from jinja2 import Environment
    from markupsafe import Markup

    from mainline.report.html import TEMPLATES

    plots = [(title, Markup(svg)) for title, svg in drawn(health)]
    css = Markup((TEMPLATES / "report.css").read_text(encoding="utf-8"))
    template = Environment(autoescape=True).from_string(TEMPLATE)
    return template.render(
        health=health, about=about(health), css=css, mark=MARK, plots=plots, metrics=metric_rows(health)
    )


def drawn(health: Health) -> list[tuple[str, str]]:
    from mainline.report import svg

    found = []
    with svg.styled():
        if health.traffic:
            found.append(("Predictions by day", over_time("traffic", "rows", {"rows": health.traffic})))
        worst: list[FeatureDrift] = health.drift[:3]
        if worst:
            title = "PSI by day of the columns nearest to their threshold"
            found.append((title, over_time("drift", "PSI", {d.feature: d.daily for d in worst})))
    return found


def over_time(name: str, label: str, series: dict[str, Any]) -> str:
    from mainline.report import canvas, svg

    figure, axes = canvas.framed((canvas.WIDE, 2.6), (0.08, 0.16, 0.9, 0.8))
    colours = (svg.CANDIDATE, svg.BASELINE, svg.GOOD)
    days = sorted({day for values in series.values() for day in values})
    place = {day: index for index, day in enumerate(days)}
    for colour, (title, values) in zip(colours, series.items(), strict=False):
        axes.plot(
            [place[day] for day in sorted(values)], [values[day] for day in sorted(values)], color=colour, label=title
        )
    step = max(1, len(days) // 8)
    axes.set_xticks(range(0, len(days), step), days[::step])
    axes.set(ylabel=label, ylim=(0, None))
    if len(series) > 1:
        axes.legend(frameon=False)
    return svg.written(figure, f"monitor-{name}", label)

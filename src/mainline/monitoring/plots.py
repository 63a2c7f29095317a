"""Plots of the window over time, in the style of the reports."""

from __future__ import annotations

from typing import Any

from mainline.evaluation.formatting import metric_name, plain
from mainline.monitoring.results import Health

LEGEND = 34  # characters of a column's name above a plot
SHOWN = 3  # columns, those nearest to their threshold


def drawn(health: Health) -> list[tuple[str, str]]:
    """Title and SVG of each plot for which the window has data."""
    found = []
    if len(health.daily) > 1 and health.decay:
        metric, promise = metric_name(health.decay.metric), health.decay.promised
        lines = {"reached": health.daily}
        found.append(
            (f"{metric} by day, evaluated {promise.value:.3f}", over_time("metric", metric, lines, promise.value))
        )
    nearest = health.drift[:SHOWN]
    if nearest and len(nearest[0].daily) > 1:
        lines = {d.feature: d.daily for d in nearest}
        found.append(("PSI by day of the columns nearest to their threshold", over_time("drift", "PSI", lines)))
        lines = {d.feature: d.daily_missing for d in sorted(health.drift, key=lambda d: -d.most_missing)[:SHOWN]}
        found.append(("Share missing by day", over_time("missing", "missing", lines)))
    if len(health.traffic) > 1:
        found.append(("Predictions by day", over_time("traffic", "rows", {"rows": health.traffic})))
    return found


def over_time(name: str, label: str, series: dict[str, Any], level: float | None = None) -> str:
    from mainline.report.plots import axes as canvas
    from mainline.report.plots import svg

    figure, axes = canvas.framed((canvas.WIDE, 2.2), (0.08, 0.16, 0.9, 0.7 if len(series) > 1 else 0.8))
    days = sorted({day for values in series.values() for day in values})
    place = {day: index for index, day in enumerate(days)}
    for colour, (title, values) in zip((svg.CANDIDATE, svg.BASELINE, svg.GOOD), series.items(), strict=False):
        at = [place[day] for day in sorted(values)]
        to = [values[day] for day in sorted(values)]
        axes.line(at, to, colour)
        axes.marks(at, to, colour, size=3.5)
        axes.keys.append(("-", colour, plain(title, LEGEND)))
    if len(series) == 1:
        axes.keys.clear()
    if level is not None:
        axes.level(level, svg.BASELINE, 1.2, svg.DASHED)
    else:
        axes.y.limits = (0, None)
    step = max(1, len(days) // 8)
    axes.x.ticks = [(place[day], day[5:]) for day in days[::step]]
    axes.labels = ("", label)
    return figure.written(f"monitor-{name}", label)

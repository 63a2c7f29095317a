"""Plots of the window over time, in the style of the reports."""

from __future__ import annotations

from typing import Any

from mainline.evaluation.formatting import metric_name, plain
from mainline.monitoring.results import Health

LEGEND = 34  # characters of a column's name above a plot
SHOWN = 3  # columns, those nearest to their threshold


def drawn(health: Health) -> list[tuple[str, str]]:
    """Title and SVG of each plot for which the window has data."""
    from mainline.report.plots import svg

    found = []
    with svg.styled():
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
        at = sorted(values)
        axes.plot(
            [place[day] for day in at],
            [values[day] for day in at],
            color=colour,
            label=plain(title, LEGEND),
            marker="o",
            ms=2.5,
        )
    if level is not None:
        axes.axhline(level, color=svg.BASELINE, linewidth=1.2, linestyle=(0, (4, 2)))
    else:
        axes.set_ylim(bottom=0)
    step = max(1, len(days) // 8)
    axes.set_xticks(range(0, len(days), step), [day[5:] for day in days[::step]])
    axes.set(ylabel=label)
    if len(series) > 1:
        # Above the axes, where it covers no line.
        axes.legend(frameon=False, ncols=len(series), loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
    return svg.written(figure, f"monitor-{name}", label)

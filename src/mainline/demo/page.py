"""The page of the demo, in the style of the reports: the events, and the gain from retraining."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.demo.measure import Month
from mainline.demo.story import MARKS, Event, Story
from mainline.evaluation.formatting import metric_name
from mainline.evaluation.results import Interval
from mainline.runtime.atomic_files import write_text

if TYPE_CHECKING:
    from mainline.report.plots.axes import Axes

NAME = "demo.html"
TITLES = 34  # characters of a title in the plot


def write(folder: Path, story: Story, months: Sequence[Month], metric: str) -> str:
    """Write the page; return the last line for the terminal."""
    write_text(folder / NAME, html(story.events, months, metric, story.seconds))
    return f"Demo finished in {duration(story.seconds)}: {folder / NAME}"


def html(events: Sequence[Event], months: Sequence[Month], metric: str, seconds: float) -> str:
    """Self-contained: no scripts, and no links outside its folder."""
    from markupsafe import Markup

    from mainline.report.html import TEMPLATES, environment

    known = [month for month in months if month.metric and month.metric.baseline and month.metric.delta]
    template = environment().get_template("demo.html.j2")
    return template.render(
        css=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        headline=headline(events),
        evidence=evidence(known, metric),
        events=events,
        marks=MARKS,
        tiles=tiles(events, months, seconds),
        months=months,
        first=months[0].version if months else "",
        metric=name(metric),
        shown=shown,
        signed=signed,
        plot=Markup(drawn(known, metric)) if known else "",
        tones={"good": "good", "bad": "bad", "warn": "warn", "plain": ""},
    )


def headline(events: Sequence[Event]) -> str:
    released = sum(event.title == "release" and event.kind == "good" for event in events)
    refused = sum(event.kind == "bad" for event in events)
    back = sum(event.title == "rollback" for event in events)
    counts = [f"{released} release{'s' * (released != 1)}", f"{refused} refusal{'s' * (refused != 1)}"]
    return ", ".join(counts) + f", {back} rollback{'s' * (back != 1)}"


def evidence(months: Sequence[Month], metric: str) -> str:
    """The gain from retraining, over the periods in which production was not the first model."""
    gains = [month.metric.delta.value for month in months if month.metric and month.metric.delta]
    gains = [gain for gain in gains if gain != 0]
    if not gains:
        return "The first model was in production all the time."
    mean = signed(Interval(sum(gains) / len(gains), None, None))
    times = f"in {len(gains)} period{'s' * (len(gains) != 1)}"
    return f"{name(metric)} in production minus the frozen first model: {mean} on average {times}, on the same rows"


def tiles(events: Sequence[Event], months: Sequence[Month], seconds: float) -> list[tuple[str, str, str]]:
    def count(title: str, *kinds: str) -> int:
        return sum(event.title == title and event.kind in kinds for event in events)

    rows, labels = sum(month.rows for month in months), sum(month.labelled for month in months)
    return [
        ("Rows compared", f"{rows:,}", f"{labels:,} with a label"),
        ("Releases", str(count("release", "good")), "each after it passed the gates"),
        ("Retrainings", str(count("retraining", "good", "bad")), f"{count('retraining', 'bad')} refused"),
        ("Alarms", str(count("monitor", "warn")), f"in {count('monitor', 'warn', 'good')} monitor runs"),
        ("Bad data refused", str(count("bad data", "bad")), "before training"),
        ("Duration", duration(seconds), "on this machine"),
    ]


def name(metric: str) -> str:
    return metric_name(metric)


def shown(value: Interval | None) -> str:
    if value is None:
        return "–"
    reach = f" [{value.low:.3f}, {value.high:.3f}]" if value.low is not None and value.high is not None else ""
    return f"{value.value:.3f}{reach}"


def signed(value: Interval | None) -> str:
    if value is None:
        return "–"
    reach = f" [{value.low:+.3f}, {value.high:+.3f}]" if value.low is not None and value.high is not None else ""
    return f"{value.value:+.3f}{reach}".replace("-", "−")


def duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def drawn(months: Sequence[Month], metric: str) -> str:
    """The metric of both models by period on top, the difference below; bars are intervals."""
    from mainline.report.plots import axes as canvas
    from mainline.report.plots import svg

    figure = canvas.Figure(canvas.WIDE, 4.2)
    top, low = figure.add((0.08, 0.42, 0.9, 0.54)), figure.add((0.08, 0.09, 0.9, 0.25))
    sides: list[tuple[str, Any, str, float]] = [
        ("in production", lambda month: month.metric.candidate, svg.CANDIDATE, 0.06),
        ("frozen first model", lambda month: month.metric.baseline, svg.BASELINE, -0.06),
    ]
    for label, side, colour, shift in sides:
        errorbars(top, [side(month) for month in months], colour, shift)
        top.keys.append(("o", colour, label))
    errorbars(low, [month.metric.delta for month in months if month.metric and month.metric.delta], svg.GOOD, 0.0)
    low.level(0, svg.MUTED)
    top.labels, low.labels = ("", name(metric)), ("", "difference")
    top.below = False
    for axes in (top, low):
        axes.x.ticks = [(place, f"{month.name}\nversion {month.version}") for place, month in enumerate(months)]
        axes.x.limits = (-0.5, len(months) - 0.5)
        axes.x.grid = False
    return figure.written("demo", f"{name(metric)} by period, in production and of the frozen first model")


def errorbars(axes: Axes, values: Sequence[Interval], colour: str, shift: float) -> None:
    at = [place + shift for place in range(len(values))]
    middle = [value.value for value in values]
    for place, value in zip(at, values, strict=True):
        ends = [value.value if end is None else end for end in (value.low, value.high)]
        axes.line([place, place], ends, colour, 1.4)
    axes.marks(at, middle, colour, size=5.5)
    axes.line(at, middle, colour, 1.2, alpha=0.5)

"""`search.html`: the best so far over time, what matters, and the trials, on one page that opens offline."""

from __future__ import annotations

from typing import Any

from mainline.evaluation import formatting
from mainline.report.html import TEMPLATES, environment
from mainline.search import results, rewrite
from mainline.search.limits import limits
from mainline.search.results import Found, fine, shown
from mainline.search.study import Trial

ROWS = 60  # of the table of trials


def render(found: Found) -> str:
    """One self-contained page: no script, no address outside itself."""
    from markupsafe import Markup

    listed = found.ranked()
    return (
        environment()
        .get_template("search.html.j2")
        .render(
            headline=results.headline(found),
            good=bool(found.proposal and found.proposal.passed) or found.best is None or found.best.today,
            found=found,
            meta=meta(found),
            tiles=tiles(found),
            notes=notes(found),
            plot=drawn(found),
            improved=[row(found, trial, found.improvements()) for trial in found.improvements()],
            space=space_rows(found),
            importance=list(found.importance.items()),
            most=max(found.importance.values(), default=1.0),
            labels={dimension.name: dimension.label for dimension in found.space},
            limits=limits(found.settings),
            trials=listed[:ROWS],
            more=max(len(listed) - ROWS, 0),
            failures=failures(found),
            changed=lambda trial: changed(found, trial),
            fine=fine,
            css=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        )
    )


def meta(found: Found) -> list[str]:
    return [
        f"study {found.name[:8]}",
        found.folds,
        f"searched for {formatting.duration(found.seconds)}",
        found.settings.train.estimator.rpartition(".")[2],
    ]


def tiles(found: Found) -> list[tuple[str, str, str]]:
    """The key numbers: title, value, and what it is compared with."""
    counts = found.counts()
    best = found.best.value if found.best else None
    others = ", ".join(f"{counts[state]} {state}" for state in ("pruned", "failed"))
    tiles = [(f"Best {found.metric}", fine(best), f"today {fine(found.today.value)}")]
    if found.difference:
        tiles.append(("Better by", formatting.signed(found.difference.value)[0], spread(found)))
    tiles.append(("Trials complete", formatting.count(counts["complete"]), others))
    tiles.append(("Searched", formatting.duration(found.seconds), f"{len(found.trials)} trials"))
    if found.proposal and found.proposal.questions:
        tiles.append(("Holdout asked", f"{found.proposal.questions}×", "by searches, with this one"))
    return tiles


def spread(found: Found) -> str:
    assert found.difference
    low, high = found.difference.low, found.difference.high
    if low is None or high is None:
        return "too few blocks for an interval"
    return formatting.bounds(low, high)


def notes(found: Found) -> list[str]:
    said = []
    if found.proposal:
        said.append(results.said(found))
    if found.best and not found.best.today:
        said.append(
            "The best of many trials is partly the luckiest: its lead on the inner folds is optimistic. The holdout, "
            "which no trial has seen, decides."
        )
    broken = [trial for trial in found.trials if trial.broken]
    if broken:
        said.append(f"{len(broken)} complete trials exceed a limit of the gates, and cannot win.")
    if found.today.broken:
        said.append(f"Today's model itself exceeds a limit here: {'; '.join(found.today.broken)}.")
    return said


def row(found: Found, trial: Trial, improved: list[Trial]) -> tuple[str, int, str, str, str]:
    """Clock, number, value, gain over the one before, and what it changes."""
    place = improved.index(trial)
    assert trial.value is not None
    before = improved[place - 1].value if place else None
    gain = results.gained(before, trial.value) if before is not None else ""
    return formatting.duration(trial.clock), trial.number, fine(trial.value), gain, changed(found, trial)


def changed(found: Found, trial: Trial) -> str:
    """What a trial changes, in a few words."""
    made = rewrite.changes(found.settings, found.space, trial.values)
    listed = ", ".join(f"{one.setting.rpartition('.')[2]} {one.after}" for one in made)
    return "today's settings" if trial.today or not made else listed


def space_rows(found: Found) -> list[tuple[str, str, str, str]]:
    """Each dimension: what may change, its values, today's and the best trial's."""
    return [
        (
            dimension.label,
            results.range_text(dimension),
            shown(dimension, found.today),
            shown(dimension, found.best) if found.best else formatting.NOTHING,
        )
        for dimension in found.space
    ]


def failures(found: Found) -> list[tuple[int, str]]:
    """How many trials failed for each reason, the most frequent first."""
    reasons: dict[str, int] = {}
    for trial in found.trials:
        if trial.state == "failed":
            reasons[trial.reason] = reasons.get(trial.reason, 0) + 1
    return sorted(((number, reason) for reason, number in reasons.items()), reverse=True)[:10]


def drawn(found: Found) -> Any:
    """Every complete trial over the time of the search, and the best so far."""
    from markupsafe import Markup

    from mainline.report.plots import axes as canvas
    from mainline.report.plots import svg

    complete = [trial for trial in found.trials if trial.state == "complete"]
    points = [(trial.clock / 60, trial.value, trial.broken) for trial in complete if trial.value is not None]
    best = found.improvements()
    figure, axes = canvas.framed((canvas.WIDE, 2.8), (0.09, 0.17, 0.89, 0.72))
    others = [(at, value) for at, value, broken in points if not broken]
    out = [(at, value) for at, value, broken in points if broken]
    for some, colour, marker, said in ((others, svg.MUTED, "o", "a trial"), (out, svg.BAD, "x", "over a limit")):
        if some:
            at, to = zip(*some, strict=True)
            axes.marks(at, to, colour, marker, 3.5, alpha=0.55, over=canvas.BARS)
            axes.keys.append((marker, colour, said))
    if best:
        times = [trial.clock / 60 for trial in best] + [found.seconds / 60]
        steps = [trial.value for trial in (*best, best[-1]) if trial.value is not None]
        axes.steps(times, steps, svg.CANDIDATE, 1.9, over=canvas.LINES + 0.5)
        axes.keys.append(("-", svg.CANDIDATE, "best so far"))
    assert found.today.value is not None
    axes.level(found.today.value, svg.BASELINE, 1.2, svg.DASHED)
    axes.keys.append(("--", svg.BASELINE, "today"))
    values = sorted(value for _, value in others)
    if values:  # a few far-off trials would hide all differences between the others
        near = values[len(values) // 4 :] if found.greater else values[: -(len(values) // 4) or None]
        low, high = min(*near, found.today.value), max(*near, found.today.value)
        room = 0.08 * (high - low) or 0.01 * abs(high) or 0.01
        axes.y.limits = (low - room, high + room)
    axes.x.limits = (0, max(found.seconds / 60 * 1.02, 1e-3))
    axes.labels = ("minutes of searching", found.metric)
    return Markup(figure.written("search", f"{found.metric}: best so far over time"))

"""`report.html`: all results of the run in one file that opens offline, in light and dark mode and in print."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.evaluation import formatting
from mainline.evaluation.results import Metric, Review
from mainline.report import gate_warning, headline, ordering

if TYPE_CHECKING:
    from jinja2 import Environment, Template

    from mainline.report.plots.axes import Plot
    from mainline.report.plots.curves import Curves

TEMPLATES = Path(__file__).parent / "templates"
FILTERS = (  # of `formatting`, what the templates call
    "score", "difference", "interval", "count", "share", "duration", "size", "short", "metric_name", "signed", "plural",
)  # fmt: skip
LONGEST = 2_000  # of any one text: a value of a megabyte cannot be read


def render(review: Review, curves: Curves | None = None) -> str:
    """One self-contained page: no script, no address outside itself, the same bytes for the same input.

    Parameters
    ----------
    curves
        Labels and scores of the compared holdout rows; without them the plots of the scores are left out.
    """
    from mainline.report.plots.review import of_scores

    return page(review, of_scores(review, curves) if curves else [])


def page(review: Review, scores: list[Plot]) -> str:
    """As `render`, with the plots of the scores as they were drawn before."""
    from markupsafe import Markup

    from mainline.report.plots import review as plots
    from mainline.report.plots import tables

    formatting.remember(review.titles)
    drawn = {"slices": plots.slices(review), "importance": plots.importance(review), "data": tables.drawn(review)}
    return template().render(
        review=review,
        headline=headline.headline_of(review),
        base=headline.base_name(review),
        changed_title=gate_warning.TITLE,
        compared=any(metric.delta for metric in review.metrics),
        scores=scores,
        drawn=drawn,
        css=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        tiles=tiles(review),
        view=ordering,
        formatting=formatting,
        same_rows=headline.same_rows(review),
    )


def template() -> Template:
    return environment().get_template("report.html.j2")


@functools.cache  # with the templates that it has compiled
def environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def finalize(value: Any) -> Any:
        """Text without control or direction characters; markup, which only this package writes, as it is."""
        if isinstance(value, Markup) or not isinstance(value, str):
            return value
        return formatting.plain(value, LONGEST) if value.strip() else value

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        svg=Markup,
        strip=strip,
        width=width,
        span=formatting.bounds,
        kept=kept,
        gate_name=headline.gate_name,
        **{name: getattr(formatting, name) for name in FILTERS},
    )
    return made


def tiles(review: Review) -> list[tuple[str, str, str]]:
    """The key numbers at the top: title, value, and what it is compared with."""
    found = []
    metric = headline.find(review.metrics, review.metric)
    if metric:
        against = formatting.difference(metric.delta) if metric.delta else formatting.interval(metric.candidate)
        found.append((formatting.metric_name(metric.name), formatting.score(metric.candidate.value), against))
    if review.gates:
        passed = sum(gate.passed for gate in review.gates)
        found.append(("Gates passed", f"{passed} of {len(review.gates)}", f"{len(review.gates) - passed} failed"))
    coverage = f"{formatting.share(review.label_coverage)} labelled"
    found.append(("Rows measured", formatting.count(headline.same_rows(review)), coverage))
    expectations = review.validation.expectations
    if expectations:
        met = formatting.count(sum(expectation.success for expectation in expectations))
        critical = (
            f", {formatting.count(len(review.validation.critical))} critical" if review.validation.critical else ""
        )
        warned = formatting.plural(len(review.validation.warnings), "warning")
        found.append(("Expectations met", met, f"of {formatting.count(len(expectations))}{critical}, {warned}"))
    baseline = review.baseline
    was = f"was {formatting.duration(baseline.train_seconds)}" if baseline else "to train"
    found.append(("Training", formatting.duration(review.candidate.train_seconds), was))
    was = f"was {formatting.size(baseline.model_bytes)}" if baseline else "on disk"
    found.append(("Model", formatting.size(review.candidate.model_bytes), was))
    return found


def strip(metric: Metric) -> Any:
    """A difference as a small plot: its interval relative to zero, to its own scale, better to the right."""
    from markupsafe import Markup

    delta = metric.delta
    if delta is None or delta.low is None or delta.high is None:
        return ""
    sign = 1 if metric.greater_is_better or not metric.directed else -1
    reach = max(abs(delta.low), abs(delta.high)) or 1.0
    low, value, high = sorted(sign * 46 * end / reach for end in (delta.low, delta.value, delta.high))
    tone = ordering.direction(metric) or "even"
    return Markup(
        '<svg class="strip {}" viewBox="-50 -8 100 16" aria-hidden="true"><line class="zero" y1="-8" y2="8"/>'
        '<line class="reach" x1="{:.1f}" x2="{:.1f}"/><circle cx="{:.1f}" r="3.4"/></svg>'
    ).format(tone, low, high, value)


def width(value: float, largest: float) -> str:
    """Per cent of a bar's full width."""
    return f"{100 * value / largest:.1f}" if 0 < value <= largest < float("inf") else "0"


def kept(value: str) -> Any:
    """Text in which a number stays on one line with its interval."""
    from markupsafe import Markup, escape

    text = str(escape(formatting.plain(value, LONGEST)))
    return Markup(re.sub(r"\S+ \[[^\[\]]{1,40}\]", r'<span class="keep">\g<0></span>', text))

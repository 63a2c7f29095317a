from __future__ import annotations

import datetime as dt
import io
import re

from mainline.demo import page
from mainline.demo.measure import Month
from mainline.demo.story import Event, Story
from mainline.evaluation.results import Interval, Metric

JULY = dt.date(2013, 7, 1)


def month(name: str, version: str, delta: float) -> Month:
    metric = Metric(
        "roc_auc", True, Interval(0.71 + delta, 0.66, 0.76), Interval(0.71, 0.65, 0.75), Interval(delta, -0.002, 0.02)
    )
    return Month(name, version, 29_000, 28_000, metric)


MONTHS = [month("2013-07-01", "1", 0.0), month("2013-08-01", "2", 0.004), month("2013-09-01", "2", 0.008)]
EVENTS = [
    Event(JULY, "release", "the first model is version 1", "good", 0, 31.0),
    Event(JULY, "pull request", "worse; failed: margin: <b>roc_auc</b>", "bad", 1, 9.0, "worse.html"),
    Event(dt.date(2013, 8, 1), "monitor", "drift: Drift detected: drift of temp", "warn", 1, 4.0),
    Event(dt.date(2013, 8, 1), "bad data", "weather: temp", "bad", 3, 6.0),
    Event(dt.date(2013, 8, 1), "retraining", "retrain/2013-08-01: no worse", "good", 0, 18.0),
    Event(dt.date(2013, 8, 1), "release", "version 2", "good", 0, 20.0),
    Event(dt.date(2013, 8, 6), "rollback", "version 2 is in production again", "warn", None, 8.0),
]


def test_the_page_counts_what_happened_and_shows_the_gain_from_retraining() -> None:
    html = page.html(EVENTS, MONTHS, "roc_auc", 250.0)
    assert "<h1>2 releases, 2 refusals, 1 rollback</h1>" in html
    assert "ROC AUC in production minus the frozen first model: +0.006 on average in 2 periods" in html
    assert "4 min 10 s" in html
    assert '<svg class="plot"' in html
    assert "+0.008 [−0.002, +0.020]" in html
    assert 'href="worse.html"' in html
    assert html.count("exit 1") == 2
    assert "exit 3" in html


def test_the_page_is_one_file_that_asks_for_nothing_and_shows_text_as_text() -> None:
    html = page.html(EVENTS, MONTHS, "roc_auc", 250.0)
    assert "<script" not in html
    assert "<b>roc_auc</b>" not in html
    assert re.findall(r'(?:src|href)="(?!#)([^"]+)"', html) == ["worse.html"]


def test_a_story_without_a_measurable_period_has_a_page_too() -> None:
    empty = Month("2013-07-01", "1", 12, 0, None)
    html = page.html(EVENTS[:1], [empty], "roc_auc", 31.0)
    assert "too few labels to measure" in html
    assert "The first model was in production all the time." in html
    assert '<svg class="plot"' not in html


def test_each_event_is_a_line_with_its_seconds_and_what_its_verb_ended_with() -> None:
    story = Story(io.StringIO())
    with story.event(JULY, "bad data") as event:
        event.text, event.kind, event.exit = "weather: temp", "bad", 3
    assert isinstance(story.stream, io.StringIO)
    assert re.fullmatch(r"  2013-07-01  ✗ bad data +0\.0 s  weather: temp \(exit 3\)\n", story.stream.getvalue())
    assert story.events == [event]

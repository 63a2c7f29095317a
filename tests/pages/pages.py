"""Every page that the project writes, by name: each is made when it is asked for, from the tests' own content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from mainline.demo import page as demo
from mainline.github.retraining.text import pull_request_text
from mainline.init import page as init
from mainline.monitoring import report as monitor
from mainline.packaging.staging import report as staging
from mainline.report import html
from mainline.report import markdown as report
from mainline.search import page as search
from mainline.serving import docs_page
from mainline.serving.settings import Configuration
from tests.mainline.demo import test_page as story
from tests.mainline.github.retraining.test_pull_request import READY
from tests.mainline.init import tables
from tests.mainline.report import samples
from tests.mainline.report import test_model_card as card
from tests.mainline.search.samples import found
from tests.pages import content, markdown

RUN = "https://github.example/team/project/actions/runs/77"
SUITE = """\
name: visits
expectations:
  - {type: expect_column_values_to_not_be_null, severity: critical, kwargs: {column: visit}, meta: {notes: the key}}
  - {type: expect_column_values_to_be_unique, severity: critical, kwargs: {column: visit}, meta: {notes: the key}}
  - type: expect_column_values_to_be_in_set
    severity: critical
    kwargs: {column: shop, value_set: [north, south, east, west]}
    meta: {notes: four shops}
  - type: expect_column_values_to_be_between
    severity: warning
    kwargs: {column: minutes, min_value: 0, max_value: 90}
    meta: {notes: the doors close}
  - {type: expect_table_row_count_to_be_between, severity: warning, kwargs: {min_value: 100}, meta: {notes: a day}}
"""


def data_docs(folder: Path, table: str | None) -> str:
    """The index over two tables, or the page of one; all are written into `folder`, where the links lead."""
    from mainline.data.validation import docs_index
    from mainline.data.validation.data_docs import write_page
    from mainline.data.validation.results import Validation
    from mainline.data.validation.run import check
    from mainline.data.validation.suites import load_suite

    suite = folder / "visits.yaml"
    suite.write_text(SUITE, encoding="utf-8")
    rows = pd.DataFrame({"visit": range(200), "shop": ["north", "a shop with a long name"] * 100, "minutes": 12.5})
    rows.loc[3:9, "minutes"] = 4_711.25
    checked = [check(name, rows, load_suite(suite), ["visit"]) for name in ("visits", content.LONG)]
    for one in checked:
        write_page(one, folder)
    docs_index.write(Validation([found for one in checked for found in one.expectations]), folder)
    return (folder / f"{table or 'index'}.html").read_text(encoding="utf-8")


PAGES: dict[str, Callable[[Path], str]] = {
    "report": lambda _: html.render(samples.flights(), samples.curves()),
    "report-refused": lambda _: html.render(samples.refused_by_slices(), samples.curves()),
    "report-worse": lambda _: html.render(samples.worse(), samples.curves()),
    "report-data": lambda _: html.render(samples.corrected(), samples.curves()),
    "report-invalid": lambda _: html.render(content.invalid()),
    "report-first": lambda _: html.render(samples.without_baseline(), samples.curves(baseline=False)),
    "report-multiclass": lambda _: html.render(*samples.multiclass()),
    "report-regression": lambda _: html.render(*samples.regression()),
    "monitor": lambda _: monitor.html(content.monitored()),
    "demo": lambda _: demo.html(story.EVENTS, story.MONTHS, "roc_auc", 250.0),
    "search": lambda _: search.render(found()),
    "init": lambda _: init.html(*tables.churn(2_000), tables.RELATION),
    "init-over-time": lambda _: init.html(*tables.transactions(5_000), tables.RELATION),
    "init-multiclass": lambda _: init.html(*tables.digits(), tables.RELATION),
    "data-docs": lambda folder: data_docs(folder, None),
    "data-docs-table": lambda folder: data_docs(folder, "visits"),
    "report-data-comment": lambda _: markdown.page(report.render(samples.corrected())),
    "report-comment": lambda _: markdown.page(report.render(samples.worse())),
    "stage": lambda _: markdown.page(staging.markdown("registry.example.org/model@sha256:0a1b", samples.worse().gates)),
    "monitor-issue": lambda _: markdown.page(monitor.markdown(content.monitored())),
    "retraining-pull-request": lambda _: markdown.page(pull_request_text(READY, "b" * 40, samples.flights(), RUN)),
    "model-card": lambda folder: markdown.page(card.rendered(folder, card.WRITTEN)),
    "serve-docs": lambda _: docs_page.page(content.served(), "4", Configuration(log=Path("log"), api_key=b"key")),
}


def written(name: str, folder: Path) -> Path:
    """The page as a file in a folder of its own."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    file = place / f"{name}.html"
    file.write_text(PAGES[name](place), encoding="utf-8")
    return file

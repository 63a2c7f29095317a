"""The files of a run: the reports and `verdict.json`."""

from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.evaluation.results import verdict
from mainline.evaluation.review import ReviewedRows
from mainline.runtime.atomic_files import scratch, write_text
from mainline.runtime.progress import Progress
from mainline.runtime.worker import Worker
from mainline.runtime.workspace import Workspace

if TYPE_CHECKING:
    from mainline.report.plots.axes import Plot
    from mainline.report.plots.curves import Curves

CONTENT, PAGE = "content.pickle", "report.html"


def load_libraries(*_: object) -> None:
    """Import what a report is made with, while something else is waited for."""
    import sklearn.calibration  # noqa: F401

    from mainline.report import html
    from mainline.report.plots import review  # noqa: F401

    html.template()


def plots_of_scores(found: ReviewedRows) -> list[Plot]:
    """The plots that are known before the importance is: they can be drawn while it is waited for."""
    from mainline.report.plots.review import of_scores

    return of_scores(found.review, curves_of(found))


def curves_of(found: ReviewedRows) -> Curves:
    from mainline.report.plots.curves import Curves

    rows = found.rows
    return Curves(y=rows.y, candidate=rows.candidate, baseline=rows.baseline, classes=tuple(map(str, rows.classes)))


def reports(
    found: ReviewedRows,
    workspace: Workspace,
    progress: Progress,
    plots: list[Plot] | None = None,
    worker: Worker | None = None,
) -> list[str]:
    """Write the reports, each atomically; `verdict.json` last.

    `plots` are those of the scores, where they are drawn already. With a `worker`, which has loaded what it takes, the
    page is made there.
    """
    from mainline.evaluation.metrics import added_titles
    from mainline.report import html, markdown, report_json, sections

    review = dataclasses.replace(
        found.review,
        seconds=dict(progress.seconds),
        titles=added_titles(found.review.task),
        sections=[*found.review.sections, *sections.of(found)],
    )
    folder = workspace.reports
    with scratch(workspace.state) as place:
        made = None
        if worker:
            place.mkdir(parents=True)
            (place / CONTENT).write_bytes(pickle.dumps((review, curves_of(found))))
            made = worker.submit(render_page, folder=str(place))
        write_text(folder / "report.md", markdown.render(review))
        write_text(folder / report_json.FILE, report_json.to_json(review))
        if made:
            made.result()
            page = (place / PAGE).read_text(encoding="utf-8")
        else:
            page = html.page(review, plots_of_scores(found) if plots is None else plots)
    write_text(folder / PAGE, page)
    if workspace.of.name:  # GitHub calls an artifact after its file: those of several models must differ
        write_text(folder / workspace.of.page, page)
    write_text(folder / "verdict.json", json.dumps(verdict(review), indent=2, allow_nan=False) + "\n")
    return [str(folder / name) for name in ("report.md", PAGE, "verdict.json")]


def render_page(folder: str) -> None:
    """In the worker: the page of what this run's other process has written to the folder a moment ago."""
    from mainline.report import html

    place = Path(folder)
    review, curves = pickle.loads((place / CONTENT).read_bytes())
    (place / PAGE).write_text(html.render(review, curves), encoding="utf-8")

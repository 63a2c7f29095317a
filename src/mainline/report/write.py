"""The files of a run: the reports and `verdict.json`."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from mainline.evaluation.results import verdict
from mainline.evaluation.review import ReviewedRows
from mainline.runtime.atomic_files import write_text
from mainline.runtime.progress import Progress
from mainline.runtime.workspace import Workspace

if TYPE_CHECKING:
    from mainline.report.plots.axes import Plot


def load_libraries(*_: object) -> None:
    """Import what a report is drawn with, half a second's work, while something else is waited for."""
    import jinja2  # noqa: F401

    from mainline.report.plots import svg

    svg.load_libraries()


def plots_of_scores(found: ReviewedRows) -> list[Plot]:
    """The plots that are known before the importance is: they can be drawn while it is waited for."""
    from mainline.report.plots.curves import Curves
    from mainline.report.plots.review import of_scores

    rows = found.rows
    curves = Curves(y=rows.y, candidate=rows.candidate, baseline=rows.baseline, classes=tuple(map(str, rows.classes)))
    return of_scores(found.review, curves)


def reports(
    found: ReviewedRows, workspace: Workspace, progress: Progress, scores: list[Plot] | None = None
) -> list[str]:
    """Write the reports, each atomically; `verdict.json` last. `scores` are the plots that are drawn already."""
    from mainline.evaluation.metrics import added_titles
    from mainline.report import html, markdown, report_json, sections

    review = dataclasses.replace(
        found.review,
        seconds=dict(progress.seconds),
        titles=added_titles(found.review.task),
        sections=[*found.review.sections, *sections.of(found)],
    )
    folder = workspace.reports
    write_text(folder / "report.md", markdown.render(review))
    write_text(folder / report_json.FILE, report_json.to_json(review))
    page = html.page(review, plots_of_scores(found) if scores is None else scores)
    write_text(folder / "report.html", page)
    if workspace.of.name:  # GitHub calls an artifact after its file: those of several models must differ
        write_text(folder / workspace.of.page, page)
    write_text(folder / "verdict.json", json.dumps(verdict(review), indent=2, allow_nan=False) + "\n")
    return [str(folder / name) for name in ("report.md", "report.html", "verdict.json")]

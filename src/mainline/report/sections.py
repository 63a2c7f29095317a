"""Sections that a project adds to the report: plain values, which the Markdown and the HTML page render.

The job that posts a report as a comment renders these values and never runs the code that made them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mainline.config.extensions import Declarations
from mainline.evaluation.results import Section
from mainline.evaluation.review import ReviewedRows

Make = Callable[[ReviewedRows], Section | None]


@dataclass(frozen=True)
class SectionKind:
    """One section; if its function returns None, the report is written without it."""

    name: str
    make: Make
    description: str


SECTIONS: Declarations[SectionKind] = Declarations("report section")


def report_section(name: str) -> Callable[[Make], Make]:
    """Register the function below as a section of the report.

    It receives the review and its labelled rows with both models' scores, and returns a
    `mainline.evaluation.results.Section`.
    """

    def register(function: Make) -> Make:
        said = " ".join((function.__doc__ or "").split())
        SECTIONS.add(name, SectionKind(name, function, said), function.__module__)
        return function

    return register


def of(judged: ReviewedRows) -> list[Section]:
    """The added sections of a review, in the order in which they were registered."""
    made = []
    for name, kind in SECTIONS.items():
        with SECTIONS.calling(name):
            made.append(kind.make(judged))
    return [section for section in made if section]

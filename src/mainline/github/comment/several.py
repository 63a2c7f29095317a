"""The part of a comment that several models have: one headline over them, a line for each, and their reports."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mainline.evaluation.results import Review
from mainline.report import markdown, report_json
from mainline.report.escape import prose
from mainline.report.headline import headline_of
from mainline.report.report_json import Report
from mainline.report.without_training import Unchanged

LEAST = 3_000  # characters that a report needs to say what failed


@dataclass(frozen=True)
class Part:
    """What the job of one model left; `model` is a name that was checked, `why` is set where there is no report."""

    model: str
    report: Report | None = None
    page_url: str | None = None
    artifact_url: str | None = None
    why: str = ""

    @property
    def passed(self) -> bool:
        if isinstance(self.report, Review):
            return self.report.passed
        return isinstance(self.report, Unchanged)

    @property
    def result(self) -> str:
        """The verdict as text."""
        if isinstance(self.report, Review):
            return prose(headline_of(self.report).verdict, 200)
        if isinstance(self.report, Unchanged):
            return "Passed: nothing that can change the model differs"
        return prose(self.why, 200) if self.report is None else "Failed: the run stopped"


def headline(parts: Sequence[Part]) -> str:
    failed = [part.model for part in parts if not part.passed]
    if not failed:
        return f"## ✅ Passed: {len(parts)} models" if len(parts) > 1 else f"## ✅ Passed: {parts[0].model}"
    return f"## ❌ Failed: {', '.join(failed)}" + (f" ({len(failed)} of {len(parts)} models)" if parts[1:] else "")


def table(parts: Sequence[Part]) -> str:
    return "\n".join(["| model | result | |", "|---|---|---|", *map(row, parts)])


def row(part: Part) -> str:
    links = [("report with plots", part.page_url), ("values", part.artifact_url)]
    shown = " · ".join(f"[{text}]({address})" for text, address in links if address)
    return f"| {part.model} | {'✅' if part.passed else '❌'} {part.result.replace('|', ' ')} | {shown} |"


def sections(parts: Sequence[Part], room: int) -> Iterator[str]:
    """The reports, failed ones first, in at most `room` characters; those that do not fit are named."""
    shown = [part for part in sorted(parts, key=lambda part: (part.passed, part.model)) if part.report is not None]
    fitting = shown[: max(1, room // LEAST)]
    left = room - 200
    for place, part in enumerate(fitting):
        assert part.report is not None
        text = report_json.to_markdown(part.report, min(markdown.LIMIT, left // (len(fitting) - place) - 50))
        said = f"---\n\n{titled(part.model, text)}"
        left -= len(said) + 2
        yield said
    if shown[len(fitting) :]:
        yield f"---\n\nThe reports of {len(shown) - len(fitting)} more models are in the run's artifacts."


def titled(model: str, text: str) -> str:
    """A report whose first heading names its model; a warning may stand above it."""
    named, found = re.subn(r"(?m)^## ", f"## {model}: ", text, count=1)
    return named if found else f"## {model}\n\n{text}"

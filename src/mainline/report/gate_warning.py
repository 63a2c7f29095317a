"""The warning above a report: the pull request changes the gates, suites or workflows that evaluate it."""

from __future__ import annotations

from collections.abc import Sequence

from mainline.evaluation.results import Change
from mainline.report.escape import code, prose

TITLE = "Gates changed in this pull request"
MOST = 12


def warning(changes: Sequence[Change], base: str) -> str | None:
    """A warning that names the gates, suites and workflows that differ from the base; None where none does."""
    names = [change.what for change in changes if change.kind == "gate"]
    if not names:
        return None
    listed = ", ".join(code(name, 120) for name in names[:MOST])
    listed += f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return (
        f"> [!WARNING]\n> **{TITLE}:** the gates, suites or workflows that evaluate the model differ from "
        f"{prose(base, 40)}. Review these first: {listed}"
    )

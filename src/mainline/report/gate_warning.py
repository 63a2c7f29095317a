"""What stands above everything else: that the judges of a pull request were changed by itself."""

from __future__ import annotations

from collections.abc import Sequence

from mainline.evaluation.results import Change
from mainline.report.escape import code, prose

TITLE = "Gates changed in this pull request"
MOST = 12


def judges(changes: Sequence[Change], base: str) -> str | None:
    """A warning that names what judges the model and differs from the base; None where nothing does."""
    names = [change.what for change in changes if change.kind == "gate"]
    if not names:
        return None
    listed = ", ".join(code(name, 120) for name in names[:MOST])
    listed += f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return (
        f"> [!WARNING]\n> **{TITLE}:** what judges the model is not what {prose(base, 40)} has. "
        f"Look at these first: {listed}"
    )

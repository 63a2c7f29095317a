"""The last lines of a search on a terminal."""

from __future__ import annotations

import textwrap

from mainline.evaluation import formatting
from mainline.report.terminal import WIDTH
from mainline.runtime import models
from mainline.search import results
from mainline.search.proposal import PAGE, Outcome
from mainline.search.results import Found, fine

SHOWN = 12  # trials that were the best so far, the last of them


def summary(found: Found) -> str:
    """What was found, what it changes, how the best grew, and where to read on: lines of at most 100 columns."""
    lines = ["", *textwrap.wrap(results.headline(found), WIDTH, subsequent_indent="  ")]
    made = found.proposal
    lines += [f"  {change}" for change in found.changes]
    lines += [
        "",
        f"  best so far ({found.metric}, mean of {found.settings.search.folds if found.settings.search else 0} folds)",
    ]
    lines += [
        f"    {formatting.duration(trial.clock):>12}  trial {trial.number:>4}  {fine(trial.value)}"
        for trial in found.improvements()[-SHOWN:]
    ]
    if made and made.holdout:
        lines += ["", f"  on the holdout: {found.metric} {made.holdout}, {(made.verdict or '').replace('_', ' ')}"]
    counts = found.counts()
    lines += ["", "  " + ", ".join(f"{number:,} {state}" for state, number in counts.items())]
    if made:
        lines += ["", *textwrap.wrap(results.said(found), WIDTH, subsequent_indent="  ")]
        if made.questions:
            lines.append(f"This holdout was asked {formatting.plural(made.questions, 'time')} by searches.")
        if made.outcome is Outcome.ready:
            lines.append(f"Read {models.selected().reports}/search/report.md, then: git merge {made.branch}")
    lines.append(f"  {models.selected().reports / PAGE}")
    return "\n".join(lines)

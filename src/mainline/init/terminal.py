"""What `make init` says on a terminal: what it decided and why, what to look at, what to do next."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mainline.init.proposal import Decision, Finding, Proposal
from mainline.init.suggestions import Suggestion

MARKS = {"leak": "⚠ leak", "risk": "⚠ risk", "question": "? question"}
COLUMNS = "column "
MOST_COLUMNS = 12
NARROW, WIDE = 60, 110


def width() -> int:
    return max(NARROW, min(WIDE, shutil.get_terminal_size((100, 20)).columns))


def decided(proposal: Proposal) -> str:
    """The decisions as a table: setting, choice, reason, and how to choose otherwise."""
    settings = [one for one in proposal.decisions if not one.setting.startswith(COLUMNS)]
    columns = [one for one in proposal.decisions if one.setting.startswith(COLUMNS)]
    lines = ["Decided, each with its reason and how to overrule it:", ""]
    lines += rows(settings)
    if columns:
        lines += ["", f"Left out as features ({len(columns)}):", ""]
        lines += rows(columns[:MOST_COLUMNS], brief=True)
        if len(columns) > MOST_COLUMNS:
            lines.append(f"  and {len(columns) - MOST_COLUMNS} more: params.yaml lists them all with their reasons")
    return "\n".join(lines)


def rows(decisions: Sequence[Decision], *, brief: bool = False) -> Iterator[str]:
    names = {one.setting: one.setting.removeprefix(COLUMNS) for one in decisions}
    widest = min(28, max((len(name) for name in names.values()), default=0))
    for one in decisions:
        name = names[one.setting]
        said = one.reason if brief else f"{one.chosen}: {one.reason}"
        more = "" if brief else f" [{one.otherwise}]"
        first = f"  {name:<{widest}}  "
        yield from textwrap.wrap(
            said + more, width(), initial_indent=first, subsequent_indent=" " * (widest + 4),
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip


def found(findings: Iterable[Finding]) -> str:
    """Leaks first, then risks, then questions."""
    ordered = sorted(findings, key=lambda one: list(MARKS).index(one.kind))
    lines = []
    for one in ordered:
        mark = MARKS[one.kind]
        lines += textwrap.wrap(
            f"{mark}: {one.text}", width(), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
    return "\n".join(lines)


def ending(
    name: str,
    suggestions: Sequence[Suggestion],
    *,
    warnings: Sequence[str],
    git: bool,
    branch: str,
    passed: bool,
    page: Path,
) -> str:
    """What to try next, and the two lines that make it a pull request."""
    lines = ["What to try next:"]
    for place, one in enumerate(suggestions, 1):
        lines += textwrap.wrap(f"{place}. {one.what}", width(), initial_indent="  ", subsequent_indent="     ")
        lines += textwrap.wrap(
            one.how, width(), initial_indent="     ", subsequent_indent="     ", break_long_words=False
        )
    if warnings:
        lines += [
            "",
            *(line for one in warnings for line in textwrap.wrap(f"⚠ {one}", width(), subsequent_indent="  ")),
        ]
    if git and passed:
        lines += [
            "",
            "Nothing is committed. These two lines make it a pull request:",
            "",
            f'  git switch -c {branch} && git add -A && git commit -m "A first model of {name}"',
            f"  git push -u origin {branch} && gh pr create --fill",
        ]
    lines += ["", f"The table as a page: {page}"]
    return "\n".join(lines)

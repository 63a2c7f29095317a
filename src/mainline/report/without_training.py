"""Reports of runs without a measurement: a change that cannot affect the model, and a run that stopped."""

from __future__ import annotations

from dataclasses import dataclass

from mainline.evaluation.formatting import plain, plural, short
from mainline.evaluation.results import Change
from mainline.report import gate_warning
from mainline.report.escape import code, fenced

STOPPED = {
    2: "the configuration or the command is wrong",
    3: "the data are invalid",
    4: "an external system failed",
}
MOST = 30  # files by name
LONGEST = 400  # lines of a message
ROOM = 30_000  # characters of a message: with the rest, it stays well below a comment's limit


@dataclass(frozen=True)
class Unchanged:
    """Nothing was trained: none of the changed `files` can change the model or its gates."""

    base: str
    commit: str  # of the base
    files: list[str]
    gates: list[Change]


@dataclass(frozen=True)
class Stopped:
    """The run ended without a result; `status` is its exit status, negative for a signal."""

    base: str
    commit: str | None
    status: int
    message: list[str]  # the first lines of the run's error message
    lines: int  # of the whole message
    gates: list[Change]


def unchanged(report: Unchanged) -> str:
    """The report as Markdown."""
    differs = f"{plural(len(report.files), 'file')} differ" + ("s" if len(report.files) == 1 else "")
    return _page(
        gate_warning.warning(report.gates, report.base),
        "## ✅ Passed: this cannot change the model — nothing was trained",
        f"{differs} from {code(report.base, 40)} at {code(short(report.commit))}, none of which affects the model.",
        "\n".join(f"- {code(file, 120)}" for file in report.files[:MOST]) + _more(len(report.files) - MOST),
        "<i>To train and measure it anyway, run this workflow manually on the branch, or use make run.</i>",
    )


def stopped(report: Stopped) -> str:
    """The report as Markdown."""
    ended = f"by signal {-report.status}" if report.status < 0 else f"with status {report.status}"
    shown, room = [], ROOM
    for line in report.message[:LONGEST]:
        shown.append(plain(line, 400))
        room -= len(shown[-1]) + 1
        if room < 0:
            break
    base = f" Base: {code(report.base, 40)} at {code(short(report.commit))}." if report.commit else ""
    return _page(
        gate_warning.warning(report.gates, report.base),
        f"## ❌ Stopped: {STOPPED.get(report.status, f'the run ended {ended}')}",
        fenced(shown) + _more(max(report.lines, len(report.message)) - len(shown)),
        f"Nothing was compared, and no result of this run is kept.{base}",
    )


def _page(*parts: str | None) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _more(left_out: int) -> str:
    return f"\n\n_… {left_out:,} more: see the job's log._" if left_out > 0 else ""

"""The comment: first what GitHub knows of the run, then what the pull request's own code said."""

from __future__ import annotations

from dataclasses import dataclass

from mainline.github.comment.markers import Marker
from mainline.github.comment.sanitise import sanitise
from mainline.github.comment.workflow_run import Run
from mainline.report.escape import code, prose

LIMIT = 65_000  # characters; GitHub refuses 65,537, and the watermark is still to come
SHOWN = 12  # changed files by name

CONCLUSIONS = {
    "success": "✅ passed",
    "failure": "❌ failed",
    "cancelled": "⏹️ cancelled",
    "timed_out": "⌛ timed out",
    "startup_failure": "❌ did not start",
}


@dataclass(frozen=True)
class Findings:
    """What goes into a comment. `judges` are changed files that have a say in the verdict, None where nobody knows."""

    run: Run
    judges: list[str] | None
    report: str | None
    html: str | None = None  # address of the HTML report
    refused: str | None = None  # why the report that was there is not shown
    notes: tuple[str, ...] = ()


def body(found: Findings) -> str:
    """The whole comment but for the watermark. Nothing of the report can come before our lines or hide them."""
    run = found.run
    parts = [str(Marker(run.id, run.attempt, run.head_sha)) + "\n" + _warning(found.judges), _head(found)]
    parts += [f"> [!NOTE]\n> {prose(note)}" for note in found.notes]
    if found.report is not None:
        parts += ["---", sanitise(found.report, LIMIT - sum(len(part) + 2 for part in parts) - 5)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _warning(judges: list[str] | None) -> str:
    if judges is None:
        return (
            "> [!WARNING]\n> **Gates may have changed in this pull request:** GitHub did not say which files it "
            "changes. Look at its thresholds, suites and workflows before you trust the verdict.\n"
        )
    if not judges:
        return ""
    more = f" and {len(judges) - SHOWN} more" if len(judges) > SHOWN else ""
    names = ", ".join(code(name) for name in judges[:SHOWN])
    return f"> [!WARNING]\n> **Gates changed in this pull request.** It also changes what judges it: {names}{more}.\n"


def _head(found: Findings) -> str:
    run = found.run
    said = CONCLUSIONS.get(run.conclusion, prose(run.conclusion, 40))
    attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
    commit = f"[{code(run.head_sha[:12])}]({run.repository_url}/commit/{run.head_sha})"
    facts = [f"[{prose(run.workflow, 40)} {run.number}]({run.url}){attempt}: **{said}**", commit]
    if found.html:
        facts.append(f"[report with plots]({found.html})")
    line = " · ".join(facts)
    if found.refused:
        return f"{line}\n\n**Its report is not shown:** {prose(found.refused)}. It stays with the run's artifacts."
    if found.report is None:
        return f"{line}\n\n**It left no report.** The run's log says how far it came."
    return f"{line}<br><sub>Below the line: what this pull request's own code says.</sub>"

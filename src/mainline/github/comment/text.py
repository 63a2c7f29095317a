"""The comment: first what GitHub knows about the run, then the report of the pull request's own code."""

from __future__ import annotations

from dataclasses import dataclass

from mainline.github.comment import several
from mainline.github.comment.markers import Marker
from mainline.github.comment.several import Part
from mainline.github.comment.workflow_run import Run
from mainline.report import markdown, report_json
from mainline.report.escape import code, prose
from mainline.report.report_json import Report

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
    """What goes into a comment; `changed_gates` is None where GitHub does not say which files changed."""

    run: Run
    changed_gates: list[str] | None
    report: Report | None
    page_url: str | None = None  # of the HTML report
    artifact_url: str | None = None
    refused: str | None = None  # why the report is not shown
    outdated: bool = False  # the report is Markdown of an older version
    notes: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()  # of each model where the repository has several; then `report` is None


def comment(found: Findings) -> str:
    """The whole comment but for the watermark. Nothing in the report can come before our lines or hide them."""
    run = found.run
    parts = [str(Marker(run.id, run.attempt, run.head_sha)) + "\n" + _warning(found.changed_gates), _head(found)]
    parts += [f"> [!NOTE]\n> {prose(note)}" for note in found.notes]
    if found.parts:
        parts += [several.headline(found.parts), several.table(found.parts)]
        parts += several.sections(found.parts, LIMIT - sum(len(part) + 2 for part in parts) - 5)
    if found.report is not None:
        room = LIMIT - sum(len(part) + 2 for part in parts) - 5
        parts += ["---", report_json.to_markdown(found.report, min(markdown.LIMIT, room))]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _warning(changed_gates: list[str] | None) -> str:
    if changed_gates is None:
        return (
            "> [!WARNING]\n> **Gates may have changed in this pull request:** GitHub did not list its changed files. "
            "Check its thresholds, expectation suites and workflows before you trust the verdict.\n"
        )
    if not changed_gates:
        return ""
    more = f" and {len(changed_gates) - SHOWN} more" if len(changed_gates) > SHOWN else ""
    names = ", ".join(code(name) for name in changed_gates[:SHOWN])
    return f"> [!WARNING]\n> **Gates changed in this pull request.** It also changes what judges it: {names}{more}.\n"


def _head(found: Findings) -> str:
    run = found.run
    conclusion = CONCLUSIONS.get(run.conclusion, prose(run.conclusion, 40))
    attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
    commit = f"[{code(run.head_sha[:12])}]({run.repository_url}/commit/{run.head_sha})"
    facts = [f"[{prose(run.workflow, 40)} {run.number}]({run.url}){attempt}: **{conclusion}**", commit]
    if found.page_url:
        facts.append(f"[report with plots]({found.page_url})")
    line = " · ".join(facts)
    artifact = f"[the run's artifact]({found.artifact_url})" if found.artifact_url else "the run's artifacts"
    if found.refused:
        return f"{line}\n\n**The report is not shown:** {prose(found.refused)}. It is in {artifact}."
    if found.outdated:
        return (
            f"{line}\n\n**The report is not shown:** this branch has an older version of the code, whose report cannot "
            f"be checked. Merge the base branch into it to get a new one. The report itself is in {artifact}."
        )
    if found.report is None and not found.parts:
        return f"{line}\n\n**The run left no report.** Its log shows how far it got."
    return f"{line}<br><sub>Below the line: the results of this pull request's own code.</sub>"

"""The text of a retraining's pull request, and of the issue where there is none."""

from __future__ import annotations

from mainline.github.retraining.history import marker
from mainline.report import markdown, report_json
from mainline.report.escape import code, fenced, prose
from mainline.report.report_json import Report
from mainline.retraining.proposal import Outcome, Proposal
from mainline.runtime import models

LIMIT = 64_000  # characters; GitHub refuses 65,537
APPROVE = "Approve workflows to run"
ALLOW = "Allow GitHub Actions to create and approve pull requests"
STOPPED = {
    Outcome.invalid: "Retraining stopped: the new data are not valid",
    Outcome.failed: "Retraining stopped before it had a model",
}


def title(proposal: Proposal) -> str:
    name = models.selected().name
    return f"Retrain {name} on data until {proposal.until}" if name else f"Retrain on data until {proposal.until}"


def pull_request_text(proposal: Proposal, tip: str, report: Report, run_url: str) -> str:
    """The pull request's body: first what GitHub's API says, the report below a line."""
    assert proposal.until
    verdict = (proposal.verdict or "").replace("_", " ")
    result = ("✅ passed" if proposal.passed else "❌ failed") + (f", {prose(verdict)}" if verdict else "")
    parts = [
        marker(proposal.until, tip),
        f"`data.until` changes from **{proposal.before}** to **{proposal.until}**; nothing else changes. "
        f"The model was trained and compared with main at {code((proposal.base or tip)[:10])}: **{result}**"
        + (f" ([run]({run_url}))." if run_url else "."),
        "This pull request is reviewed like any other. It is updated until someone else commits to its branch. If it "
        "is closed without a merge, it is not opened again for the same data.",
        f"> [!NOTE]\n> If no checks run below, GitHub waits for a person with write access to click **{APPROVE}**, "
        "because a workflow opened this pull request.",
        "---",
    ]
    start = "\n\n".join(parts) + "\n\n"
    return start + report_json.to_markdown(report, min(markdown.LIMIT, LIMIT - len(start)))


def stopped(proposal: Proposal, run_url: str) -> str:
    """The issue's text where a retraining led to no pull request."""
    parts = [
        f"The last retraining on data until **{proposal.until}** stopped. No branch was made.",
        fenced(proposal.message.splitlines()[:60] or ["It left no message."]),
    ]
    if proposal.outcome is Outcome.invalid:
        parts.append("Fix the data at their source, or the expectation suite if it is wrong. Then run it again.")
    return "\n\n".join([*parts, run_link(run_url)])


def forbidden(branch: str, repository_url: str, default: str, run_url: str) -> str:
    """The issue's text where the settings do not allow the pull request."""
    return "\n\n".join(
        [
            f"A retrained model is on the branch {code(branch)}, but this repository does not allow workflows to open "
            "pull requests. Do one of these:",
            f"- select **{ALLOW}** at {repository_url}/settings/actions (as an owner, or by `make doctor FIX=1`), and "
            "run *retrain* again",
            "- save a token that may open pull requests as the secret `RETRAIN_TOKEN`",
            f"- open the pull request yourself: {repository_url}/compare/{default}...{branch}?expand=1",
            run_link(run_url),
        ]
    )


def run_link(run_url: str) -> str:
    return f"[The run]({run_url}) has the log and the reports." if run_url else "See the run's log."

"""The text of the pull request of a search's winner."""

from __future__ import annotations

from mainline.github.retraining.text import ALLOW, APPROVE, LIMIT
from mainline.report import markdown, report_json
from mainline.report.escape import code, prose
from mainline.report.report_json import Report
from mainline.runtime import models
from mainline.search.proposal import Proposal


def title() -> str:
    name = models.selected().name
    return f"Take the parameters of {name} that a search found" if name else "Take the parameters that a search found"


def pull_request_text(proposal: Proposal, tip: str, report: Report, run_url: str) -> str:
    """The pull request's body: what the search says, the report of the review below a line."""
    verdict = (proposal.verdict or "").replace("_", " ")
    result = ("✅ passed" if proposal.passed else "❌ failed") + (f", {prose(verdict)}" if verdict else "")
    changes = "\n".join(f"- {prose(change)}" for change in proposal.changes)
    times = "once" if proposal.questions == 1 else f"{proposal.questions:,} times"
    parts = [
        f"<!-- mainline search study={proposal.study} base={tip} -->",
        f"A search of {proposal.trials:,} trials found these settings:\n\n{changes}",
        f"{prose(proposal.inner, 600)}. No trial has seen the holdout. The winner's review against main at "
        f"{code((proposal.base or tip)[:10])}: **{result}**, {prose(proposal.holdout or 'not measured')} on the holdout"
        + (f" ([run]({run_url}))." if run_url else "."),
        f"Searches have asked this holdout {times}, with this one. The run's artifact has the page of the search.",
        "This pull request is reviewed like any other. It is updated until someone else commits to its branch.",
        f"> [!NOTE]\n> If no checks run below, GitHub waits for a person with write access to click **{APPROVE}**, "
        "because a workflow opened this pull request.",
        "---",
    ]
    start = "\n\n".join(parts) + "\n\n"
    return start + report_json.to_markdown(report, min(markdown.LIMIT, LIMIT - len(start)))


def forbidden(branch: str, repository_url: str, default: str) -> str:
    """Why there is no pull request, and what to do: its branch exists."""
    return (
        f"the branch {branch} exists, but this repository does not allow workflows to open pull requests. Select "
        f"“{ALLOW}” at {repository_url}/settings/actions and run the search again, save a token that may as the secret "
        f"RETRAIN_TOKEN, or open it yourself: {repository_url}/compare/{default}...{branch}?expand=1"
    )

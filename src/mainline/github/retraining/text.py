"""The words of a retraining: its pull request, and the issue where there is none."""

from __future__ import annotations

from mainline.github.comment.sanitise import sanitise
from mainline.github.retraining.history import marker
from mainline.report.escape import code, fenced, prose
from mainline.retraining.proposal import Outcome, Proposal

LIMIT = 60_000  # characters; GitHub refuses 65,537
APPROVE = "Approve workflows to run"
ALLOW = "Allow GitHub Actions to create and approve pull requests"
STOPPED = {
    Outcome.invalid: "Retraining stopped: the new data are not valid",
    Outcome.failed: "Retraining stopped before it had a model",
}


def title(proposal: Proposal) -> str:
    return f"Retrain on data until {proposal.until}"


def whole(proposal: Proposal, tip: str, report: str, run: str) -> str:
    """The pull request's body. What our own API calls know comes first, the report below a line."""
    assert proposal.until
    verdict = (proposal.verdict or "").replace("_", " ")
    said = ("✅ passed" if proposal.passed else "❌ refused") + (f", {prose(verdict)}" if verdict else "")
    parts = [
        marker(proposal.until, tip),
        f"`data.until` moves from **{proposal.before}** to **{proposal.until}**; nothing else changes. "
        f"The model was trained and compared with main at {code((proposal.base or tip)[:10])}: **{said}**"
        + (f" ([run]({run}))." if run else "."),
        "This takes the same road as every pull request: its own review decides. It is brought up to date for as long "
        "as nobody else commits to its branch; closed without a merge, it is not opened again with these data.",
        f"> [!NOTE]\n> Where no check runs below: a workflow opened this, and GitHub waits for somebody with write "
        f"access to click **{APPROVE}**.",
        "---",
    ]
    start = "\n\n".join(parts) + "\n\n"
    return start + sanitise(report, LIMIT - len(start))


def stopped(proposal: Proposal, run: str) -> str:
    """The issue's text for a retraining that came to no pull request."""
    parts = [
        f"The last retraining wanted data until **{proposal.until}** and stopped. No branch was made.",
        fenced(proposal.message.splitlines()[:60] or ["It left no message."]),
    ]
    if proposal.outcome is Outcome.invalid:
        parts.append("Mend the data at their source, or the suite if it is wrong; the next run begins anew.")
    return "\n\n".join([*parts, see(run)])


def forbidden(branch: str, address: str, default: str, run: str) -> str:
    """The issue's text where the settings forbid what is left to do."""
    return "\n\n".join(
        [
            f"A retrained model waits on the branch {code(branch)}, and this repository does not let a workflow open "
            "pull requests. One of these is missing:",
            f"- tick **{ALLOW}** at {address}/settings/actions (an owner; or `make doctor FIX=1`), and run *retrain* "
            "again",
            "- or keep a token that may open pull requests as the secret `RETRAIN_TOKEN`",
            f"- or open it yourself, now: {address}/compare/{default}...{branch}?expand=1",
            see(run),
        ]
    )


def see(run: str) -> str:
    return f"[The run]({run}) has the log and the reports." if run else "The run's log says more."

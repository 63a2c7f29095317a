"""The monitor's issue in words. Whatever the log's rows brought into the reports stays text."""

from __future__ import annotations

from mainline.github.comment.sanitise import sanitise
from mainline.github.monitor_issue.monitor_result import Health, Verdict
from mainline.report.escape import code, prose

LIMIT = 60_000  # characters; GitHub refuses 65,537
TITLES = {
    Verdict.drift: "Monitor: what the model sees has drifted",
    Verdict.decay: "Monitor: the model is worse than it promised",
    Verdict.invalid: "Monitor: the prediction log is not valid",
    Verdict.not_measurable: "Monitor: the model cannot be measured",
}
NEXT = {
    True: "A retraining is asked for: where new data are there, its pull request follows.",
    False: "No retraining is asked for: this says nothing of the model.",
}
OVER = "The last run of the monitor found nothing of this any more: closed."


def title(health: Health) -> str:
    return TITLES.get(health.verdict, "Monitor: a look is needed")


def whole(health: Health, report: str, run: str) -> str:
    """The issue's body, at most 60,000 characters: the reasons first, the monitor's own page below a line."""
    reasons = [f"- {prose(reason)}" for reason in health.reasons[:20]]
    more = len(health.reasons) - len(reasons)
    parts = [
        "\n".join(reasons + ([f"- and {more} more"] if more > 0 else [])) or "The monitor gave no reason.",
        seen(health) + (f" · [run]({run})" if run else ""),
        f"{NEXT[health.wants_retraining]} What to do is in `docs/operate.md`, rollback first. "
        "This issue follows the monitor and closes by itself; closed by hand, it stays closed for the same reasons.",
    ]
    start = "\n\n".join(parts) + "\n\n"
    return start + (f"---\n\n{sanitise(report, LIMIT - len(start) - 6)}" if report else "")


def seen(health: Health) -> str:
    versions = ", ".join(code(version) for version in health.versions[:5]) or "an unknown version"
    return f"{health.rows:,} predictions of {versions}, {prose(health.start)} to {prose(health.end)}"

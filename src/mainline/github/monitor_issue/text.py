"""The text of the monitor's issue. Every value in it is text, whatever the prediction log holds."""

from __future__ import annotations

from mainline.github.monitor_issue.monitor_result import asks_for_retraining
from mainline.monitoring import report
from mainline.monitoring.results import Health, Verdict
from mainline.report.escape import code, prose
from mainline.runtime.models import Model

LIMIT = 64_000  # characters; GitHub refuses 65,537, and the marker is still to come
REASONS = 20
TITLES = {
    Verdict.drift: "Monitor: the input data have drifted",
    Verdict.decay: "Monitor: the model performs worse than expected",
    Verdict.invalid: "Monitor: the prediction log is invalid",
    Verdict.not_measurable: "Monitor: the model cannot be measured",
}
NEXT = {
    True: "A retraining was requested: it opens a pull request if there are new data.",
    False: "No retraining was requested: this says nothing about the model.",
}
OVER = "The last run of the monitor found none of these problems: closed."


def title(model: Model, health: Health) -> str:
    return model.titled(TITLES.get(health.verdict, "Monitor: attention needed"), "Monitor")


def issue_text(health: Health, run_url: str) -> str:
    """The issue's body: the reasons first, the monitor's report below a line."""
    reasons = [f"- {prose(reason)}" for reason in health.reasons[:REASONS]]
    more = len(health.reasons) - len(reasons)
    parts = [
        "\n".join(reasons + ([f"- and {more} more"] if more > 0 else [])) or "The monitor gave no reason.",
        window(health) + (f" · [run]({run_url})" if run_url else ""),
        f"{NEXT[asks_for_retraining(health)]} What to do, rollback first, is in `docs/operate.md`. The monitor updates "
        "this issue and closes it. If you close it, it stays closed for the same reasons.",
        "---",
    ]
    start = "\n\n".join(parts) + "\n\n"
    return start + report.markdown(health, min(report.LIMIT, LIMIT - len(start)))


def window(health: Health) -> str:
    versions = ", ".join(code(version) for version in list(health.window.versions)[:5]) or "an unknown version"
    start, end = prose(health.window.start or "", 40), prose(health.window.end or "", 40)
    return f"{health.window.rows:,} predictions of {versions}, {start} to {end}"

"""`python3 -m mainline.github.monitor_issue [folder]`: the monitor's result opens, updates or closes an issue.

The output `retrain` says whether a retraining is requested. Exit status: 0 done, 1 the repository has no issues,
2 wrong call, 3 the monitor left no result, 4 no answer from GitHub.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mainline.errors import MainlineError, Refused
from mainline.github.actions import commands
from mainline.github.client import GitHub, GitHubError
from mainline.github.monitor_issue import issue, text
from mainline.github.monitor_issue.issue import Subject, Update
from mainline.github.monitor_issue.monitor_result import asks_for_retraining, read
from mainline.monitoring.results import Health
from mainline.runtime import models
from mainline.runtime.models import Model

MONITOR = "monitor"
TITLE = "Monitor"


def main(
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
    wait: Callable[[float], None] = time.sleep,
) -> int:
    model = models.selected(environment)
    folder = Path(arguments[0]) if arguments else model.reports
    unseen = folder / "unseen.txt"
    if not (folder / "monitor.json").exists() and unseen.exists():
        commands.annotate_and_summarise(environment, "notice", TITLE, unseen.read_text(encoding="utf-8").strip())
        return 0
    try:
        health = read(folder / "monitor.json")
        client = replace(GitHub.from_environment(environment), wait=wait)
        update, url = update_issue(client, model, health, commands.run_url(environment))
    except MainlineError as error:
        status, reason = error.status, str(error)
        if isinstance(error, GitHubError) and error.code == 410:
            status = Refused.status
            reason = f"{health.verdict.value}, but this repository has no issues: turn them on in its settings"
        commands.annotate_and_summarise(environment, "error", TITLE, f"No issue was written: {reason}")
        return status
    verdict = health.verdict.value.replace("_", " ")
    level = "notice" if health.passed else "warning"
    commands.annotate(level, TITLE, f"{verdict}; the issue was {update.value} {url}".strip())
    about_issue = f"; [the issue]({url}) was {update.value}" if url else ""
    commands.summarise(environment, f"{model.titled(TITLE, TITLE)}: **{verdict}**{about_issue}.")
    commands.set_outputs(environment, retrain="true" if asks_for_retraining(health) else "false")
    return 0


def subject(model: Model) -> Subject:
    """Each model has an issue of its own; the label finds them all."""
    return Subject(f"{MONITOR}{model.suffix}", MONITOR)


def update_issue(client: GitHub, model: Model, health: Health, run_url: str) -> tuple[Update, str]:
    if health.passed:
        return issue.close(client, subject(model), text.OVER + (f" ([run]({run_url}))" if run_url else ""))
    return issue.open_or_update(
        client, subject(model), text.title(model, health), text.issue_text(health, run_url), health.reasons
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

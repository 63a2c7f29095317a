"""`python3 -m mainline.github.monitor_issue [folder]`: the monitor's answer becomes an issue, or closes it.

Says to the workflow, as the output `retrain`, whether a retraining is asked for. Exit status: 0 told, 1 there are no
issues in this repository, 2 called wrongly, 3 the monitor left no answer, 4 GitHub did not answer.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mainline.errors import MainlineError, Refused
from mainline.github.actions import outputs
from mainline.github.client import GitHub, GitHubError
from mainline.github.monitor_issue import issue, text
from mainline.github.monitor_issue.issue import Done, Subject
from mainline.github.monitor_issue.monitor_result import Health, read

MONITOR = Subject("monitor", "monitor")
TITLE = "Monitor"
LARGEST = 1 << 20  # characters of the monitor's page


def main(
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
    wait: Callable[[float], None] = time.sleep,
) -> int:
    folder = Path(arguments[0] if arguments else "reports")
    if not (folder / "monitor.json").exists() and (folder / "unseen.txt").exists():
        outputs.both(environment, "notice", TITLE, (folder / "unseen.txt").read_text(encoding="utf-8").strip())
        return 0
    try:
        health = read(folder / "monitor.json")
        client = replace(GitHub.from_environment(environment), wait=wait)
        done, url = tell(client, health, page(folder / "monitor.md"), outputs.run_page(environment))
    except GitHubError as error:
        if error.code == 410:
            said = "this repository has no issues: turn them on in its settings, or read the monitor's reports"
            outputs.both(environment, "error", TITLE, f"Nobody was told of {health.verdict.value}: {said}")
            return Refused.status
        outputs.both(environment, "error", TITLE, f"Nobody was told: {error}")
        return error.status
    except MainlineError as error:
        outputs.both(environment, "error", TITLE, f"Nobody was told: {error}")
        return error.status
    verdict = health.verdict.value.replace("_", " ")
    outputs.annotate(
        "notice" if health.passed else "warning", TITLE, f"{verdict}; the issue was {done.value} {url}".strip()
    )
    outputs.summary(
        environment, f"Monitor: **{verdict}**; [the issue]({url}) was {done.value}." if url else f"{verdict}."
    )
    outputs.output(environment, "retrain", "true" if health.wants_retraining else "false")
    return 0


def tell(client: GitHub, health: Health, report: str, run: str) -> tuple[Done, str]:
    if health.passed:
        return issue.over(client, MONITOR, text.OVER + (f" ([run]({run}))" if run else ""))
    return issue.raised(client, MONITOR, text.title(health), text.whole(health, report, run), health.reasons)


def page(file: Path) -> str:
    try:
        return file.read_bytes()[:LARGEST].decode("utf-8", "replace")
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

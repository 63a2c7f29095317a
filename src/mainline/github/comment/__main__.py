"""`python3 -m mainline.github.comment`, in a workflow that a finished review wakes.

Says in the job's summary what it did. Exit status: 0 posted, skipped or not allowed, 1 the artifact was refused,
2 called wrongly, 4 GitHub did not answer; in every case the report stays with the run's artifacts.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from mainline.errors import MainlineError, Refused
from mainline.github.comment.deliver import Delivery, deliver
from mainline.github.comment.workflow_run import Skipped
from mainline.report.escape import prose


def main(environment: Mapping[str, str] = os.environ, wait: Callable[[float], None] = time.sleep) -> int:
    try:
        done = deliver(environment, wait)
    except Skipped as reason:
        say(environment, "notice", f"Nothing posted: {reason}.")
        return 0
    except MainlineError as error:
        say(environment, "error", f"Nothing posted: {error}. The report stays with the run's artifacts.")
        return error.status
    tell(environment, done)
    if done.refused:
        say(environment, "error", f"The report on #{done.number} is not shown: {done.refused}.")
        return Refused.status
    return 0


def tell(environment: Mapping[str, str], done: Delivery) -> None:
    if done.posted:
        by = done.posted.by + (f" ({done.posted.why_not_cml})" if done.posted.why_not_cml else "")
        annotate("notice", f"Posted on #{done.number} by {by}: {done.posted.url}")
        summary(environment, f"Posted on [pull request {done.number}]({done.posted.url}) by {prose(by)}.")
    else:
        say(environment, "warning", f"Not posted on #{done.number}, {done.kept}: the report is in this job's summary.")
        summary(environment, done.body)


def say(environment: Mapping[str, str], kind: str, text: str) -> None:
    annotate(kind, text)
    summary(environment, prose(text, 2_000))


def annotate(kind: str, text: str) -> None:
    """What strangers wrote stays on the line of the command, so that it is no command itself."""
    line = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    print(f"::{kind} title=Comment::{line}", flush=True)


def summary(environment: Mapping[str, str], text: str) -> None:
    path = environment.get("GITHUB_STEP_SUMMARY")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n\n")


if __name__ == "__main__":
    sys.exit(main())

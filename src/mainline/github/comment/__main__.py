"""`python3 -m mainline.github.comment`, in a workflow that starts when a review has finished.

Writes what it did into the job's summary. Exit status: 0 posted, skipped or not allowed, 1 the artifact was refused,
2 wrong call, 4 no answer from GitHub; in every case the report stays in the run's artifacts.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping

from mainline.errors import MainlineError, Refused
from mainline.github.actions.commands import annotate, annotate_and_summarise, summarise
from mainline.github.comment.deliver import Delivery, deliver
from mainline.github.comment.workflow_run import Skipped
from mainline.report.escape import prose

TITLE = "Comment"


def main(environment: Mapping[str, str] = os.environ, wait: Callable[[float], None] = time.sleep) -> int:
    try:
        delivery = deliver(environment, wait)
    except Skipped as reason:
        annotate_and_summarise(environment, "notice", TITLE, f"Nothing posted: {reason}.")
        return 0
    except MainlineError as error:
        text = f"Nothing posted: {error}. The report stays in the run's artifacts."
        annotate_and_summarise(environment, "error", TITLE, text)
        return error.status
    show(environment, delivery)
    if delivery.refused:
        text = f"The report on #{delivery.number} is not shown: {delivery.refused}."
        annotate_and_summarise(environment, "error", TITLE, text)
        return Refused.status
    return 0


def show(environment: Mapping[str, str], delivery: Delivery) -> None:
    number, posted = delivery.number, delivery.posted
    if posted:
        by = posted.by + (f" ({posted.why_not_cml})" if posted.why_not_cml else "")
        annotate("notice", TITLE, f"Posted on #{number} by {by}: {posted.url}")
        summarise(environment, f"Posted on [pull request {number}]({posted.url}) by {prose(by)}.")
    else:
        text = f"Not posted on #{number}, {delivery.not_posted}: the report is in this job's summary."
        annotate_and_summarise(environment, "warning", TITLE, text)
        summarise(environment, delivery.text)


if __name__ == "__main__":
    sys.exit(main())

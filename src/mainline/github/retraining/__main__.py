"""`python3 -m mainline.github.retraining [folder]`: what a retraining left becomes a pull request.

Never runs what the retraining ran, and takes no more than a date from it. The branch and the pull request are made
with `RETRAIN_TOKEN` where that is given, all else with `GITHUB_TOKEN`. Exit status: 0 opened, refreshed or nothing
to do, 1 the settings forbid it, 2 called wrongly, 3 nothing was left, 4 GitHub did not answer.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mainline.errors import ConfigurationError, MainlineError, Refused
from mainline.github.actions import outputs
from mainline.github.client import GitHub, GitHubError
from mainline.github.monitor_issue import issue
from mainline.github.monitor_issue.__main__ import MONITOR
from mainline.github.monitor_issue.issue import Subject
from mainline.github.retraining import text as body
from mainline.github.retraining.pull_request import Forbidden, Opened, Skipped, put
from mainline.retraining.proposal import FILE, LARGEST, REPORT, Outcome, Proposal, read

RETRAINING = Subject("retraining", "retraining")
TITLE = "Retraining"


def main(
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
    wait: Callable[[float], None] = time.sleep,
) -> int:
    folder = Path(arguments[0] if arguments else "reports/retraining")
    try:
        proposal = read(folder / FILE)
        client = replace(GitHub.from_environment(environment), wait=wait)
        return act(client, proposal, folder, environment)
    except Skipped as reason:
        outputs.both(environment, "notice", TITLE, f"Nothing opened: {reason}.")
        return 0
    except MainlineError as error:
        outputs.both(environment, "error", TITLE, f"Nothing opened: {error}")
        return error.status


def act(client: GitHub, proposal: Proposal, folder: Path, environment: Mapping[str, str]) -> int:
    run = outputs.run_page(environment)
    if proposal.outcome in (Outcome.nothing, Outcome.waiting):
        raise Skipped(proposal.message.rstrip("."))
    if proposal.outcome is not Outcome.ready or proposal.until is None:
        head = body.STOPPED.get(proposal.outcome, body.STOPPED[Outcome.failed])
        reasons = [head, *proposal.message.splitlines()[:20]]
        done, url = issue.raised(client, RETRAINING, head, body.stopped(proposal, run), reasons)
        outputs.both(environment, "warning", TITLE, f"No pull request: {head}. The issue was {done.value}: {url}")
        return 0
    report = (folder / REPORT).read_bytes()[:LARGEST].decode("utf-8", "replace")
    own = environment.get("RETRAIN_TOKEN", "").strip()
    try:
        opened = put(replace(client, token=own or client.token), proposal, report, run, dt.datetime.now(dt.UTC))
    except GitHubError as error:
        if own and error.code == 401:
            raise ConfigurationError(f"the secret RETRAIN_TOKEN is not accepted, renew or delete it: {error}") from None
        raise
    except Forbidden as forbidden:
        address = str(client.get("")["html_url"])
        text = body.forbidden(forbidden.branch, address, forbidden.default, run)
        done, url = issue.raised(client, RETRAINING, "Retraining may not open its pull request", text, [body.ALLOW])
        outputs.both(
            environment, "error", TITLE, f"“{body.ALLOW}” is off: the issue that says so was {done.value}: {url}"
        )
        return Refused.status
    tell(client, opened, environment)
    return 0


def tell(client: GitHub, opened: Opened, environment: Mapping[str, str]) -> None:
    """The pull request is announced where people already look, and what stood in its way is over."""
    issue.over(client, RETRAINING, f"#{opened.number} is open: closed.")
    did = "refreshed" if opened.refreshed else "opened"
    click = f" Its checks wait for a click on “{body.APPROVE}”." if opened.waits else ""
    outputs.annotate("notice", TITLE, f"{opened.url} was {did}.{click}")
    outputs.summary(environment, f"[#{opened.number}]({opened.url}) was {did}.{click}")
    alert = issue.newest(client, MONITOR)
    if alert and alert["state"] == "open" and not opened.refreshed:
        said = f"A retrained model is in #{opened.number}, with its report.{click}"
        client.post(f"issues/{alert['number']}/comments", {"body": said})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

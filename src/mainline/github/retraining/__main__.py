"""`python3 -m mainline.github.retraining [folder]`: a finished retraining becomes a pull request.

Runs nothing that the retraining ran: it takes a date from it, and the values of its report. The branch and the pull
request are made with `RETRAIN_TOKEN` if it is set, everything else with `GITHUB_TOKEN`. Exit status: 0 opened, updated
or nothing to do, 1 the settings forbid it, 2 wrong call, 3 the retraining left no result, 4 no answer from GitHub.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mainline.errors import ConfigurationError, DataError, MainlineError, Refused
from mainline.github.actions import commands
from mainline.github.client import GitHub, GitHubError
from mainline.github.monitor_issue import issue
from mainline.github.monitor_issue.__main__ import subject
from mainline.github.monitor_issue.issue import Subject
from mainline.github.retraining import text
from mainline.github.retraining.pull_request import Forbidden, Opened, Skipped, open_or_update
from mainline.report import report_json
from mainline.report.report_json import Report
from mainline.retraining.proposal import FILE, Outcome, Proposal, read
from mainline.runtime import models
from mainline.runtime.models import Model
from mainline.runtime.typed_json import InvalidJson

TITLE = "Retraining"


def main(
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
    wait: Callable[[float], None] = time.sleep,
) -> int:
    folder = Path(arguments[0]) if arguments else models.selected(environment).reports / "retraining"
    try:
        proposal = read(folder / FILE)
        client = replace(GitHub.from_environment(environment), wait=wait)
        return act(client, proposal, folder, environment)
    except Skipped as reason:
        commands.annotate_and_summarise(environment, "notice", TITLE, f"Nothing opened: {reason}.")
        return 0
    except MainlineError as error:
        commands.annotate_and_summarise(environment, "error", TITLE, f"Nothing opened: {error}")
        return error.status


def act(client: GitHub, proposal: Proposal, folder: Path, environment: Mapping[str, str]) -> int:
    run_url = commands.run_url(environment)
    model = models.selected(environment)
    if proposal.outcome in (Outcome.nothing, Outcome.waiting):
        raise Skipped(proposal.message.rstrip("."))
    if proposal.outcome is not Outcome.ready or proposal.until is None:
        title = model.titled(text.STOPPED.get(proposal.outcome, text.STOPPED[Outcome.failed]), TITLE)
        reasons = [title, *proposal.message.splitlines()[:20]]
        update, url = issue.open_or_update(client, about(model), title, text.stopped(proposal, run_url), reasons)
        message = f"No pull request: {title}. The issue was {update.value}: {url}"
        commands.annotate_and_summarise(environment, "warning", TITLE, message)
        return 0
    report = report_in(folder)
    own_token = environment.get("RETRAIN_TOKEN", "").strip()
    try:
        with_token = replace(client, token=own_token or client.token)
        opened = open_or_update(with_token, proposal, report, run_url, dt.datetime.now(dt.UTC))
    except GitHubError as error:
        if own_token and error.code == 401:
            raise ConfigurationError(
                f"the token in RETRAIN_TOKEN is not accepted, renew or delete the secret: {error}"
            ) from None
        raise
    except Forbidden as forbidden:
        address = str(client.get("")["html_url"])
        body = text.forbidden(forbidden.branch, address, forbidden.default, run_url)
        title = model.titled("Retraining may not open its pull request", TITLE)
        update, url = issue.open_or_update(client, about(model), title, body, [text.ALLOW])
        message = f"“{text.ALLOW}” is off. The issue about it was {update.value}: {url}"
        commands.annotate_and_summarise(environment, "error", TITLE, message)
        return Refused.status
    announce(client, model, opened, environment)
    return 0


def about(model: Model) -> Subject:
    """Each model has an issue of its own; the label finds them all."""
    return Subject(f"retraining{model.suffix}", "retraining")


def report_in(folder: Path) -> Report:
    """The report that the retraining's run left; raises DataError where there is none, or it is not valid."""
    file = folder / report_json.FILE
    try:
        with file.open("rb") as opened:
            return report_json.from_json(opened.read(report_json.LARGEST + 1))
    except FileNotFoundError:
        raise DataError(f"{file} does not exist: the retraining left no report, see its log") from None
    except (OSError, InvalidJson) as error:
        raise DataError(f"{file} is not valid: {error}") from None


def announce(client: GitHub, model: Model, opened: Opened, environment: Mapping[str, str]) -> None:
    """Mention the pull request in the monitor's open issue, and close the issue about what prevented it."""
    issue.close(client, about(model), f"#{opened.number} is open: closed.")
    action = "updated" if opened.updated else "opened"
    approval = f" Its checks wait for a click on “{text.APPROVE}”." if opened.waits else ""
    commands.annotate("notice", TITLE, f"{opened.url} was {action}.{approval}")
    commands.summarise(environment, f"[#{opened.number}]({opened.url}) was {action}.{approval}")
    alert = issue.newest(client, subject(model))
    if alert and alert["state"] == "open" and not opened.updated:
        comment = f"A retrained model is in #{opened.number}, with its report.{approval}"
        client.post(f"issues/{alert['number']}/comments", {"body": comment})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

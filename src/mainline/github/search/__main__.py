"""`python3 -m mainline.github.search [folder]`: the winner of a finished search becomes a pull request.

Runs nothing that the search ran: it takes lines of `params.yaml` from it, and the values of its report. The branch and
the pull request are made with `RETRAIN_TOKEN` if it is set. Exit status: 0 opened, updated or nothing to do, 1 the
settings forbid it, 2 wrong call, 3 the search left no valid result, 4 no answer from GitHub.
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
from mainline.github.retraining.__main__ import report_in
from mainline.github.retraining.pull_request import Forbidden, Skipped
from mainline.github.retraining.text import APPROVE
from mainline.github.search import text
from mainline.github.search.pull_request import open_or_update
from mainline.runtime import models
from mainline.search.proposal import FILE, LARGEST, PARAMS, Outcome, Proposal, read

TITLE = "Search"


def main(
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
    wait: Callable[[float], None] = time.sleep,
) -> int:
    folder = Path(arguments[0]) if arguments else models.selected(environment).reports / "search"
    try:
        client = replace(GitHub.from_environment(environment), wait=wait)
        return act(client, read(folder / FILE), folder, environment)
    except Skipped as reason:
        commands.annotate_and_summarise(environment, "notice", TITLE, f"Nothing opened: {reason}.")
        return 0
    except MainlineError as error:
        commands.annotate_and_summarise(environment, "error", TITLE, f"Nothing opened: {error}")
        return error.status


def act(client: GitHub, proposal: Proposal, folder: Path, environment: Mapping[str, str]) -> int:
    if proposal.outcome is not Outcome.ready or not proposal.passed or proposal.branch is None:
        raise Skipped(proposal.message.rstrip("."))
    own_token = environment.get("RETRAIN_TOKEN", "").strip()
    with_token = replace(client, token=own_token or client.token)
    settings, report, run_url = settings_in(folder), report_in(folder), commands.run_url(environment)
    try:
        opened = open_or_update(with_token, proposal, settings, report, run_url, dt.datetime.now(dt.UTC))
    except GitHubError as error:
        if own_token and error.code == 401:
            raise ConfigurationError(
                f"the token in RETRAIN_TOKEN is not accepted, renew or delete the secret: {error}"
            ) from None
        raise
    except Forbidden as forbidden:
        address = str(client.get("")["html_url"])
        raise Refused(text.forbidden(forbidden.branch, address, forbidden.default)) from None
    action = "updated" if opened.updated else "opened"
    approval = f" Its checks wait for a click on “{APPROVE}”." if opened.waits else ""
    commands.annotate("notice", TITLE, f"{opened.url} was {action}.{approval}")
    commands.summarise(environment, f"[#{opened.number}]({opened.url}) was {action}.{approval}")
    return 0


def settings_in(folder: Path) -> str:
    """The `params.yaml` with the winner that the search left; raises DataError where it cannot be read."""
    file = folder / PARAMS
    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read: {error}") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

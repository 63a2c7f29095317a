"""The commands of watching and retraining: watch, alert, retrain."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.cli.commands import about
from mainline.runtime import git
from mainline.runtime.workspace import Workspace

if TYPE_CHECKING:
    from mainline.github.client import GitHub
    from mainline.retraining.rules import Attempt


def add(commands: Any) -> None:
    watch = commands.add_parser("watch", description=about("watch"))
    watch.set_defaults(command=watch_command)

    alert = commands.add_parser("alert", description=about("alert"))
    alert.set_defaults(command=alert_command)

    retrain = commands.add_parser("retrain", description=about("retrain"))
    retrain.add_argument("--base", help="branch to start from (default: the remote's default branch, else main)")
    retrain.add_argument("--open", action="store_true", help="also open the pull request on GitHub")
    retrain.add_argument("--today", type=day, help="date to assume, such as 2013-11-03 (default: today)")
    retrain.set_defaults(command=retrain_command)


def day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a date such as 2013-11-03") from None


def watch_command(call: argparse.Namespace) -> int:
    from mainline.config import loader
    from mainline.github.actions import monitor as watch

    return watch.watch(Workspace.at(Path.cwd()), loader.load().settings.monitor.log)


def alert_command(call: argparse.Namespace) -> int:
    from mainline.github.monitor_issue.__main__ import main

    return main((), at_github(Path.cwd()))


def retrain_command(call: argparse.Namespace) -> int:
    from mainline.github.actions import commands
    from mainline.retraining import branches
    from mainline.retraining.proposal import Outcome
    from mainline.runtime.progress import Progress
    from pipelines import retraining

    workspace = Workspace.at(Path.cwd())
    github = at_github(workspace.root) if call.open else dict(os.environ)
    on_github = call.open or os.environ.get("GITHUB_ACTIONS") == "true"
    if on_github:
        from mainline.github.client import GitHub

        client = GitHub.from_environment(github)

    def history(base: str) -> list[Attempt]:
        return of_github(client, base) if on_github else branches.attempts(workspace.root, base)

    now = dt.datetime.now(dt.UTC)
    if call.today:
        now = dt.datetime.combine(call.today, dt.time(12), dt.UTC)
    base = call.base or git.default_branch(workspace.root) or git.TRUNKS[0]
    if call.base:
        from mainline.evaluation.baseline import check_base

        check_base(workspace, base)
    done = retraining.retrain(workspace, retraining.Asked(base, now, history), Progress.on_terminal())
    proposal = done.proposal
    stopped = proposal.outcome in (Outcome.invalid, Outcome.failed)
    if stopped:
        print(f"\nmainline: no branch was made: {proposal.message}", file=sys.stderr)
    else:
        print(f"\n{proposal.message}")
    if proposal.outcome is Outcome.ready and not on_github:
        print(f"Read {workspace.of.reports}/retraining/report.md, then: git merge {proposal.branch}")
    if os.environ.get("GITHUB_ACTIONS") == "true":
        commands.annotate("warning" if stopped else "notice", "Retraining", proposal.message)
    # The reader is at the terminal: no issue is needed for a run that stopped.
    if call.open and proposal.outcome is Outcome.ready:
        from mainline.github.retraining.__main__ import main

        return main((), github) or done.status
    return done.status


def of_github(client: GitHub, base: str) -> list[Attempt]:
    from mainline.github.retraining import history

    return history.attempts(client, str(client.get("")["default_branch"]), base)


def at_github(root: Path) -> dict[str, str]:
    """The environment with repository, address and token of this checkout: as set, or from git and gh."""
    from mainline.errors import ConfigurationError
    from mainline.github.repository import connection

    found = connection(root, os.environ)
    if found.missing:
        raise ConfigurationError(found.missing)
    given = {"GITHUB_REPOSITORY": found.repository, "GITHUB_API_URL": found.api, "GITHUB_TOKEN": found.token}
    return {**os.environ, **given}

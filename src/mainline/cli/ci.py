"""The steps of the release's workflows, each a command below `mainline ci`."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.cli.commands import about
from mainline.errors import ConfigurationError
from mainline.runtime import models
from mainline.runtime.workspace import Workspace

if TYPE_CHECKING:
    from mainline.release.promotion import ReleaseSession

UNASKED = (
    "The environment production has no reviewers; a private repository has them on GitHub Enterprise only. The audit "
    "log names who approved the pull request, or who merged it."
)


def add(commands: Any) -> None:
    ci = commands.add_parser("ci", description=about("ci"))
    whats = ci.add_subparsers(required=True, metavar="STEP")
    for name, command, text in (
        ("settings", settings_command, "set the release's variables for later steps"),
        ("due", due_command, "report whether this commit is to be released"),
        ("login", login_command, "log the container engine in to the registries of the release"),
        ("merged", merged_command, "report the pull request of this commit and who approved it"),
        ("approved", approved_command, "report who approved this deployment, for the audit log"),
        (
            "subjects",
            subjects_command,
            "report what later jobs take from the candidate: digests, and the folders of record and image",
        ),
        ("refused", refused_command, "write into the audit log that the candidate was refused"),
        ("unattested", unattested_command, "report that this plan of GitHub has no attestations"),
    ):
        whats.add_parser(name, help=text).set_defaults(command=command)

    listed = whats.add_parser("models", help="report which models this run is about, as a matrix of jobs")
    listed.add_argument("--all", action="store_true", help="every model, whatever the change touches")
    listed.add_argument("--one", action="store_true", help="refuse to be about several")
    listed.set_defaults(command=models_command)

    begin = whats.add_parser("begin", help="begin the state before the first release")
    begin.add_argument("--anew", action="store_true", help="also where a release exists; its state is given up")
    begin.add_argument("--here", action="store_true", help="in a folder of this checkout: the registry stays as it is")
    begin.set_defaults(command=begin_command)

    publish = whats.add_parser("publish", help="publish the release page on GitHub for the last promotion")
    publish.add_argument("--returned", action="store_true", help="production was rolled back to an earlier version")
    publish.set_defaults(command=publish_command)


def settings_command(call: argparse.Namespace) -> int:
    from mainline.config import environment
    from mainline.github.actions import commands

    try:
        given = json.loads(os.environ.get("SETTINGS") or "{}")
    except ValueError as error:
        raise ConfigurationError(f"SETTINGS is no JSON: {error}") from None
    commands.set_variables(os.environ, environment.in_workflow(given, os.environ))
    return 0


def models_command(call: argparse.Namespace) -> int:
    from mainline.github.actions import commands, matrix

    found = matrix.of_run(Path.cwd(), os.environ, whole=call.all)
    if call.one and len(found) > 1:
        raise ConfigurationError(f"say which of the models is meant: {', '.join(map(str, found))}")
    commands.set_outputs(os.environ, models=matrix.as_json(found, Path.cwd()))
    return 0


def due_command(call: argparse.Namespace) -> int:
    from mainline.github.actions import commands
    from mainline.github.actions.release_due import due
    from mainline.github.client import GitHub

    found = due(Path.cwd(), os.environ.get("GITHUB_EVENT_NAME", "workflow_dispatch"), GitHub.from_environment())
    commands.set_outputs(os.environ, due="true" if found.due else "false")
    commands.annotate("notice", "To be released" if found.due else "Nothing to release", found.why)
    return 0


def login_command(call: argparse.Namespace) -> int:
    from mainline.config import environment
    from mainline.github.actions import registry_login
    from mainline.packaging import engine

    hosts = environment.hosts(os.environ)
    if not hosts:
        raise ConfigurationError(
            f"neither {environment.IMAGE} nor {environment.STATE} is set: there is nothing to log in to"
        )
    as_whom = registry_login.log_in(engine.find(), hosts, os.environ)
    for host in hosts:
        print(f"{host}: logged in as {as_whom[host]}" if host in as_whom else f"{host}: no credentials are given")
    return 0


def begin_command(call: argparse.Namespace) -> int:
    from mainline.github.actions import first_release
    from mainline.github.client import GitHub

    workspace = Workspace.at(Path.cwd())
    with workspace.locked():
        begun = first_release.begin_here if call.here else first_release.begin
        print(begun(workspace, GitHub.from_environment(), call.anew))
    return 0


def refused_command(call: argparse.Namespace) -> int:
    from mainline.release import handed_on
    from mainline.release.session import in_release_session

    def work(workspace: Workspace, store: Path, session: ReleaseSession) -> int:
        print(f"{handed_on.record_refusals(session, workspace.reports)} written to the audit log")
        return 0

    return in_release_session("none", work)


def merged_command(call: argparse.Namespace) -> int:
    from mainline.github.actions import approvals, commands
    from mainline.github.client import GitHub

    found = approvals.of_commit(GitHub.from_environment(), commit())
    commands.set_outputs(os.environ, pull_request=found.pull_request, approver=found.approver)
    return 0


def approved_command(call: argparse.Namespace) -> int:
    from mainline.github.actions import approvals, commands
    from mainline.github.client import GitHub, GitHubError

    who = ""
    try:
        who = approvals.deployment_approvers(GitHub.from_environment(), int(os.environ.get("GITHUB_RUN_ID") or 0))
    except GitHubError as error:  # a way back is not to wait for a name
        message = f"{error}; the audit log has no name, the release continues"
        commands.annotate("notice", "Not known who approved the deployment", message)
    if who == approvals.NOBODY:
        commands.annotate("notice", "Nobody was asked to approve the deployment", UNASKED)
    commands.set_variables(os.environ, {"MAINLINE_DEPLOYMENT_APPROVER": who})
    return 0


def subjects_command(call: argparse.Namespace) -> int:
    from mainline.config import environment
    from mainline.github.actions import commands

    found = left("candidate.json")
    workspace = Workspace.at(Path.cwd())
    record, layout = workspace.records / found["fingerprint"], workspace.layout
    commands.set_outputs(
        os.environ,
        record=str(record.relative_to(workspace.root)),
        layout=str(layout.relative_to(workspace.root)) if layout.exists() else "",
        image_digest=found.get("image_digest") or "",
        model=f"{environment.model_name(os.environ)} version {found['version']}",
        model_digest=f"sha256:{found['model_digest']}",
    )
    return 0


def unattested_command(call: argparse.Namespace) -> int:
    from mainline.github.actions import commands

    commands.annotate(
        "notice",
        "Not attested",
        "GitHub signs attestations for public repositories, and for private ones on Enterprise Cloud. The release "
        "goes on: digests, audit log and provenance.json say the same, unsigned.",
    )
    return 0


def publish_command(call: argparse.Namespace) -> int:
    from mainline.config import environment
    from mainline.github.actions import commands, release_page
    from mainline.github.client import GitHub

    github = GitHub.from_environment()
    before = release_page.last(github) if call.returned else None
    # A return is no release: what was merged since the last one is still to come.
    released = before.commit if before else commit()
    card = (models.selected().reports / "model-card.md").read_text(encoding="utf-8")
    now = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
    page = release_page.publish(github, left("release.json"), card, os.environ.get(environment.IMAGE), released, now)
    commands.set_outputs(os.environ, page=page)
    return 0


def left(name: str) -> dict[str, Any]:
    """What a step before has left in the model's folder of reports."""
    folder = models.selected().reports
    try:
        found: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ConfigurationError(
            f"{folder / name} is not here: this comes after `make candidate` or `promote`"
        ) from None
    return found


def commit() -> str:
    """The commit of this checkout."""
    from mainline.runtime import git

    found = git.commit_of(Path.cwd(), "HEAD")
    if found is None:
        raise ConfigurationError("this is no checkout of a git repository: nothing can be released from it")
    return found

"""The steps of the release's workflows, each a verb below `mainline ci`."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

from mainline.errors import ConfigurationError


def add(verbs: Any) -> None:
    ci = verbs.add_parser("ci", help="steps of the workflows that release")
    whats = ci.add_subparsers(required=True, metavar="what")
    for name, verb, said in (
        ("settings", settings_verb, "set the release's variables for the steps that follow"),
        ("due", due_verb, "whether this commit is to be released at all"),
        ("login", login_verb, "log the container engine in to the registries of the release"),
        ("merged", merged_verb, "the pull request of this commit and who approved it"),
        ("approved", approved_verb, "who let this run through to production, for the audit log"),
        ("subjects", subjects_verb, "what the candidate's attestations are about"),
        ("unattested", unattested_verb, "say that this plan has no attestations"),
    ):
        whats.add_parser(name, help=said).set_defaults(verb=verb)

    begin = whats.add_parser("begin", help="begin the state, where nothing has ever been released")
    begin.add_argument("--anew", action="store_true", help="also where something has: its state is lost for good")
    begin.set_defaults(verb=begin_verb)

    publish = whats.add_parser("publish", help="the release's page on GitHub, of what was promoted last here")
    publish.add_argument("--returned", action="store_true", help="production has returned to a former version")
    publish.set_defaults(verb=publish_verb)


def settings_verb(call: argparse.Namespace) -> int:
    from mainline.config import environment
    from mainline.github.actions import commands

    try:
        given = json.loads(os.environ.get("SETTINGS") or "{}")
    except ValueError as error:
        raise ConfigurationError(f"SETTINGS is no JSON: {error}") from None
    commands.set_variables(os.environ, environment.in_workflow(given, os.environ))
    return 0


def due_verb(call: argparse.Namespace) -> int:
    from mainline.github.actions import commands
    from mainline.github.actions.release_due import due
    from mainline.github.client import GitHub

    found = due(Path.cwd(), os.environ.get("GITHUB_EVENT_NAME", "workflow_dispatch"), GitHub.from_environment())
    commands.set_outputs(os.environ, due="true" if found.due else "false")
    commands.annotate("notice", "To be released" if found.due else "Nothing to release", found.why)
    return 0


def login_verb(call: argparse.Namespace) -> int:
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


def begin_verb(call: argparse.Namespace) -> int:
    from mainline.github.actions import first_release
    from mainline.github.client import GitHub
    from mainline.runtime.workspace import Workspace

    workspace = Workspace.at(Path.cwd())
    with workspace.locked():
        print(first_release.begin(workspace, GitHub.from_environment(), call.anew))
    return 0


def merged_verb(call: argparse.Namespace) -> int:
    from mainline.github.actions import approvals, commands
    from mainline.github.client import GitHub

    found = approvals.of_commit(GitHub.from_environment(), commit())
    commands.set_outputs(os.environ, pull_request=found.pull_request, approver=found.approver)
    return 0


def approved_verb(call: argparse.Namespace) -> int:
    from mainline.github.actions import approvals, commands
    from mainline.github.client import GitHub, GitHubError

    who = ""
    try:
        who = approvals.deployment_approvers(GitHub.from_environment(), int(os.environ.get("GITHUB_RUN_ID") or 0))
    except GitHubError as error:  # a way back is not to wait for a name
        message = f"{error}; the audit log has no name, the release continues"
        commands.annotate("notice", "Not known who approved the deployment", message)
    commands.set_variables(os.environ, {"MAINLINE_DEPLOYMENT_APPROVER": who})
    return 0


def subjects_verb(call: argparse.Namespace) -> int:
    from mainline.config import environment
    from mainline.github.actions import commands

    found = left("candidate.json")
    commands.set_outputs(
        os.environ,
        image=os.environ.get(environment.IMAGE) or "",
        image_digest=found.get("image_digest") or "",
        model=f"{os.environ.get('MAINLINE_MODEL') or 'mainline'} version {found['version']}",
        model_digest=f"sha256:{found['model_digest']}",
    )
    return 0


def unattested_verb(call: argparse.Namespace) -> int:
    from mainline.github.actions import commands

    commands.annotate(
        "notice",
        "Not attested",
        "GitHub signs attestations for public repositories, and for private ones on Enterprise Cloud. The release "
        "goes on: digests, audit log and provenance.json say the same, unsigned.",
    )
    return 0


def publish_verb(call: argparse.Namespace) -> int:
    from mainline.config import environment
    from mainline.github.actions import release_page
    from mainline.github.client import GitHub

    github = GitHub.from_environment()
    before = release_page.last(github) if call.returned else None
    # A return is no release: what was merged since the last one is still to come.
    released = before.commit if before else commit()
    card = (Path("reports") / "model-card.md").read_text(encoding="utf-8")
    now = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
    print(release_page.publish(github, left("release.json"), card, os.environ.get(environment.IMAGE), released, now))
    return 0


def left(name: str) -> dict[str, Any]:
    """What a step before has left in `reports`."""
    try:
        found: dict[str, Any] = json.loads((Path("reports") / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ConfigurationError(
            f"reports/{name} is not here: this comes after `make candidate` or `promote`"
        ) from None
    return found


def commit() -> str:
    """The commit of this checkout."""
    from mainline.runtime import git

    found = git.commit_of(Path.cwd(), "HEAD")
    if found is None:
        raise ConfigurationError("this is no checkout of a git repository: nothing can be released from it")
    return found

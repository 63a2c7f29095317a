"""What each command does; the answer is one line of Markdown, in which text of others is escaped."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mainline.evaluation.results import Gate, Review
from mainline.github.client import GitHub, GitHubError
from mainline.github.comment import deliver
from mainline.report.escape import code, prose
from mainline.runtime import models
from mainline.runtime.models import Model

VERSION = re.compile(r"[1-9][0-9]{0,8}")
MOST = 30  # gates that are named


class Declined(Exception):
    """It was not done; the message says why, as Markdown."""


def review(client: GitHub, number: int, argument: str) -> str:
    """Run the review of the newest commit again."""
    run = newest_review(client, number)
    if run["status"] != "completed":
        raise Declined(f"[the review]({run['html_url']}) of this commit is running already.")
    try:
        client.post(f"actions/runs/{int(run['id'])}/rerun")
    except GitHubError as error:
        if error.code != 403:
            raise
        raise Declined(f"GitHub does not run it again: {prose(error)}") from None
    return f"[The review]({run['html_url']}) of {code(run['head_sha'][:12])} runs again."


def retrain(client: GitHub, number: int, argument: str) -> str:
    """Start retrain.yml on the default branch."""
    model, rest = of_model(client, argument)
    if rest:
        raise Declined(f"a retraining is of one model or of all: {code(argument)} is no name of a model.")
    return started(client, "retrain.yml", "The retraining" + (f" of {model}" if model else ""), **named_input(model))


def rollback(client: GitHub, number: int, argument: str) -> str:
    """Start rollback.yml, whose environment asks its reviewers as always."""
    model, version = of_model(client, argument)
    if version and not VERSION.fullmatch(version):
        raise Declined(f"a version is a number such as {code('3')}, it is {code(version)}.")
    what = "The rollback" + (f" of {model}" if model else "")
    what += f" to version {version}" if version else " to the previous version"
    return started(client, "rollback.yml", what, version=version, **named_input(model))


def of_model(client: GitHub, argument: str) -> tuple[str, str]:
    """The model that an argument begins with, where the default branch has several, and the rest."""
    first, _, rest = argument.partition(" ")
    if first != models.TOP and models.unfit(first) is not None:
        return "", argument
    try:
        client.get(f"contents/{Model(first).params if first != models.TOP else models.FOLDER}")
    except GitHubError as error:
        if error.code != 404:
            raise
        return "", argument
    return first, rest.strip()


def named_input(model: str) -> dict[str, str]:
    return {"model": model} if model else {}


def explain(client: GitHub, number: int, argument: str) -> str:
    """The rule of a gate, why it is so, and what the last review measured."""
    run = newest_review(client, number)
    artifacts = list(client.pages(f"actions/runs/{int(run['id'])}/artifacts", key="artifacts"))
    model, name = of_model(client, argument)
    left = f"{deliver.REPORT}{Model(model).suffix}" if model and model != models.TOP else deliver.REPORT
    found, refused = deliver.opened(client, artifacts, left)
    if refused or found is None or not isinstance(found.report, Review):
        why = refused or "it trained nothing, or left no report"
        raise Declined(f"[the review]({run['html_url']}) of this commit has no gates: {prose(why)}.")
    gate = named(found.report.gates, name)
    mark = "passed" if gate.passed else "failed"
    why = f" Its reason: {prose(gate.reason)}." if gate.reason else ""
    measured = f"{prose(gate.measured)} was measured by this pull request's code"
    return f"{code(gate.name)} {mark}: the rule is {prose(gate.rule)}; {measured}.{why}"


def named(gates: list[Gate], name: str) -> Gate:
    """The gate of this name, or the only one whose name contains it."""
    exact = [gate for gate in gates if gate.name.lower() == name.lower()]
    found = exact or [gate for gate in gates if name and name.lower() in gate.name.lower()]
    if len(found) != 1:
        known = ", ".join(code(gate.name) for gate in (found or gates)[:MOST])
        raise Declined(f"{'several gates have' if found else 'no gate has'} this name; write one of {known}.")
    return found[0]


def newest_review(client: GitHub, number: int) -> dict[str, Any]:
    """The newest run of review.yml for the pull request's newest commit."""
    head = str(client.get(f"pulls/{number}")["head"]["sha"])
    query = {"head_sha": head, "event": "pull_request"}
    runs = client.pages("actions/workflows/review.yml/runs", key="workflow_runs", **query)
    for run in runs:  # newest first
        return run
    raise Declined(f"no review has started for {code(head[:12])}: a push starts one.")


def started(client: GitHub, workflow: str, what: str, **inputs: str) -> str:
    home = client.get("")
    client.post(f"actions/workflows/{workflow}/dispatches", {"ref": home["default_branch"], "inputs": inputs})
    return f"{what} has started: [runs]({home['html_url']}/actions/workflows/{workflow})."


VERBS: dict[str, Callable[[GitHub, int, str], str]] = {
    "/review": review,
    "/retrain": retrain,
    "/explain": explain,
    "/rollback": rollback,
}

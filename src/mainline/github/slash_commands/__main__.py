"""`python3 -m mainline.github.slash_commands`, in a workflow that a comment on a pull request starts.

The comment is data: its first word chooses a function, what follows is compared or checked, and none of it is part of
a command line. Exit status: 0 answered, or not for us; 2 wrong call; 4 no answer from GitHub.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from mainline.errors import ConfigurationError, MainlineError
from mainline.github.actions import commands, event
from mainline.github.client import GitHub, GitHubError
from mainline.github.slash_commands.verbs import VERBS, Declined
from mainline.report.escape import code, prose

TITLE = "Command"
MAY_WRITE = ("admin", "write")  # as the API names them: `maintain` is among `write`
DONE, NOT_DONE = "rocket", "confused"  # two of GitHub's eight reactions


@dataclass(frozen=True)
class Asked:
    """`number` is the pull request's, `argument` what follows the command on its line."""

    comment: int
    number: int
    login: str
    verb: str
    argument: str


def main(environment: Mapping[str, str] = os.environ, wait: Callable[[float], None] = time.sleep) -> int:
    try:
        asked = read(event.payload(environment))
        if asked is None:
            return 0
        client = replace(GitHub.from_environment(environment), wait=wait)
        reaction, text = answer(client, asked)
        client.post(f"issues/comments/{asked.comment}/reactions", {"content": reaction}, repeatable=True)
        client.post(f"issues/{asked.number}/comments", {"body": text})
        commands.annotate_and_summarise(environment, "notice", TITLE, f"{asked.verb} by {asked.login}: {reaction}")
    except MainlineError as error:
        commands.annotate_and_summarise(environment, "error", TITLE, str(error))
        return error.status
    return 0


def read(payload: Mapping[str, Any]) -> Asked | None:
    """The command at the start of a comment on a pull request; None where there is none of ours."""
    try:
        comment, issue = payload["comment"], payload["issue"]
        verb, _, argument = str(comment["body"]).splitlines()[0].strip().partition(" ")
        if verb not in VERBS or not issue.get("pull_request"):
            return None
        login = str(comment["user"]["login"])
        return Asked(int(comment["id"]), int(issue["number"]), login, verb, argument.strip())
    except IndexError:
        return None
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"the event is not that of a comment: {type(error).__name__} {error}") from None


def answer(client: GitHub, asked: Asked) -> tuple[str, str]:
    """The reaction to the comment, and one line."""
    if not may_write(client, asked.login):
        return NOT_DONE, f"{code(asked.verb)} needs write permission, which {prose(asked.login)} does not have."
    try:
        return DONE, VERBS[asked.verb](client, asked.number, asked.argument)
    except Declined as reason:
        return NOT_DONE, f"{code(asked.verb)}: {reason}"


def may_write(client: GitHub, login: str) -> bool:
    """Asked of GitHub now: what the event says of the author is no permission."""
    try:
        found = client.get(f"collaborators/{quote(login, safe='')}/permission")
    except GitHubError as error:
        if error.code == 404:
            return False
        raise
    return found["permission"] in MAY_WRITE


if __name__ == "__main__":
    sys.exit(main())

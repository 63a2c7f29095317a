"""`python3 -m mainline.github.actions.scans`: which scans of GitHub this repository has, for the steps that follow.

Code scanning and dependency review are paid features of private repositories, and dependency review needs the
dependency graph, which is off in new repositories. GitHub's actions fail where they are missing: they are asked for
here, what is off is said in a notice, and the job goes on without it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from mainline.errors import MainlineError
from mainline.github.actions import commands, event
from mainline.github.client import GitHub, GitHubError

TITLE = "Security"
PAID = "this repository is private, for which it is a paid feature of GitHub"
# GitHub's answers where dependency review is missing: its own action takes both for that.
MISSING = (403, 404)


def main(environment: Mapping[str, str] = os.environ, wait: Callable[[float], None] = time.sleep) -> int:
    try:
        github = replace(GitHub.from_environment(environment), wait=wait)
        private = bool(github.get("")["private"])
        why = {"code": PAID if private else "", "dependencies": why_no_dependencies(github, environment, private)}
    except MainlineError as error:
        commands.annotate("error", TITLE, str(error))
        return error.status
    for what, reason in (("Code is not scanned", why["code"]), ("New packages are not reviewed", why["dependencies"])):
        if reason:
            commands.annotate_and_summarise(environment, "notice", TITLE, f"{what}: {reason}.")
    commands.set_outputs(environment, **{name: "true" if reason == "" else "false" for name, reason in why.items()})
    return 0


def why_no_dependencies(github: GitHub, environment: Mapping[str, str], private: bool) -> str | None:
    """Why new dependencies cannot be reviewed, or an empty text; None where no pull request brings any."""
    pull = event.payload(environment).get("pull_request")
    if not pull:
        return None
    try:
        github.get(f"dependency-graph/compare/{pull['base']['sha']}...{pull['head']['sha']}")
    except GitHubError as error:
        if error.code not in MISSING:
            raise
        return PAID if private else "the dependency graph is off: make doctor FIX=1 turns it on"
    return ""


if __name__ == "__main__":
    sys.exit(main())

"""What GitHub knows of retrainings: the pull requests from our branches, open and settled."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from typing import Any

from mainline.github.client import GitHub
from mainline.retraining.rules import EMAIL, PREFIX, Attempt

Values = dict[str, Any]
BRANCH = re.compile(rf"{PREFIX}(\d{{4}}-\d\d-\d\d)")
MARKER = re.compile(r"<!-- mainline retraining until=(\d{4}-\d\d-\d\d) base=([0-9a-f]{40}(?:[0-9a-f]{24})?) -->")
MOST = 500  # settled pull requests that are looked through, newest first: years of most repositories


def marker(until: dt.date, base: str) -> str:
    """The first line of a retraining's body, which nobody sees."""
    return f"<!-- mainline retraining until={until} base={base} -->"


def attempts(client: GitHub, default: str, tip: str) -> list[Attempt]:
    """The retrainings that were ever put before people, held against the commit `tip` of the branch `default`."""
    standing = client.pages("pulls", state="open", base=default)
    settled = client.pages("pulls", state="closed", base=default, sort="created", direction="desc")
    pulls = [*standing, *itertools.islice(settled, MOST)]
    return [attempt(client, tip, pull) for pull in pulls if is_retraining(client, pull)]


def is_retraining(client: GitHub, pull: Values) -> bool:
    """Whether it comes from a branch of ours in this repository; a fork's branch may be called anything."""
    home = (pull["head"].get("repo") or {}).get("full_name", "")
    return home.lower() == client.repository.lower() and BRANCH.fullmatch(pull["head"]["ref"]) is not None


def attempt(client: GitHub, tip: str, pull: Values) -> Attempt:
    head, said = pull["head"], MARKER.search(pull["body"] or "")
    named = BRANCH.fullmatch(head["ref"])
    assert named
    is_open = pull["state"] == "open"
    return Attempt(
        branch=head["ref"],
        called=f"#{pull['number']}",
        until=dt.date.fromisoformat(said[1] if said else named[1]),
        opened=dt.datetime.fromisoformat(pull["created_at"]),
        state="open" if is_open else "merged" if pull["merged_at"] else "closed",
        base=said[2] if said else None,
        edited=is_open and not is_ours(client, tip, head["sha"]),
    )


def is_ours(client: GitHub, tip: str, commit: str) -> bool:
    """Whether every commit that `commit` has beyond `tip` was made by a retraining."""
    there = client.get(f"compare/{tip}...{commit}")
    sides = [one["commit"][side] or {} for one in there["commits"] for side in ("author", "committer")]
    return there["total_commits"] == len(there["commits"]) and all(side.get("email") == EMAIL for side in sides)

"""Earlier retrainings, as GitHub knows them: the pull requests from our branches, open and closed."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from typing import Any

from mainline.github.client import GitHub
from mainline.retraining.rules import EMAIL, Attempt, prefix

Values = dict[str, Any]
MARKER = re.compile(r"<!-- mainline retraining until=(\d{4}-\d\d-\d\d) base=([0-9a-f]{40}(?:[0-9a-f]{24})?) -->")
MOST = 500  # closed pull requests that are read, newest first: years of most repositories


def marker(until: dt.date, base: str) -> str:
    """The first line of a retraining's body, which is not displayed."""
    return f"<!-- mainline retraining until={until} base={base} -->"


def attempts(client: GitHub, default: str, tip: str) -> list[Attempt]:
    """All retrainings that became a pull request; `tip` is the newest commit of the branch `default`."""
    still_open = client.pages("pulls", state="open", base=default)
    closed = client.pages("pulls", state="closed", base=default, sort="created", direction="desc")
    pulls = [*still_open, *itertools.islice(closed, MOST)]
    return [attempt(client, tip, pull) for pull in pulls if is_retraining(client, pull)]


def is_retraining(client: GitHub, pull: Values) -> bool:
    """Whether it comes from a branch of ours in this repository; a fork's branch may have the same name."""
    home = (pull["head"].get("repo") or {}).get("full_name", "")
    return home.lower() == client.repository.lower() and until_of(pull["head"]["ref"]) is not None


def until_of(branch: str) -> str | None:
    """The data cutoff in the name of one of this model's branches; None for any other branch."""
    found = re.fullmatch(rf"{prefix()}(\d{{4}}-\d\d-\d\d)", branch)
    return found[1] if found else None


def attempt(client: GitHub, tip: str, pull: Values) -> Attempt:
    head, marked = pull["head"], MARKER.search(pull["body"] or "")
    named = until_of(head["ref"])
    assert named
    is_open = pull["state"] == "open"
    return Attempt(
        branch=head["ref"],
        called=f"#{pull['number']}",
        until=dt.date.fromisoformat(marked[1] if marked else named),
        opened=dt.datetime.fromisoformat(pull["created_at"]),
        state="open" if is_open else "merged" if pull["merged_at"] else "closed",
        base=marked[2] if marked else None,
        edited=is_open and not is_ours(client, tip, head["sha"]),
    )


def is_ours(client: GitHub, tip: str, commit: str) -> bool:
    """Whether a retraining made every commit that `commit` has and `tip` does not."""
    compared = client.get(f"compare/{tip}...{commit}")
    sides = [one["commit"][side] or {} for one in compared["commits"] for side in ("author", "committer")]
    return compared["total_commits"] == len(compared["commits"]) and all(side.get("email") == EMAIL for side in sides)

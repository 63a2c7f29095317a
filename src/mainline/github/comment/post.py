"""One comment per pull request and workflow: searched on all pages, updated in place, posted again when deleted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mainline.github.client import GitHub, GitHubError
from mainline.github.comment.cml import FIRST_PAGE, Cml
from mainline.github.comment.markers import AUTHOR, Marker, is_marked, watermark
from mainline.github.comment.workflow_run import Skipped

Comment = dict[str, Any]
TRIES = 3


class NotAllowed(Exception):
    """The conversation is locked, or the token may not write."""


@dataclass(frozen=True)
class Posted:
    url: str
    by: str  # "CML" or "the API"
    why_not_cml: str = ""


def post(client: GitHub, number: int, body: str, title: str, marker: Marker, cml: Cml | None, scratch: Path) -> Posted:
    """Post `body` with CML where CML would update the right comment, and through the API otherwise.

    CML reads the first 30 comments and updates the last one with its watermark, whoever wrote it. It is used only where
    that is our comment, or where there is none yet.

    Raises
    ------
    Skipped
        Where the report of a newer run of the same commit is already posted.
    NotAllowed
        Where GitHub does not allow this comment.
    """
    comments = list(client.pages(f"issues/{number}/comments"))
    mine = ours(comments, title)
    refuse_older(mine, marker)
    reason = ""
    if cml and _id(cml_would_update(comments, title)) != _id(mine):
        reason = "CML would update another comment than ours"
    elif cml:
        reason = cml.comment(body, number, title, marker.head, scratch) or ""
        before, mine = mine, ours(list(client.pages(f"issues/{number}/comments")), title)
        if mine and Marker.of(mine["body"]) == marker and _id(before) in (None, mine["id"]):
            return Posted(mine["html_url"], "CML")
        reason = reason or "CML reported success, but there is no comment"
    whole = f"{body}\n\n{watermark(title, marker.head)}"
    return Posted(through_api(client, number, whole, title, marker, mine)["html_url"], "the API", reason)


def ours(comments: list[Comment], title: str) -> Comment | None:
    """Our last comment with this title."""
    found = [comment for comment in comments if _author(comment) == AUTHOR and is_marked(comment["body"] or "", title)]
    return found[-1] if found else None


def cml_would_update(comments: list[Comment], title: str) -> Comment | None:
    found = [comment for comment in comments[:FIRST_PAGE] if is_marked(comment["body"] or "", title)]
    return found[-1] if found else None


def refuse_older(mine: Comment | None, marker: Marker) -> None:
    """Raise Skipped where a newer run or attempt has posted its report already."""
    there = Marker.of(mine["body"]) if mine else None
    if there and there.head == marker.head and (there.run, there.attempt) > (marker.run, marker.attempt):
        newer = f"run {there.run}, attempt {there.attempt}"
        raise Skipped(f"the report of {newer} is already posted; this is run {marker.run}, attempt {marker.attempt}")


def through_api(client: GitHub, number: int, body: str, title: str, marker: Marker, mine: Comment | None) -> Comment:
    """Try again after a failure; if the first request succeeded after all, the comment exists and is updated."""
    for tried in range(1, TRIES + 1):
        try:
            if mine:
                found: Comment = client.patch(f"issues/comments/{mine['id']}", {"body": body})
            else:
                found = client.post(f"issues/{number}/comments", {"body": body})
            return found
        except GitHubError as error:
            if error.code in (403, 410) and "rate limit" not in str(error).lower():
                raise NotAllowed(str(error)) from error
            deleted = mine is not None and error.code == 404  # between our search and our update
            # The client repeats updates itself; a post may have succeeded although its answer was lost.
            broken = mine is None and (error.code is None or error.code >= 500)
            if tried == TRIES or not (deleted or broken):
                raise
        client.wait(2.0**tried)
        mine = ours(list(client.pages(f"issues/{number}/comments")), title)
        refuse_older(mine, marker)
    raise AssertionError("at least one try is needed")


def _author(comment: Comment) -> str:
    return str((comment.get("user") or {}).get("login", ""))


def _id(comment: Comment | None) -> int | None:
    return int(comment["id"]) if comment else None

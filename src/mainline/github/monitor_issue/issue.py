"""One issue per subject: opened once, updated in place, closed when it is over; a comment where the reasons change."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mainline.github.client import GitHub, GitHubError
from mainline.report.escape import prose

Values = dict[str, Any]
TRIES = 3
# Measured numbers change every day: they make no new reason.
NUMBER = re.compile(r"[−+-]?\d*[.,]?\d+(?:[.,]\d+)*(?:e[+-]?\d+)?")


@dataclass(frozen=True)
class Subject:
    """What an issue is about: `name` stands in its hidden marker, `label` finds it."""

    name: str
    label: str


class State(StrEnum):
    on = "on"
    over = "over"


class Update(StrEnum):
    """What became of the issue."""

    opened = "opened"
    updated = "updated"
    commented = "updated, with a comment on the new reasons"
    closed = "closed"
    left_closed = "left closed: it was closed by hand, and the reasons are the same"
    nothing = "not needed"


@dataclass(frozen=True)
class Marker:
    """The issue's first line: whether it is over for the monitor, whoever closed it, and its reasons as a digest."""

    subject: str
    state: State
    reasons: str

    def __str__(self) -> str:
        return f"<!-- mainline alert {self.subject} {self.state} {self.reasons} -->"

    @classmethod
    def of(cls, body: str | None) -> Marker | None:
        found = re.match(r"<!-- mainline alert ([\w-]{1,60}) (on|over) ([0-9a-f]{16}) -->", body or "")
        return cls(found[1], State(found[2]), found[3]) if found else None


def digest_of(reasons: Sequence[str]) -> str:
    """The same for the same reasons in any order, whatever was measured."""
    words = sorted({" ".join(NUMBER.sub("#", reason).split()) for reason in reasons})
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def open_or_update(
    client: GitHub, subject: Subject, title: str, body: str, reasons: Sequence[str]
) -> tuple[Update, str]:
    """Give the one issue this text; what was done, and its address.

    `title` and `body` are Markdown that is already escaped, `reasons` plain text.
    """
    now = Marker(subject.name, State.on, digest_of(reasons))
    text = {"title": title, "body": f"{now}\n{body}"}
    there = newest(client, subject)
    before = Marker.of(there["body"]) if there else None
    if there and before and there["state"] == "open":
        client.patch(f"issues/{there['number']}", text)
        if before.reasons == now.reasons and before.state is State.on:
            return Update.updated, there["html_url"]
        client.post(f"issues/{there['number']}/comments", {"body": changed(reasons)})
        return Update.commented, there["html_url"]
    if there and before and before.state is State.on and before.reasons == now.reasons:
        return Update.left_closed, there["html_url"]
    made = created(client, subject, text)
    return Update.opened, made["html_url"]


def close(client: GitHub, subject: Subject, comment: str) -> tuple[Update, str]:
    """Close the issue with a comment if it is open; what was done, and its address."""
    there = newest(client, subject)
    marker = Marker.of(there["body"]) if there else None
    if there is None or marker is None or (there["state"] == "closed" and marker.state is State.over):
        return Update.nothing, ""
    ended = str(Marker(marker.subject, State.over, marker.reasons)) + there["body"][len(str(marker)) :]
    if there["state"] == "closed":  # by hand: no comment is needed
        client.patch(f"issues/{there['number']}", {"body": ended})
        return Update.nothing, there["html_url"]
    client.post(f"issues/{there['number']}/comments", {"body": comment})
    client.patch(f"issues/{there['number']}", {"state": "closed", "state_reason": "completed", "body": ended})
    return Update.closed, there["html_url"]


def newest(client: GitHub, subject: Subject) -> Values | None:
    """The last issue with our marker, open ones first. A stranger can write the marker, but cannot set the label."""
    found = [
        issue
        for issue in client.pages("issues", labels=subject.label, state="all", sort="created", direction="desc")
        if "pull_request" not in issue and is_about(issue, subject)
    ]
    return max(found, key=lambda one: (one["state"] == "open", one["created_at"]), default=None)


def is_about(issue: Values, subject: Subject) -> bool:
    marker = Marker.of(issue["body"])
    return marker is not None and marker.subject == subject.name


def created(client: GitHub, subject: Subject, text: dict[str, str]) -> Values:
    """A request whose answer was lost may have succeeded: then the issue exists."""
    for tried in range(1, TRIES + 1):
        try:
            made: Values = client.post("issues", {**text, "labels": [subject.label]})
            return made
        except GitHubError as error:
            if tried == TRIES or not (error.code is None or error.code >= 500):
                raise
        client.wait(2.0**tried)
        there = newest(client, subject)
        if there and there["state"] == "open":
            return there
    raise AssertionError("at least one try is needed")


def changed(reasons: Sequence[str]) -> str:
    return "\n".join(
        ["The reasons have changed. They are now:", "", *(f"- {prose(reason)}" for reason in reasons[:20])]
    )

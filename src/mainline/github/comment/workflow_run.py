"""The finished run that started this job, from the event's file, which GitHub writes: the run cannot change it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mainline.errors import ConfigurationError


class Skipped(Exception):
    """There is nothing to post; the message says why."""


@dataclass(frozen=True)
class Run:
    """A finished workflow run. Only the branch's name is chosen by the contributor."""

    id: int
    attempt: int
    number: int
    workflow: str
    event: str
    conclusion: str
    url: str
    head_sha: str
    head_branch: str
    head_repository: str | None  # None where the fork was deleted

    @property
    def head_owner(self) -> str | None:
        return self.head_repository.partition("/")[0] if self.head_repository else None

    @property
    def repository_url(self) -> str:
        return self.url.partition("/actions/runs/")[0]


def finished_run(environment: Mapping[str, str]) -> Run:
    """The run of a `workflow_run` event. Raises ConfigurationError where the event is another."""
    path = environment.get("GITHUB_EVENT_PATH", "")
    try:
        event: Any = json.loads(Path(path).read_text(encoding="utf-8"))
        found = event["workflow_run"]
        source = found.get("head_repository")
        return Run(
            id=int(found["id"]),
            attempt=int(found.get("run_attempt") or 1),
            number=int(found.get("run_number") or 0),
            workflow=str((event.get("workflow") or {}).get("name") or found.get("name") or "workflow"),
            event=str(found["event"]),
            conclusion=str(found.get("conclusion") or "unknown"),
            url=str(found["html_url"]),
            head_sha=str(found["head_sha"]),
            head_branch=str(found.get("head_branch") or ""),
            head_repository=str(source["full_name"]) if source else None,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"GITHUB_EVENT_PATH ({path or 'not set'}) is not a workflow_run event: {type(error).__name__} {error}"
        raise ConfigurationError(message) from error

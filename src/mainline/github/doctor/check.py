"""A check of one setting, and its result."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from mainline.github.client import GitHub

NOT_SHOWN = "not shown to this token"
State = Literal["on", "off", "unseen", "absent"]  # absent: this plan of GitHub does not have it


@dataclass(frozen=True)
class Finding:
    """The state of one setting; `turn_on` is set if an owner's token can do it, `by_hand` names the click."""

    state: State
    text: str
    by_hand: str = ""
    turn_on: Callable[[], object] | None = None


@dataclass(frozen=True)
class Target:
    """The repository that is checked, and its checkout."""

    github: GitHub
    root: Path

    @functools.cached_property
    def values(self) -> dict[str, Any]:
        found: dict[str, Any] = self.github.get("")
        return found

    @property
    def page(self) -> str:
        """The address of the repository's page."""
        return str(self.values["html_url"])

    @property
    def branch(self) -> str:
        return str(self.values["default_branch"])

    @property
    def branch_path(self) -> str:
        return quote(self.branch, safe="")

    @property
    def public(self) -> bool:
        return not self.values["private"]

    @property
    def is_owner(self) -> bool:
        """Whether the token may see and change settings."""
        return bool((self.values.get("permissions") or {}).get("admin"))


@dataclass(frozen=True)
class Check:
    """`look` asks GitHub, `offline` reads the checkout where GitHub cannot be asked.

    `absent` says what takes its place where the owner's plan does not have it.
    """

    name: str
    look: Callable[[Target], Finding]
    necessary: bool = True
    offline: Callable[[Path], Finding] | None = None
    absent: str = ""


@dataclass(frozen=True)
class Result:
    """A check's finding; `applied`: it was off and has been turned on now."""

    name: str
    necessary: bool
    finding: Finding
    applied: bool = False

    @property
    def fails(self) -> bool:
        return self.necessary and self.finding.state == "off"

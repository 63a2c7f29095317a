"""What a check looks at, and what it says of it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from mainline.github.client import GitHub

NOT_SHOWN = "not shown to this token"
State = Literal["on", "off", "unseen"]


@dataclass(frozen=True)
class Finding:
    """One setting as it is; `turn_on` is there where an owner's token can, `by_hand` names the click that does it."""

    state: State
    says: str
    by_hand: str = ""
    turn_on: Callable[[], object] | None = None


@dataclass(frozen=True)
class Ground:
    """A repository that answers, and its checkout."""

    github: GitHub
    root: Path

    @functools.cached_property
    def values(self) -> dict[str, Any]:
        found: dict[str, Any] = self.github.get("")
        return found

    @property
    def page(self) -> str:
        """The repository's address for people."""
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
    """`look` asks GitHub, `offline` tells from the checkout what can be told without."""

    name: str
    look: Callable[[Ground], Finding]
    necessary: bool = True
    offline: Callable[[Path], Finding] | None = None


@dataclass(frozen=True)
class Result:
    """A check's finding; `applied`: it was off and has been turned on just now."""

    name: str
    necessary: bool
    finding: Finding
    applied: bool = False

    @property
    def fails(self) -> bool:
        return self.necessary and self.finding.state == "off"

"""When a retraining may open: one at a time, not too often, and not against a decision of people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mainline.runtime import models

if TYPE_CHECKING:
    from mainline.config.schema import Retrain

PREFIX = "retrain/"
# No person can have this address: every other commit on the branch is by people.
NAME, EMAIL = "Mainline retraining", "retraining@mainline.invalid"


def prefix() -> str:
    """What the branches of this model begin with."""
    name = models.selected().name
    return f"{PREFIX}{name}/" if name else PREFIX


@dataclass(frozen=True)
class Attempt:
    """A retraining that was opened: a pull request, or locally a branch."""

    branch: str
    called: str  # for people: `#12`, or the branch
    until: dt.date
    opened: dt.datetime
    state: Literal["open", "merged", "closed"]
    base: str | None  # the commit of main that it is based on, if known
    edited: bool = False  # it has commits by people


@dataclass(frozen=True)
class Decision:
    """`branch` is the branch to create, or to create again if `refreshes` is set; None if none may be created."""

    branch: str | None
    why: str
    refreshes: Attempt | None = None


def decide(rules: Retrain, attempts: Sequence[Attempt], until: dt.date, base: str, now: dt.datetime) -> Decision:
    """Whether a retraining with data until `until` may be opened, based on the commit `base` of main."""
    standing = newest([one for one in attempts if one.state == "open"])
    if standing:
        return refreshed(standing, until, base)
    declined = newest([one for one in attempts if one.state == "closed" and one.until >= until])
    if declined:
        closed = f"{declined.called} with data until {declined.until} was closed without a merge"
        return Decision(None, f"{closed}: the next one needs newer data")
    last = newest(attempts)
    if last and last.opened > rules.interval.before(now):
        return Decision(
            None, f"{last.called} was opened on {last.opened:%Y-%m-%d}: retrain.interval is {rules.interval}"
        )
    month = [one for one in attempts if (one.opened.year, one.opened.month) == (now.year, now.month)]
    if len(month) >= rules.budget:
        return Decision(
            None, f"{len(month)} retrainings were opened in {now:%Y-%m}: retrain.budget is {rules.budget} a month"
        )
    return Decision(f"{prefix()}{until}", f"new data until {until}")


def refreshed(standing: Attempt, until: dt.date, base: str) -> Decision:
    if standing.edited:
        return Decision(None, f"{standing.called} is open and contains commits by people: it is left unchanged")
    if standing.until >= until and standing.base == base:
        return Decision(None, f"{standing.called} is open and up to date")
    new = f"data until {until}" if until > standing.until else "the current main"
    return Decision(standing.branch, f"{standing.called} is open and gets {new}", refreshes=standing)


def newest(attempts: Sequence[Attempt]) -> Attempt | None:
    return max(attempts, key=lambda one: one.opened, default=None)

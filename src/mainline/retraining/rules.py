"""When a retraining may open: one at a time, not too often, not against what people decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mainline.config.schema import Retrain

PREFIX = "retrain/"
FILE = "params.yaml"
# Of an address that can be nobody's: whatever else stands on the branch was written by somebody.
NAME, EMAIL = "Mainline retraining", "retraining@mainline.invalid"


@dataclass(frozen=True)
class Attempt:
    """A retraining that was begun: a pull request, or at home a branch."""

    branch: str
    called: str  # for people: `#12`, or the branch
    until: dt.date
    opened: dt.datetime
    state: Literal["open", "merged", "closed"]
    base: str | None  # the commit of main that it stands on, where it is known
    edited: bool = False  # somebody else has commits on it


@dataclass(frozen=True)
class Decision:
    """`branch` is what to make or, where `refreshes` names an open one, to make anew; None where nothing shall be."""

    branch: str | None
    why: str
    refreshes: Attempt | None = None


def decide(rules: Retrain, attempts: Sequence[Attempt], until: dt.date, base: str, now: dt.datetime) -> Decision:
    """Whether data until `until` may be put before people, on top of the commit `base` of main."""
    standing = newest([one for one in attempts if one.state == "open"])
    if standing:
        return refreshed(standing, until, base)
    declined = newest([one for one in attempts if one.state == "closed" and one.until >= until])
    if declined:
        said = f"{declined.called} with data until {declined.until} was closed without a merge"
        return Decision(None, f"{said}: the next one waits for newer data")
    last = newest(attempts)
    if last and last.opened > rules.interval.before(now):
        return Decision(
            None, f"{last.called} was opened {last.opened:%Y-%m-%d}: retrain.interval asks for {rules.interval} between"
        )
    month = [one for one in attempts if (one.opened.year, one.opened.month) == (now.year, now.month)]
    if len(month) >= rules.budget:
        return Decision(None, f"{len(month)} were opened in {now:%Y-%m}: retrain.budget is {rules.budget} a month")
    return Decision(f"{PREFIX}{until}", f"new data until {until}")


def refreshed(standing: Attempt, until: dt.date, base: str) -> Decision:
    if standing.edited:
        return Decision(None, f"{standing.called} is open and holds somebody's own commits: it is left as it is")
    if standing.until >= until and standing.base == base:
        return Decision(None, f"{standing.called} is open and holds it all")
    new = f"data until {until}" if until > standing.until else "what main is now"
    return Decision(standing.branch, f"{standing.called} is open and gets {new}", refreshes=standing)


def newest(attempts: Sequence[Attempt]) -> Attempt | None:
    return max(attempts, key=lambda one: one.opened, default=None)

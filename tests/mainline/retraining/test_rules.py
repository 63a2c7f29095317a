"""When a retraining may open."""

from __future__ import annotations

import datetime as dt
from typing import Any

from mainline.config.schema import Retrain
from mainline.retraining.rules import Attempt, decide

RULES = Retrain.model_validate({"interval": "1 week", "budget": 2})
NOW = dt.datetime(2026, 11, 21, 6, tzinfo=dt.UTC)
OCTOBER, NOVEMBER = dt.date(2026, 10, 1), dt.date(2026, 11, 1)
MAIN, BEFORE = "a" * 40, "b" * 40


def attempt(days_ago: float, state: Any = "merged", until: dt.date = OCTOBER, **other: Any) -> Attempt:
    known = {"branch": f"retrain/{until}", "called": "#7", "base": MAIN, **other}
    return Attempt(until=until, opened=NOW - dt.timedelta(days=days_ago), state=state, **known)


def test_the_first_one_opens_on_a_branch_of_its_date() -> None:
    decision = decide(RULES, [], NOVEMBER, MAIN, NOW)
    assert decision.branch == "retrain/2026-11-01"
    assert decision.refreshes is None


def test_one_at_a_time_newer_data_refresh_the_one_that_is_open() -> None:
    standing = attempt(2, "open")
    decision = decide(RULES, [standing, attempt(40)], NOVEMBER, MAIN, NOW)
    assert decision.branch == standing.branch, "its branch keeps the name that it was opened with"
    assert decision.refreshes == standing


def test_one_that_is_open_follows_main() -> None:
    standing = attempt(2, "open", NOVEMBER, base=BEFORE)
    assert decide(RULES, [standing], NOVEMBER, MAIN, NOW).refreshes == standing


def test_one_that_is_open_and_holds_it_all_is_left_alone() -> None:
    decision = decide(RULES, [attempt(2, "open", NOVEMBER)], NOVEMBER, MAIN, NOW)
    assert decision.branch is None
    assert "#7 is open and up to date" in decision.why


def test_somebodys_own_commits_are_never_overwritten() -> None:
    decision = decide(RULES, [attempt(2, "open", edited=True)], NOVEMBER, MAIN, NOW)
    assert decision.branch is None
    assert "commits by people" in decision.why


def test_between_two_openings_lies_the_interval() -> None:
    early = decide(RULES, [attempt(6.9)], NOVEMBER, MAIN, NOW)
    assert early.branch is None
    assert "retrain.interval is 1 week" in early.why
    assert decide(RULES, [attempt(7.1)], NOVEMBER, MAIN, NOW).branch


def test_a_months_budget_is_not_exceeded_and_begins_anew_with_the_month() -> None:
    spent = [attempt(8), attempt(16)]
    decision = decide(RULES, spent, NOVEMBER, MAIN, NOW)
    assert decision.branch is None
    assert "2 retrainings were opened in 2026-11: retrain.budget is 2 a month" in decision.why
    assert decide(RULES, [attempt(8), attempt(25)], NOVEMBER, MAIN, NOW).branch
    assert decide(Retrain.model_validate({"budget": 0}), [], NOVEMBER, MAIN, NOW).branch is None


def test_what_people_closed_is_not_opened_again_with_the_same_data() -> None:
    closed = attempt(20, "closed", NOVEMBER)
    decision = decide(RULES, [closed], NOVEMBER, MAIN, NOW)
    assert decision.branch is None
    assert "closed without a merge" in decision.why
    assert decide(RULES, [closed], dt.date(2026, 12, 1), MAIN, NOW).branch

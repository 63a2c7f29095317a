"""From checks to one verdict: the worst of them, with every reason."""

from __future__ import annotations

import dataclasses
import json

import pytest

from mainline.evaluation.results import Interval
from mainline.monitoring import checks as judge
from mainline.monitoring.prediction_log import Problem
from mainline.monitoring.results import STATUS, Cause, Check, Decay, Health, Seen, Verdict, from_json, to_json


def check(verdict: Verdict, name: str = "") -> Check:
    return Check(name or verdict.value, verdict, "so much", "so little")


def health(*checks: Check) -> Health:
    verdict, headline = judge.verdict(checks, Cause.none)
    return Health(verdict, headline, Seen(), "d" * 64, "3", list(checks))


@pytest.mark.parametrize("worst", list(Verdict))
def test_the_verdict_is_the_worst_of_the_checks(worst: Verdict) -> None:
    order = list(Verdict)
    checks = [check(verdict) for verdict in reversed(order[order.index(worst) :])]
    found = health(*checks)
    assert found.verdict == worst
    assert found.passed == (worst == Verdict.ok)
    assert len(found.reasons) == len(checks) - 1
    assert not found.reasons or found.reasons[0].startswith(worst.value)


def test_each_verdict_has_its_exit_status() -> None:
    assert {verdict.value: STATUS[verdict] for verdict in Verdict} == {
        "ok": 0,
        "drift": 1,
        "decay": 1,
        "not_measurable": 1,
        "invalid": 3,
    }


def test_every_problem_of_a_log_has_a_rule_that_it_breaks() -> None:
    problems = [Problem(name, "it is so") for name in judge.RULES]
    assert [found.name for found in judge.log_checks(problems)] == list(judge.RULES)
    assert judge.log_checks([Problem("model version", "it is so", fatal=False)]) == []


def test_the_cause_is_in_the_sentence() -> None:
    _, headline = judge.verdict([check(Verdict.decay)], Cause.aged)
    assert headline == "The model performs worse than evaluated: decay. Concept drift likely."


def test_what_could_not_be_measured_is_null_and_no_nan() -> None:
    found = health(check(Verdict.ok))
    found.reached["precision"] = Interval(float("nan"), None, None)
    written = json.loads(json.dumps(to_json(found), allow_nan=False))
    assert written["reached"]["precision"] == {"value": None, "low": None, "high": None}


@pytest.mark.parametrize(
    ("words", "cause"), [("the world is harder", Cause.harder), ("the model has aged", Cause.aged)]
)
def test_the_cause_in_the_words_of_an_earlier_version_is_read(words: str, cause: Cause) -> None:
    decay = Decay("roc_auc", *[Interval(0.1, 0.0, 0.2)] * 5, cause, "so it is")
    written = to_json(dataclasses.replace(health(check(Verdict.decay)), decay=decay))
    assert from_json(json.dumps(written).encode()).decay == decay
    written["decay"]["cause"] = words
    assert from_json(json.dumps(written).encode()).decay == decay

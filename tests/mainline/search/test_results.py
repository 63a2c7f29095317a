"""What a search found, in words and on its page."""

from __future__ import annotations

import dataclasses

import pytest

from mainline.evaluation.results import Interval
from mainline.search import page, results, terminal
from mainline.search.difference import is_better
from mainline.search.proposal import Outcome, Proposal
from tests.mainline.search import samples

FOUND = samples.found()
REFUSED = dataclasses.replace(FOUND.proposal or Proposal(Outcome.ready, ""), passed=False, verdict="worse")


def test_the_best_so_far_only_rises_over_the_time_of_the_search() -> None:
    best = FOUND.improvements()
    values = [trial.value or 0.0 for trial in best]
    assert values == sorted(set(values))
    assert [trial.clock for trial in best] == sorted(trial.clock for trial in best)
    assert not any(trial.broken or trial.state != "complete" for trial in best)
    assert best[-1] == FOUND.best


def test_the_table_of_trials_begins_with_the_winner_and_ends_with_what_failed() -> None:
    ranked = FOUND.ranked()
    assert ranked[0] == FOUND.best
    assert ranked[-1].state == "failed"
    assert len(ranked) == len(FOUND.trials)


def test_a_lead_that_chance_explains_is_none() -> None:
    assert is_better(Interval(0.01, 0.001, 0.02))
    assert not is_better(Interval(0.01, -0.001, 0.02))
    assert not is_better(Interval(0.01, None, None)), "what cannot be measured is not better"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "A better trial was found and passed its review (better)"),
        ({"proposal": REFUSED}, "A better trial was found and did not pass its review (worse)"),
        ({"proposal": None, "difference": Interval(0.01, -0.001, 0.02)},
         "No trial is better than today's settings beyond chance"),
        ({"proposal": None, "best": FOUND.today}, "No trial is better than today's settings: ROC AUC 0.71600"),
        ({"proposal": None, "best": None}, "No trial keeps the limits of the gates"),
    ],
)  # fmt: skip
def test_the_headline_says_what_came_of_it(changed: dict[str, object], said: str) -> None:
    found = dataclasses.replace(FOUND, **changed)  # type: ignore[arg-type]
    assert results.headline(found).startswith(said)
    assert said.partition(":")[0] in terminal.summary(found).replace("\n  ", " ")


@pytest.mark.slow
def test_the_page_has_the_trials_the_changes_and_the_reasons_of_failures() -> None:
    html = page.render(FOUND)
    for said in (
        "+0.009 [+0.001, +0.017] in ROC AUC on the holdout",
        "max_iter",
        "better by +0.014",
        "over a limit",
        "learning_rate must be greater than 0",
        "Holdout asked",
    ):
        assert said in html, said
    assert "30 more trials are in MLflow" in html
    assert "<script" not in html
    hostile = dataclasses.replace(FOUND.trials[3], reason="<img src=x onerror=alert(1)>")
    trials = [hostile if one.number == 3 else one for one in FOUND.trials]
    assert "<img" not in page.render(dataclasses.replace(FOUND, trials=trials))

"""A search with everything that its page shows: long names, limits, failures, many trials."""

from __future__ import annotations

import math

from mainline.evaluation.results import Interval
from mainline.search import space
from mainline.search.proposal import Outcome, Proposal
from mainline.search.results import Found
from mainline.search.study import Trial
from tests.mainline.search.spaces import SEARCH, params

OVER = ["gates.model_megabytes: 12.4 MB, at most 5 MB"]
LONG = "departures_of_this_carrier_within_the_last_seven_days"


def trial(number: int) -> Trial:
    """By its number complete, pruned after a fold, failed, or over a limit."""
    state = ("complete", "pruned", "complete", "failed")[number % 4] if number else "complete"
    values = {
        "params.max_iter": 20 + number % 40,
        "params.learning_rate": 0.012 * (1 + number % 17),
        "params.max_leaf_nodes": "7" if number % 2 else "31",
        "categorical": '"onehot"' if number % 3 else '"ordinal"',
        "without": f'"{LONG}"' if number % 5 == 0 and number else "null",
    }
    return Trial(
        number,
        state,  # type: ignore[arg-type]
        values,
        number == 0,
        None if state == "failed" else 0.716 + 0.01 * math.sin(number) + number / 20_000,
        {"complete": 3, "pruned": 1}.get(state, 0),
        7.5 + number % 5,
        4.2 * (number + 1),
        "learning_rate must be greater than 0" if state == "failed" else "",
        {"gates.model_megabytes": 1.2},
        OVER if number % 10 == 6 else [],
    )


def found(count: int = 90) -> Found:
    listed = params(
        SEARCH, ("numeric: [minutes, pages]", f"numeric: [minutes, pages, {LONG}]"), ("shop, ", f"{LONG}, ")
    )
    settings = listed.settings
    trials = [trial(number) for number in range(count)]
    best = max((t for t in trials if t.state == "complete" and not t.broken), key=lambda t: t.value or 0)
    made = Proposal(
        Outcome.ready,
        "search/0a1b2c3d was created: train.params.max_iter: 30 → 44",
        study="0a1b2c3d4e5f6071",  # pragma: allowlist secret
        base="a" * 40,
        branch="search/0a1b2c3d",
        changes=["train.params.max_iter: 30 → 44", "train.categorical: ordinal → onehot"],
        inner="ROC AUC 0.73012 instead of 0.71600 on the inner folds; better by +0.014 [+0.004, +0.024]",
        trials=count,
        questions=2,
        holdout="+0.009 [+0.001, +0.017]",
        verdict="better",
        passed=True,
    )
    shares = {"params.learning_rate": 0.61, "params.max_iter": 0.22, "without": 0.17, "params.max_leaf_nodes": 0.0}
    return Found(
        made.study,
        settings,
        space.dimensions(settings),
        True,
        "3 times 2 weeks before the holdout, each scored by a model of the rows before it",
        trials,
        trials[0],
        best,
        Interval(0.014, 0.004, 0.024),
        shares,
        made,
    )

"""What to try next: three changes of one line each, the most promising first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mainline.evaluation.results import Importance
from mainline.init.proposal import Proposal

SUGGESTED = 3
LITTLE = 0.0  # the upper end of an importance at or below it: shuffling the column changes nothing
BOOSTED = "HistGradientBoosting"
MANY = 50  # values of a column, each in several rows, such as those of a merchant


@dataclass(frozen=True)
class Suggestion:
    what: str
    how: str  # the line to change


def suggest(proposal: Proposal, importance: list[Importance]) -> list[Suggestion]:
    """Three suggestions, from what was found about the table and from what the first model uses."""
    return list(candidates(proposal, importance))[:SUGGESTED]


def candidates(proposal: Proposal, importance: list[Importance]) -> Iterator[Suggestion]:
    leaks = [one for one in proposal.findings if one.kind == "leak" and one.column]
    used = {name for name, use in proposal.uses.items() if use.role in ("numeric", "categorical")}
    for leak in leaks:
        if leak.column in used:
            yield Suggestion(
                f"Find out when {leak.column} is known: if only with the outcome, it must go",
                f"params.yaml: remove {leak.column} from prepare.features",
            )
    idle = [one.feature for one in importance if one.high <= LITTLE]
    if len(idle) >= 2:
        shown = ", ".join(idle[:4]) + (f" and {len(idle) - 4} more" if len(idle) > 4 else "")
        yield Suggestion(f"Leave out {shown}: the model does not use them", "params.yaml: prepare.features")
    estimator = str(proposal.settings["train"]["estimator"])
    params = proposal.settings["train"].get("params", {})
    if BOOSTED in estimator:
        rounds = int(params.get("max_iter", 100))
        yield Suggestion(
            f"Train longer with smaller steps: max_iter {2 * rounds} instead of {rounds}, learning_rate halved",
            "params.yaml: train.params",
        )
    else:
        kind = "Regressor" if proposal.settings["task"] == "regression" else "Classifier"
        yield Suggestion(
            "Try trees instead of a linear model: they find steps and interactions of features (numeric: passthrough, "
            "categorical: ordinal)",
            f"params.yaml: train.estimator: sklearn.ensemble.{BOOSTED}{kind}, params: {{random_state: 0}}",
        )
    texts = [name for name, use in proposal.uses.items() if use.role == "left out" and "text" in use.reason]
    if texts:
        yield Suggestion(
            f"Make features of {texts[0]}: its length, or whether it has a certain word",
            f"src/{proposal.name}/frame.py: add a column, and name it in prepare.features",
        )
    distinct = {column.name: column.distinct for column in proposal.columns}
    many = [
        name
        for name, use in proposal.uses.items()
        if use.role == "left out" and MANY <= distinct.get(name, 0) < proposal.columns[0].rows / 2 and name not in texts
    ]
    if many:
        yield Suggestion(
            f"Make features of {many[0]}: how many rows it had before, or their mean, known at that moment",
            f"src/{proposal.name}/frame.py: add a column, and name it in prepare.features",
        )
    ranked = sorted(importance, key=lambda one: one.value, reverse=True)
    strong = [one.feature for one in ranked[:2] if one.low > 0]
    if len(strong) == 2:
        yield Suggestion(
            f"Combine the two strongest features, {strong[0]} and {strong[1]}: a ratio or a difference",
            f"src/{proposal.name}/frame.py: add a column, and name it in prepare.features",
        )
    yield Suggestion("Weaken the regularization, or strengthen it, by a factor of ten", "params.yaml: train.params")
    yield Suggestion("Measure the margins again on more rows", "make margins WRITE=1")

"""What a search found, as types: its page, the terminal and the pull request are written from these alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mainline.config.schema import Range, Settings
from mainline.evaluation import formatting
from mainline.evaluation.results import Interval
from mainline.search.proposal import Proposal
from mainline.search.rewrite import Changed, changes
from mainline.search.space import Dimension
from mainline.search.study import Study, Trial


@dataclass(frozen=True)
class Found:
    """The state of a study at the end of a search; `difference` is that of the best trial to today's settings."""

    name: str
    settings: Settings
    space: Sequence[Dimension]
    greater: bool
    folds: str  # how they were made, in words
    trials: list[Trial]
    today: Trial
    best: Trial | None  # None where no trial keeps the limits
    difference: Interval | None = None  # None where today's is the best
    importance: dict[str, float] = field(default_factory=dict)
    proposal: Proposal | None = None

    @property
    def metric(self) -> str:
        return formatting.metric_name(self.settings.compare.metric)

    @property
    def changes(self) -> list[Changed]:
        return changes(self.settings, self.space, self.best.values) if self.best and not self.best.today else []

    @property
    def seconds(self) -> float:
        return max(trial.clock for trial in self.trials)

    def counts(self) -> dict[str, int]:
        return {state: sum(trial.state == state for trial in self.trials) for state in ("complete", "pruned", "failed")}

    def improvements(self) -> list[Trial]:
        """The trials that were the best so far when they ended, in that order."""
        found: list[Trial] = []
        for trial in sorted(self.trials, key=lambda trial: trial.clock):
            if trial.state != "complete" or trial.broken or trial.value is None:
                continue
            last = found[-1].value if found else None
            if last is None or (trial.value > last if self.greater else trial.value < last):
                found.append(trial)
        return found

    def ranked(self) -> list[Trial]:
        """The complete trials with the best first, then those that were pruned, then those that failed."""
        order = {"complete": 0, "pruned": 1, "failed": 2}

        def place(trial: Trial) -> tuple[int, bool, float, int]:
            value = (trial.value or 0.0) * (-1 if self.greater else 1)
            return order[trial.state], bool(trial.broken), value, trial.number

        return sorted(self.trials, key=place)


def of_study(
    study: Study, name: str, settings: Settings, folds: str, difference: Interval | None, proposal: Proposal | None
) -> Found:
    today = study.today()
    assert today
    return Found(
        name,
        settings,
        study.space,
        study.greater,
        folds,
        study.trials(),
        today,
        study.best(),
        difference,
        study.importance(),
        proposal,
    )


def fine(value: float | None) -> str:
    """A metric with more digits than in a report: trials differ in the fourth."""
    return formatting.NOTHING if value is None else f"{value:.{decimals(value)}f}".replace("-", "−")


def gained(before: float, after: float) -> str:
    """The difference of two metrics, with the digits of `fine`."""
    return f"{after - before:+.{decimals(after)}f}".replace("-", "−")


def decimals(value: float) -> int:
    """Five below ten, one less for each further digit before the point."""
    return max(0, 5 - max(0, len(f"{abs(value):.0f}") - 1))


def shown(dimension: Dimension, trial: Trial) -> str:
    """A trial's value of a dimension, as `params.yaml` has it."""
    if dimension.name not in trial.values:
        return "as today" if trial.today else formatting.NOTHING
    value = dimension.decode(trial.values[dimension.name])
    return "nothing" if dimension.name == "without" and value is None else formatting.plain(value, 60)


def range_text(dimension: Dimension) -> str:
    values = dimension.values
    if isinstance(values, Range):
        step = f" in steps of {values.step:g}" if values.step else ""
        return f"{values.low:g} to {values.high:g}{step}" + (", on a logarithmic scale" if values.log else "")
    return ", ".join("nothing" if value is None else formatting.plain(value, 40) for value in values)


def headline(found: Found) -> str:
    """What came of the search, in one sentence."""
    proposal = found.proposal
    if found.best is None:
        return "No trial keeps the limits of the gates: today's settings stay"
    if found.best.today:
        return f"No trial is better than today's settings: {found.metric} {fine(found.today.value)}"
    both = f"{found.metric} {fine(found.best.value)} on the inner folds, today {fine(found.today.value)}"
    if proposal and proposal.verdict and proposal.passed:
        return f"A better trial was found and passed its review ({proposal.verdict.replace('_', ' ')}): {both}"
    if proposal and proposal.verdict:
        return f"A better trial was found and did not pass its review ({proposal.verdict.replace('_', ' ')}): {both}"
    if found.difference and found.difference.low is not None and found.difference.low > 0:
        return f"A better trial was found: {both}"
    return f"No trial is better than today's settings beyond chance: {both}"


def said(found: Found) -> str:
    """The proposal's message without the headline, which stands above it."""
    message = found.proposal.message if found.proposal else ""
    return message.removeprefix(f"{headline(found)}. ")


def inner(found: Found) -> str:
    """What the inner folds say of the winner, with its interval."""
    if found.difference is None or found.best is None:
        return "the best trial is that of today's settings"
    counts = found.counts()
    return (
        f"{found.metric} {fine(found.best.value)} instead of {fine(found.today.value)} on the inner folds; better by "
        f"{formatting.difference(found.difference)}. It is the best of {counts['complete']:,} complete trials, so this "
        "is optimistic"
    )

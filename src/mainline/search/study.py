"""The study: Optuna's journal on disk, which survives a kill, and what it holds as plain values.

This process alone writes the journal; the worker processes compute and know nothing of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mainline.search.space import Dimension, Values

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

JOURNAL = "journal.log"
RANDOM, JUDGED = 10, 5  # trials at random before Optuna's sampler learns, and before any is pruned
TODAY, REASON, CLOCK, SECONDS, LIMITS, BROKEN = "today", "reason", "clock", "seconds", "limits", "broken"
REPEAT = "its values were tried before"

State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """A finished trial. `today` is that of today's settings; `broken` are the limits that its model exceeds."""

    number: int
    state: State
    values: Values
    today: bool
    value: float | None  # mean over the folds that were scored; None where none was
    folds: int  # that were scored
    seconds: float  # from its start to its end
    clock: float  # seconds of searching until its end, over all calls
    reason: str = ""
    limits: dict[str, float] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Study:
    """`inner` is Optuna's; `space` and `greater` (whether a greater metric is better) belong to it."""

    inner: optuna.Study
    space: Sequence[Dimension]
    greater: bool

    def trials(self) -> list[Trial]:
        """The finished trials that were computed, in the order of their numbers."""
        return list(finished(self.inner.get_trials(deepcopy=False)))

    def today(self) -> Trial | None:
        return next((trial for trial in self.trials() if trial.today and trial.state == "complete"), None)

    def best(self) -> Trial | None:
        """The best complete trial that keeps all limits; of equal ones the first."""
        fit = [trial for trial in self.trials() if trial.state == "complete" and not trial.broken]
        return best_of(fit, self.greater)

    def importance(self) -> dict[str, float]:
        """How much of the metric's variation each dimension explains (PED-ANOVA); empty with too few trials."""
        import optuna

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = optuna.importance.get_param_importances(self.inner)
            except (ValueError, RuntimeError):
                return {}
        return {name: float(share) for name, share in found.items() if share == share}


def opened(folder: Path, name: str, space: Sequence[Dimension], greater: bool, today: Values) -> Study:
    """The study in a folder: an earlier one, whose unfinished trials are asked again, or a new one.

    Today's settings are its first trial.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder.mkdir(parents=True, exist_ok=True)
    journal = folder / JOURNAL
    mend(journal)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        storage = JournalStorage(JournalFileBackend(str(journal), JournalFileOpenLock(str(journal))))
        study = optuna.create_study(
            study_name=name,
            storage=storage,
            direction="maximize" if greater else "minimize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=JUDGED),
        )
        known = study.get_trials(deepcopy=False)
        # Another seed each time: a search that goes on must not draw the same values again.
        study.sampler = optuna.samplers.TPESampler(seed=len(known), n_startup_trials=RANDOM)
    for trial in known:
        if trial.state == optuna.trial.TrialState.RUNNING:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            if not trial.user_attrs.get(TODAY):
                study.enqueue_trial(trial.params)
    found = Study(study, space, greater)
    waiting = optuna.trial.TrialState.WAITING
    if found.today() is None and not any(t.state == waiting and t.user_attrs.get(TODAY) for t in known):
        study.enqueue_trial(today, user_attrs={TODAY: True})
    return found


def mend(journal: Path) -> None:
    """Remove what a killed process left: a lock, and a last line that is not whole."""
    Path(f"{journal}.lock").unlink(missing_ok=True)
    if not journal.exists():
        return
    with journal.open("rb+") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)


def finished(trials: Sequence[FrozenTrial]) -> Iterator[Trial]:
    from optuna.trial import TrialState

    states: dict[Any, State] = {
        TrialState.COMPLETE: "complete",
        TrialState.PRUNED: "pruned",
        TrialState.FAIL: "failed",
    }
    for trial in trials:
        said = trial.user_attrs
        # A failed one without a reason was under way when the search was stopped.
        stopped = trial.state == TrialState.FAIL and REASON not in said
        if trial.state not in states or stopped or said.get(REASON) == REPEAT:
            continue
        reported = [trial.intermediate_values[step] for step in sorted(trial.intermediate_values)]
        yield Trial(
            number=trial.number,
            state=states[trial.state],
            values=dict(trial.params),
            today=bool(said.get(TODAY)),
            value=reported[-1] if reported else None,
            folds=len(reported),
            seconds=float(said.get(SECONDS, 0.0)),
            clock=float(said.get(CLOCK, 0.0)),
            reason=str(said.get(REASON, "")),
            limits=dict(said.get(LIMITS, {})),
            broken=list(said.get(BROKEN, [])),
        )


def best_of(trials: Sequence[Trial], greater: bool) -> Trial | None:
    return min(trials, key=lambda trial: ((-1 if greater else 1) * (trial.value or 0.0), trial.number), default=None)

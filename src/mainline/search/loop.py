"""The trials until the time is over: several worker processes, each with one trial at a time, fold by fold.

A trial that fails costs itself alone: where its process died (the system ends it where memory runs out), a new one
takes its place.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.errors import ConfigurationError, MainlineError
from mainline.runtime.worker import Worker
from mainline.search import fold_score, space
from mainline.search import study as studies
from mainline.search.limits import limits
from mainline.search.study import Study, Trial

if TYPE_CHECKING:
    import optuna

HOPELESS = 20  # first trials that all fail: the space is wrong, and more of them would say the same
REPEATS = 3  # in a row, before a finite space is looked through for what is left


@dataclass(frozen=True)
class Task:
    """What the workers compute: settings with `search`, the file that they came from, the frame, where scores go."""

    settings: Settings
    file: Path
    frame: Path
    folder: Path

    @property
    def text(self) -> str:
        return self.settings.model_dump_json()


@dataclass
class Slot:
    """One worker process and the trial that it computes."""

    worker: Worker
    trial: optuna.trial.Trial | None = None
    values: dict[str, Any] = field(default_factory=dict)
    scores: list[float] = field(default_factory=list)
    started: float = 0.0
    waiting: Future[Any] | None = None


class Loop:
    """`tell` hears of each finished trial."""

    def __init__(
        self, study: Study, task: Task, processes: int, seconds: float, tell: Callable[[Trial], None] = lambda _: None
    ) -> None:
        self.study, self.task, self.tell = study, task, tell
        self.limits = limits(task.settings)
        trials = study.trials()
        self.before = max((trial.clock for trial in trials), default=0.0)
        self.tried = {key(trial.values) for trial in trials if not trial.today}
        now = space.today(task.settings, study.space)
        if len(now) == len(study.space):  # today's settings are a point of the space
            self.tried.add(key(now))
        self.size = space.size(study.space)
        self.exhausted = False
        self.fold_seconds: list[float] = []  # of today's settings
        self.slots = [Slot(self.new_worker()) for _ in range(processes)]
        self.begun = time.perf_counter()
        self.end = self.begun + seconds

    def new_worker(self) -> Worker:
        worker = Worker(nice=0)
        task = self.task
        worker.submit(fold_score.prepare, settings=task.text, file=str(task.file), frame=str(task.frame))
        return worker

    def run(self) -> None:
        """Compute trials until the time is over, or the space has no more.

        Raises
        ------
        MainlineError
            Where today's settings cannot be measured, or the first trials all failed.
        """
        try:
            while True:
                for slot in self.slots:
                    if slot.trial is None and not self.exhausted and time.perf_counter() < self.end:
                        self.begin(slot)
                waiting = {slot.waiting: slot for slot in self.slots if slot.waiting}
                if not waiting and (self.exhausted or time.perf_counter() >= self.end):
                    return
                done, _ = wait(waiting, timeout=max(0.0, self.end - time.perf_counter()), return_when=FIRST_COMPLETED)
                for future in done:
                    self.scored(waiting[future])
                if time.perf_counter() >= self.end:
                    return
        finally:
            for slot in self.slots:
                slot.worker.stop()

    def begin(self, slot: Slot) -> None:
        """Ask for a trial whose values are new, and start its first fold."""
        for repeats in range(REPEATS + 1):
            trial, values = self.asked()
            if self.is_today(trial) or key(values) not in self.tried:
                break
            trial.set_user_attr(studies.REASON, studies.REPEAT)
            self.fail(trial)
            if repeats >= REPEATS - 1 and self.size <= space.LISTED:
                left = next((one for one in space.combinations(self.study.space) if key(one) not in self.tried), None)
                if left is None:
                    self.exhausted = True
                    return
                self.study.inner.enqueue_trial(left)
        else:
            return  # the next round asks again
        if not self.is_today(trial):
            self.tried.add(key(values))
        slot.trial, slot.values, slot.scores, slot.started = trial, values, [], time.perf_counter()
        self.next_fold(slot)

    def seconds_of_a_fold(self) -> float | None:
        """How long today's settings took for a fold, where one ended."""
        return self.fold_seconds[-1] if self.fold_seconds else None

    def asked(self) -> tuple[optuna.trial.Trial, dict[str, Any]]:
        trial = self.study.inner.ask()
        inside = space.today(self.task.settings, self.study.space) if self.is_today(trial) else None
        asked = [one for one in self.study.space if inside is None or one.name in inside]
        return trial, {one.name: one.ask(trial) for one in asked}

    def is_today(self, trial: optuna.trial.Trial) -> bool:
        return bool(trial.user_attrs.get(studies.TODAY))

    def next_fold(self, slot: Slot) -> None:
        assert slot.trial
        task = self.task
        slot.waiting = slot.worker.submit(
            fold_score.score,
            settings=task.text,
            frame=str(task.frame),
            trial=slot.trial.number,
            values=slot.values,
            today=self.is_today(slot.trial),
            fold=len(slot.scores),
            folder=str(task.folder),
        )

    def scored(self, slot: Slot) -> None:
        """Take the answer about a fold: the next fold, or the end of the trial."""
        assert slot.trial
        assert slot.waiting
        assert self.task.settings.search
        try:
            answer = slot.waiting.result()
        except MainlineError as error:
            self.failed(slot, error)
            return
        slot.scores.append(answer["value"])
        if self.is_today(slot.trial):
            self.fold_seconds.append((time.perf_counter() - slot.started) / len(slot.scores))
        mean = sum(slot.scores) / len(slot.scores)
        slot.trial.report(mean, len(slot.scores) - 1)
        if len(slot.scores) == self.task.settings.search.folds:
            self.limit(slot.trial, answer["limits"])
            self.finish(slot, mean)
        elif not self.is_today(slot.trial) and slot.trial.should_prune():
            self.finish(slot, None)
        else:
            self.next_fold(slot)

    def limit(self, trial: optuna.trial.Trial, measured: dict[str, float]) -> None:
        """Tell the sampler how far the model lies from each limit, as a share of it."""
        trial.set_user_attr(studies.LIMITS, measured)
        broken = [limit.says(measured[limit.gate]) for limit in self.limits if measured[limit.gate] > limit.most]
        trial.set_user_attr(studies.BROKEN, broken)
        for limit in self.limits:
            trial.set_constraint(limit.gate, measured[limit.gate] / limit.most - 1)

    def finish(self, slot: Slot, value: float | None) -> None:
        """Record a trial that was measured on every fold, or was pruned (None)."""
        import optuna

        assert slot.trial
        self.note(slot)
        if value is None:
            self.study.inner.tell(slot.trial, state=optuna.trial.TrialState.PRUNED)
        else:
            self.study.inner.tell(slot.trial, value)
        self.ended(slot)

    def failed(self, slot: Slot, error: MainlineError) -> None:
        """Record a trial that failed; today's settings must be measured, or there is nothing to compare with."""
        assert slot.trial
        reason = str(error)
        if slot.worker.process.poll() is not None:
            reason = died(slot.worker.process.returncode, reason)
            slot.worker.stop()
            slot.worker = self.new_worker()
        if self.is_today(slot.trial):
            raise type(error)(f"today's settings cannot be measured on the inner folds: {reason}")
        slot.trial.set_user_attr(studies.REASON, reason[:500])
        self.note(slot)
        self.fail(slot.trial)
        self.ended(slot)
        tried = [trial for trial in self.study.trials() if not trial.today]
        if len(tried) >= HOPELESS and all(trial.state == "failed" for trial in tried):
            raise ConfigurationError(all_failed(tried))

    def fail(self, trial: optuna.trial.Trial) -> None:
        import optuna

        self.study.inner.tell(trial, state=optuna.trial.TrialState.FAIL)

    def note(self, slot: Slot) -> None:
        assert slot.trial
        now = time.perf_counter()
        slot.trial.set_user_attr(studies.SECONDS, round(now - slot.started, 3))
        slot.trial.set_user_attr(studies.CLOCK, round(self.before + now - self.begun, 3))

    def ended(self, slot: Slot) -> None:
        assert slot.trial
        number = slot.trial.number
        slot.trial, slot.waiting = None, None
        self.keep_scores()
        self.tell(next(trial for trial in self.study.trials() if trial.number == number))

    def keep_scores(self) -> None:
        """Remove the scores of trials that are neither under way, nor today's, nor the best."""
        kept = {slot.trial.number for slot in self.slots if slot.trial}
        kept |= {trial.number for trial in (self.study.today(), self.study.best()) if trial}
        for file in self.task.folder.glob("*-*.npy"):
            if int(file.name.partition("-")[0]) not in kept:
                file.unlink(missing_ok=True)


def key(values: dict[str, Any]) -> str:
    return repr(sorted(values.items()))


def died(status: int, said: str) -> str:
    if status == -9:
        return "its process was killed, as the system does where memory runs out"
    return f"its process ended with status {status}: {said}"


def all_failed(tried: list[Trial]) -> str:
    reasons = list(dict.fromkeys(trial.reason for trial in tried))
    return f"all {len(tried)} trials failed: {'; '.join(reasons[:3])}: check `search` in params.yaml"

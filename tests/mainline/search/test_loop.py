"""The loop over trials, with a worker that answers at once: what is pruned, what breaks a limit, and when it ends."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from mainline.config.schema import Settings
from mainline.errors import ConfigurationError, ExternalError, MainlineError
from mainline.search import fold_score, loop, space, study
from mainline.search.study import Study, Trial
from tests.mainline.search.spaces import params

pytestmark = pytest.mark.slow  # the import of Optuna

WIDE = "search: {params: {max_iter: {low: 1, high: 60}}}\n"
FINITE = "search: {params: {max_iter: [10, 20, 30, 40]}}\n"
Answer = Callable[[dict[str, Any]], dict[str, Any]]


class Workers:
    """Stands in for the worker process: it answers a fold at once, and keeps what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

    def __call__(self, nice: int = 0) -> Any:
        return self

    @property
    def process(self) -> Any:
        return self

    def poll(self) -> None:
        return None

    def stop(self) -> None:
        pass

    def submit(self, function: Callable[..., Any], **arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if function is fold_score.prepare:
            future.set_result(0)
            return future
        self.asked.append(arguments)
        try:
            future.set_result(self.answer(arguments))
        except MainlineError as error:
            future.set_exception(error)
        return future


def run(
    monkeypatch: pytest.MonkeyPatch, folder: Path, search: str, answer: Answer, seconds: float = 240, most: int = 40
) -> tuple[Study, Workers, loop.Loop]:
    """A search that ends by itself, or after `most` folds."""
    settings: Settings = params(search).settings
    workers = Workers(answer)
    monkeypatch.setattr(loop, "Worker", workers)
    dimensions = space.dimensions(settings)
    opened = study.opened(folder, "a study", dimensions, True, space.today(settings, dimensions))
    running = loop.Loop(opened, loop.Task(settings, folder / "params.yaml", folder, folder), 1, seconds)

    def ended(trial: Trial) -> None:
        if len(workers.asked) >= most:
            running.end = 0.0

    running.tell = ended
    running.run()
    return opened, workers, running


def fold(value: float, size: float = 1.0) -> dict[str, Any]:
    limits = {"gates.train_seconds": 1.0, "gates.model_megabytes": size}
    return {"value": value, "seconds": 0.1, "limits": limits}


def trees(arguments: dict[str, Any]) -> int:
    return int(arguments["values"]["params.max_iter"])


def test_a_trial_that_is_worse_after_a_fold_is_asked_for_no_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found, workers, _ = run(monkeypatch, tmp_path, WIDE, lambda asked: fold(trees(asked) / 60))
    pruned = [trial for trial in found.trials() if trial.state == "pruned"]
    assert pruned
    for trial in pruned:
        assert sum(asked["trial"] == trial.number for asked in workers.asked) == trial.folds < 3
    best = found.best()
    assert best is not None
    assert best.value == max(trial.value or 0 for trial in found.trials())


def test_a_model_over_a_limit_cannot_win(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found, _, _ = run(monkeypatch, tmp_path, WIDE, lambda asked: fold(trees(asked) / 60, size=trees(asked) / 8))
    broken = [trial for trial in found.trials() if trial.broken]
    assert broken
    assert all("gates.model_megabytes" in trial.broken[0] and "at most 5 MB" in trial.broken[0] for trial in broken)
    best = found.best()
    assert best is not None
    assert best.values["params.max_iter"] <= 40


def test_a_finite_space_ends_when_each_combination_was_tried_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found, _, running = run(monkeypatch, tmp_path, FINITE, lambda asked: fold(trees(asked) / 60), most=10_000)
    assert running.exhausted
    assert sorted(trial.values["params.max_iter"] for trial in found.trials()) == ["10", "20", "30", "40"]


def test_a_search_that_has_ended_computes_nothing_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answer: Answer = lambda asked: fold(trees(asked) / 60)  # noqa: E731
    run(monkeypatch, tmp_path, FINITE, answer)
    _, workers, _ = run(monkeypatch, tmp_path, FINITE, answer)
    assert workers.asked == []


def test_no_trial_begins_after_the_time_is_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found, workers, _ = run(monkeypatch, tmp_path, WIDE, lambda asked: fold(0.5), seconds=0)
    assert workers.asked == []
    assert found.trials() == []


def test_where_the_first_trials_all_fail_the_search_stops(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        if not asked["today"]:
            raise ConfigurationError("it does not fit")
        return fold(0.5)

    with pytest.raises(ConfigurationError, match="all 20 trials failed: it does not fit"):
        run(monkeypatch, tmp_path, WIDE, answer, most=10_000)


def test_todays_settings_must_be_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        raise ExternalError("the disk is full")

    with pytest.raises(ExternalError, match="today's settings cannot be measured on the inner folds: the disk is full"):
        run(monkeypatch, tmp_path, WIDE, answer)

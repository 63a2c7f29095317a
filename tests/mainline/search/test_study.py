"""The journal of a study: killed at any point, it goes on."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from mainline.search import space, study
from mainline.search.study import Study
from tests.mainline.search.spaces import params

pytestmark = pytest.mark.slow  # the import of Optuna

SETTINGS = params("search: {params: {max_iter: {low: 5, high: 60}, learning_rate: {low: 0.01, high: 0.5}}}\n").settings
SPACE = space.dimensions(SETTINGS)
TODAY = space.today(SETTINGS, SPACE)


def opened(folder: Path) -> Study:
    return study.opened(folder, "a study", SPACE, True, TODAY)


def ended(found: Study, value: float | None, reason: str = "", broken: tuple[str, ...] = ()) -> int:
    """A trial that ended with this value, failed for this reason, or was pruned."""
    trial = found.inner.ask()
    for one in SPACE:
        one.ask(trial)
    trial.set_user_attr(study.BROKEN, list(broken))
    if reason:
        trial.set_user_attr(study.REASON, reason)
        found.inner.tell(trial, state=optuna.trial.TrialState.FAIL)
    elif value is None:
        found.inner.tell(trial, state=optuna.trial.TrialState.PRUNED)
    else:
        trial.report(value, 0)
        found.inner.tell(trial, value)
    return trial.number


def test_todays_settings_are_the_first_trial(tmp_path: Path) -> None:
    first = opened(tmp_path).inner.ask()
    assert first.user_attrs == {study.TODAY: True}
    assert {one.name: one.ask(first) for one in SPACE} == TODAY


def test_a_killed_search_goes_on_with_its_trials_and_asks_again_for_those_under_way(tmp_path: Path) -> None:
    before = opened(tmp_path)
    ended(before, 0.7)
    ended(before, 0.6)
    under_way = before.inner.ask()
    values = {one.name: one.ask(under_way) for one in SPACE}
    journal = tmp_path / study.JOURNAL
    with journal.open("ab") as file:
        file.write(b'{"op_code":6,"worker')  # the kill came in the middle of a line
    (tmp_path / f"{study.JOURNAL}.lock").touch()
    after = opened(tmp_path)
    assert [(trial.number, trial.value, trial.today) for trial in after.trials()] == [(0, 0.7, True), (1, 0.6, False)]
    again = after.inner.ask()
    assert {one.name: one.ask(again) for one in SPACE} == values


def test_todays_settings_are_measured_again_where_the_kill_came_before_their_end(tmp_path: Path) -> None:
    before = opened(tmp_path)
    first = before.inner.ask()
    for one in SPACE:
        one.ask(first)
    assert opened(tmp_path).inner.ask().user_attrs == {study.TODAY: True}


def test_the_best_keeps_every_limit(tmp_path: Path) -> None:
    found = opened(tmp_path)
    ended(found, 0.7)
    ended(found, 0.9, broken=("gates.model_megabytes: 12 MB, at most 10 MB",))
    best = ended(found, 0.8)
    ended(found, None)
    ended(found, None, reason="it does not fit")
    assert found.best() is not None
    assert found.best().number == best  # type: ignore[union-attr]
    assert [trial.state for trial in found.trials()] == ["complete", "complete", "complete", "pruned", "failed"]


def test_what_was_tried_before_is_no_trial(tmp_path: Path) -> None:
    found = opened(tmp_path)
    ended(found, 0.7)
    ended(found, None, reason=study.REPEAT)
    assert len(found.trials()) == 1


def test_importance_needs_trials_that_differ(tmp_path: Path) -> None:
    found = opened(tmp_path)
    assert found.importance() == {}
    for value in (0.5, 0.6, 0.7, 0.8):
        ended(found, value)
    assert set(found.importance()) <= {one.name for one in SPACE}
    assert sum(found.importance().values()) == pytest.approx(1)

"""The space: today's settings as a point of it, the settings of a trial, and every combination of a finite one."""

from __future__ import annotations

from mainline.search import space
from tests.mainline.search.spaces import SEARCH, params


def test_todays_settings_are_a_point_of_the_space_with_the_estimators_defaults() -> None:
    settings = params().settings
    assert space.today(settings, space.dimensions(settings)) == {
        "params.max_iter": 30,
        "params.learning_rate": 0.1,
        "params.max_leaf_nodes": "31",
        "categorical": '"ordinal"',
        "without": "null",
    }


def test_what_lies_outside_the_space_today_has_no_value_in_it() -> None:
    settings = params(SEARCH, ("high: 60", "high: 29"), ("[7, 31]", "[7, 15]")).settings
    found = space.today(settings, space.dimensions(settings))
    assert "params.max_iter" not in found
    assert "params.max_leaf_nodes" not in found


def test_a_trial_changes_its_values_and_nothing_else() -> None:
    settings = params().settings
    values = {
        "params.max_iter": 40,
        "params.learning_rate": 0.123456789,
        "params.max_leaf_nodes": "7",
        "categorical": '"onehot"',
        "without": '"pages"',
    }
    found = space.applied(settings, space.dimensions(settings), values)
    assert found.train.params == {
        "max_iter": 40,
        "early_stopping": False,
        "learning_rate": 0.1235,
        "max_leaf_nodes": 7,
    }
    assert (found.train.categorical, found.train.numeric) == ("onehot", "passthrough")
    assert found.prepare.features.names == ["shop", "minutes"]
    assert found.model_copy(update={"train": settings.train, "prepare": settings.prepare}) == settings


def test_a_rounded_number_stays_between_its_bounds() -> None:
    settings = params(SEARCH, ("low: 0.01, high: 0.5", "low: 0.123456, high: 0.123457")).settings
    (rate,) = [one for one in space.dimensions(settings) if one.label == "learning_rate"]
    assert 0.123456 <= rate.decode(0.1234561) <= 0.123457


def test_a_finite_space_can_be_counted_and_listed() -> None:
    finite = "search: {params: {max_iter: {low: 10, high: 30, step: 10}, loss: [log_loss]}}\n"
    settings = params(finite.replace(", loss: [log_loss]", "")).settings
    found = space.dimensions(settings)
    assert space.size(found) == 3
    assert [one["params.max_iter"] for one in space.combinations(found)] == [10, 20, 30]
    assert space.size(space.dimensions(params().settings)) == float("inf")

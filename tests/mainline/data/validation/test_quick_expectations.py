from typing import Any

import pytest
from great_expectations.expectations.expectation import Expectation

from mainline.data.validation.quick_expectations import configured_once
from mainline.data.validation.suites import expectation_types

pytestmark = pytest.mark.slow


def test_an_expectation_makes_its_configuration_once_for_all_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    between = expectation_types()["expect_column_values_to_be_between"]
    asked = between(column="minutes", min_value=0, max_value=240, mostly=0.9, meta={"place": 3})
    given: dict[str, Any] = {"result_format": {"result_format": "BASIC", "partial_unexpected_count": 5}}
    collected, usual = asked._get_runtime_kwargs(given), (Expectation.configuration, Expectation._get_runtime_kwargs)
    made: list[object] = []
    fields = between.dict
    monkeypatch.setattr(between, "dict", lambda self, **how: made.append(self) or fields(self, **how))
    with configured_once():
        assert asked._get_runtime_kwargs(given) == collected
        assert len(made) == 1
        asked.max_value = 300  # afterwards it is made again
        assert asked.configuration.kwargs["max_value"] == 300
    made.clear()
    assert asked._get_runtime_kwargs(given) != collected
    assert len(made) > 10
    assert (Expectation.configuration.fget, Expectation._get_runtime_kwargs) == (usual[0].fget, usual[1])

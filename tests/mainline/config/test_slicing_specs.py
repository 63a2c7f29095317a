"""`evaluate.slicing_specs`, as TFX's Evaluator has them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mainline.config.schema import Evaluate


def test_the_slices_of_an_evaluator_are_slices_here() -> None:
    specs = [{}, {"feature_keys": ["shop"]}, {"feature_keys": ["month"]}]
    found = Evaluate.model_validate({"slices": ["shop"], "slicing_specs": specs})
    assert found.slices == ["shop", "month"]
    # Settings that were written out are read again as the same.
    assert Evaluate.model_validate(found.model_dump()).slices == ["shop", "month"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"feature_keys": ["shop", "month"]}, "shop and month together: derive one column"),
        ({"feature_values": {"shop": "north"}}, "feature_values"),
    ],
)
def test_what_is_no_slice_here_is_refused(spec: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Evaluate.model_validate({"slicing_specs": [spec]})

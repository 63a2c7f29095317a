from __future__ import annotations

import numpy as np
import pytest

from mainline.serving.scorer import shaped


@pytest.mark.parametrize("rows", [1, 2, 1000])
def test_answers_have_one_shape_for_one_row_two_and_a_thousand(rows: int) -> None:
    probabilities = np.linspace(0, 1, rows * 2).reshape(rows, 2)
    for given in (probabilities, probabilities.squeeze(), probabilities[None]):
        np.testing.assert_array_equal(shaped(given, rows, flat=False), probabilities)
    values = np.linspace(0, 1, rows)
    for given in (values, values.squeeze(), values[:, None]):
        np.testing.assert_array_equal(shaped(given, rows, flat=True), values)
    with pytest.raises(ValueError, match="reshape"):
        shaped(np.zeros(rows + 1), rows, flat=True)

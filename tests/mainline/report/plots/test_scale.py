import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainline.report.plots.scale import Scale, even


@pytest.mark.parametrize(
    ("low", "high", "most", "said"),
    [
        (-0.02, 1.02, 9, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-0.07, 0.03, 5, ["−0.06", "−0.04", "−0.02", "0.00", "0.02"]),
        (0, 1380, 7, ["0", "200", "400", "600", "800", "1000", "1200"]),
        (0, 1, 4, ["0.00", "0.25", "0.50", "0.75", "1.00"]),
        (0, 9e7, 5, ["0", "2e+07", "4e+07", "6e+07", "8e+07"]),
        (-1e-9, 6e-9, 3, ["0", "2.5e−09", "5.0e−09"]),
        (3, 3 + 4e-6, 4, ["3.000000", "3.000001", "3.000002", "3.000003", "3.000004"]),
    ],
)
def test_an_axis_has_round_numbers_that_differ_as_they_are_written(
    low: float, high: float, most: int, said: list[str]
) -> None:
    assert [text for _, text in even(low, high, most)] == said


def test_counts_have_whole_numbers() -> None:
    assert [text for _, text in even(0, 3, 9, whole=True)] == ["0", "1", "2", "3"]
    assert [text for _, text in even(0, 9, 3, whole=True)] == ["0", "5"]


finite = st.floats(-1e100, 1e100)


@given(st.lists(finite | st.just(math.nan), max_size=5), st.integers(1, 9))
def test_any_values_have_limits_around_them_and_few_numbers_between(values: list[float], room: int) -> None:
    scale = Scale()
    scale.cover(values)
    low, high = scale.ends
    assert low < high
    assert all(low <= value <= high for value in values if math.isfinite(value))
    ticks = scale.written(room)
    assert len(ticks) <= room + 2
    assert len({text for _, text in ticks}) == len(ticks)


def test_a_bar_begins_at_the_edge_and_what_is_fixed_stays() -> None:
    scale = Scale(margin=0.1)
    scale.cover([0], flush=True)
    scale.cover([10])
    assert scale.ends == (0, 11)
    scale.limits = (None, 5)
    assert scale.ends == (0, 5)
    scale.limits = (4.6, -0.6)
    assert scale.ends == (4.6, -0.6), "the first row on top"

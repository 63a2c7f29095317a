from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainline.evaluation import attribution

score = st.floats(-10, 10, allow_nan=False)


@given(score, score, score, st.one_of(st.none(), score))
def test_the_parts_add_up_to_the_change(own: float, crossed: float, now: float, back: float | None) -> None:
    found = attribution.split("roc_auc", own, crossed, now, back)
    assert found.total == now - own
    assert found.due_to_data + found.due_to_model == pytest.approx(found.total, abs=1e-9)


@given(score, score)
def test_an_unchanged_model_has_no_part_in_it(own: float, now: float) -> None:
    found = attribution.split("roc_auc", own, now, now, own)
    assert found.due_to_model == pytest.approx(0, abs=1e-9)
    assert found.due_to_data == pytest.approx(now - own, abs=1e-9)


@given(score, score)
def test_unchanged_rows_have_no_part_in_it(own: float, now: float) -> None:
    assert attribution.split("roc_auc", own, own, now, now).due_to_data == pytest.approx(0, abs=1e-9)
    assert attribution.all_due_to_model("roc_auc", own, now).due_to_data == 0
    assert attribution.all_due_to_model("roc_auc", own, now).due_to_model == now - own


def test_both_orders_count_the_same() -> None:
    # Main: .70 on its rows, .60 on the new ones. This model: .65 on the new ones, .73 on main's.
    found = attribution.split("roc_auc", 0.70, 0.60, 0.65, 0.73)
    assert found.due_to_data == pytest.approx((-0.10 - 0.08) / 2)
    assert found.due_to_model == pytest.approx((0.05 + 0.03) / 2)
    assert found.method == attribution.BOTH_WAYS


def test_without_the_fourth_number_the_data_come_first_and_the_reason_is_said() -> None:
    found = attribution.split("roc_auc", 0.70, 0.60, 0.65, None)
    assert found.due_to_data == pytest.approx(-0.10)
    assert found.due_to_model == pytest.approx(0.05)
    assert attribution.TRAINED_ON in found.method
    other = attribution.split("roc_auc", 0.70, 0.60, 0.65, None, attribution.CANNOT_SCORE)
    assert attribution.CANNOT_SCORE in other.method

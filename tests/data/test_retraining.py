"""The example's own file and data against what moves its clock."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from mainline.config.loader import load
from mainline.retraining import data_until
from mainline.retraining.new_data import newest
from tests.projects import EXAMPLE, TOP

LONG_AFTER = dt.date(2026, 11, 21)


def test_the_examples_own_file_can_be_moved_on() -> None:
    before = (TOP / "params.yaml").read_bytes()
    after = data_until.moved(before, dt.date(2100, 1, 1))
    differing = [pair for pair in zip(before.splitlines(), after.splitlines(), strict=True) if pair[0] != pair[1]]
    assert len(differing) == 1
    assert b"# data cutoff (exclusive)" in differing[0][1]


@pytest.mark.slow
def test_the_examples_next_month_is_october_and_all_that_lies_there_is_the_year(tmp_path: Path) -> None:
    example = load(EXAMPLE).settings
    assert newest(example, TOP, tmp_path, LONG_AFTER).until == dt.date(2013, 11, 1)
    rules = example.retrain.model_copy(update={"at_once": None})
    everything = example.model_copy(update={"retrain": rules})
    assert newest(everything, TOP, tmp_path, LONG_AFTER).until == dt.date(2014, 1, 1)
    strict = rules.model_copy(update={"lag": example.split.holdout.model_copy(update={"unit": "day"})})
    found = newest(example.model_copy(update={"retrain": strict}), TOP, tmp_path, LONG_AFTER)
    assert found.until == dt.date(2013, 12, 1), "December's weather ends on the 30th"
    assert newest(example, TOP, tmp_path, dt.date(2013, 10, 31)).until is None

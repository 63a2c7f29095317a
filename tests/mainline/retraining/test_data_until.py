"""The date in params.yaml is moved, and every other byte stays."""

from __future__ import annotations

import datetime as dt

import pytest

from mainline.errors import ConfigurationError
from mainline.retraining import data_until

TO = dt.date(2014, 1, 1)


@pytest.mark.parametrize(
    "text",
    [
        "data:\n  until: 2013-10-01               # the clock: until: 2012-01-01 was before\n  timezone: UTC\n",
        "# until: 2012-01-01\r\ndata:\r\n  until: '2013-10-01'\r\n",
        'data: {until: "2013-10-01", timezone: UTC}   # ä\n',
        "data:\n  until: 2013-10-01\n  valid_until: 2012-01-01",
    ],
)
def test_only_the_date_changes_and_every_other_byte_stays(text: str) -> None:
    before = text.encode()
    after = data_until.moved(before, TO)
    assert after == before.replace(b"2013-10-01", b"2014-01-01")
    assert data_until.shown(after) == TO


@pytest.mark.parametrize("to", ["2013-10-01", "2013-09-30"])
def test_the_data_cutoff_never_goes_back(to: str) -> None:
    with pytest.raises(ConfigurationError, match="can only move forward"):
        data_until.moved(b"data:\n  until: 2013-10-01\n", dt.date.fromisoformat(to))


@pytest.mark.parametrize(
    "text", ["data: {}\n", "a:\n  until: 2013-10-01\ndata:\n  until: 2013-10-02\n", "until: 2013-10-01T00:00:00\n"]
)
def test_a_file_without_one_clear_date_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="it must be there once, under `data`"):
        data_until.shown(text.encode())

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path

import duckdb
import pytest

from mainline.demo import script
from mainline.demo.script import BadData, Edit, Script, edited
from mainline.errors import ConfigurationError


def test_periods_follow_each_other_and_can_be_fewer() -> None:
    change = {"why": "a change", "edits": []}
    at = dt.date(2026, 1, 31)
    bad = {"at": at, "why": "spoilt", "file": "visits.parquet", "replace": {}}
    given = {"start": at, "period": "1 month", "periods": 3, "worse": change, "bad_data": bad}
    told = Script.model_validate({**given, "bad_release": {**change, "at": at}})
    ends = [at, dt.date(2026, 2, 28), dt.date(2026, 3, 31), dt.date(2026, 4, 30)]
    assert told.spans() == list(itertools.pairwise(ends))
    assert told.spans(2) == told.spans()[:2]
    assert told.spans(9) == told.spans()


@pytest.mark.parametrize(("piece", "times"), [("max_itre", "does not occur"), ("a", "occurs more than once")])
def test_an_edit_that_does_not_say_one_place_is_refused(piece: str, times: str) -> None:
    with pytest.raises(ConfigurationError, match=f"data/demo.yaml replaces '{piece}', which {times}"):
        edited("a: 1\na: 2\n", [Edit(old=piece, new="")])


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "does not exist"), ("start: [", "is not valid YAML"), ("start: 2013-07-01\n", "periods: Field required")],
)
def test_a_script_that_cannot_be_read_is_refused_by_name(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "demo.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match=rf"data/demo\.yaml:? {said}"):
        script.read(file)


def test_data_are_spoilt_from_a_day_on_and_keep_their_columns(tmp_path: Path) -> None:
    file = tmp_path / "weather.parquet"
    duckdb.sql(
        f"COPY (SELECT 'EWR' AS origin, day::TIMESTAMPTZ AS at, 50.0 AS temp FROM "
        f"range(DATE '2013-08-30', DATE '2013-09-03', INTERVAL 1 DAY) AS days(day)) TO '{file}'"
    )
    bad = BadData(
        at=dt.date(2013, 9, 1),
        why="in °C",
        file=Path(file.name),
        replace={
            "temp": "CASE WHEN \"at\" >= TIMESTAMPTZ '{since} 00:00:00+00' THEN (temp - 32) * 5 / 9 ELSE temp END"
        },
    )
    bad.spoil(tmp_path, dt.date(2013, 9, 1))
    assert duckdb.sql(f"SELECT temp::INT FROM '{file}' ORDER BY \"at\"").fetchall() == [(50,), (50,), (10,), (10,)]
    assert duckdb.sql(f"SELECT * FROM '{file}'").columns == ["origin", "at", "temp"]
    with pytest.raises(ConfigurationError, match=r"bad_data: .*nowhere"):
        bad.model_copy(update={"replace": {"nowhere": "1"}}).spoil(tmp_path, dt.date(2013, 9, 1))

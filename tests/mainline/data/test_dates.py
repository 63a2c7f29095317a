"""`prepare.time` may be a date: a day in `data.timezone`, which begins at midnight there."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from mainline.config.schema import Settings
from mainline.data import point_in_time
from mainline.data.collect import collect
from mainline.data.prepare import build
from mainline.data.split import sides


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_a_date_is_a_day_of_the_projects_zone_in_the_split_and_the_point_in_time_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / f"dated_{zone[:3]}.py").write_text("def prepare(tables):\n    return tables['t']\n")
    with duckdb.connect() as con:
        con.execute(
            "COPY (SELECT i AS id, DATE '2026-01-01' + i::INT AS day, i * 1.0 AS x, 1.0 AS y FROM range(59) r(i)) "
            f"TO '{tmp_path / 't.parquet'}' (FORMAT parquet)"
        )
    settings = Settings.model_validate(
        {
            "task": "regression",
            "data": {"until": "2026-03-01", "timezone": zone, "sources": {"t": {"path": "t.parquet", "time": "day"}}},
            "prepare": {
                "function": f"dated_{zone[:3]}:prepare", "key": ["id"], "time": "day", "label": "y",
                "features": {"numeric": ["x"]},
            },
            "split": {"by": "time", "holdout": "1 month"},
            "train": {"estimator": "sklearn.linear_model.Ridge"},
            "compare": {"metric": "rmse"},
        }
    )  # fmt: skip
    tables = collect(settings.data, tmp_path, tmp_path / "cache")
    frame = tmp_path / "frame.parquet"
    build(settings, tables, frame)
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        first = con.execute(f"SELECT min(day) FROM '{frame}' WHERE {sides(settings).holdout}").fetchone()
    assert first == (dt.date(2026, 2, 1),)
    assert all(moment.tzinfo for moment in point_in_time.moments(settings, tables, frame))
    assert point_in_time.check(settings, tables, frame) == []

"""Copies of training rows in the holdout are counted, named and gated; coincidences of a small table are not."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from mainline.config.schema import Settings
from mainline.data.sources import duckdb_scan
from mainline.data.split import row_id_sql
from mainline.errors import ExternalError
from mainline.evaluation import overlap
from mainline.evaluation.overlap import Copies, copies
from tests.mainline.settings import params

BY_TIME = params().settings
BY_HASH = params(("by: time\n  holdout: 2 weeks", "by: hash\n  holdout: 0.3")).settings
N = 2000


def rows(fine: bool = True) -> pd.DataFrame:
    random = np.random.default_rng(0)
    at = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.sort(random.uniform(0, 60, N)), unit="D")
    minutes = random.gamma(2, 6, N).astype("float32")
    return pd.DataFrame(
        {
            "visit": np.arange(N), "at": at.floor("s"), "shop": random.choice(["north", "south"], N),
            "minutes": minutes if fine else minutes.round(-1), "pages": random.poisson(2, N).astype("float32"),
            "bought": random.random(N) < 0.3,
        }
    )  # fmt: skip


def found(folder: Path, frame: pd.DataFrame, settings: Settings) -> Copies:
    path = folder / "frame.parquet"
    with duckdb.connect() as connection:
        connection.register("given", frame)
        connection.execute(
            f"COPY (SELECT *, {row_id_sql(['visit'])} AS row_id FROM given) TO '{path}' (FORMAT parquet)"
        )
    return copies(settings, path)


def again(frame: pd.DataFrame, **changes: Any) -> pd.DataFrame:
    """Every row once more under another key."""
    return pd.concat([frame, frame.assign(visit=frame["visit"] + 100_000, **changes)], ignore_index=True)


def test_a_table_of_its_own_rows_has_no_copy(tmp_path: Path) -> None:
    assert found(tmp_path, rows(), BY_HASH).rows == 0
    assert found(tmp_path, rows(), BY_TIME).rows == 0


def test_every_row_again_under_another_key_is_found_and_named_by_both(tmp_path: Path) -> None:
    copied = found(tmp_path, again(rows()), BY_HASH)
    assert copied.share == pytest.approx(0.7, abs=0.03)  # the share of the training side
    first, second = (int(part.removeprefix("visit=")) for part in copied.example.split(" and "))
    assert abs(first - second) == 100_000


def test_a_copy_with_another_time_is_one_where_rows_are_split_by_a_hash_and_none_by_time(tmp_path: Path) -> None:
    later = again(rows(), at=rows()["at"] + pd.Timedelta(days=20))
    assert found(tmp_path, later, BY_HASH).share > 0.6
    assert found(tmp_path, later, BY_TIME).rows == 0


def test_a_training_row_delivered_again_in_the_holdout_is_found_in_a_split_by_time(tmp_path: Path) -> None:
    # The split's column moves to the holdout: everything else is the same.
    frame = rows()
    assert found(tmp_path, again(frame.drop(columns="at").assign(at=frame["at"].max())), BY_TIME).rows == 0
    assert found(tmp_path, again(frame), BY_TIME).rows == 0  # copies stay on their own side


def test_a_few_values_that_occur_everywhere_are_no_copies(tmp_path: Path) -> None:
    assert found(tmp_path, rows(fine=False), BY_HASH).rows == 0


def test_a_row_without_a_value_is_a_copy_of_one_without_it(tmp_path: Path) -> None:
    missing = rows()
    missing.loc[::2, "pages"] = np.nan
    assert found(tmp_path, again(missing), BY_HASH).share == pytest.approx(0.7, abs=0.03)


def test_a_disk_that_fills_while_copies_are_looked_for_is_named(
    tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "frame.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT i AS visit, TIMESTAMPTZ '2026-01-01' + to_seconds(i * 2) AS at, 'north' AS shop, "
            "random()::FLOAT AS minutes, 1::FLOAT AS pages, i % 3 = 0 AS bought, hash(i) AS row_id "
            f"FROM range(2_000_000) AS numbers(i)) TO '{path}' (FORMAT parquet)"
        )
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    monkeypatch.setattr(overlap, "spilling", partial(duckdb_scan.spilling, 20))
    with pytest.raises(ExternalError, match=r"training rows: no room for temporary files below .*small-disk"):
        copies(BY_TIME, path)
    assert not list(small_disk.iterdir())

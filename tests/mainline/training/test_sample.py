"""`train.rows`: how many rows, which, and that neither the table's growth nor the split decides about them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from mainline.config.schema import Settings
from mainline.data.split import row_id_sql
from mainline.data.validation.gate import fetch
from mainline.training import pipeline, train
from tests.mainline.settings import params
from tests.projects import visits

HASH = ("by: time\n  holdout: 2 weeks", "by: hash\n  holdout: 0.3")


def settings(rows: int | None, *changes: tuple[str, str]) -> Settings:
    given = params(*changes).settings
    return given.model_copy(update={"train": given.train.model_copy(update={"rows": rows})})


def frame(folder: Path, rows: pd.DataFrame) -> Path:
    source, path = folder / f"rows-{len(rows)}.parquet", folder / f"frame-{len(rows)}.parquet"
    rows.to_parquet(source, index=False, coerce_timestamps="us")
    fetch(f"COPY (SELECT *, {row_id_sql(['visit'])} AS row_id FROM '{source}' ORDER BY visit) TO '{path}'")
    return path


def ids(of: Settings, path: Path) -> NDArray[np.uint64]:
    return pipeline.training_rows(of, path)["row_id"].to_numpy()


@pytest.mark.parametrize("split", [(), (HASH,)], ids=["time", "hash"])
def test_the_sample_has_so_many_of_the_training_rows_in_their_order(
    tmp_path: Path, split: tuple[tuple[str, str], ...]
) -> None:
    path = frame(tmp_path, visits())
    whole = ids(settings(None, *split), path)
    for wanted in (100, 1000, len(whole) - 1):
        found = ids(settings(wanted, *split), path)
        assert len(found) == wanted
        chosen = {*found}
        assert [*found] == [row for row in whole if row in chosen], "in the frame's order"
        assert [*train.training_rows(settings(wanted, *split), path)] == sorted(found), "what the record says"
    for wanted in (len(whole), len(whole) + 1):
        assert [*ids(settings(wanted, *split), path)] == [*whole]


def test_a_sample_of_the_grown_table_keeps_its_share_of_the_rows(tmp_path: Path) -> None:
    rows = visits()
    before = ids(settings(1000, HASH), frame(tmp_path, rows.iloc[:4000]))
    after = ids(settings(1000, HASH), frame(tmp_path, rows))
    kept = len(np.intersect1d(before, after)) / 1000
    assert kept == pytest.approx(4000 / 4800, abs=0.05), "only newer rows take a place"


def test_the_sample_does_not_depend_on_where_a_row_stands_for_the_split(tmp_path: Path) -> None:
    path = frame(tmp_path, visits())
    sampled, whole = (ids(settings(rows, HASH), path) for rows in (1000, None))
    # The share of the sample below each quartile of the ids: 1/4, within 4 standard errors.
    for quartile in (0.25, 0.5, 0.75):
        below = float(np.mean(sampled < np.quantile(whole.astype("float64"), quartile)))
        assert below == pytest.approx(quartile, abs=0.055)


def test_rows_of_equal_content_whose_ids_follow_each_other_are_not_taken_together(tmp_path: Path) -> None:
    rows = visits().assign(
        row_id=(np.arange(len(visits())) // 4 * 2**40 + np.arange(len(visits())) % 4).astype("uint64")
    )
    path = tmp_path / "frame.parquet"  # of each four, the lower halves of the ids are 0, 1, 2 and 3
    rows.to_parquet(path, index=False, coerce_timestamps="us")
    found = ids(settings(1000), path)
    assert len(found) == 1000, "though many rows have one place"
    assert {*(found % 2**40)} == {0, 2}, "of four rows that follow each other, the first and the third"

"""`make export FORMAT=tfrecord`: what TFX reads, and what a source reads back."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from mainline.data.sources import tfrecord
from mainline.data.sources.tf_example import encoded, framed
from tests.projects import Project, visits

pytestmark = pytest.mark.slow

pytest.importorskip("google_crc32c", reason="google-crc32c is not installed: make tools")


def test_the_frame_is_written_as_examples_and_read_back_as_a_source(tmp_path: Path) -> None:
    project = Project(tmp_path / "shop")
    done = project.mainline("export", "--format", "tfrecord", "--to", str(tmp_path / "out"))
    assert done.status == 0, done.err
    (frame,) = project.path(".mainline/frames").glob("*.parquet")
    files = sorted((tmp_path / "out").rglob("*.gz"))
    assert [path.parent.name for path in files] == ["Split-eval", "Split-train"]
    first = {path: path.read_bytes() for path in files}
    # The same rows again are the same bytes.
    assert project.mainline("export", "--format", "tfrecord", "--to", str(tmp_path / "out")).status == 0
    assert {path: path.read_bytes() for path in files} == first

    for path in files:
        tfrecord.write_parquet(path, path.name, {}, path.with_suffix(".parquet"))
    parts = str(tmp_path / "out" / "*" / "*.parquet")
    columns = "visit, shop, minutes::FLOAT, pages, bought::INTEGER"
    with duckdb.connect() as connection:
        back = connection.execute(f"SELECT {columns} FROM read_parquet('{parts}') ORDER BY visit").fetchall()
        there = connection.execute(f"SELECT {columns} FROM read_parquet('{frame}') ORDER BY visit").fetchall()
    assert len(back) > 4000
    known = {row[0]: row for row in there}
    assert back == [known[row[0]] for row in back]


def test_a_source_of_examples_is_trained_on(tmp_path: Path) -> None:
    project = Project(tmp_path / "shop")
    rows = visits()
    known = rows["at"] + pd.Timedelta(days=1)
    examples = (
        encoded({"visit": int(row.visit), "bought": int(row.bought), "known_at": int(at.timestamp())})
        for row, at in zip(rows.itertuples(), known, strict=True)
    )
    path = project.path("data/purchases.tfrecord")
    path.write_bytes(b"".join(framed(each, "a test") for each in examples))
    project.edit("src/shop/frame.py", ("bought=_.bought", "bought=(_.bought == 1)"))
    source = "data/purchases.tfrecord, types: {known_at: TIMESTAMPTZ}, time: known_at"
    project.edit("params.yaml", ("data/purchases.csv, time: known_at", source))
    done = project.run()
    assert done.status == 0, done.err
    # The same labels from the CSV file of main: the same model.
    assert len(project.records) == 2
    assert len({json.loads(path.read_text())["model"]["digest"] for path in project.records}) == 1

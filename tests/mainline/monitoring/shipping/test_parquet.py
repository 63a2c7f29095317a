"""The contract: what the server logs, as the monitor reads it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mainline.monitoring.shipping.parquet import convert
from mainline.monitoring.shipping.spool_reader import Unreadable
from mainline.serving.feedback import FeedbackLog
from mainline.serving.json_input import Assembler
from mainline.serving.prediction_log import PredictionLog
from mainline.serving.request_ids import RequestIds
from mainline.serving.settings import Configuration
from mainline.serving.signature import Key
from tests.exports import Export
from tests.mainline.serving.test_prediction_log import logged

CELLS = [("north", "phone", 12.5, 3.0), ("south", None, float("nan"), 1.0)]
KEY = [Key("visit", "integer"), Key("shop", "text"), Key("day", "date")]


def spooled(made: Export, folder: Path, key: list[Key] = KEY) -> tuple[PredictionLog, FeedbackLog]:
    signature = msgspec.structs.replace(made.signature, key=key)
    given = (folder, Configuration(), signature, "17")
    return PredictionLog(*given), FeedbackLog(*given)


def finish(*logs: Any) -> None:
    for log in logs:
        log.start()
        log.stop()


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


@pytest.mark.slow
def test_a_predicted_row_is_a_row_with_the_models_columns_and_the_key(binary: Export, tmp_path: Path) -> None:
    log, _ = spooled(binary, tmp_path)
    before = dt.datetime.now(dt.UTC)
    log.put(logged(log, "a", CELLS, [[0.25, 0.75], [0.5, 0.5]], [(7, "2026-01-31"), None]))
    log.put(logged(log, "b", CELLS[:1], [[0.125, 0.875]]))
    finish(log)
    assert convert(only(tmp_path, "predictions-*"), tmp_path / "p.parquet")[0] == 2
    table = pq.read_table(tmp_path / "p.parquet")
    assert table.schema.equals(
        pa.schema(
            {
                "_request": pa.string(),
                "_row": pa.int32(),
                "_time": pa.timestamp("us", "UTC"),
                "_version": pa.string(),
                "_model_digest": pa.string(),
                "_prediction": pa.list_(pa.field("element", pa.float64())),
                "shop": pa.string(),
                "device": pa.string(),
                "minutes": pa.float64(),
                "pages": pa.float64(),
                "visit": pa.int64(),
                "day": pa.string(),
            }
        )
    )
    first, second, third = table.to_pylist()
    assert before <= first.pop("_time") == second.pop("_time") <= third["_time"] <= dt.datetime.now(dt.UTC)
    assert first == {
        "_request": "a",
        "_row": 0,
        "_version": "17",
        "_model_digest": binary.signature.digest,
        "_prediction": [0.25, 0.75],
        **dict(zip(("shop", "device", "minutes", "pages"), CELLS[0], strict=True)),
        "visit": 7,
        "day": "2026-01-31",
    }
    assert (second["_row"], second["device"], second["minutes"], second["visit"]) == (1, None, None, None)
    assert (third["_request"], third["_row"], third["day"]) == ("b", 0, None)


def test_a_regressions_prediction_is_a_list_of_one(regression: Export, tmp_path: Path) -> None:
    log, _ = spooled(regression, tmp_path, [])
    log.put(logged(log, "a", CELLS, [1.5, -2.0]))
    finish(log)
    convert(only(tmp_path, "predictions-*"), tmp_path / "p.parquet")
    assert pq.read_table(tmp_path / "p.parquet")["_prediction"].to_pylist() == [[1.5], [-2.0]]


@pytest.mark.slow
def test_a_label_is_a_row_by_request_or_by_key(binary: Export, tmp_path: Path) -> None:
    _, log = spooled(binary, tmp_path)
    key = {"visit": 7, "shop": "north", "day": "2026-01-31"}
    body = [{"id": "a", "row": 1, "label": True}, {"key": key, "label": False}]
    log.take(json.dumps(body).encode(), RequestIds())
    finish(log)
    assert convert(only(tmp_path, "feedback-*"), tmp_path / "f.parquet")[0] == 2
    by_id, by_key = pq.read_table(tmp_path / "f.parquet").to_pylist()
    assert by_id["_time"].tzinfo
    assert by_id.pop("_id") != by_key.pop("_id")
    nothing = dict.fromkeys(key)
    assert by_id == {"_time": by_id["_time"], "_request": "a", "_row": 1, "_label": "true", **nothing}
    assert by_key == {"_time": by_key["_time"], "_request": None, "_row": 0, "_label": "false", **key}


def test_the_same_file_gives_the_same_bytes(binary: Export, tmp_path: Path) -> None:
    log, _ = spooled(binary, tmp_path)
    log.put(logged(log, "a", CELLS, [[0.25, 0.75]] * 2))
    finish(log)
    for name in ("one", "two"):
        convert(only(tmp_path, "predictions-*"), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


GOOD = {"id": "x", "time": 1, "rows": 1, "categorical": [["a", None]], "numeric": "AAAAAAAAAAA=", "predictions": ""}
BAD = [
    b"{",
    b"\xff\xfe",
    b"[]",
    b"0" * 5000,
    json.dumps(GOOD).encode(),
    *(
        json.dumps({**GOOD, "predictions": "AAAAAAAAAAA=", **wrong}).encode()
        for wrong in (
            {"time": 1e99},
            {"rows": 2},
            {"rows": -1},
            {"numeric": "AAAA"},
            {"numeric": "no base64"},
            {"categorical": None},
            {"categorical": [["a"]]},
            {"keys": [[1e30, "x"]]},
            {"keys": [None, None]},
        )
    ),
]


@pytest.mark.parametrize("bad", BAD)
def test_a_line_that_cannot_be_read_is_named_and_the_others_are_kept(
    binary: Export, tmp_path: Path, bad: bytes
) -> None:
    log, _ = spooled(binary, tmp_path)
    for name in ("a", "b"):
        log.put(logged(log, name, CELLS, [[0.25, 0.75]] * 2))
    finish(log)
    path = only(tmp_path, "predictions-*")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], bad + b"\n", lines[2], lines[2][:-20]]))
    count, broken = convert(path, tmp_path / "p.parquet")
    assert (count, broken.count, broken.lines) == (2, 2, [3, 5])
    assert pq.read_table(tmp_path / "p.parquet")["_request"].to_pylist() == ["a", "a", "b", "b"]
    assert "2 lines cannot be read (line 3, 5)" in str(broken)
    assert broken.kept.read_bytes() == bad + b"\n" + lines[2][:-20] + b"\n"


@pytest.mark.parametrize("first", [b"", b"no json\n", b'{"format": 1}\n', b"x" * 3_000_000])
def test_a_file_whose_first_line_is_missing_is_reported(tmp_path: Path, first: bytes) -> None:
    path = tmp_path / "predictions-1-a.jsonl"
    path.write_bytes(first)
    with pytest.raises(Unreadable, match=r"predictions-1-a\.jsonl: the first line"):
        convert(path, tmp_path / "p.parquet")
    assert not (tmp_path / "p.parquet").exists()


def test_a_fitted_pipelines_answers_are_doubles(binary: Export, tmp_path: Path) -> None:
    log, _ = spooled(binary, tmp_path)
    log.put(log.batch("a", [CELLS[0]], np.array([CELLS[0][2:]], np.float32), np.array([[0.1, 0.9]])))
    finish(log)
    convert(only(tmp_path, "predictions-*"), tmp_path / "p.parquet")
    assert pq.read_table(tmp_path / "p.parquet")["_prediction"].to_pylist() == [[0.1, 0.9]]


@pytest.mark.parametrize("kind", ["categorical", "numeric"])
def test_a_model_of_one_kind_of_columns_is_logged(binary: Export, tmp_path: Path, kind: str) -> None:
    columns = [column for column in binary.signature.columns if column.kind == kind]
    signature = msgspec.structs.replace(binary.signature, columns=columns)
    log = PredictionLog(tmp_path, Configuration(), signature, "17")
    row = CELLS[0][:2] if kind == "categorical" else CELLS[0][2:]
    _, numeric = Assembler(signature)([row])
    log.put(log.batch("a", [row], numeric, np.array([[0.25, 0.75]], np.float32)))
    log.put(log.line("b", [row], [[0.25, 0.75]]))
    finish(log)
    convert(only(tmp_path, "predictions-*"), tmp_path / "p.parquet")
    for found in pq.read_table(tmp_path / "p.parquet").to_pylist():
        assert [found[column.name] for column in columns] == list(row)
        assert found["_prediction"] == [0.25, 0.75]


@pytest.mark.slow
def test_a_file_larger_than_what_is_held_at_once_is_whole(binary: Export, tmp_path: Path) -> None:
    log, _ = spooled(binary, tmp_path)
    for number in range(20):
        log.put(logged(log, f"r{number}", CELLS * 5000, [[0.25, 0.75]] * 10_000))
        if number == 9:
            log.start()
            log.stopping.wait(0.5)
    log.stop()
    paths = sorted(tmp_path.glob("predictions-*"))
    assert sum(convert(path, tmp_path / f"{path.stem}.parquet")[0] for path in paths) == 20
    groups = [pq.ParquetFile(path).num_row_groups for path in tmp_path.glob("*.parquet")]
    assert max(groups) > 1
    assert sum(pq.ParquetFile(path).metadata.num_rows for path in tmp_path.glob("*.parquet")) == 200_000

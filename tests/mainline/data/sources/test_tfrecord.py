"""TFRecord files of `tf.Example`, held against what TensorFlow 2.21 itself has written."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mainline.data.sources import tf_example, tfrecord
from mainline.errors import ConfigurationError, DataError

pytest.importorskip("google_crc32c", reason="google-crc32c is not installed: make tools")

# tf.io.TFRecordWriter: shop="Zürich", pages=-3, minutes=1.5; then pages=2**40 alone, shop and minutes without a value.
TENSORFLOW = (
    b"E\x00\x00\x00\x00\x00\x00\x00\xeb\xe6h\xb0\nC\n\x13\n\x07minute"
    b"s\x12\x08\x12\x06\n\x04\x00\x00\xc0?\n\x17\n\x05pages\x12\x0e\x1a\x0c"
    b"\n\n\xfd\xff\xff\xff\xff\xff\xff\xff\xff\x01\n\x13\n\x04shop\x12\x0b\n\t"
    b"\n\x07Z\xc3\xbcrich}\x87\x0b\x122\x00\x00\x00\x00\x00\x00\x00$\x19V"
    b"\xec\n0\n\r\n\x07minutes\x12\x02\x12\x00\n\x13\n\x05pa"
    b"ges\x12\n\x1a\x08\n\x06\x80\x80\x80\x80\x80 \n\n\n\x04shop\x12"
    b"\x02\n\x00E/\xa2|"
)
ROWS = [{"minutes": 1.5, "pages": -3, "shop": "Zürich"}, {"minutes": None, "pages": 2**40, "shop": None}]


def read(path: Path, **types: str) -> list[dict[str, Any]]:
    target = path.with_suffix(".parquet")
    tfrecord.write_parquet(path, f"data.sources.visits: {path.name}", types, target)
    found: list[dict[str, Any]] = pq.read_table(target).to_pylist()
    return found


def written(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_bytes(b"".join(tf_example.framed(tf_example.encoded(row), "a test") for row in rows))
    return path


@pytest.mark.parametrize("name", ["visits.tfrecord", "data_tfrecord-00000-of-00001.gz"])
def test_the_files_of_tensorflow_are_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(TENSORFLOW) if name.endswith(".gz") else TENSORFLOW)
    assert tfrecord.is_tfrecord(f"examples/Split-*/{name}")
    assert read(path) == ROWS


def test_a_file_has_the_bytes_that_tensorflow_writes(tmp_path: Path) -> None:
    first = {**ROWS[0], "shop": "Zürich".encode()}
    assert written(tmp_path / "a.tfrecord", first).read_bytes() == TENSORFLOW[: 69 + 16]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (TENSORFLOW[:40] + b"X" + TENSORFLOW[41:], "record 1 .* the checksum of its content does not hold"),
        (b"X" + TENSORFLOW[1:], "record 1 .* the checksum of its length does not hold"),
        (TENSORFLOW[:-10], "record 2 .* the file ends within it"),
        (gzip.compress(TENSORFLOW)[:-12], "record [123] .* is damaged"),
        (b"", "the TFRecord file has no records"),
        (tf_example.framed(b"\xff\xff", "a test"), "record 1: it is no tf.Example"),
    ],
)
def test_a_damaged_file_is_refused_with_the_record(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "visits.tfrecord"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"^data.sources.visits: visits.tfrecord: .*{said}"):
        read(path)


def test_times_are_made_of_texts_and_of_seconds(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tfrecord", {"at": b"2026-01-02T03:04:05", "known": 1767323045, "pages": 3})
    (row,) = read(path, at="TIMESTAMP", known="TIMESTAMP")
    assert row == {"at": dt.datetime(2026, 1, 2, 3, 4, 5), "known": dt.datetime(2026, 1, 2, 3, 4, 5), "pages": 3}
    with pytest.raises(ConfigurationError, match="types: there is no feature att: at, known, pages"):
        read(path, att="TIMESTAMP")
    with pytest.raises(DataError, match="types: Conversion Error: Could not convert string"):
        read(path, at="INTEGER")


def test_what_is_no_column_is_refused_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two = written(tmp_path / "two.tfrecord", {"pages": 1}, {"pages": 1.5})
    with pytest.raises(DataError, match="record 2: the feature pages is float there, and int before"):
        read(two)
    with pytest.raises(DataError, match="the feature photo holds bytes that are no UTF-8 text"):
        read(written(tmp_path / "bytes.tfrecord", {"photo": b"\xff\xd8"}))
    with pytest.raises(ValueError, match="the feature pages has 2 values, and a table's column has one"):
        tfrecord.row({"pages": [1, 2]})
    monkeypatch.setattr(tfrecord, "ROWS", 2)  # a part; what is missing in one of them is a missing value
    rows: list[dict[str, Any]] = [{"a": 1}, {"b": b"x"}, {"a": 2}, {"b": None}, {"a": 3, "b": b"y"}]
    expected = [{"a": row.get("a"), "b": row["b"].decode() if row.get("b") else None} for row in rows]
    assert read(written(tmp_path / "parts.tfrecord", *rows)) == expected

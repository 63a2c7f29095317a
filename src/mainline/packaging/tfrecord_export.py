"""The prepared frame as TFRecord files of `tf.Example`, in the folders that TFX's ImportExampleGen reads."""

from __future__ import annotations

import datetime as dt
import decimal
import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mainline.config.schema import Settings
from mainline.data.sources.duckdb_scan import parquet_file
from mainline.data.sources.tf_example import encoded, framed
from mainline.data.split import sides
from mainline.runtime.atomic_files import replacing_folder

ROWS = 20_000  # of a part
FILE = "data_tfrecord-00000-of-00001.gz"


def export(settings: Settings, frame: Path, target: Path) -> Mapping[str, int]:
    """Write the training rows to `Split-train` and the holdout to `Split-eval`; returns the rows by split.

    Texts become bytes, times texts (ISO 8601), true and false 1 and 0, since `tf.Example` has neither; numbers with
    a fraction have 32 bits there. A missing value is a feature without a value.
    """
    import duckdb

    side = sides(settings)
    counted = {}
    with replacing_folder(target) as folder, duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, rows in (("train", side.train), ("eval", side.holdout)):
            path = folder / f"Split-{name}" / FILE
            path.parent.mkdir()
            found = connection.execute(f"SELECT * EXCLUDE (row_id) FROM {parquet_file(frame)} WHERE {rows}")
            counted[name] = write(path, found, f"{target.name}/{path.parent.name}")
    return counted


def write(path: Path, found: Any, origin: str) -> int:
    names = [column[0] for column in found.description]
    written = 0
    # No time in the header: the same rows give the same file.
    with path.open("wb") as plain, gzip.GzipFile(filename="", fileobj=plain, mode="wb", mtime=0) as file:
        while part := found.fetchmany(ROWS):
            for values in part:
                row = {name: plain_value(value) for name, value in zip(names, values, strict=True)}
                file.write(framed(encoded(row), origin))
            written += len(part)
    return written


def plain_value(value: Any) -> int | float | bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, float | decimal.Decimal):
        return float(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat().encode()
    return str(value).encode()

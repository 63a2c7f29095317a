"""Scoring a file with the exported model: the same strict reading of columns as the server's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mainline.errors import ConfigurationError, DataError
from mainline.serving import scorer
from mainline.serving.explanation import check_names
from mainline.serving.inputs import Assembler, Batch
from mainline.serving.rejection import Rejection
from mainline.serving.signature import Column, Signature, read
from mainline.workspace import finished_file

READERS = {".parquet": "read_parquet", ".csv": "read_csv", ".jsonl": "read_json", ".ndjson": "read_json"}
AT_ONCE = 50_000  # rows: what is held beside the file itself
NUMBERS = ("INT", "DOUBLE", "FLOAT", "DECIMAL", "REAL")


def predict(file: Path, model: Path, to: Path | None = None) -> Path:
    """Write every row of `file` with its prediction behind it; returns where.

    The file holds the model's feature columns, raw, and may hold more (a key, say), which are kept.
    Of a binary task `prediction` is the decision at the threshold and `probability` the second
    class's; of a multiclass task the likeliest class, with a column of probabilities a class; of a
    regression the value.

    Raises
    ------
    DataError
        For a column that is missing or of another kind, and for values that the model cannot take.
    """
    import duckdb

    signature = read(model)
    score = scorer.load(signature, model)
    function = READERS.get(file.suffix)
    if function is None:
        raise ConfigurationError(f"{file}: the name must end in {', '.join(READERS)}")
    if not file.is_file():
        raise ConfigurationError(f"{file} is not here")
    target = to or file.with_suffix(f".predictions{file.suffix}")
    writing = {".parquet": "PARQUET", ".csv": "CSV, HEADER"}.get(target.suffix, "JSON")
    if target.suffix not in READERS:
        raise ConfigurationError(f"{target}: the name must end in {', '.join(READERS)}")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            connection.execute(f"CREATE VIEW given AS SELECT * FROM {function}({options(function, signature)})", [str(file)])
        except duckdb.Error as error:
            raise DataError(f"{file} cannot be read: {str(error).splitlines()[0]}") from error
    raise NotImplementedError

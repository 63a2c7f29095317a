"""Scoring a file with the exported model: strict about its columns, as the server is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.atomic import replacing
from mainline.errors import ConfigurationError, DataError
from mainline.rows import quoted
from mainline.serving import scorer
from mainline.serving.explanation import check_names
from mainline.serving.rejection import Rejection
from mainline.serving.signature import MISSING, Column, Signature, read

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

FORMATS = {
    ".parquet": ("read_parquet($file)", "PARQUET"),
    ".csv": ("read_csv($file, header = true, types = $types)", "CSV, HEADER"),
    ".jsonl": ("read_json($file, format = 'newline_delimited')", "JSON"),
    ".ndjson": ("read_json($file, format = 'newline_delimited')", "JSON"),
}
AT_ONCE = 50_000  # rows that are scored together


def predict(file: Path, model: Path, to: Path | None = None) -> Path:
    """Write every row of `file` with its prediction behind it, in one step; returns where.

    The file holds the model's columns, raw, and may hold more, such as a key: they are kept. For a
    binary task `prediction` is the class decided at the threshold and `probability` the second
    class's; for a multiclass task the likeliest class, with a probability a class; for a regression
    the value.

    Raises
    ------
    DataError
        For a column that is missing or of another kind, and for a value that the model cannot take.
    """
    import duckdb

    signature = read(model)
    target = to or file.with_suffix(f".predictions{file.suffix}")
    for path in (file, target):
        if path.suffix not in FORMATS:
            raise ConfigurationError(f"{path}: the name must end in {', '.join(FORMATS)}")
    if not file.is_file():
        raise ConfigurationError(f"{file} is not here")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            load(connection, file, signature)
            score(connection, signature, scorer.load(signature, model), str(file))
            with replacing(target) as unfinished:
                connection.execute(
                    f"COPY (SELECT * FROM given POSITIONAL JOIN answers) TO '{unfinished}' "
                    f"(FORMAT {FORMATS[target.suffix][1]})"
                )
        except duckdb.Error as error:
            raise DataError(f"{file} cannot be scored: {str(error).strip().splitlines()[0]}") from error
    return target


def load(connection: DuckDBPyConnection, file: Path, signature: Signature) -> None:
    """The file as the table `given`, its columns checked."""
    source = FORMATS[file.suffix][0]
    arguments: dict[str, Any] = {"file": str(file)}
    if "$types" in source:
        # Nothing is guessed of the model's columns: carrier 9E is no number, nor is store 007.
        header = connection.execute("SELECT * FROM read_csv($file, header = true) LIMIT 0", arguments).description
        there = {column[0] for column in header or ()}
        arguments["types"] = {
            column.name: "VARCHAR" if column.kind == "categorical" else "DOUBLE"
            for column in signature.columns
            if column.name in there
        }
        if not arguments["types"]:
            source, _ = source.replace(", types = $types", ""), arguments.pop("types")
    connection.execute(f"CREATE TEMP TABLE given AS SELECT * FROM {source}", arguments)
    types = {name: dtype for name, dtype, *_ in connection.execute("DESCRIBE given").fetchall()}
    check_columns(connection, signature, types, str(file))
    taken = [name for name in answer_columns(signature) if name in types]
    if taken:
        raise ConfigurationError(f"{file} has a column {taken[0]} already: rename it")


def check_columns(connection: DuckDBPyConnection, signature: Signature, types: dict[str, str], file: str) -> None:
    names = signature.names
    try:
        check_names([name for name in types if name in names], names, file)
    except Rejection as error:
        raise DataError(error.message) from None
    for column in signature.columns:
        dtype = types[column.name]
        number = dtype.startswith(("DECIMAL", "DOUBLE", "FLOAT")) or dtype.endswith(("INT", "INTEGER"))
        if dtype == "VARCHAR" if column.kind == "categorical" else number:
            continue
        # A column without any value says nothing of its kind.
        if connection.execute(f"SELECT count({quoted(column.name)}) FROM given").fetchone() != (0,):
            wanted = "text is" if column.kind == "categorical" else "numbers are"
            raise DataError(f"{file}: {column.name} is {dtype}: {wanted} needed")


def score(connection: DuckDBPyConnection, signature: Signature, model: scorer.Scorer, file: str) -> None:
    """The table `answers`, a row for every row of `given`, in its order."""
    import pandas as pd

    names = ", ".join(map(quoted, signature.names))
    rows = connection.execute(f"SELECT {names} FROM given").df()
    parts = [pd.DataFrame(columns=answer_columns(signature))] if rows.empty else []
    for start in range(0, len(rows), AT_ONCE):
        part = rows.iloc[start : start + AT_ONCE]
        answers = model(*matrices(signature, part, start, file))
        parts.append(pd.DataFrame(decided(signature, answers)))
    connection.register("scored", pd.concat(parts, ignore_index=True))
    connection.execute("CREATE TEMP TABLE answers AS SELECT * FROM scored")


def matrices(
    signature: Signature, rows: pd.DataFrame, start: int, file: str
) -> tuple[NDArray[np.object_], NDArray[np.float32]]:
    """The scorer's two matrices of a part of the file, which begins at row `start`."""
    import numpy as np

    def refuse(column: Column, wrong: NDArray[np.bool_], what: str) -> None:
        if wrong.any():
            raise DataError(f"{file}: {column.name}, row {start + int(np.flatnonzero(wrong)[0])} (from 0): {what}")

    with np.errstate(over="ignore"):
        numeric = rows[[column.name for column in signature.numeric]].to_numpy(dtype=np.float32, na_value=np.nan)
    for i, column in enumerate(signature.numeric):
        refuse(column, np.isinf(numeric[:, i]), "the number is too large for a 32-bit float")
        if not column.nullable:
            refuse(column, np.isnan(numeric[:, i]), "it is missing, and in no row that the model has seen was it")
    text = rows[[column.name for column in signature.categorical]].astype(object)
    missing = text.isna().to_numpy()
    for i, column in enumerate(signature.categorical):
        if not column.nullable:
            refuse(column, missing[:, i], "it is missing, and in no row that the model has seen was it")
    categorical = text.to_numpy(dtype=object, copy=True)
    categorical[missing] = MISSING
    return categorical, numeric


def answer_columns(signature: Signature) -> list[str]:
    if signature.task == "regression":
        return ["prediction"]
    if signature.task == "binary":
        return ["prediction", "probability"]
    return ["prediction", *(f"probability_{value}" for value in signature.classes)]


def decided(signature: Signature, answers: NDArray[Any]) -> dict[str, Any]:
    """The columns of `answer_columns`, of answers (n, classes) or (n,)."""
    import numpy as np

    if signature.task == "regression":
        return {"prediction": answers}
    classes = np.array(signature.classes, dtype=object)
    if signature.task == "binary":
        chosen = (answers[:, 1] >= signature.threshold).astype(int)
        return {"prediction": classes[chosen], "probability": answers[:, 1]}
    probabilities = {name: answers[:, i] for i, name in enumerate(answer_columns(signature)[1:])}
    return {"prediction": classes[answers.argmax(axis=1)], **probabilities}

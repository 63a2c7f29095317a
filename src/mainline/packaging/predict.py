"""Scoring a file with the exported model; its columns are checked as strictly as the server does."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.data.split import quoted
from mainline.errors import ConfigurationError, DataError
from mainline.packaging import predict_file, raw_rows
from mainline.runtime.atomic_files import replacing, scratch
from mainline.runtime.workspace import Workspace
from mainline.serving import scorer, spelling
from mainline.serving.signature import MISSING, Column, Signature, read

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

    from mainline.config.schema import Settings, Source

FORMATS = {".parquet": "PARQUET", ".csv": "CSV, HEADER", ".jsonl": "JSON", ".ndjson": "JSON"}
FOLDER = Path("predictions")
AT_ONCE = 50_000  # rows that are scored together

Warn = Callable[[str], object]


def predict(file: Path, model: Path, to: Path | None = None, warn: Warn = lambda said: None) -> Path:
    """Write every row of `file` followed by its prediction, in one step; returns the path.

    `to` is next to `file` by default; `warn` is told each categorical column of which the model knows no value.

    The file holds the model's columns, raw, and may hold more, such as a key: they are kept. For a
    binary task `prediction` is the class decided at the threshold and `probability` the second
    class's; for a multiclass task the likeliest class, with a probability a class; for a regression
    the value.

    Raises
    ------
    DataError
        For a column that is missing or has the wrong type, and for a value that the model cannot use.
    """
    import duckdb

    signature = read(model)
    target = to or default_target(file)
    check_paths(file, target)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            predict_file.load(connection, file, signature)
            refuse_taken(signature, [name for name, *_ in connection.execute("DESCRIBE given").fetchall()], file)
            unknown = score(connection, signature, scorer.load(signature, model), str(file))
            rows = connection.execute("SELECT count(*) FROM given").fetchone() or (0,)
            for name in unknown:
                warn(f"{file}: {spelling.warning(name, rows[0])}")
            kept = "given" if target.suffix == file.suffix else "typed"
            with replacing(target) as unfinished:
                whole = f"SELECT * FROM {kept} POSITIONAL JOIN answers"
                connection.execute(f"COPY ({whole}) TO $to (FORMAT {FORMATS[target.suffix]})", {"to": str(unfinished)})
        except duckdb.Error as error:
            raise DataError(f"{file} cannot be scored: {reason(error)}") from error
    return target


def predict_raw(
    settings: Settings,
    workspace: Workspace,
    file: Path,
    source: str,
    model: Path,
    to: Path | None = None,
    warn: Warn = lambda said: None,
) -> Path:
    """As `predict`, of rows in the form of a source: the project's own function prepares them first.

    Every row of the file is written with its prediction. Where the function makes the key, so that a prepared row is
    none of the file's, the key is written with the prediction.
    """
    import duckdb

    signature = read(model)
    target = to or default_target(file)
    check_paths(file, target)
    prepared = f"{file}, prepared"
    with scratch(workspace.state, ".parquet") as frame, duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = raw_rows.prepared(settings, workspace, file, source, signature, frame)
        refuse_taken(signature, list(rows.table.columns), file)
        try:
            predict_file.load(connection, frame, signature, shown=prepared)
            unknown = score(connection, signature, scorer.load(signature, model), prepared)
            (count,) = connection.execute("SELECT count(*) FROM given").fetchone() or (0,)
            for name in unknown:
                warn(f"{file}: {spelling.warning(name, count)}")
            if count != rows.count:
                warn(f"{file}: {settings.prepare.function} makes {count:,} rows of its {rows.count:,}")
            answered = f"SELECT {raw_rows.PLACE}, answers.* FROM given POSITIONAL JOIN answers"
            key = ", ".join(f"given.{quoted(name)}" for name in settings.prepare.key)
            whole = f"SELECT {key}, answers.* FROM given POSITIONAL JOIN answers"
            if rows.traced:
                written = rows.as_written(json=FORMATS[target.suffix] == "JSON")
                whole = (
                    f"SELECT * EXCLUDE ({raw_rows.PLACE}) FROM ({written}) LEFT JOIN ({answered}) "
                    f"USING ({raw_rows.PLACE}) ORDER BY {raw_rows.PLACE}"
                )
            with replacing(target) as unfinished:
                connection.execute(f"COPY ({whole}) TO $to (FORMAT {FORMATS[target.suffix]})", {"to": str(unfinished)})
        except duckdb.Error as error:
            raise DataError(f"{file} cannot be scored: {reason(error)}") from error
    return target


def default_target(file: Path, sources: Mapping[str, Source] | None = None, root: Path | None = None) -> Path:
    """Next to the file; in `predictions/` where that is among the data, which the next run would read."""
    beside = file.with_name(f"{file.stem}.predictions{file.suffix}")
    top = os.path.abspath(root or Path.cwd())
    among = Path(os.path.abspath(beside)).is_relative_to(Path(top, "data"))
    return FOLDER / beside.name if among or reader_of(beside, sources or {}, Path(top)) else beside


def check_paths(file: Path, target: Path) -> None:
    for path in (file, target):
        if path.suffix not in FORMATS:
            raise ConfigurationError(f"{path}: the name must end in {', '.join(FORMATS)}")
    if not file.is_file():
        raise ConfigurationError(f"{file} does not exist")


def refuse_taken(signature: Signature, names: list[str], file: Path) -> None:
    taken = [name for name in answer_columns(signature) if name in names]
    if taken:
        raise ConfigurationError(f"{file} has a column {taken[0]} already: rename it")


def refuse_data(target: Path, sources: Mapping[str, Source], root: Path) -> None:
    """Raises ConfigurationError for a target that a source reads: the next run would take predictions for data."""
    name = reader_of(target, sources, root)
    if name:
        elsewhere = FOLDER / target.name
        hint = f"such as to {elsewhere}" if elsewhere != target else "with --to, or let the source name its folder"
        raise ConfigurationError(
            f"{target} is among the files of data.sources.{name} ({sources[name].path}): the next run would read the "
            f"predictions as data; write them elsewhere, {hint}"
        )


def reader_of(target: Path, sources: Mapping[str, Source], root: Path) -> str | None:
    """The source that would read a file at this place."""
    from fsspec.utils import glob_translate

    place = os.path.abspath(target)
    for name, source in sources.items():
        if source.path is None or "://" in source.path:
            continue
        pattern = os.path.join(os.path.abspath(root), source.path)
        if place == os.path.abspath(pattern) or re.match(glob_translate(pattern), place):
            return name
    return None


def score(connection: DuckDBPyConnection, signature: Signature, model: scorer.Scorer, file: str) -> list[str]:
    """Make the table `answers`, one row for every row of `given`, in the same order.

    Returns the categorical columns that have values, of which the model knows none.
    """
    import pandas as pd

    rows = connection.execute("SELECT * FROM inputs").df()
    unknown: set[str] | None = None
    of_rows = spelling.unknown_columns(signature.categorical)
    parts = [pd.DataFrame(columns=answer_columns(signature))] if rows.empty else []
    for start in range(0, len(rows), AT_ONCE):
        part = rows.iloc[start : start + AT_ONCE]
        given = matrices(signature, part, start, file)
        # Unknown as a whole is a column only if it is so in every part.
        here = set(of_rows([tuple(None if value == MISSING else value for value in row) for row in given[0].tolist()]))
        unknown = here if unknown is None else unknown & here
        answers = model(*given)
        row = scorer.unanswered(answers)
        if row is not None:
            said = f"{file}: the model has no answer for row {start + row} (from 0): {scorer.TOO_LARGE}"
            raise DataError(said)
        parts.append(pd.DataFrame(decided(signature, answers)))
    connection.register("scored", pd.concat(parts, ignore_index=True))
    connection.execute("CREATE TEMP TABLE answers AS SELECT * FROM scored")
    return [column.name for column in signature.categorical if column.name in (unknown or ())]


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
    missing = text.isna().to_numpy(dtype=bool)
    for i, column in enumerate(signature.categorical):
        if not column.nullable:
            refuse(column, missing[:, i], "it is missing, and in no row that the model has seen was it")
    categorical = text.to_numpy(dtype=object, copy=True)
    for i, column in enumerate(signature.categorical):
        spell = spelling.spelling(column.written, signature.date_formats)
        if spell:
            known = spelling.by_spelling(column.categories, spell)
            changed = {value: spelling.spelled(value, known, spell) for value in set(categorical[~missing[:, i], i])}
            categorical[:, i] = [changed.get(value, value) for value in categorical[:, i]]
    categorical[missing] = MISSING
    return categorical, numeric


def reason(error: Exception) -> str:
    """DuckDB's message: for a CSV file the line, and below it the problem."""
    lines = [line for line in str(error).strip().splitlines() if line and not line.startswith("Original Line")]
    return ": ".join(lines[:2]) if "CSV Error on Line" in lines[0] else lines[0]


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

"""A record's model as ONNX, with its preprocessing, and `serving.json` next to it.

The conversion is used only where it agrees with the fitted pipeline on every holdout row: a
converter can be wrong without an error. Where it is not used, the fitted pipeline itself is served.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data import column_types
from mainline.data.sources.duckdb_scan import parquet_file, reading
from mainline.data.split import quoted, sides
from mainline.errors import MainlineError, Refused
from mainline.packaging import (  # noqa: F401 - they register their exporters
    eight_bit,
    keras_onnx,
    optimised_graph,
    tensorflow_onnx,
    torch_onnx,
)
from mainline.packaging.agreement import Disagreement, HoldoutRows, check, check_parts, matrices
from mainline.packaging.onnx import EXPORTERS, exporter_of
from mainline.runtime.atomic_files import replacing_folder
from mainline.serving.scorer import Fitted, Onnx, Scorer
from mainline.serving.signature import FORMAT, Agreement, Column, Key, Signature, write
from mainline.serving.spelling import kind_of
from mainline.training.pipeline import answers_of, features_of
from mainline.training.record import Record, data_digest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

UNKNOWN = "a category that nobody has seen"


def export(
    settings: Settings, record: Record, frame: Path, folder: Path, version: str | None = None, card: str | None = None
) -> Signature:
    """Write `model.onnx` (or `model.pkl`), `serving.json` and, where given, `model-card.md` to `folder`, in one step.

    Parameters
    ----------
    frame
        The prepared frame that the record was trained on.
    version
        The version that the server reports; the first 12 characters of the fingerprint by default.
    card
        What the server answers at `/model-card`.

    Raises
    ------
    Refused
        Where even the recorded pipeline gives other answers than when it was recorded.
    """
    pipeline = record.model()
    rows = HoldoutRows(settings, record, frame)
    columns = describe(settings, record, frame)
    first, spread, shown = rows.first_spread_and_examples([column.name for column in columns])
    draft = Signature(
        format=FORMAT,
        name=settings.prepare.function.split(".")[0],
        version=version or default_version(record),
        task=settings.task,
        classes=record.facts.classes,
        threshold=settings.evaluate.threshold if settings.task == "binary" else None,
        columns=columns,
        engine="onnx",
        file="model.onnx",
        digest="",
        pipeline_digest=record.digest,
        data_digest=data_digest(record),
        fingerprint=record.fingerprint,
        commit=record.facts.made_by,
        trained=record.facts.created,
        agreement=Agreement(len(rows), 0.0),
        example=[],
        answers=[],
        key=describe_key(settings, frame, date_format(record)),
        slices=describe_slices(settings, frame, date_format(record)),
        label=settings.prepare.label,
        label_values=settings.prepare.label_values,
        null_values=sorted({text for source in settings.data.sources.values() for text in source.null_values}),
        decimal="," if any(source.decimal == "," for source in settings.data.sources.values()) else ".",
        encodings=sorted({source.encoding for source in settings.data.sources.values() if source.encoding}),
        date_formats=sorted({source.date_format for source in settings.data.sources.values() if source.date_format}),
    )
    with replacing_folder(folder) as unfinished:
        model, chosen, scorer = choose(settings, draft, pipeline, rows, first, spread)
        (unfinished / chosen.file).write_bytes(model)
        signature = replace(
            chosen,
            answered=bounds(record.holdout.score) if settings.task == "regression" else None,
            digest=hashlib.sha256(model).hexdigest(),
            example=as_lists(chosen, shown),
            answers=scorer(*matrices(chosen, shown)).tolist(),
        )
        write(signature, unfinished)
        if card is not None:
            (unfinished / "model-card.md").write_text(card, encoding="utf-8")
    return signature


def default_version(record: Record) -> str:
    return record.fingerprint[:12]


def choose(
    settings: Settings,
    draft: Signature,
    pipeline: Pipeline,
    rows: HoldoutRows,
    first: tuple[pd.DataFrame, NDArray[np.float64]],
    spread: pd.DataFrame,
) -> tuple[bytes, Signature, Scorer]:
    """The converted model where it agrees, else the pickled pipeline with the reason in `note`."""
    record, scale = rows.record, rows.scale
    try:
        converted = EXPORTERS[exporter_of(pipeline)].convert(pipeline, draft)
        converted = optimised_graph.smaller(converted) if settings.export.optimise else converted
        scorer = Onnx(converted, draft)
        asked = [*sizes(*first), *probes(settings, draft, pipeline, spread)]
        largest = check_parts(draft, scorer, scale, rows, "holdout rows")
        largest = max([largest, *(check(draft, scorer, scale, *rows_of) for rows_of in asked)])
        if eight_bit.is_eight_bit(pipeline):
            alone = eight_bit.one_by_one(scorer)
            largest = max(largest, check_parts(draft, alone, scale, rows, "holdout rows, one at a time"))
        return converted, replace(draft, agreement=Agreement(len(rows), largest)), scorer
    except Disagreement as error:
        note = str(error)
    except MainlineError:
        raise
    except Exception as error:  # after any error of a converter the pipeline can still be served
        note = f"it cannot be converted: {type(error).__name__}: {(str(error).strip() or '?').splitlines()[0]}"
    plain = replace(draft, engine="sklearn", file="model.pkl", note=note, frameworks=sorted(record.facts.frameworks))
    path = record.path / "model.pkl"
    fitted = Fitted(path, plain)
    try:
        largest = check_parts(plain, fitted, scale, rows, "holdout rows")
        largest = max([largest, *(check(plain, fitted, scale, *asked) for asked in sizes(*first))])
    except Disagreement as error:
        raise Refused(f"{path} gives other answers than when it was recorded: {error}") from None
    return path.read_bytes(), replace(plain, agreement=Agreement(len(rows), largest)), fitted


def sizes(rows: pd.DataFrame, recorded: NDArray[np.float64]) -> list[tuple[pd.DataFrame, NDArray[np.float64], str]]:
    """One row, two, and a thousand: some estimators answer a single row in another shape."""
    return [
        (rows.iloc[:count], recorded[:count], "holdout row" if count == 1 else "holdout rows")
        for count in (1, 2, 1000)
        if count <= len(rows)
    ]


def probes(
    settings: Settings, signature: Signature, pipeline: Pipeline, some: pd.DataFrame
) -> list[tuple[pd.DataFrame, NDArray[np.float64], str]]:
    """Holdout rows with unknown categories, and with every value missing that may be."""
    import pandas as pd

    strange: dict[str, Any] = {column.name: UNKNOWN for column in signature.categorical}
    empty: dict[str, Any] = {
        column.name: None if column.kind == "categorical" else float("nan")
        for column in signature.columns
        if column.nullable
    }
    made = []
    for what, values in (("rows with unknown categories", strange), ("rows with missing values", empty)):
        if values:
            asked = some.copy()
            for name, value in values.items():  # a column may be called `self`, which `assign` cannot take
                asked[name] = pd.Series([value] * len(asked), index=asked.index, dtype=some.dtypes[name])
            made.append((asked, answers_of(settings.task, pipeline, features_of(settings, asked)), what))
    return made


def describe(settings: Settings, record: Record, frame: Path) -> list[Column]:
    """The columns in the order of the model's inputs, with facts about them from the whole frame."""
    features = settings.prepare.features
    asked = [f"count(*) FILTER ({quoted(name)} IS NULL)" for name in features.categorical]
    asked += [f"count(*) FILTER ({quoted(name)} IS NULL OR isnan({quoted(name)}))" for name in features.numeric]
    train = sides(settings).train
    asked += [f"{side}({quoted(name)}) FILTER ({train})" for name in features.numeric for side in ("min", "max")]
    with reading() as connection:
        found = connection.execute(f"SELECT {', '.join(asked)} FROM {parquet_file(frame)}").fetchone()
    assert found
    missing = dict(zip(features.names, found, strict=False))
    bounds = found[len(features.names) :]
    seen = record.profile["categorical"]
    types = column_types.of_frame(frame)
    categorical = [
        Column(
            name,
            "categorical",
            missing[name] > 0,
            sorted(value for value in seen[name] if value),
            written=kind_of(types.get(name, "VARCHAR")).removeprefix("text"),
        )
        for name in features.categorical
    ]
    numeric = [
        Column(
            name,
            "numeric",
            missing[name] > 0,
            low=bounds[2 * i],
            high=bounds[2 * i + 1],
            written={"VARCHAR": "text", "BOOLEAN": "boolean"}.get(types.get(name, ""), ""),
        )
        for i, name in enumerate(features.numeric)
    ]
    return categorical + numeric


def describe_slices(settings: Settings, frame: Path, dates: str = "") -> list[Key]:
    """The columns of `evaluate.slices` that are neither features nor in the key: logged, so that they are monitored."""
    known = {*settings.prepare.features.names, *settings.prepare.key}
    types = column_kinds(frame)
    return [key_of(name, types[name], dates) for name in settings.evaluate.slices if name not in known]


def column_kinds(frame: Path) -> dict[str, str]:
    """DuckDB's types of the frame's columns."""
    with reading() as connection:
        described = connection.execute(f"DESCRIBE SELECT * FROM {parquet_file(frame)}").fetchall()
    return {str(name): str(kind) for name, kind, *_ in described}


def describe_key(settings: Settings, frame: Path, dates: str = "") -> list[Key]:
    """The columns of a row's key, each with the kind of its value in a request.

    None where the key is made from the content of the source's rows: who asks the server does not have it.
    """
    if settings.prepare.by_content:
        return []
    types, source = column_kinds(frame), column_types.of_frame(frame)
    features = settings.prepare.features

    def key(name: str) -> Key:
        if name in features.numeric:
            return Key(name, "number", "single")
        if name in features.categorical:  # logged with the inputs, in the spelling of the training data
            return Key(name, "text", kind_of(source.get(name, "VARCHAR")).removeprefix("text"))
        return key_of(name, types[name], dates)

    return [key(name) for name in settings.prepare.key]


def date_format(record: Record) -> str:
    """How the text files write a date, where it is not as 2026-01-31 and they agree; else nothing."""
    found = {table.reading.date_format for table in record.facts.tables.values()} - {None, "%Y-%m-%d"}
    return str(found.pop()) if len(found) == 1 else ""


def key_of(name: str, type_: str, dates: str = "") -> Key:
    """By the column's type in DuckDB; a number that a 64-bit one cannot hold to the last digit is logged as text."""
    if type_ == "DATE":
        return Key(name, "date", dates)
    if type_ in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"):
        return Key(name, "integer")
    if type_ in ("FLOAT", "DOUBLE"):
        return Key(name, "number", "single" if type_ == "FLOAT" else "")
    return Key(name, "text", kind_of(type_).removeprefix("text"))


def as_lists(signature: Signature, rows: pd.DataFrame) -> list[list[str | float | None]]:
    """Rows as in a request, with numbers as short as a 32-bit float allows."""
    features = rows[signature.names].astype(object)
    return [
        [None if value != value else value if isinstance(value, str) else float(str(value)) for value in row]
        for row in features.where(features.notna(), float("nan")).to_numpy()
    ]


def bounds(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def replace(signature: Signature, **changes: Any) -> Signature:
    import msgspec

    return msgspec.structs.replace(signature, **changes)

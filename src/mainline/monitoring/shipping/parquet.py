"""The lines of a spool as Parquet: the contract between the server and every reader of its log.

`predictions/`: a row per predicted row, with `_request`, `_row` (its place in the request), `_time`, `_version`,
`_model_digest`, `_prediction` (the probabilities of all classes in their order, or one value of a regression),
the model's inputs, and the columns of the row's key that were sent.

`feedback/`: a row per label, with `_time` (when it was received), `_request` and `_row` or the columns of the row's
key, `_label` (JSON text) and `_id`, which is unique per label.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.monitoring.shipping.spool_reader import Broken, Header, batches, header_of, kind_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


def convert(path: Path, target: Path) -> tuple[int, Broken]:
    """Convert one file of the spool to Parquet, the same bytes each time; return the lines written and the broken ones.

    `target` is not written if no line can be read.

    Raises
    ------
    Unreadable
        If the first line does not describe the file.
    """
    import pyarrow.parquet as pq

    header = header_of(path)
    predicts = kind_of(path) == "predictions"
    schema = prediction_schema(header) if predicts else label_schema(header)
    table = prediction_table if predicts else label_table
    broken, count, writer = Broken(path), 0, None
    try:
        for lines in batches(path, header, broken):
            if lines:
                writer = writer or pq.ParquetWriter(target, schema, compression="zstd")
                writer.write_batch(table(header, schema, lines))
                count += len(lines)
    finally:
        if writer:
            writer.close()
    return count, broken


def prediction_schema(header: Header) -> pa.Schema:
    import pyarrow as pa

    kinds = {"categorical": pa.string(), "numeric": pa.float64()}
    inputs = [pa.field(name, kinds[kind]) for name, kind in zip(header.columns, header.kinds, strict=True)]
    return pa.schema(
        [
            pa.field("_request", pa.string()),
            pa.field("_row", pa.int32()),
            pa.field("_time", pa.timestamp("us", "UTC")),
            pa.field("_version", pa.string()),
            pa.field("_model_digest", pa.string()),
            pa.field("_prediction", pa.list_(pa.float64())),
            *inputs,
            *key_fields(header),
        ]
    )


def prediction_table(header: Header, schema: pa.Schema, lines: list[Any]) -> pa.RecordBatch:
    import numpy as np
    import pyarrow as pa

    counts = np.array([line.rows for line in lines])
    total = int(counts.sum())
    first = np.repeat(np.cumsum(counts) - counts, counts)
    numbers = np.frombuffer(b"".join([line.numeric for line in lines]), "<f4").reshape(
        total, header.kinds.count("numeric")
    )
    texts = list(zip(*itertools.chain.from_iterable(line.categorical or () for line in lines), strict=True))
    inputs = {"numeric": iter(numbers.T.astype(float)), "categorical": iter(texts)}
    none = (None,) * len(header.keys)
    keys = [key or none for line in lines for key in (line.keys or itertools.repeat(none, line.rows))]
    answers = np.concatenate([values(line, header) for line in lines])
    offsets = np.arange(0, answers.size + 1, answers.shape[1], dtype=np.int32)
    columns = [
        np.repeat(np.array([line.id for line in lines], object), counts),
        (np.arange(total) - first).astype(np.int32),
        np.repeat(np.array([microseconds(line.time) for line in lines]), counts),
        [header.version] * total,
        [header.model_digest] * total,
        pa.ListArray.from_arrays(pa.array(offsets), pa.array(answers.ravel())),
        *(next(inputs[kind]) for kind in header.kinds),
        *transposed(keys, len(header.keys)),
    ]
    return batch(schema, columns)


def values(line: Any, header: Header) -> NDArray[np.float64]:
    """The predictions of one request, (n, classes) or (n, 1)."""
    import numpy as np

    width = 1 if header.task == "regression" else len(header.classes)
    wide = len(line.predictions) == 8 * width * line.rows
    return np.frombuffer(line.predictions, "<f8" if wide else "<f4").reshape(line.rows, width).astype(np.float64)


def label_schema(header: Header) -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("_time", pa.timestamp("us", "UTC")),
            pa.field("_request", pa.string()),
            pa.field("_row", pa.int32()),
            pa.field("_label", pa.string()),
            pa.field("_id", pa.string()),
            *key_fields(header),
        ]
    )


def label_table(header: Header, schema: pa.Schema, lines: list[Any]) -> pa.RecordBatch:
    none = (None,) * len(header.keys)
    columns = [
        [microseconds(line.time) for line in lines],
        [line.id for line in lines],
        [line.row for line in lines],
        [line.label for line in lines],
        [line._id for line in lines],
        *transposed([line.key or none for line in lines], len(header.keys)),
    ]
    return batch(schema, columns)


def key_fields(header: Header) -> list[pa.Field]:
    import pyarrow as pa

    kinds = {"text": pa.string(), "date": pa.string(), "integer": pa.int64(), "number": pa.float64()}
    return [pa.field(name, kinds[kind]) for name, kind in header.keys]


def batch(schema: pa.Schema, columns: list[Any]) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = [
        values.cast(field.type) if isinstance(values, pa.Array) else pa.array(values, field.type, from_pandas=True)
        for values, field in zip(columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def transposed(rows: list[Any], width: int) -> list[Any]:
    return list(zip(*rows, strict=True)) if rows else [()] * width


def microseconds(seconds: float) -> int:
    return round(seconds * 1e6)

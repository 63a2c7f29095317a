"""A prediction log as the server writes it, made from rows and a record's own model."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mainline.config.schema import Settings
from mainline.training.pipeline import predict
from mainline.training.record import Record


def predicted(
    settings: Settings, record: Record, rows: pd.DataFrame, time: pd.Series[Any], *, key: bool = True
) -> pd.DataFrame:
    """What the log holds of `rows`, each a request of its own at its `time`."""
    features = settings.prepare.features
    score = predict(settings, record.model(), rows)
    if record.facts.task == "binary":
        score = np.column_stack([1 - score, score])
    elif score.ndim == 1:
        score = score[:, np.newaxis]
    inputs = rows[features.names].astype(dict.fromkeys(features.numeric, "float64"))
    keys = rows[settings.prepare.key].astype(str) if key else pd.DataFrame(index=rows.index)
    columns = {
        "_request": [f"request-{n}" for n in range(len(rows))],
        "_row": np.zeros(len(rows), dtype=np.int32),
        "_time": pd.to_datetime(time, utc=True).array,
        "_version": record.fingerprint[:12],
        "_model_digest": record.digest,
        "_prediction": list(score.astype(np.float64)),
    }
    same = [name for name in keys if name not in inputs]
    return pd.DataFrame(columns, index=rows.index).join(inputs).join(keys[same]).reset_index(drop=True)


def write(log: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pandas(log, preserve_index=False)
    at = table.schema.get_field_index("_time")
    table = table.set_column(at, "_time", table["_time"].cast(pa.timestamp("us", "UTC")))
    if "_prediction" in log and not len(log):
        place = table.schema.get_field_index("_prediction")
        table = table.set_column(place, "_prediction", pa.array([], pa.list_(pa.float64())))
    pq.write_table(table, path, row_group_size=1000)


def feedback(log: pd.DataFrame, labels: Any, after: dt.timedelta = dt.timedelta(days=1)) -> pd.DataFrame:
    """A label for each row of the log, by request and row, said so long after the prediction."""
    said = [json.dumps(value.item() if hasattr(value, "item") else value) for value in labels]
    return pd.DataFrame(
        {
            "_time": log["_time"] + after,
            "_request": log["_request"],
            "_row": log["_row"],
            "_label": said,
            "_id": [f"feedback-{n}" for n in range(len(log))],
        }
    )

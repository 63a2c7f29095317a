"""The floor of a project of its own: prepare, fit and score as one bare script, with nothing but the reading around it.

`python benchmarks/bare.py` takes the tables, the preparation, the features and the estimator that params.yaml names,
trains on what lies before the holdout and scores the holdout. It is what `make run` is measured against where the
example, which has a script of its own in floor.py, is not there. Files are read as a run reads them, whose dialects a
script would have to be told.
"""

from __future__ import annotations

import fnmatch
import importlib
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OMP_WAIT_POLICY"] = "passive"

import ibis
import numpy as np
import pandas as pd
import yaml
from dateutil.relativedelta import relativedelta
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, OrdinalEncoder, StandardScaler

from mainline.config import loader
from mainline.data.collect import collect, relation_sql

KEY = "content_key"  # that Mainline would add to a table without a key


def imported(path: str) -> Any:
    module, _, name = path.replace(":", ".").rpartition(".")
    return getattr(importlib.import_module(module), name)


def named(patterns: list[str], columns: list[str]) -> list[str]:
    found = [[each] if each in columns else fnmatch.filter(columns, each) for each in patterns]
    return [name for names in found for name in names]


def holdout_of(rows: pd.DataFrame, params: dict[str, Any]) -> np.ndarray:
    """Which rows are scored: those of the last time, or as many at random."""
    share, time = params["split"]["holdout"], params["prepare"].get("time")
    if params["split"]["by"] == "hash":
        return np.random.default_rng(0).uniform(size=len(rows)) < share
    count, unit = share.split()
    until = pd.Timestamp(params["data"]["until"])
    since = until - relativedelta(**{unit.removesuffix("s") + "s": int(count)})
    return (pd.to_datetime(rows[time], utc=True).dt.tz_localize(None) >= since).to_numpy()


def main() -> float:
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    prepare, train = params["prepare"], params["train"]
    connection = ibis.duckdb.connect()
    with tempfile.TemporaryDirectory() as cache:
        collected = collect(loader.load().settings.data, Path.cwd(), Path(cache))
    for name, table in collected.items():
        connection.con.execute(f'CREATE TEMP VIEW "{name}" AS {relation_sql(table)}')
    tables = {name: connection.table(name) for name in collected}
    if prepare.get("key", "content") == "content":
        tables = {name: table.mutate(**{KEY: ibis.row_number()}) for name, table in tables.items()}
    rows = imported(prepare["function"])(tables).to_pandas()
    rows = rows[rows[prepare["label"]].notna()]
    y = rows[prepare["label"]].to_numpy()
    numeric, categorical = (named(prepare["features"].get(kind, []), list(rows)) for kind in ("numeric", "categorical"))
    rows = rows.astype({**dict.fromkeys(numeric, "float32"), **dict.fromkeys(categorical, object)})
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
    encoder = OneHotEncoder(handle_unknown="ignore") if train.get("categorical") == "onehot" else ordinal
    scaler = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    numbers = scaler if train.get("numeric") == "standardize" else "passthrough"
    columns = [("c", encoder, categorical), ("n", numbers, numeric)]
    estimator = imported(train["estimator"])(**train.get("params", {}))
    model = Pipeline([("columns", ColumnTransformer(columns)), ("estimator", estimator)])
    y = y if params["task"] == "regression" else LabelEncoder().fit_transform(y.astype(str))
    held = holdout_of(rows, params)
    model.fit(rows[~held], y[~held])
    (model.predict_proba if hasattr(estimator, "predict_proba") else model.predict)(rows[held])
    return float(model.score(rows[held], y[held]))


if __name__ == "__main__":
    print(main())

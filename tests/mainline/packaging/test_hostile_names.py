"""Columns may have any name: words of Python, pandas, SQL and ONNX, spaces, dots, quotes, and 300 characters."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from mainline.config import loader
from mainline.packaging import export
from mainline.packaging.predict import predict
from mainline.runtime.workspace import Workspace
from mainline.serving.csv_input import CsvReader
from mainline.serving.errors import Rejection
from mainline.serving.json_input import JsonReader
from mainline.serving.openapi import describe
from mainline.serving.settings import Configuration
from mainline.training import train
from mainline.training.fingerprint import fingerprint
from tests.exports import PARAMS, TREES, make, rows

NUMERIC = ["self", "select", "a b.c", "index", "lambda", "n0", "x['y']", "{0}", "%s", "predictions"]
CATEGORICAL = ["class", 'quote"d', "it's", "order", "🚲", "f0", "x" * 300, "numeric", "$c", "a\\b"]

pytestmark = pytest.mark.slow  # one model is trained and exported


def test_a_model_with_hostile_column_names_is_trained_exported_and_asked(tmp_path: Path) -> None:
    made = rows(600)
    for i, name in enumerate(NUMERIC):
        made[name] = made["minutes" if i % 2 else "pages"] + i
    for i, name in enumerate(CATEGORICAL):
        made[name] = made["shop" if i % 2 else "device"]
    given = PARAMS.format(
        task="binary", label="bought", metric="roc_auc", estimator="sklearn.ensemble.HistGradientBoostingClassifier",
        estimator_params=TREES, encoding="ordinal", scaling="passthrough",
        numeric=json.dumps(NUMERIC, ensure_ascii=False), categorical=json.dumps(CATEGORICAL, ensure_ascii=False),
    )  # fmt: skip
    settings = loader.parse(given).settings
    frame = tmp_path / "frame.parquet"
    made.to_parquet(frame)
    prints = replace(fingerprint(tmp_path, settings, {}), model="f" * 64, frame="e" * 64)
    record = train.train_model(settings, tmp_path, {}, prints, frame).keep(Workspace.at(tmp_path))
    signature = export.export(settings, record, frame, tmp_path / "model")
    assert signature.engine == "onnx", signature.note
    asked = made[signature.names].head(20)
    for suffix in (".csv", ".parquet", ".jsonl"):
        file = tmp_path / f"asked{suffix}"
        if suffix == ".csv":
            asked.to_csv(file, index=False)
        elif suffix == ".parquet":
            asked.to_parquet(file)
        else:
            asked.to_json(file, orient="records", lines=True)
        assert predict(file, tmp_path / "model", tmp_path / f"scored{suffix}").exists()
    records = json.loads(asked.to_json(orient="records"))
    assert len(JsonReader(signature, 100)(json.dumps({"dataframe_records": records}).encode())) == 20
    sent = json.dumps({"inputs": {name: [row[name] for row in records] for name in signature.names}}).encode()
    assert len(JsonReader(signature, 100)(sent)) == 20
    with pytest.raises(Rejection, match="occurs twice"):
        JsonReader(signature, 100)(b'{"inputs": {"self": [1], "self": [2]}}')
    assert len(CsvReader(signature, 100)((tmp_path / "asked.csv").read_bytes())) == 20
    assert describe(signature, "1", Configuration())


def test_a_model_without_a_category_or_without_a_number_scores_a_file(tmp_path: Path) -> None:
    for name, given in (("numbers", {"categorical": "[]"}), ("names", {"numeric": "[]"})):
        made = make(tmp_path / name, **given)
        made.holdout[made.signature.names].to_csv(tmp_path / f"{name}.csv", index=False)
        found = pd.read_csv(predict(tmp_path / f"{name}.csv", made.folder, tmp_path / "scored.csv"))
        assert found["probability"].to_numpy() == pytest.approx(made.scores, abs=1e-5)

from __future__ import annotations

import dataclasses
import hashlib
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest

from mainline.data.split import sides
from mainline.errors import ExternalError, Refused
from mainline.packaging import agreement, export
from mainline.packaging import onnx as conversion
from mainline.packaging.export import matrices
from mainline.serving import scorer, signature
from mainline.training import parts, record
from tests import exports
from tests.exports import Export, make
from tests.projects import TOP

pytestmark = pytest.mark.slow  # each has a model exported

LINEAR = "{C: 1.0, max_iter: 500}"
BY_INDEX = "{max_iter: 20, early_stopping: false, categorical_features: [0, 1]}"


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """The usual model. Nobody changes it."""
    return make(tmp_path_factory.mktemp("binary"))


@pytest.fixture(scope="module")
def unconverted(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """One that the converter converts wrongly. Nobody changes it."""
    return make(tmp_path_factory.mktemp("unconverted"), estimator_params=BY_INDEX)


def answers(made: Export) -> np.ndarray:
    """What the exported model says of the holdout, by the code that serves it."""
    read = signature.read(made.folder)
    return np.asarray(scorer.load(read, made.folder)(*matrices(read, made.holdout)))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_onnx_model_answers_as_the_fitted_pipeline_on_every_holdout_row(tmp_path: Path, task: str) -> None:
    made = make(tmp_path, task)
    assert made.signature.engine == "onnx"
    assert made.signature.agreement.rows == len(made.scores) > 800
    found = answers(made)[:, 1] if task == "binary" else answers(made)
    scale = np.abs(made.scores).max() if task == "regression" else 1
    assert found == pytest.approx(made.scores, abs=1e-5 * scale)
    assert np.std(made.scores) > 0.01  # a constant would agree too


@pytest.mark.parametrize(
    ("task", "estimator", "estimator_params", "encoding", "scaling"),
    [
        ("binary", "sklearn.linear_model.LogisticRegression", LINEAR, "onehot", "standardize"),
        ("multiclass", "sklearn.linear_model.LogisticRegression", LINEAR, "onehot", "standardize"),
        ("regression", "sklearn.linear_model.Ridge", "{}", "onehot", "standardize"),
        ("binary", "sklearn.ensemble.GradientBoostingClassifier", "{n_estimators: 20}", "ordinal", "standardize"),
    ],
)
def test_other_estimators_and_preprocessings_are_converted_too(
    tmp_path: Path, task: str, estimator: str, estimator_params: str, encoding: str, scaling: str
) -> None:
    made = make(tmp_path, task, estimator, estimator_params, encoding, scaling)
    assert (made.signature.engine, made.signature.note) == ("onnx", None)


@pytest.mark.parametrize(
    ("numeric", "categorical"), [("[pages]", "[]"), ("[minutes, pages]", "[]"), ("[]", "[shop, device]")]
)
def test_a_model_of_one_kind_of_column_is_converted_where_nothing_is_missing_too(
    tmp_path: Path, numeric: str, categorical: str
) -> None:
    linear = "sklearn.linear_model.LogisticRegression"
    made = make(tmp_path, "multiclass", linear, LINEAR, "onehot", "standardize", numeric, categorical)
    assert (made.signature.engine, made.signature.note) == ("onnx", None)


def test_a_silently_wrong_conversion_is_caught_and_the_fitted_pipeline_served(unconverted: Export) -> None:
    assert unconverted.signature.engine == "sklearn"
    assert "converted, it differs from the fitted pipeline on" in str(unconverted.signature.note)
    assert "holdout rows" in str(unconverted.signature.note)
    assert answers(unconverted)[:, 1] == pytest.approx(unconverted.scores, abs=1e-12)


def test_values_too_close_together_for_32_bits_are_answered_by_the_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative to 1e9 the graph agrees to 1e-7: and is off by more than the answers differ."""
    plain = exports.rows
    for name, middle, engine in (("near", 1e9, "sklearn"), ("far", 1e5, "onnx")):
        monkeypatch.setattr(
            exports, "rows", lambda middle=middle: plain().assign(spent=lambda rows: middle + rows["spent"] / 10)
        )
        made = make(tmp_path / name, "regression")
        assert made.signature.engine == engine
        assert answers(made) == pytest.approx(made.scores, abs=made.scores.std() / 100)
        if engine == "sklearn":
            assert "its values lie too close together for numbers of 32 bits" in str(made.signature.note)
        else:
            assert made.signature.agreement.largest < 1e-6


def test_the_converter_itself_says_nothing_of_that(unconverted: Export) -> None:
    made = unconverted
    converted = conversion.convert(made.record.model(), made.signature)
    wrong = scorer.Onnx(converted, made.signature)(*matrices(made.signature, made.holdout))
    assert np.abs(wrong[:, 1] - made.scores).max() > 0.05


def test_an_estimator_without_a_converter_is_served_as_it_is_and_the_reason_said(tmp_path: Path) -> None:
    made = make(
        tmp_path,
        estimator="sklearn.semi_supervised.LabelPropagation",
        estimator_params="{kernel: knn}",
        scaling="standardize",
    )
    assert made.signature.engine == "sklearn"
    assert str(made.signature.note).startswith("it cannot be converted: ")
    assert answers(made)[:, 1] == pytest.approx(made.scores, abs=1e-9)


def test_a_record_that_does_not_answer_as_recorded_is_refused(binary: Export, tmp_path: Path) -> None:
    made = binary
    other = record.keep(
        tmp_path / "other",
        dataclasses.replace(made.record.facts, fingerprint="a" * 64),
        (made.record.path / "model.pkl").read_bytes(),
        {"row_id": made.record.holdout.row_id, "y": made.record.holdout.y, "score": made.scores + 0.1,
         "train": made.record.train_rows},
        made.record.profile,
    )  # fmt: skip
    with pytest.raises(Refused, match="gives other answers than"):
        export.export(made.settings, other, made.frame, tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_a_frame_that_is_not_the_records_is_refused(binary: Export, tmp_path: Path) -> None:
    pd.read_parquet(binary.frame).iloc[:2000].to_parquet(tmp_path / "half.parquet")
    with pytest.raises(ExternalError, match="not that of the prepared frame"):
        export.export(binary.settings, binary.record, tmp_path / "half.parquet", tmp_path / "never")


def test_the_text_nan_and_a_missing_category_stay_two_things(tmp_path: Path) -> None:
    made = make(tmp_path, "binary", "sklearn.linear_model.LogisticRegression", LINEAR, "onehot", "standardize")
    read = signature.read(made.folder)
    assert read.engine == "onnx"
    score = scorer.load(read, made.folder)
    numeric = np.array([[5.0, 5.0]] * 4, dtype=np.float32)
    text = [["nan", "phone"], ["unknown", "phone"], ["north", "nan"], ["north", signature.MISSING]]
    found = score(np.array(text, dtype=object), numeric)[:, 1]
    shops, devices = ["nan", "unknown", "north", "north"], ["phone", "phone", "nan", None]
    asked = pd.DataFrame({"shop": shops, "device": devices, "minutes": numeric[:, 0], "pages": numeric[:, 1]})
    asked = asked.astype({"shop": "str", "device": "str"})
    expected = made.record.model().predict_proba(asked[read.names])[:, 1]
    assert found == pytest.approx(expected, abs=1e-6)
    assert found[0] != pytest.approx(found[1], abs=1e-3)
    assert found[2] != pytest.approx(found[3], abs=1e-4)


def test_null_may_be_sent_where_rows_were_without_and_nowhere_else(binary: Export) -> None:
    assert {column.name: column.nullable for column in binary.signature.columns} == {
        "shop": False, "device": True, "minutes": True, "pages": False,
    }  # fmt: skip


def test_the_signature_holds_what_the_model_is_made_of(binary: Export, tmp_path: Path) -> None:
    found = export.export(binary.settings, binary.record, binary.frame, tmp_path / "model", "7")
    read = signature.read(tmp_path / "model")
    assert read == found
    assert read.version == "7"
    assert (read.task, read.classes, read.threshold) == ("binary", [False, True], 0.4)
    assert read.digest == hashlib.sha256((tmp_path / "model" / "model.onnx").read_bytes()).hexdigest()
    assert read.pipeline_digest == binary.record.digest
    assert read.columns[0].categories == ["nan", "north", "south", 'ünter, "den" Linden']
    assert len(read.example) == len(read.answers) == 2


def test_any_onnx_runtime_takes_the_raw_text_and_numbers(binary: Export) -> None:
    onnx.checker.check_model(onnx.load(binary.folder / "model.onnx"), full_check=True)
    session = onnxruntime.InferenceSession(str(binary.folder / "model.onnx"))
    assert {node.name: node.type for node in session.get_inputs()} == {
        "categorical": "tensor(string)",
        "numeric": "tensor(float)",
    }


@pytest.mark.parametrize(("numeric", "categorical"), [("[minutes, pages]", "[]"), ("[]", "[shop, device]")])
def test_a_model_may_have_columns_of_one_kind_only(tmp_path: Path, numeric: str, categorical: str) -> None:
    made = make(tmp_path, numeric=numeric, categorical=categorical)
    assert made.signature.engine == "onnx"
    assert answers(made)[:, 1] == pytest.approx(made.scores, abs=1e-5)


def test_equal_models_have_equal_digests_whatever_the_interpreters_hashes(binary: Export) -> None:
    program = """
import hashlib, pickle, sys
from pathlib import Path
from mainline.packaging import onnx as conversion
from mainline.serving import signature

folder = Path(sys.argv[1])
pipeline = pickle.loads(next((folder / ".mainline/records").glob("*/model.pkl")).read_bytes())
print(hashlib.sha256(conversion.convert(pipeline, signature.read(folder / "model"))).hexdigest())
"""
    other = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"  # than that of this process, which has exported it
    found = subprocess.run(
        [sys.executable, "-c", program, str(binary.folder.parent)],
        env={**os.environ, "PYTHONHASHSEED": other, "PYTHONPATH": str(TOP / "src")},
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    assert found == binary.signature.digest


def test_a_model_file_that_was_changed_is_not_served(binary: Export, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(binary.folder, tmp_path / "model"))
    path = folder / "model.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(Exception, match=r"is not the model that .*serving\.json describes"):
        signature.read(folder)


def test_a_pickle_that_was_changed_is_never_loaded(unconverted: Export, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(unconverted.folder, tmp_path / "model"))
    assert unconverted.signature.file == "model.pkl"
    (folder / "model.pkl").write_bytes(pickle.dumps("something else"))
    with pytest.raises(Exception, match="is not the model that"):
        signature.read(folder)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_threshold_between_two_neighbouring_numbers_stays_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    """skl2onnx rounds it to the nearest 32-bit number, which can be the upper one of the two."""
    rows = exports.rows()
    upwards = np.float32(np.inf)
    first = np.float32(234.6)
    second = np.nextafter(first, upwards)
    third = np.nextafter(second, upwards)
    # The middle of one pair of neighbours rounds up, of the next one down: both have the same nearest number.
    number = np.select([rows["size"] == "small", rows["size"] == "middle"], [first, second], third)
    rows["minutes"] = number.astype(np.float32)
    rows["bought"] = (rows["minutes"] == second).to_numpy()
    rows["spent"] = rows["minutes"].map({first: 0.0, second: 1000.0, third: 0.0})
    monkeypatch.setattr(exports, "rows", lambda: rows)
    made = make(tmp_path, task, numeric="[minutes]")
    assert np.std(made.scores) > 0.3
    assert (made.signature.engine, made.signature.note) == ("onnx", None)


def test_a_large_holdout_is_checked_by_parts_with_the_same_result(
    binary: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = binary
    rows = pd.concat([pd.read_parquet(made.frame)] * 6, ignore_index=True)
    rows["row_id"] = np.arange(len(rows), dtype=np.uint64)
    rows.to_parquet(tmp_path / "many.parquet", index=False, coerce_timestamps="us")
    pipeline, held = made.record.model(), sides(made.settings).holdout
    ids, scores = parts.scored(made.settings, pipeline, tmp_path / "many.parquet", held)
    arrays = {"row_id": ids, "y": np.zeros(len(ids)), "score": scores, "train": ids[:0]}
    pickled = (made.record.path / "model.pkl").read_bytes()
    kept = record.keep(tmp_path / "kept", made.record.facts, pickled, arrays, made.record.profile)
    whole = export.export(made.settings, kept, tmp_path / "many.parquet", tmp_path / "whole")
    monkeypatch.setattr(parts, "LOADED", 1)  # parts of two thousand rows, which is DuckDB's smallest
    read = list(agreement.HoldoutRows(made.settings, kept, tmp_path / "many.parquet"))
    assert len(read) > 2
    assert export.export(made.settings, kept, tmp_path / "many.parquet", tmp_path / "parts") == whole
    assert whole.agreement.rows == len(ids)
    broken = {**arrays, "score": np.where(np.arange(len(ids)) == len(ids) - 1, 0.5, scores)}
    facts = dataclasses.replace(made.record.facts, fingerprint="a" * 64)
    other = record.keep(tmp_path / "other", facts, pickled, broken, made.record.profile)
    with pytest.raises(Refused, match=f"on 1 of {len(ids):,} holdout rows"):
        export.export(made.settings, other, tmp_path / "many.parquet", tmp_path / "never")

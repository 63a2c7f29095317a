from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mainline.cli import main
from mainline.errors import ConfigurationError, DataError
from mainline.predict import predict
from tests.exports import Export, make

pytestmark = pytest.mark.slow  # each has a model exported


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Export:
    return make(tmp_path_factory.mktemp("binary"))


def write(rows: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        rows.to_parquet(path)
    elif path.suffix == ".csv":
        rows.to_csv(path, index=False)
    else:
        rows.to_json(path, orient="records", lines=True, double_precision=15)
    return path


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path) if path.suffix == ".csv" else pd.read_json(path, orient="records", lines=True)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_every_row_of_a_file_gets_the_holdouts_prediction(binary: Export, tmp_path: Path, suffix: str) -> None:
    rows = binary.holdout[["visit", *binary.signature.names]]
    path = predict(write(rows, tmp_path / f"visits{suffix}"), binary.folder)
    assert path == tmp_path / f"visits.predictions{suffix}"
    found = read(path)
    assert list(found.columns) == ["visit", *binary.signature.names, "prediction", "probability"]
    assert found["visit"].tolist() == rows["visit"].tolist()
    assert found["probability"].to_numpy() == pytest.approx(binary.scores, abs=1e-5)
    assert found["prediction"].tolist() == (found["probability"] >= 0.4).tolist()


def test_a_multiclass_model_answers_the_likeliest_class_and_all_probabilities(tmp_path: Path) -> None:
    made = make(tmp_path, "multiclass")
    found = read(predict(write(made.holdout, tmp_path / "visits.parquet"), made.folder))
    names = ["probability_large", "probability_middle", "probability_small"]
    assert found[names].to_numpy() == pytest.approx(made.scores, abs=1e-5)
    assert found["prediction"].tolist() == [["large", "middle", "small"][i] for i in made.scores.argmax(axis=1)]


def test_a_regression_answers_values(tmp_path: Path) -> None:
    made = make(tmp_path, "regression")
    found = read(predict(write(made.holdout, tmp_path / "visits.parquet"), made.folder, tmp_path / "out.csv"))
    assert found["prediction"].to_numpy() == pytest.approx(made.scores, rel=1e-4, abs=0.1)


def test_columns_may_come_in_any_order_and_as_integers(binary: Export, tmp_path: Path) -> None:
    rows = binary.holdout[binary.signature.names[::-1]].astype({"pages": "int64"})
    found = read(predict(write(rows, tmp_path / "visits.parquet"), binary.folder))
    assert found["probability"].to_numpy() == pytest.approx(binary.scores, abs=1e-5)


def test_text_that_looks_like_a_number_stays_text_in_a_csv(binary: Export, tmp_path: Path) -> None:
    rows = binary.holdout[binary.signature.names].assign(shop="007")
    found = pd.read_csv(predict(write(rows, tmp_path / "visits.csv"), binary.folder), dtype=str)
    assert set(found["shop"]) == {"007"}


def test_a_column_without_any_value_is_missing_in_every_row(binary: Export, tmp_path: Path) -> None:
    rows = binary.holdout[binary.signature.names].assign(minutes=None, device=None)
    rows = rows.astype({"minutes": "float32", "device": "str"})
    paths = [write(rows, tmp_path / f"visits{suffix}") for suffix in (".parquet", ".csv", ".jsonl")]
    by_file = [read(predict(path, binary.folder)) for path in paths]
    for other in by_file[1:]:
        assert other["probability"].to_numpy() == pytest.approx(by_file[0]["probability"].to_numpy(), abs=1e-6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pages": None}, "pages: the column is missing from"),
        ({"pages": "three"}, "pages is VARCHAR: numbers are needed"),
        ({"shop": 5}, "shop is BIGINT: text is needed"),
        ({"pages": np.nan}, r"pages, row 0 \(from 0\): it is missing"),
        ({"pages": 1e300}, r"pages, row 0 \(from 0\): the number is too large"),
    ],
)
def test_a_file_that_is_not_the_models_input_is_refused(
    binary: Export, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    rows = binary.holdout[binary.signature.names]
    ((name, value),) = change.items()
    rows = rows.drop(columns=name) if value is None else rows.assign(**change)
    with pytest.raises(DataError, match=said):
        predict(write(rows, tmp_path / "visits.parquet"), binary.folder)
    assert [path.name for path in tmp_path.iterdir()] == ["visits.parquet"]


def test_a_file_that_is_no_table_is_refused(binary: Export, tmp_path: Path) -> None:
    (tmp_path / "visits.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(DataError, match="cannot be scored"):
        predict(tmp_path / "visits.parquet", binary.folder)


@pytest.mark.parametrize("name", ["visits.xlsx", "nothing.csv"])
def test_a_name_that_is_not_there_or_of_no_known_format_is_refused(binary: Export, tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        predict(tmp_path / name, binary.folder)


def test_a_prediction_that_is_there_already_is_not_overwritten_in_silence(binary: Export, tmp_path: Path) -> None:
    rows = binary.holdout.assign(prediction=True)
    with pytest.raises(ConfigurationError, match="has a column prediction already"):
        predict(write(rows, tmp_path / "visits.parquet"), binary.folder)


def test_an_empty_file_gets_an_empty_answer(binary: Export, tmp_path: Path) -> None:
    rows = binary.holdout.iloc[:0]
    found = read(predict(write(rows, tmp_path / "visits.parquet"), binary.folder))
    assert (len(found), "probability" in found) == (0, True)


def test_the_verb_prints_where_the_predictions_are(
    binary: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(binary.holdout, tmp_path / "visits.parquet")
    assert main(["predict", str(path), "--model", str(binary.folder)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "visits.predictions.parquet")
    assert main(["predict", str(path), "--model", str(tmp_path)]) == 2

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mainline.cli.main import main
from mainline.config.schema import Source
from mainline.errors import ConfigurationError, DataError
from mainline.packaging.predict import default_target, predict, refuse_data
from tests.exports import Export, make
from tests.projects import Project

pytestmark = pytest.mark.slow  # each has a model exported


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Predictions are written below the current folder."""
    monkeypatch.chdir(tmp_path)


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
        ({"pages": "three"}, "pages is VARCHAR: numbers are required"),
        ({"shop": 5}, "shop is BIGINT: text is required"),
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


ROW = '"shop":"north","device":"phone","minutes":12.5,"pages":3'


def test_what_is_kept_beside_the_predictions_is_not_changed(binary: Export, tmp_path: Path) -> None:
    text = "order;when;price;shop;device;minutes;pages\n12345678901234567890123;2026-01-31T05:00:00Z;1.10;n;p;12.50;3\n"
    (tmp_path / "today's.csv").write_text(text, encoding="utf-8-sig")
    found = predict(tmp_path / "today's.csv", binary.folder).read_text(encoding="utf-8")
    assert found.splitlines()[1].startswith("12345678901234567890123,2026-01-31T05:00:00Z,1.10,n,p,12.50,3,")
    line = f'{{"when":"2026-01-31T05:00:00Z","day":"2026-01-31","inner":{{"a":[1]}},{ROW}'
    (tmp_path / "visits.jsonl").write_text(f"{line}}}\n", encoding="utf-8")
    assert predict(tmp_path / "visits.jsonl", binary.folder).read_text(encoding="utf-8").startswith(line)


def test_another_format_gets_the_models_columns_with_their_types_and_the_others_as_text(
    binary: Export, tmp_path: Path
) -> None:
    (tmp_path / "visits.jsonl").write_text(f'{{"order":"007","inner":[1],{ROW}}}\n', encoding="utf-8")
    (found,) = read(predict(tmp_path / "visits.jsonl", binary.folder, tmp_path / "out.parquet")).to_dict("records")
    assert (found["order"], found["inner"], found["shop"], found["minutes"]) == ("007", "[1]", "north", 12.5)


def test_a_category_that_looks_like_a_date_is_one_in_json_too(binary: Export, tmp_path: Path) -> None:
    (tmp_path / "visits.jsonl").write_text(f"{{{ROW.replace('north', '2026-01-31')}}}\n" * 3, encoding="utf-8")
    assert len(read(predict(tmp_path / "visits.jsonl", binary.folder))) == 3


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("v.csv", "shop,device,minutes,pages\nn,p,1,2\nn,p,nan,2\n", r"minutes, row 1 .*'nan' is not a number or"),
        ("v.csv", "shop,device,minutes,pages\nn,p,1_0,2\n", "'1_0' is not a number"),
        ("v.csv", "shop,device,minutes,pages\nn,p,1e999,2\n", "minutes, row 0 .*too large"),
        ("v.csv", "shop,device,minutes,pages,pages\nn,p,1,2,3\n", "pages occurs twice in the header"),
        ("v.csv", "shop,device,minutes,pages\nn,p,1,2\nn,p\n", "Line: 3: Expected Number of Columns: 4 Found: 2"),
        ("v.csv", "shop,device,minutes,pages\n\0missing,p,1,2\n", "shop, row 0 .* is not text without a NUL"),
        ("v.csv", "", "v.csv is empty"),
        ("v.jsonl", f"{{{ROW}}}\n{{{ROW.replace('12.5', 'NaN')}}}\n", "minutes, row 1 .*'NaN' is not a number"),
        ("v.jsonl", f"{{{ROW.replace('12.5', '-Infinity')}}}\n", "'-Infinity' is not a number"),
        ("v.jsonl", f"{{{ROW}}}\n" * 3 + f"{{{ROW.replace('12.5', 'true')}}}\n", "minutes, row 3 .*'true' is not"),
        ("v.jsonl", f"{{{ROW}}}\n{{{ROW.replace('3', '[3]')}}}\n", "pages, row 1 .*'\\[3\\]' is not a number"),
        ("v.jsonl", f"{{{ROW.replace('north', chr(92) + 'u0000missing')}}}\n", "NUL|null"),
    ],
)  # fmt: skip
def test_a_row_that_is_not_the_models_input_is_named(
    binary: Export, tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        predict(tmp_path / name, binary.folder)
    assert [path.name for path in tmp_path.iterdir()] == [name]


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
    assert capsys.readouterr().out.strip() == f"{tmp_path}/visits.predictions.parquet"
    assert (tmp_path / "visits.predictions.parquet").exists()
    assert main(["predict", str(path), "--model", str(tmp_path)]) == 2


@pytest.mark.parametrize(
    ("to", "reads"),
    [
        ("data/raw/visits/new.csv", "data.sources.visits (data/raw/visits/*.csv)"),
        ("data/raw/visits/../visits/new.csv", "data.sources.visits (data/raw/visits/*.csv)"),
        ("data/raw/rides/year=2026/deep/new.parquet", "data.sources.rides (data/raw/rides/**/*.parquet)"),
        ("data/shops.csv", "data.sources.shops (data/shops.csv)"),
        ("elsewhere/new.csv", "data.sources.absolute ("),
    ],
)
def test_a_target_that_a_source_reads_is_refused(tmp_path: Path, to: str, reads: str) -> None:
    paths = {"visits": "data/raw/visits/*.csv", "rides": "data/raw/rides/**/*.parquet", "shops": "data/shops.csv"}
    paths |= {"far": "https://example.org/*.csv", "absolute": f"{tmp_path}/elsewhere/*"}
    sources = {name: Source(path=path) for name, path in paths.items()}
    sources["asked"] = Source(query="SELECT 1", database="SHOP_DB")
    with pytest.raises(ConfigurationError) as error:
        refuse_data(Path(to), sources, tmp_path)
    assert f"{to} is among the files of {reads}" in str(error.value)
    assert f"such as to predictions/{Path(to).name}" in str(error.value)
    for free in ("predictions/new.csv", "data/raw/new.csv", "data/raw/visits/deep/new.csv", "data/shops.csv.parquet"):
        refuse_data(Path(free), sources, tmp_path)


@pytest.mark.parametrize(
    ("file", "written"),
    [
        ("new.csv", "new.predictions.csv"),
        ("incoming/new.csv", "incoming/new.predictions.csv"),
        ("/elsewhere/new.csv", "/elsewhere/new.predictions.csv"),
        ("data/new.csv", "predictions/new.predictions.csv"),
        ("data/raw/visits/../new.csv", "predictions/new.predictions.csv"),
        ("store/may/new.csv", "predictions/new.predictions.csv"),
    ],
)
def test_predictions_are_next_to_the_file_but_never_among_the_data(tmp_path: Path, file: str, written: str) -> None:
    sources = {"visits": Source(path="store/**/*.csv")}
    made = default_target(tmp_path / file if file[0] != "/" else Path(file), sources, tmp_path)
    assert made == (tmp_path / written if written[0] not in "/p" else Path(written))


def test_the_verb_refuses_such_a_target_before_it_scores(
    shop: Project, binary: Export, capsys: pytest.CaptureFixture[str]
) -> None:
    write(binary.holdout, shop.path("new.csv"))
    shop.edit("params.yaml", ("data/purchases.csv", "data/purchases*.csv"))
    assert main(["predict", "new.csv", "--model", str(binary.folder), "--to", "data/purchases-2.csv"]) == 2
    assert "among the files of data.sources.purchases (data/purchases*.csv)" in capsys.readouterr().err
    assert not shop.path("data/purchases-2.csv").exists()
    shop.edit("params.yaml", ("data/purchases*.csv", "'**/*.csv'"))
    assert main(["predict", "new.csv", "--model", str(binary.folder)]) == 2
    assert "elsewhere, with --to, or let the source name its folder" in capsys.readouterr().err
    shop.edit("params.yaml", ("'**/*.csv'", "**/*.csv"))
    assert main(["predict", "new.csv", "--model", str(binary.folder)]) == 0
    assert "warning: params.yaml cannot be read: no source was looked at" in capsys.readouterr().err

"""LightGBM, XGBoost and CatBoost: trained, repeated, exported, served without the framework."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mainline.errors import ConfigurationError, DataError
from mainline.packaging import image
from mainline.packaging.export import matrices
from mainline.serving import scorer, signature
from mainline.training import early_stopping, matrix, pipeline
from mainline.training.frameworks import file_matrix, parameters, versions
from tests import exports
from tests.exports import make
from tests.projects import TOP

pytestmark = pytest.mark.slow

pytest.importorskip("catboost", reason="the boosting frameworks are not installed: make test-frameworks")

CLASSES = {"lightgbm": "LGBM", "xgboost": "XGB", "catboost": "CatBoost"}
ROUNDS = {"lightgbm": "n_estimators", "xgboost": "n_estimators", "catboost": "iterations"}


def estimator(framework: str, task: str = "binary") -> str:
    return f"{framework}.{CLASSES[framework]}{'Regressor' if task == 'regression' else 'Classifier'}"


def few(framework: str, more: str = "") -> str:
    return f"{{{ROUNDS[framework]}: 40{more}}}"


@pytest.mark.parametrize(
    ("framework", "task", "encoding"),
    list(itertools.product(CLASSES, ["binary", "multiclass", "regression"], ["ordinal", "onehot", "native"])),
)
def test_two_fits_are_one_model_and_its_export_agrees_on_every_row(
    tmp_path: Path, framework: str, task: str, encoding: str
) -> None:
    made = make(tmp_path, task, estimator(framework, task), few(framework), encoding)
    assert pipeline.fit(made.settings, made.frame).digest == made.record.digest
    assert np.std(made.scores) > 0.01
    assert made.signature.agreement.rows == len(made.scores) > 800
    assert made.signature.agreement.largest < 1e-6
    if (framework, encoding) == ("catboost", "native"):
        assert made.signature.engine == "sklearn"
        assert "does yet not support categorical features" in str(made.signature.note)
    else:
        assert (made.signature.engine, made.signature.note) == ("onnx", None)
        assert made.signature.frameworks == []


@pytest.mark.parametrize(
    ("framework", "task", "encoding"),
    [
        *itertools.product(["lightgbm", "xgboost"], ["binary", "multiclass", "regression"], ["native"]),
        ("xgboost", "binary", "onehot"),
    ],
)
def test_out_of_core_two_fits_are_one_model_that_answers_as_the_one_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, framework: str, task: str, encoding: str
) -> None:
    monkeypatch.setattr(file_matrix, "PART", 500)
    given = task, estimator(framework, task), few(framework)
    made = make(tmp_path / "memory", *given, encoding)
    found = make(tmp_path / "file", *given, f"{encoding}\n  out_of_core: true")
    assert matrix.fit(found.settings, found.frame).digest == found.record.digest
    assert (found.signature.engine, found.signature.note) == ("onnx", None)
    if framework == "lightgbm":
        assert found.record.digest == made.record.digest
    else:
        assert found.record.digest != made.record.digest, "XGBoost's bins come from parts"
        assert np.corrcoef(found.scores.ravel(), made.scores.ravel())[0, 1] > 0.9


def test_a_native_category_is_no_number(tmp_path: Path) -> None:
    """With codes in another order, a model of native categories is the same, one of ordinal codes is not."""
    scores = {}
    for encoding, swap in itertools.product(["ordinal", "native"], [False, True]):
        rows = exports.rows()
        if swap:  # renamed, the shops have their codes in another order
            rows["shop"] = rows["shop"].map({"north": "d", "south": "b", "nan": "c", 'ünter, "den" Linden': "a"})
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(exports, "rows", lambda rows=rows: rows)
            made = make(
                tmp_path / f"{encoding}{swap}",
                estimator="xgboost.XGBClassifier",
                estimator_params="{n_estimators: 5, max_depth: 2, max_cat_to_onehot: 99}",
                encoding=encoding,
            )
        scores[encoding, swap] = made.scores
    assert np.abs(scores["native", False] - scores["native", True]).max() < 1e-6
    assert np.abs(scores["ordinal", False] - scores["ordinal", True]).max() > 1e-3


@pytest.mark.parametrize("framework", ["lightgbm", "xgboost"])
def test_three_hundred_native_categories_are_exported_in_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, framework: str
) -> None:
    """onnxmltools needed minutes for XGBoost's, and then more recursion than Python has."""
    codes = np.random.default_rng(1).integers(0, 300, 3000)
    rows = exports.rows().assign(device=[f"c{code:03} ü" for code in codes])
    monkeypatch.setattr(exports, "rows", lambda: rows)
    made = make(tmp_path, "multiclass", estimator(framework), few(framework), "native")
    assert (made.signature.engine, made.signature.note) == ("onnx", None)
    assert made.signature.agreement.largest < 1e-6


@pytest.mark.parametrize("framework", CLASSES)
def test_early_stopping_finds_the_rounds_on_a_slice_of_the_training_rows(tmp_path: Path, framework: str) -> None:
    made = make(tmp_path, estimator=estimator(framework), estimator_params=f"{{{ROUNDS[framework]}: 2000}}")
    train = made.settings.train
    asked = made.settings.model_copy(
        update={
            "train": type(train).model_validate({**train.model_dump(), "early_stopping": {"rounds": 10, "slice": 0.2}})
        }
    )
    rows = pipeline.training_rows(asked, made.frame)
    share = rows[early_stopping.MARK].mean()
    assert 0.15 < share < 0.25
    holdout = {*made.holdout["row_id"]}
    assert holdout.isdisjoint(rows["row_id"])
    fitted = pipeline.fit_rows(asked, rows)
    assert fitted.rounds is not None
    assert 2 < fitted.rounds < 500
    # All training rows have made the model that is kept, with this number of rounds.
    fixed = {**train.params, ROUNDS[framework]: fitted.rounds}
    plain = made.settings.model_copy(update={"train": train.model_copy(update={"params": fixed})})
    assert pipeline.fit(plain, made.frame).digest == fitted.digest
    assert pipeline.fit_rows(asked, rows).digest == fitted.digest


def test_a_slice_without_a_row_is_refused(tmp_path: Path) -> None:
    made = make(tmp_path, estimator="lightgbm.LGBMClassifier", estimator_params=few("lightgbm"))
    train = made.settings.train.model_dump() | {"early_stopping": {"slice": 1e-9}}
    asked = made.settings.model_copy(update={"train": type(made.settings.train).model_validate(train)})
    with pytest.raises(DataError, match=r"train.early_stopping.slice: 1e-09: no training row lies in it"):
        pipeline.fit(asked, made.frame)


def test_an_estimator_without_early_stopping_is_refused(tmp_path: Path) -> None:
    made = make(tmp_path)
    train = made.settings.train.model_dump() | {"early_stopping": {"slice": 0.1}}
    asked = made.settings.model_copy(update={"train": type(made.settings.train).model_validate(train)})
    with pytest.raises(ConfigurationError, match="takes no rows to stop at"):
        pipeline.fit(asked, made.frame)


@pytest.mark.parametrize(
    ("framework", "more"), [("xgboost", ", device: cuda"), ("catboost", ", task_type: GPU"), ("xgboost", "")]
)
def test_a_gpu_that_is_not_there_is_refused(tmp_path: Path, framework: str, more: str) -> None:
    """XGBoost's build for the processor would train on it, with a warning that nobody reads."""
    made = make(tmp_path, estimator=estimator(framework), estimator_params=few(framework))
    train = made.settings.train
    params = {**train.params, **dict([more.strip(", ").split(": ")])} if more else train.params
    asked = train.model_copy(update={"params": params, "device": "cpu" if more else "gpu"})
    with pytest.raises(ConfigurationError, match="asks for a GPU, and"):
        pipeline.fit(made.settings.model_copy(update={"train": asked}), made.frame)


def test_another_version_than_the_records_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(tmp_path, estimator="lightgbm.LGBMClassifier", estimator_params=few("lightgbm"))
    here = made.record.facts.frameworks["lightgbm"]
    assert here == versions.metadata.version("lightgbm")
    monkeypatch.setattr(versions.metadata, "version", lambda package: "4.0.0")
    with pytest.raises(ConfigurationError, match=f"was trained with lightgbm {here}, and 4.0.0 is installed here"):
        made.record.model()
    with pytest.raises(ConfigurationError, match=r"lightgbm 4\.0\.0 is installed, and uv.lock has 4\.7\.0"):
        versions.check_locked(["lightgbm"], {"lightgbm": "4.7.0"})


def test_the_server_answers_without_the_framework(tmp_path: Path) -> None:
    made = make(tmp_path, "multiclass", "xgboost.XGBClassifier", few("xgboost"), "native")
    rows = made.holdout
    np.savez(tmp_path / "asked.npz", *matrices(made.signature, rows), allow_pickle=True)
    code = f"""
import sys
from pathlib import Path
import numpy as np
from mainline.serving import scorer, signature
folder = Path({str(made.folder)!r})
asked = np.load({str(tmp_path / "asked.npz")!r}, allow_pickle=True)
answers = scorer.load(signature.read(folder), folder)(asked["arr_0"], asked["arr_1"])
np.save({str(tmp_path / "answers.npy")!r}, answers)
heavy = {{"xgboost", "lightgbm", "catboost", "sklearn", "pandas", "skl2onnx"}} & sys.modules.keys()
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env={"PYTHONPATH": str(TOP / "src")})
    assert np.abs(np.load(tmp_path / "answers.npy") - made.scores).max() < 1e-6


def test_a_pipeline_that_is_served_as_it_is_brings_its_own_framework_and_no_other(tmp_path: Path) -> None:
    made = make(tmp_path, estimator="catboost.CatBoostClassifier", estimator_params=few("catboost"), encoding="native")
    assert made.signature.frameworks == ["catboost"]
    done = subprocess.run(
        [
            os.environ.get("UV", "uv"),
            "export",
            "--quiet",
            "--frozen",
            "--no-emit-project",
            *image.selection(made.signature),
        ],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=True,
    )
    names = {line.partition("==")[0] for line in done.stdout.splitlines() if "==" in line}
    assert {"catboost", "scikit-learn", "pandas", "granian", "onnxruntime"} <= names
    assert names.isdisjoint({"lightgbm", "xgboost-cpu", "onnxmltools", "skl2onnx"})
    read = signature.read(made.folder)
    answers = np.asarray(scorer.load(read, made.folder)(*matrices(read, made.holdout)))
    assert answers[:, 1] == pytest.approx(made.scores, abs=1e-12)


def test_threads_and_seed_come_from_the_settings(tmp_path: Path) -> None:
    for framework, threads, seed in [
        ("lightgbm", "n_jobs", "random_state"),
        ("xgboost", "n_jobs", "random_state"),
        ("catboost", "thread_count", "random_state"),
    ]:
        made = make(
            tmp_path / framework,
            estimator=estimator(framework),
            estimator_params=few(framework, ", depth: 3" if framework == "catboost" else ""),
        )
        found = made.record.model().named_steps["estimator"].get_params()
        assert found[threads] == 1
        assert found[seed] == 0
        assert parameters.adapter_of(type(made.record.model().named_steps["estimator"])) is not None


def test_missing_values_are_the_frameworks_own(tmp_path: Path) -> None:
    """A missing number is no number: shifted far away, the others keep their answers, and so does it."""
    made = make(tmp_path, estimator="lightgbm.LGBMClassifier", estimator_params=few("lightgbm"), encoding="native")
    rows = made.holdout
    missing = rows.assign(minutes=np.float32("nan"), device=pd.Series([None] * len(rows), dtype="str"))
    zero = rows.assign(minutes=np.float32(0), device=pd.Series([None] * len(rows), dtype="str"))
    answers = [pipeline.predict(made.settings, made.record.model(), each) for each in (missing, zero)]
    assert np.abs(answers[0] - answers[1]).max() > 0.05


def test_a_threshold_between_two_neighbouring_numbers_stays_between_them(tmp_path: Path) -> None:
    """onnxmltools rounds it to the nearest 32-bit number, which can be the upper one of the two."""
    rows = exports.rows()
    low = np.float32(234.6)
    for shift in range(2):  # the middle of one pair of neighbours rounds up, of the next one down
        lower = np.nextafter(low, np.float32(np.inf)) if shift else low
        upper = np.nextafter(lower, np.float32(np.inf))
        rows["minutes"] = np.where(rows["bought"], upper, lower).astype(np.float32)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(exports, "rows", lambda: rows)
            folder = tmp_path / str(shift)
            made = make(folder, estimator="lightgbm.LGBMClassifier", estimator_params=few("lightgbm"))
        assert np.std(made.scores) > 0.4
        assert (made.signature.engine, made.signature.note) == ("onnx", None)

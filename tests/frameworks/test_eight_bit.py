"""`export.optimise` of a network: 8-bit weights where they are as good, recorded, compared and served as any other."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from mainline.config.schema import Settings
from mainline.errors import Refused
from mainline.evaluation import sizes
from mainline.packaging import agreement, export, image, optimise
from mainline.runtime.workspace import Workspace
from mainline.training import train
from mainline.training.fingerprint import fingerprint
from mainline.training.frameworks import eight_bit
from tests.exports import Export, make
from tests.pipelines.shops import lean

pytestmark = pytest.mark.slow

READY = "mainline.training.frameworks"
WEIGHTS, DYNAMIC = "8-bit weights", "8-bit, dynamic quantisation"


def optimising(made: Export, tolerance: float = 0.05, margin: float = 0.05) -> Settings:
    metric = made.settings.compare.metric
    return made.settings.model_copy(
        update={
            "export": type(made.settings.export)(optimise=True, tolerance=tolerance),
            "gates": made.settings.gates.model_copy(update={"margins": {metric: margin}}),
        }
    )


@pytest.mark.parametrize(
    ("framework", "task", "estimator", "params", "encoding"),
    [
        ("skorch", "binary", "tabular.TabularClassifier", "{max_epochs: 2}", "native"),
        ("skorch", "regression", "tabular.TabularRegressor", "{max_epochs: 2}", "onehot"),
        ("tensorflow", "multiclass", "keras_tabular.KerasClassifier", "{epochs: 2}", "onehot"),
    ],
)
def test_the_smallest_graph_within_the_rules_is_what_is_recorded_and_exported(
    tmp_path: Path, framework: str, task: str, estimator: str, params: str, encoding: str
) -> None:
    pytest.importorskip(framework, reason="the frameworks are not installed: make test-frameworks")
    made = make(tmp_path, task, f"{READY}.{estimator}", params, encoding, "standardize")
    settings = optimising(made, margin=0.05 if task != "regression" else 100.0)
    chosen = optimise.choose(settings, made.frame)
    assert [trial.graph for trial in chosen.trials] == [DYNAMIC, WEIGHTS, "32-bit"]
    assert [trial.graph for trial in chosen.trials if trial.used] == [chosen.graph] == [WEIGHTS]
    assert chosen.trials[1].onnx_bytes < 0.6 * chosen.trials[2].onnx_bytes
    assert chosen.trials[1].bytes < 0.6 * chosen.trials[2].bytes
    assert "one at a time" in str(chosen.trials[0].refused) or "converted, it differs" in str(chosen.trials[0].refused)

    # As `make run` does it: two fits are one model, its scores are those of the graph, and the server's are the same.
    prints = replace(fingerprint(tmp_path, settings, {}), model="d" * 64, frame="e" * 64)
    record = train.train_model(settings, tmp_path, {}, prints, made.frame, chosen.trials, chosen.smaller).keep(
        Workspace.at(tmp_path)
    )
    assert isinstance(record.model().named_steps["estimator"], eight_bit.EightBit)
    assert record.facts.repeats is None or record.facts.repeats.models == 1
    signature = export.export(settings, record, made.frame, tmp_path / "small")
    assert (signature.engine, signature.note) == ("onnx", None)
    assert signature.agreement.largest <= agreement.TOLERANCE
    graph = onnx.load(str(tmp_path / "small" / "model.onnx"))
    assert any(each.data_type == onnx.TensorProto.INT8 for each in graph.graph.initializer)
    scale = max(1.0, float(np.abs(made.scores).max())) if task == "regression" else 1.0
    assert 0 < np.abs(record.holdout.score - made.scores).max() / scale < 0.05
    assert image.selection(signature)[:2] == ["--only-group", "serving"]

    (section,) = sizes.section(settings, record)
    assert [row[0] for row in section.rows] == [DYNAMIC, WEIGHTS, "32-bit"]
    assert [row[-1] for row in section.rows][1:] == ["yes", "no"]
    assert section.rows[0][-1].startswith("no: ")


def stopping(settings: Settings, rounds: int, **params: int) -> Settings:
    train = settings.train.model_dump() | {"early_stopping": {"rounds": rounds, "slice": 0.2}}
    train["params"] |= params
    return settings.model_copy(update={"train": type(settings.train).model_validate(train)})


def test_a_network_that_stops_early_is_made_smaller_with_the_epochs_that_were_found(tmp_path: Path) -> None:
    pytest.importorskip("skorch", reason="PyTorch is not installed: make test-frameworks")
    made = make(tmp_path, "binary", f"{READY}.tabular.TabularClassifier", "{max_epochs: 2}", "native", "standardize")
    settings = stopping(optimising(made), rounds=1, max_epochs=15)
    chosen = optimise.choose(settings, made.frame)
    assert (chosen.graph, chosen.settings) == (WEIGHTS, settings)
    prints = replace(fingerprint(tmp_path, settings, {}), model="d" * 64, frame="e" * 64)
    record = train.train_model(settings, tmp_path, {}, prints, made.frame, chosen.trials, chosen.smaller).keep(
        Workspace.at(tmp_path)
    )
    assert record.facts.rounds == train.pipeline.fit(settings, made.frame).rounds
    assert isinstance(record.model().named_steps["estimator"], eight_bit.EightBit)
    assert export.export(settings, record, made.frame, tmp_path / "small").engine == "onnx"


def test_of_the_trees_that_early_stopping_finds_the_fewest_are_trained(tmp_path: Path) -> None:
    pytest.importorskip("lightgbm", reason="LightGBM is not installed: make test-frameworks")
    made = make(tmp_path, estimator="lightgbm.LGBMClassifier", estimator_params="{n_estimators: 40}")
    settings = stopping(optimising(made), rounds=10, n_estimators=500)
    chosen = optimise.choose(settings, made.frame)
    rounds = train.pipeline.fit(settings, made.frame).rounds
    used = next(trial for trial in chosen.trials if trial.used)
    assert used.trees < chosen.trials[-1].trees == rounds < 500
    assert (chosen.settings.train.early_stopping, chosen.settings.train.params["n_estimators"]) == (None, used.trees)
    kept = optimise.choose(stopping(optimising(made, margin=1e-9), rounds=10, n_estimators=500), made.frame)
    assert kept.settings.train.early_stopping is not None, "all of them: the training finds them again, and says so"


def test_beyond_the_tolerance_or_a_margin_the_network_stays_as_it_is(tmp_path: Path) -> None:
    pytest.importorskip("skorch", reason="PyTorch is not installed: make test-frameworks")
    made = make(tmp_path, "binary", f"{READY}.tabular.TabularClassifier", "{max_epochs: 2}", "native", "standardize")
    strict = optimise.choose(optimising(made, tolerance=1e-9), made.frame)
    assert (strict.graph, strict.said) == (None, "32-bit")
    assert "export.tolerance is 1e-09" in str(strict.trials[1].refused)
    narrow = optimise.choose(optimising(made, margin=1e-12), made.frame)
    assert narrow.graph is None
    assert "the margin is" in str(narrow.trials[1].refused)
    kept = train.pipeline.fit(narrow.settings, made.frame)
    assert narrow.smaller(kept) is kept
    first, second = (
        fingerprint(tmp_path, optimising(made, tolerance=tolerance), {}).model for tolerance in (0.05, 0.06)
    )
    assert first != second, "the tolerance decides about the model"


def test_the_pickle_holds_no_session_and_answers_the_same(tmp_path: Path) -> None:
    pytest.importorskip("skorch", reason="PyTorch is not installed: make test-frameworks")
    made = make(tmp_path, "binary", f"{READY}.tabular.TabularClassifier", "{max_epochs: 1}", "native", "standardize")
    chosen = replace(optimise.Chosen(made.settings, []), graph=WEIGHTS)
    fitted = chosen.smaller(train.pipeline.fit(made.settings, made.frame))
    rows = made.holdout[made.settings.prepare.features.names]
    before = fitted.pipeline.predict_proba(rows)
    again = pickle.loads(pickle.dumps(fitted.pipeline))
    assert np.array_equal(again.predict_proba(rows), before)
    assert set(fitted.pipeline.predict(rows)) <= {0, 1}
    assert fitted.digest != made.record.digest

    # One whose answer depends on the rows next to it is never served, even where the slice did not show it.
    chosen = replace(chosen, graph=DYNAMIC)
    prints = replace(fingerprint(tmp_path, made.settings, {}), model="d" * 64, frame="e" * 64)
    kept = train.train_model(made.settings, tmp_path, {}, prints, made.frame, (), chosen.smaller)
    with pytest.raises(Refused, match="gives other answers than when it was recorded"):
        export.export(made.settings, kept.keep(Workspace.at(tmp_path)), made.frame, tmp_path / "small")


def test_a_run_compares_and_serves_what_it_has_made_smaller(tmp_path: Path) -> None:
    pytest.importorskip("skorch", reason="PyTorch is not installed: make test-frameworks")
    network = (
        "  estimator: mainline.training.frameworks.tabular.TabularClassifier\n  params: {max_epochs: 3}\n"
        "  categorical: native\n  numeric: standardize\n"
    )
    tree = (
        "  estimator: sklearn.ensemble.HistGradientBoostingClassifier\n"
        "  params: {max_iter: 30, early_stopping: false}\n"
    )
    shop = lean(tmp_path / "shop", (tree, network))
    shop.edit("params.yaml", ("\ncompare:\n", "\nexport: {optimise: true, tolerance: 0.05}\ncompare:\n"))
    found = shop.run()
    assert found.status in (0, 1), found.err
    assert f"{WEIGHTS} is used: the smallest graph" in shop.report
    assert shop.verdict["baseline"]["commit"]
    assert 0 < abs(shop.verdict["metrics"]["roc_auc"]["delta"]) < 0.02
    made = shop.mainline("export")
    assert made.status == 0, made.err
    signature = json.loads(shop.path(".mainline/model/serving.json").read_text(encoding="utf-8"))
    assert (signature["engine"], signature.get("note")) == ("onnx", None)
    assert signature["pipeline_digest"] == shop.verdict["model_digest"]
    verified = shop.mainline("verify")
    assert verified.status == 0, verified.out + verified.err

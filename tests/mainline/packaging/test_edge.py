from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mainline.config.schema import Settings
from mainline.errors import Refused
from mainline.packaging import edge, edge_report, export, quantise
from mainline.packaging.export import matrices
from mainline.serving import scorer, signature
from tests.exports import Export, make

pytestmark = pytest.mark.slow  # models are exported

NETWORK = "{hidden_layer_sizes: [64, 32], max_iter: 40}"


def network(folder: Path, task: str = "binary") -> Export:
    kind = "Regressor" if task == "regression" else "Classifier"
    return make(folder, task, f"sklearn.neural_network.MLP{kind}", NETWORK, "onehot", "standardize")


def with_rules(made: Export, tolerance: float, margin: float) -> Settings:
    given = made.settings
    gates = given.gates.model_copy(update={"margins": {given.compare.metric: margin}})
    return given.model_copy(update={"export": type(given.export)(tolerance=tolerance), "gates": gates})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Export:
    return network(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def small(shop: Export, tmp_path_factory: pytest.TempPathFactory) -> tuple[edge.Edge, Path]:
    folder = tmp_path_factory.mktemp("edge") / "edge"
    return edge.export_for_edge(with_rules(shop, 0.02, 0.02), shop.record, shop.frame, folder), folder


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with onnxruntime and numpy, and nothing else."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    uv = os.environ.get("UV", "uv")
    wanted = [f"{name}=={importlib.metadata.version(name)}" for name in ("onnxruntime", "numpy")]
    subprocess.run([uv, "venv", "--quiet", str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--quiet", "--no-deps", "--python", str(python), *wanted], check=True)
    listed = subprocess.run([uv, "pip", "freeze", "--python", str(python)], check=True, capture_output=True, text=True)
    assert sorted(listed.stdout.split()) == sorted(wanted)
    return python


def said(python: Path, folder: Path, rows: list[dict[str, object]]) -> subprocess.CompletedProcess[str]:
    asked = folder.parent / "rows.json"
    asked.write_text(json.dumps(rows), encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "ORT_DISABLE_TELEMETRY": "1"}
    call = [str(python), str(folder / "predict.py"), str(asked)]
    return subprocess.run(call, env=environment, cwd=folder.parent, capture_output=True, text=True, check=False)


def as_objects(made: Export, read: signature.Signature) -> list[dict[str, object]]:
    return [dict(zip(read.names, row, strict=True)) for row in export.as_lists(read, made.holdout)]


def test_the_program_answers_each_row_as_the_pipeline_where_there_is_nothing_but_onnxruntime_and_numpy(
    shop: Export, small: tuple[edge.Edge, Path], bare_python: Path, tmp_path: Path
) -> None:
    made, folder = small
    rows = as_objects(shop, made.signature)
    done = said(bare_python, folder, rows)
    assert done.returncode == 0, done.stderr
    answers = np.array(json.loads(done.stdout))[:, 1]
    assert len(answers) == len(shop.scores) > 800
    assert np.abs(answers - shop.scores).max() == pytest.approx(made.chosen.largest, abs=1e-6)
    assert 1e-5 < made.chosen.largest < 0.02
    # Without 8-bit weights the answers are those of the pipeline.
    trees = make(tmp_path / "trees")
    exact = edge.export_for_edge(trees.settings, trees.record, trees.frame, tmp_path / "exact")
    assert (exact.chosen.name, len(exact.missing)) == ("32-bit", 2)
    answers = np.array(json.loads(said(bare_python, tmp_path / "exact", rows).stdout))[:, 1]
    assert answers == pytest.approx(trees.scores, abs=1e-5)
    assert {row["device"] for row in rows} >= {None, "phone"}  # what is missing was asked too


def test_the_program_refuses_what_the_column_cannot_hold(small: tuple[edge.Edge, Path], bare_python: Path) -> None:
    _, folder = small
    row = json.loads((folder / "example.json").read_text())[0]
    for wrong, words in [({"pages": None}, "pages: None"), ({"shop": 3}, "shop: 3"), ({"pages": "3"}, "pages: '3'")]:
        done = said(bare_python, folder, [{**row, **wrong}])
        assert done.returncode != 0
        assert words in done.stderr
    del row["shop"]
    assert "KeyError: 'shop'" in said(bare_python, folder, [row]).stderr


def test_eight_bits_are_used_where_a_row_has_one_answer_and_every_answer_is_near(
    shop: Export, small: tuple[edge.Edge, Path]
) -> None:
    made, folder = small
    plain, dynamic, weights = made.variants
    assert made.chosen is weights
    assert len(weights.model) < 0.6 * len(plain.model)
    assert weights.alone < 1e-6
    # The range of a product's inputs is that of the batch: a server that puts rows together would answer otherwise.
    assert dynamic.refused is not None
    assert "a row alone otherwise than among others" in dynamic.refused
    read = signature.read(folder)  # the server takes the folder too
    answers = np.asarray(scorer.load(read, folder)(*matrices(read, shop.holdout)))[:, 1]
    assert np.abs(answers - shop.scores).max() == pytest.approx(read.agreement.largest, abs=1e-9)
    assert [metric.name for metric in weights.metrics] == ["roc_auc"]
    assert weights.metrics[0].delta is not None
    page = edge_report.markdown(made)
    assert "| 8-bit weights |" in page
    assert "✓" in page
    assert "a row alone otherwise" in page
    assert (folder / "README.md").read_text().count("`numeric`") == 3


@pytest.mark.parametrize(
    ("tolerance", "margin", "words"),
    [(1e-6, 0.02, "export.tolerance is 1e-06"), (0.5, 1e-9, "roc_auc: ")],
)
def test_eight_bits_beyond_the_tolerance_or_a_margin_are_refused(
    shop: Export, tmp_path: Path, tolerance: float, margin: float, words: str
) -> None:
    made = edge.export_for_edge(with_rules(shop, tolerance, margin), shop.record, shop.frame, tmp_path / "edge")
    assert made.chosen.name == "32-bit"
    assert words in str(made.variants[2].refused)


def test_a_value_of_a_regression_is_compared_relative_to_the_largest(tmp_path: Path) -> None:
    made = network(tmp_path / "shop", "regression")
    found = edge.export_for_edge(with_rules(made, 0.05, 100.0), made.record, made.frame, tmp_path / "edge")
    weights = found.variants[2]
    assert 1e-5 < weights.largest < 0.05
    assert weights.refused is None


def test_the_same_model_has_the_same_bytes(shop: Export) -> None:
    model = (shop.folder / "model.onnx").read_bytes()
    for change in (quantise.dynamic, quantise.weights_alone):
        assert change(model) == change(model)


def test_a_pipeline_that_is_served_as_it_is_has_no_export_for_small_devices(tmp_path: Path) -> None:
    made = make(tmp_path, estimator_params="{max_iter: 20, early_stopping: false, categorical_features: [0, 1]}")
    with pytest.raises(Refused, match="no export for small devices, since the fitted pipeline is served as it is"):
        edge.export_for_edge(made.settings, made.record, made.frame, tmp_path / "edge")
    assert not (tmp_path / "edge").exists()

"""The table of customers with each kind of graph, in an image of its own: without the framework, equal on every row."""

from __future__ import annotations

import json
import re

import pytest

from mainline.config import loader
from mainline.packaging import engine
from tests.container.conftest import SMALL_STAGE, base_image, docker
from tests.pipelines.test_init import begun
from tests.projects import TOP, Project

__all__ = ["docker"]

pytestmark = pytest.mark.slow

READY = "mainline.training.frameworks"
SAVED = """
import sys
import numpy as np
import tensorflow as tf
numeric, categorical = (sys.argv[k].split(",") for k in (2, 3))
draw = np.random.default_rng(0).normal(0, 0.3, len(numeric)).astype("float32")


def serve(**columns):
    rows = tf.stack([tf.where(tf.math.is_nan(columns[name]), 0.0, columns[name]) for name in numeric], 1)
    known = sum(tf.cast(table.lookup(columns[name]), tf.float32) for name, table in tables.items())
    return tf.sigmoid(tf.linalg.matvec(rows / 100, draw) - known / 10)


tables = {
    name: tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["Yes", "No", ""], tf.constant([1, 2, 3], tf.int64)), 0
    )
    for name in categorical
}
made = tf.Module()
made.tables = list(tables.values())
specs = {name: tf.TensorSpec([None], tf.float32, name=name) for name in numeric}
specs |= {name: tf.TensorSpec([None], tf.string, name=name) for name in categorical}
tf.saved_model.save(made, sys.argv[1], signatures=tf.function(serve).get_concrete_function(**specs))
"""
HEAVY = {
    "lightgbm", "xgboost-cpu", "catboost", "torch", "skorch", "tensorflow-cpu", "keras", "scikit-learn", "pandas",
    "onnx", "skl2onnx",
}  # fmt: skip
# What is imported, the section `train`, and what the image has of `HEAVY`.
KINDS = {
    "boosting": ("xgboost", "estimator: xgboost.XGBClassifier, params: {n_estimators: 20}, categorical: native", set()),
    "torch": (
        "skorch",
        f"estimator: {READY}.tabular.TabularClassifier, params: {{max_epochs: 2}}, categorical: native, "
        "numeric: standardize",
        set(),
    ),
    "keras": (
        "tensorflow",
        f"estimator: {READY}.keras_tabular.KerasClassifier, params: {{epochs: 2}}, categorical: onehot, "
        "numeric: standardize",
        set(),
    ),
    "saved_model": (
        "tensorflow",
        f"estimator: {READY}.saved_model.SavedModelClassifier, params: {{path: src/churn/net}}, categorical: native",
        set(),
    ),
    "as it is": (
        "catboost",
        "estimator: catboost.CatBoostClassifier, params: {iterations: 20}, categorical: native",
        {"catboost", "scikit-learn", "pandas"},
    ),
}
LISTED = "import importlib.metadata as m; print(*{each.name.lower() for each in m.distributions()})"


@pytest.fixture(scope="module")
def customers(tmp_path_factory: pytest.TempPathFactory) -> Project:
    found = begun(
        tmp_path_factory.mktemp("churn") / "churn", str(TOP / "tests/tables/churn.parquet"), "--label", "churn"
    )
    assert found.result.status == 0, found.result.err
    text = found.project.path("params.yaml").read_text(encoding="utf-8")
    text = re.sub(r"(?ms)^stage:.*?(?=^\S|\Z)", "", text)
    # The gates of an image are those of the machine that it runs on: what is asked here are its answers.
    found.project.write("params.yaml", f"{text}\n{SMALL_STAGE}")
    return found.project


@pytest.mark.parametrize("kind", KINDS)
def test_its_image_answers_every_row_as_the_pipeline_and_has_what_it_needs(
    customers: Project, docker: engine.Engine, kind: str
) -> None:
    module, train, expected = KINDS[kind]
    pytest.importorskip(module, reason="the frameworks are not installed: make test-frameworks")
    base_image(docker)
    features = loader.load(customers.path("params.yaml")).settings.prepare.features
    if kind == "saved_model":
        names = [json.dumps(",".join(each)) for each in (features.numeric, features.categorical)]
        made = customers.python(f"import sys\nsys.argv[1:] = ['src/churn/net', {', '.join(names)}]\n{SAVED}")
        assert made.status == 0, made.err
    text = customers.path("params.yaml").read_text(encoding="utf-8")
    customers.write("params.yaml", re.sub(r"(?ms)^train:.*?^(?=\S)", f"train: {{{train}}}\n\n", text, count=1))
    made = customers.mainline("image")
    assert made.status == 0, made.err
    image = made.out.strip().splitlines()[-1]
    try:
        signature = json.loads(customers.path(".mainline/model/serving.json").read_text(encoding="utf-8"))
        assert signature["engine"] == ("sklearn" if expected else "onnx"), signature.get("note")
        staged = customers.mainline("stage")
        gates = {gate["name"]: gate for gate in json.loads(customers.path("reports/stage.json").read_text())["gates"]}
        assert gates["parity"]["passed"], staged.err + staged.out
        assert f"{signature['agreement']['rows']:,} rows agree" in gates["parity"]["measured"]
        assert {name for name, gate in gates.items() if not gate["passed"]} <= (
            {"image size", "memory"} if expected else set()
        )
        there = set(docker.run("run", "--rm", "--network=none", image, "python", "-c", LISTED).split())
        assert there & HEAVY == expected
        listed = {each["name"] for each in json.loads(customers.path("reports/sbom.json").read_text())["components"]}
        assert listed & HEAVY == expected
    finally:
        docker.attempt("rmi", image)

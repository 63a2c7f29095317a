"""Each kind of graph in an image of its own: without the framework, with all that it needs, equal on every row."""

from __future__ import annotations

from pathlib import Path

import pytest

from mainline.packaging import engine
from mainline.packaging.staging import contract, parity
from mainline.packaging.staging.container import running
from tests.container.conftest import built_image, docker
from tests.exports import make

__all__ = ["docker"]

pytestmark = pytest.mark.slow

READY = "mainline.training.frameworks"
SAVED = "src/shop/model"
HEAVY = {
    "lightgbm", "xgboost-cpu", "catboost", "torch", "skorch", "tensorflow-cpu", "keras", "scikit-learn", "pandas",
    "onnx", "skl2onnx",
}  # fmt: skip
# What is imported, the estimator, its parameters, encoding and scaling, and what the image has of `HEAVY`.
KINDS = {
    "boosting": ("xgboost", "xgboost.XGBClassifier", "{n_estimators: 20}", "native", "passthrough", set()),
    "torch": ("skorch", f"{READY}.tabular.TabularClassifier", "{max_epochs: 1}", "native", "standardize", set()),
    "keras": ("tensorflow", f"{READY}.keras_tabular.KerasClassifier", "{epochs: 1}", "onehot", "standardize", set()),
    "saved model": (
        "tensorflow", f"{READY}.saved_model.SavedModelClassifier", f"{{path: {SAVED}}}", "native", "passthrough", set(),
    ),
    "as it is": (
        "catboost", "catboost.CatBoostClassifier", "{iterations: 20}", "native", "passthrough",
        {"catboost", "scikit-learn", "pandas"},
    ),
}  # fmt: skip
LISTED = "import importlib.metadata as m; print(*{each.name.lower() for each in m.distributions()})"


@pytest.mark.parametrize("kind", KINDS)
def test_its_image_answers_every_row_as_the_pipeline_and_has_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, docker: engine.Engine, kind: str
) -> None:
    module, estimator, params, encoding, scaling, expected = KINDS[kind]
    pytest.importorskip(module, reason="the frameworks are not installed: make test-frameworks")
    monkeypatch.chdir(tmp_path)
    if kind == "saved model":
        from tests.frameworks import test_saved_model

        test_saved_model.saved(tmp_path / SAVED, test_saved_model.tensorflow.sigmoid)
    made = make(tmp_path, "binary", estimator, params, encoding, scaling)
    assert made.signature.engine == ("sklearn" if expected else "onnx"), made.signature.note
    image = built_image(docker, made, None)
    try:
        requests = parity.holdout_requests(made.settings, made.record, made.frame, made.signature)
        with running(docker, image.reference, 600) as server:
            wrong, largest = parity.differences(server, requests)
            assert (wrong, len(requests.rows)) == (0, made.signature.agreement.rows)
            assert largest < 1e-5
            assert contract.breaches(server.url, 5) == []
        there = set(docker.run("run", "--rm", "--network=none", image.reference, "python", "-c", LISTED).split())
        assert there & HEAVY == expected
    finally:
        docker.attempt("rmi", image.reference)

"""Keras 3 on TensorFlow: the ready network and a project's own, repeated, stopped early, exported as one graph."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mainline.config.schema import Train
from mainline.errors import ConfigurationError
from mainline.packaging import export
from mainline.training import pipeline
from mainline.training.fingerprint import fingerprint
from tests.exports import NETWORK_AGREES, make
from tests.projects import TOP

pytestmark = pytest.mark.slow

pytest.importorskip("tensorflow", reason="Keras and TensorFlow are not installed: make test-frameworks")

READY = "mainline.training.frameworks.keras_tabular.Keras"
OWN = """\
import keras


def build(X, y, width=8):
    model = keras.Sequential([
        keras.Input((X.shape[1],)),
        keras.layers.Dense(width, activation="tanh"),
        keras.layers.Dense(y.shape[1], activation="softmax"),
    ])
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss="categorical_crossentropy")
    return model
"""


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_two_fits_are_one_model_and_its_export_agrees_on_every_row(tmp_path: Path, task: str) -> None:
    kind = "Regressor" if task == "regression" else "Classifier"
    made = make(tmp_path, task, READY + kind, "{epochs: 3}", "onehot", "standardize")
    assert (made.signature.engine, made.signature.note) == ("onnx", None)
    assert made.signature.agreement.largest < NETWORK_AGREES
    assert made.signature.agreement.rows == len(made.scores) > 800
    assert np.std(made.scores) > 0.01
    assert pipeline.fit(made.settings, made.frame).digest == made.record.digest
    assert {*made.record.facts.frameworks} == {"keras", "tensorflow"}
    again = export.export(made.settings, made.record, made.frame, tmp_path / "again")
    assert again.digest == made.signature.digest


def test_early_stopping_and_a_function_of_the_projects_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "src" / "ownkeras"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "net.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    params = "{model: ownkeras.net.build, model_kwargs: {width: 6}, epochs: 2}"
    try:
        made = make(tmp_path / "made", "binary", READY + "Classifier", params, "onehot", "standardize")
        assert made.signature.engine == "onnx"
        train = made.settings.train.model_dump() | {"early_stopping": {"rounds": 1, "slice": 0.2}}
        train["params"] = train["params"] | {"epochs": 60}
        asked = made.settings.model_copy(update={"train": Train.model_validate(train)})
        fitted = pipeline.fit(asked, made.frame)
        assert fitted.rounds is not None
        assert len(fitted.pipeline.named_steps["estimator"].history_["loss"]) == fitted.rounds < 60
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "ownkeras"]:
            del sys.modules[name]


def test_a_gpu_that_is_not_there_is_refused(tmp_path: Path) -> None:
    made = make(tmp_path)
    train = made.settings.train.model_copy(
        update={"estimator": READY + "Classifier", "params": {}, "device": "gpu", "categorical": "onehot"}
    )
    with pytest.raises(ConfigurationError, match="asks for a GPU, and TensorFlow finds none here"):
        pipeline.fit(made.settings.model_copy(update={"train": train}), made.frame)


ON_TORCH = """
import sys
from pathlib import Path

import numpy as np

from mainline.packaging import export
from mainline.training import pipeline
from mainline.training.fingerprint import fingerprint
from tests.exports import make

made = make(Path(sys.argv[1]), "multiclass", {estimator!r}, "{{epochs: 3}}", "onehot", "standardize")
assert (made.signature.engine, made.signature.note) == ("onnx", None), made.signature.note
assert made.signature.agreement.largest < 2e-6, made.signature.agreement
assert np.std(made.scores) > 0.01
assert pipeline.fit(made.settings, made.frame).digest == made.record.digest
assert set(made.record.facts.frameworks) == {{"keras", "torch"}}, made.record.facts.frameworks
print(fingerprint(Path(sys.argv[1]), made.settings, {{}}).model)
"""


def test_on_the_torch_backend_it_is_another_model_that_is_exported_and_repeated_too(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: make test-frameworks")
    code = ON_TORCH.format(estimator=READY + "Classifier")
    paths = os.pathsep.join([str(TOP / "src"), str(TOP)])
    environment = {**os.environ, "KERAS_BACKEND": "torch", "PYTHONPATH": paths}
    call = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(call, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    here = make(tmp_path / "here", "multiclass", READY + "Classifier", "{epochs: 3}", "onehot", "standardize")
    assert fingerprint(tmp_path, here.settings, {}).model != done.stdout.split()[-1]

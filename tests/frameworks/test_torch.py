"""PyTorch through skorch: the ready network and a project's own, repeated, stopped early, exported as one graph."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from mainline.config.schema import Train
from mainline.errors import ConfigurationError, Refused
from mainline.packaging import agreement, image, optimise
from mainline.serving import scorer
from mainline.training import pipeline
from tests.exports import NETWORK_AGREES, Export, make

pytestmark = pytest.mark.slow

pytest.importorskip("skorch", reason="PyTorch is not installed: make test-frameworks")

READY = "mainline.training.frameworks.tabular.Tabular"
NET = '''\
"""A network of the project's own."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=10, classes=2):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, 8), nn.Tanh(), nn.Linear(8, classes))

    def forward(self, X):
        return self.layers(X)


class Nowhere(Net):
    """Answers NaN."""

    def forward(self, X):
        return super().forward(X) * float("nan")


class Averaging(Net):
    """What it answers for one row depends on the others."""

    def forward(self, X):
        return super().forward(X - X.mean(dim=0, keepdim=True))


class Branching(Net):
    """What it computes depends on the values of the rows."""

    def forward(self, X):
        return super().forward(X) if float(X[0, 0]) > 0 else super().forward(X) * 2


class One(Net):
    """Drops the dimension of a single row."""

    def forward(self, X):
        return super().forward(X).squeeze(0)
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    package = tmp_path / "src" / "ownnets"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "net.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    yield "ownnets.net"
    for name in [name for name in sys.modules if name.partition(".")[0] == "ownnets"]:
        del sys.modules[name]


def of_own(tmp_path: Path, module: str) -> Export:
    params = f"{{module: {module}, criterion: torch.nn.CrossEntropyLoss, max_epochs: 2, lr: 0.1}}"
    return make(tmp_path / "made", "binary", "skorch.NeuralNetClassifier", params, "onehot", "standardize")


@pytest.mark.parametrize(
    ("task", "encoding"), [("binary", "native"), ("multiclass", "onehot"), ("regression", "native")]
)
def test_two_fits_are_one_model_and_its_export_agrees_on_every_row(tmp_path: Path, task: str, encoding: str) -> None:
    kind = "Regressor" if task == "regression" else "Classifier"
    made = make(tmp_path, task, READY + kind, "{max_epochs: 3}", encoding, "standardize")
    assert (made.signature.engine, made.signature.note) == ("onnx", None)
    assert made.signature.agreement.largest < NETWORK_AGREES
    assert made.signature.agreement.rows == len(made.scores) > 800
    assert pipeline.fit(made.settings, made.frame).digest == made.record.digest
    assert {*made.record.facts.frameworks} == {"torch", "skorch"}


def test_the_ready_network_learns(tmp_path: Path) -> None:
    made = make(tmp_path, "regression", READY + "Regressor", "{max_epochs: 15, lr: 0.005}", "native", "standardize")
    y, score = made.record.holdout.y, made.scores
    assert 1 - np.mean((y - score) ** 2) / np.var(y) > 0.8


def test_another_seed_is_another_model(tmp_path: Path) -> None:
    made = make(tmp_path, "binary", READY + "Classifier", "{max_epochs: 2}", "native", "standardize")
    train = made.settings.train.model_copy(update={"seed": 1})
    assert pipeline.fit(made.settings.model_copy(update={"train": train}), made.frame).digest != made.record.digest


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_early_stopping_finds_the_epochs_on_a_slice_of_the_training_rows(tmp_path: Path, task: str) -> None:
    kind = "Regressor" if task == "regression" else "Classifier"
    made = make(tmp_path, task, READY + kind, "{max_epochs: 3}", "native", "standardize")
    train = made.settings.train.model_dump() | {"early_stopping": {"rounds": 3, "slice": 0.2}}
    train["params"] = {"max_epochs": 200, "lr": 0.02}
    asked = made.settings.model_copy(update={"train": Train.model_validate(train)})
    fitted = pipeline.fit(asked, made.frame)
    assert fitted.rounds is not None
    assert 1 <= fitted.rounds < 150
    assert len(fitted.pipeline.named_steps["estimator"].history_) == fitted.rounds


def test_a_network_of_the_projects_own_is_exported_too(tmp_path: Path, own: str) -> None:
    made = of_own(tmp_path, f"{own}.Net")
    assert (made.signature.engine, made.signature.note) == ("onnx", None)


def test_a_module_that_does_not_import_is_named(tmp_path: Path, own: str) -> None:
    with pytest.raises(ConfigurationError, match=r"train.params.module: ownnets.net has no Nett: did you mean Net\?"):
        of_own(tmp_path, f"{own}.Nett")
    with pytest.raises(ConfigurationError, match=r"train.params.module: ownnets.nett.Net does not import"):
        of_own(tmp_path, "ownnets.nett.Net")


def test_a_network_that_answers_nan_is_refused(tmp_path: Path, own: str) -> None:
    with pytest.raises(Refused, match="the model answers NaN or infinity"):
        of_own(tmp_path, f"{own}.Nowhere")


def test_a_network_whose_answer_for_a_row_depends_on_the_others_is_refused(tmp_path: Path, own: str) -> None:
    """Neither its export nor the pipeline itself answers a single row as it was judged."""
    with pytest.raises(Refused, match="gives other answers than when it was recorded"):
        of_own(tmp_path, f"{own}.Averaging")


def test_a_network_that_answers_one_row_in_another_shape_is_not_served_so(tmp_path: Path, own: str) -> None:
    made = of_own(tmp_path, f"{own}.One")
    assert made.signature.agreement.largest < NETWORK_AGREES
    one = agreement.matrices(made.signature, made.holdout.iloc[:1])
    for served in (
        scorer.load(made.signature, made.folder),
        scorer.Fitted(made.record.path / "model.pkl", made.signature),
    ):
        found = served(*one)
        assert found.shape == (1, 2)
        assert found[0, 1] == pytest.approx(made.scores[0], abs=NETWORK_AGREES)


def test_a_network_that_has_no_graph_is_trained_as_it_is_and_the_reason_said(tmp_path: Path, own: str) -> None:
    made = of_own(tmp_path, f"{own}.Net")
    params = made.settings.train.params | {"module": f"{own}.Branching"}
    settings = made.settings.model_copy(
        update={
            "train": made.settings.train.model_copy(update={"params": params}),
            "gates": made.settings.gates.model_copy(update={"margins": {"roc_auc": 0.05}}),
        }
    )
    chosen = optimise.choose(settings, made.frame)
    assert (chosen.trials, chosen.graph) == ([], None)
    assert "it cannot be converted: " in chosen.said


def test_native_categories_need_a_network_with_embeddings(tmp_path: Path, own: str) -> None:
    with pytest.raises(ConfigurationError, match=r"native: skorch\.NeuralNetClassifier has no native"):
        make(
            tmp_path / "made", "binary", "skorch.NeuralNetClassifier", f"{{module: {own}.Net}}", "native", "standardize"
        )


def test_a_gpu_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"asks for a GPU, and PyTorch .* finds none here"):
        make(tmp_path, "binary", READY + "Classifier", "{device: cuda}", "native", "standardize")


def test_a_torch_model_without_an_export_is_no_image(tmp_path: Path) -> None:
    made = make(tmp_path, "binary", READY + "Classifier", "{max_epochs: 1}", "native", "standardize")
    as_it_is = replace(made.signature, engine="sklearn", frameworks=["torch"], note="no reason")
    with pytest.raises(ConfigurationError, match="a torch model is served as ONNX only"):
        image.selection(as_it_is)

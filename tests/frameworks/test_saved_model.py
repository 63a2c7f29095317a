"""A SavedModel of TensorFlow: taken as it is, fingerprinted, exported with its own preprocessing as one graph."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from mainline.errors import ConfigurationError
from mainline.packaging import image
from mainline.serving.scorer import Fitted
from mainline.serving.signature import MISSING
from mainline.training import pipeline
from mainline.training.fingerprint import fingerprint
from tests.exports import NETWORK_AGREES, Export, make

pytestmark = pytest.mark.slow

tensorflow = pytest.importorskip("tensorflow", reason="TensorFlow is not installed: make test-frameworks")

CLASS = "mainline.training.frameworks.saved_model.SavedModel"
FOLDER = "src/shop/model"
SHOPS = ["north", "south", "nan", ""]


def saved(folder: Path, answer: Callable[[Any], Any], width: int = 1, pages: Any = tensorflow.float64) -> None:
    """A SavedModel that looks categories up, scales numbers, replaces what is missing, and answers by `answer`."""

    class Visits(tensorflow.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            draw = np.random.default_rng(0).normal(0, 0.4, (2 + 5 + 1, width)).astype("float32")
            self.weights = tensorflow.Variable(draw)
            known = tensorflow.lookup.KeyValueTensorInitializer(SHOPS, tensorflow.range(1, 5, dtype=tensorflow.int64))
            self.shops = tensorflow.lookup.StaticHashTable(known, 0)
            known = tensorflow.lookup.KeyValueTensorInitializer(["desk", ""], tensorflow.constant([2, 1], "int64"))
            self.devices = tensorflow.lookup.StaticHashTable(known, 0)

        @tensorflow.function(
            input_signature=[
                tensorflow.TensorSpec([None, 1], tensorflow.string, name="shop"),
                tensorflow.TensorSpec([None], tensorflow.string, name="device"),
                tensorflow.TensorSpec([None, 1], tensorflow.float32, name="minutes"),
                tensorflow.TensorSpec([None], pages, name="pages"),
            ]
        )
        def serve(self, shop: Any, device: Any, minutes: Any, pages: Any) -> Any:
            minutes = tensorflow.where(tensorflow.math.is_nan(minutes), 12.0, minutes)
            pages = tensorflow.cast(pages, tensorflow.float32)[:, None]
            desk = tensorflow.cast(self.devices.lookup(device), tensorflow.float32)[:, None]
            shops = tensorflow.one_hot(self.shops.lookup(shop)[:, 0], 5)
            rows = tensorflow.concat([minutes / 10 - 1, pages / 5 - 1, shops, desk], 1)
            return {"answers": answer(rows @ self.weights)}

    made = Visits()
    tensorflow.saved_model.save(made, str(folder), signatures=made.serve)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def taken(project: Path, task: str, more: str = "", **other: Any) -> Export:
    kind = "Regressor" if task == "regression" else "Classifier"
    given = {"encoding": "native", **other}
    return make(project, task, CLASS + kind, f"{{path: {FOLDER}{more}}}", **given)


@pytest.mark.parametrize(
    ("task", "width", "answer"),
    [
        ("binary", 1, lambda found: tensorflow.sigmoid(found[:, 0])),
        ("multiclass", 3, tensorflow.nn.softmax),
        ("regression", 1, lambda found: 500 * found),
    ],
)
def test_it_answers_in_one_graph_as_tensorflow_does_on_every_row(
    project: Path, task: str, width: int, answer: Callable[[Any], Any]
) -> None:
    saved(project / FOLDER, answer, width)
    made = taken(project, task)
    assert (made.signature.engine, made.signature.note) == ("onnx", None)
    assert made.signature.agreement.largest < NETWORK_AGREES
    assert made.signature.agreement.rows == len(made.scores) > 800
    assert np.std(made.scores) > 0.01
    assert {*made.record.facts.frameworks} == {"tensorflow"}
    assert pipeline.fit(made.settings, made.frame).digest == made.record.digest
    before = (made.folder / "model.onnx").read_bytes()
    assert (taken(project, task).folder / "model.onnx").read_bytes() == before

    # The pipeline alone answers too, where its folder is not: as in the image that has no export.
    (project / FOLDER / "saved_model.pb").rename(project / "elsewhere.pb")
    alone = Fitted(made.record.path / "model.pkl", made.signature)
    text = np.array([["north", MISSING], ["new", "desk"]], dtype=object)
    assert np.isfinite(alone(text, np.array([[np.nan, 3], [4, 5]], dtype=np.float32))).all()
    assert "--group keras" in " ".join(
        image.selection(replace(made.signature, engine="sklearn", frameworks=["tensorflow"]))
    )


def test_another_saved_model_is_another_fingerprint(project: Path) -> None:
    saved(project / FOLDER, tensorflow.sigmoid)
    made = taken(project, "binary")
    first = fingerprint(project, made.settings, {}).model
    assert fingerprint(project, made.settings, {}).model == first
    variables = next((project / FOLDER / "variables").glob("variables.data*"))
    content = bytearray(variables.read_bytes())
    content[0] ^= 1
    variables.write_bytes(content)
    assert fingerprint(project, made.settings, {}).model != first


def test_without_categories_it_may_take_one_matrix(project: Path) -> None:
    module = tensorflow.Module()
    module.serve = tensorflow.function(
        lambda rows: tensorflow.nn.softmax(rows @ tensorflow.constant([[0.1, -0.1], [0.2, 0.0]])),
        input_signature=[tensorflow.TensorSpec([None, 2], tensorflow.float32, name="rows")],
    )
    tensorflow.saved_model.save(module, FOLDER, signatures=module.serve)
    made = taken(project, "binary", encoding="ordinal", numeric="[pages, visit]", categorical="[]")
    assert (made.signature.engine, made.signature.note) == ("onnx", None)


def test_what_does_not_fit_is_named(project: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"src/shop/model is no SavedModel: there is no file .*saved_model.pb"):
        taken(project, "binary")
    saved(project / FOLDER, tensorflow.sigmoid)
    with pytest.raises(ConfigurationError, match=r"categorical: ordinal: .* takes the features as they are"):
        taken(project, "binary", encoding="ordinal")
    with pytest.raises(ConfigurationError, match=r"numeric: standardize: .* passthrough is needed"):
        taken(project, "binary", scaling="standardize")
    with pytest.raises(ConfigurationError, match=r"it has no input for visit; no feature is called as its input pages"):
        taken(project, "binary", numeric="[minutes, visit]")
    with pytest.raises(ConfigurationError, match=r"there is no such signature: there are serving_default"):
        taken(project, "binary", ", signature: other")
    with pytest.raises(ConfigurationError, match=r"there is no output scores: there are answers"):
        taken(project, "binary", ", output: scores")
    with pytest.raises(ConfigurationError, match=r"answers has 1 columns, and the label has 3 classes"):
        taken(project, "multiclass")
    (project / "away").mkdir()
    (project / FOLDER).rename(project / "away" / "model")
    with pytest.raises(ConfigurationError, match=r"away/model is not below src/: the files there are in the finger"):
        make(project, "binary", CLASS + "Classifier", "{path: away/model}", "native")


def test_a_keras_model_with_its_own_lookups_comes_in_as_it_was_exported(project: Path) -> None:
    import keras

    inputs = {
        "shop": keras.Input((1,), dtype="string", name="shop"),
        "device": keras.Input((1,), dtype="string", name="device"),
        "minutes": keras.Input((1,), name="minutes"),
        "pages": keras.Input((1,), name="pages"),
    }
    coded = [
        keras.layers.StringLookup(vocabulary=[word for word in words if word], output_mode="one_hot")(inputs[name])
        for name, words in (("shop", SHOPS), ("device", ["desk", "phone"]))
    ]
    numbers = keras.layers.Concatenate()([inputs["minutes"], inputs["pages"]])
    numbers = keras.layers.Normalization(mean=[12.0, 5.0], variance=[70.0, 5.0])(numbers)
    numbers = keras.ops.where(keras.ops.isnan(numbers), 0.0, numbers)
    found = keras.layers.Dense(3, activation="softmax", kernel_initializer=keras.initializers.RandomNormal(seed=0))(
        keras.layers.Concatenate()([*coded, numbers])
    )
    keras.Model(inputs, found).export(FOLDER, verbose=False)
    made = taken(project, "multiclass")
    assert (made.signature.engine, made.signature.note) == ("onnx", None)
    assert made.signature.agreement.largest < NETWORK_AGREES


def test_what_the_converter_lacks_is_served_as_it_is_with_the_reason(project: Path) -> None:
    module = tensorflow.Module()
    module.serve = tensorflow.function(
        lambda shop, device, minutes, pages: 0.2 + 0.5 * tensorflow.cast(shop == device, tensorflow.float32),
        input_signature=[tensorflow.TensorSpec([None], tensorflow.string, name=name) for name in ("shop", "device")]
        + [tensorflow.TensorSpec([None], tensorflow.float32, name=name) for name in ("minutes", "pages")],
    )
    tensorflow.saved_model.save(module, FOLDER, signatures=module.serve)
    made = taken(project, "binary")
    assert made.signature.engine == "sklearn"
    assert str(made.signature.note).startswith("it cannot be converted: ")
    assert made.signature.frameworks == ["tensorflow"]


def test_logits_are_no_probabilities(project: Path) -> None:
    saved(project / FOLDER, lambda found: found, 2)
    with pytest.raises(ConfigurationError, match=r"answers holds no probabilities: values from -\d.*its softmax"):
        taken(project, "binary")


def test_inputs_of_another_type_are_named(project: Path) -> None:
    saved(project / FOLDER, tensorflow.sigmoid, pages=tensorflow.int64)
    with pytest.raises(ConfigurationError, match=r"the input pages is int64 \(None,\): 32- or 64-bit floats of the sh"):
        taken(project, "binary")


def test_a_damaged_one_is_named_and_its_record_needs_no_folder(project: Path) -> None:
    saved(project / FOLDER, tensorflow.sigmoid)
    made = taken(project, "binary")
    assert pickle.loads(pickle.dumps(made.record.model())).named_steps["estimator"].files_
    (project / FOLDER / "saved_model.pb").write_bytes(b"\xff\xff")
    with pytest.raises(ConfigurationError, match=r"src/shop/model cannot be loaded: "):
        pipeline.fit(made.settings, made.frame)

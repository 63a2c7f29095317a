"""A Keras model as ONNX: the preprocessing by skl2onnx, the model by Keras' own export, merged into one graph."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.packaging.onnx import columns_to_onnx, exporter, merged
from mainline.packaging.ordered_graph import same_in_every_process
from mainline.serving.signature import Signature
from mainline.training.frameworks.networks import KERAS
from mainline.training.frameworks.parameters import adapter_of

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

OPSET = 18


def is_keras(pipeline: Pipeline) -> bool:
    return adapter_of(type(pipeline.named_steps["estimator"])) is KERAS


@exporter("keras", takes=is_keras)
def convert(pipeline: Pipeline, signature: Signature) -> bytes:
    """A Keras model with its preprocessing, by Keras' own export and skl2onnx."""
    return merged(*halves(pipeline, signature))


def halves(pipeline: Pipeline, signature: Signature) -> tuple[Any, Any]:
    """The preprocessing and the model."""
    model = network(pipeline.named_steps["estimator"].model_)
    opset = next(each.version for each in model.opset_import if not each.domain)
    return columns_to_onnx(pipeline, signature, opset), model


def network(model: Any) -> Any:
    import numpy as np
    import onnx

    model(np.zeros((1, model.inputs[0].shape[1]), dtype=np.float32))  # a model that was loaded has no graph before
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = Path(folder) / "model.onnx"
        model.export(str(file), format="onnx", verbose=False, opset_version=OPSET)
        made = onnx.load(str(file))
    same_in_every_process(made.graph)
    return made

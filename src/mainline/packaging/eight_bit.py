"""A fitted network with its weights in 8 bits: its graph takes the network's place in the pipeline.

So it is recorded, compared, exported and served as any other model: what is measured is what ships.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mainline.config.frameworks import install
from mainline.errors import ConfigurationError
from mainline.packaging import keras_onnx, torch_onnx
from mainline.packaging.onnx import columns_to_onnx, exporter, merged
from mainline.packaging.quantise import VARIANTS
from mainline.serving.signature import Signature
from mainline.training.frameworks import pickles

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from mainline.serving.scorer import Scorer
    from mainline.training.pipeline import Fitted


def halves(pipeline: Pipeline, signature: Signature) -> tuple[Any, Any] | None:
    """The preprocessing and the network as ONNX; None of what is no network with a graph of its own.

    Raises
    ------
    ConfigurationError
        Where the packages of the export are not here: a choice must not depend on what a machine has.
    """
    for takes, made in ((torch_onnx.is_torch, torch_onnx.halves), (keras_onnx.is_keras, keras_onnx.halves)):
        if not takes(pipeline):
            continue
        try:
            import onnxruntime  # noqa: F401
            import skl2onnx  # noqa: F401
        except ModuleNotFoundError as error:
            module = "torch" if takes is torch_onnx.is_torch else "keras"
            raise ConfigurationError(
                f"export.optimise tries 8-bit weights, and {error.name} is missing: {install(module)}"
            ) from error
        return made(pipeline, signature)
    return None


def smaller(fitted: Fitted, signature: Signature, name: str) -> Fitted | None:
    """The fitted pipeline with its network as a graph of the variant `name`; None where that has nothing to change."""
    from sklearn.pipeline import Pipeline

    from mainline.training.frameworks.eight_bit import EightBitClassifier, EightBitRegressor

    found = halves(fitted.pipeline, signature)
    graph = VARIANTS[name](found[1].SerializeToString(deterministic=True)) if found else None
    if graph is None:
        return None
    if signature.task == "regression":
        estimator: Any = EightBitRegressor(graph)
    else:
        estimator = EightBitClassifier(graph, list(range(len(fitted.classes))))
    whole = Pipeline([("columns", fitted.pipeline.named_steps["columns"]), ("estimator", estimator)])
    pickled = pickles.dumps(whole)
    return replace(fitted, pipeline=whole, pickled=pickled, digest=hashlib.sha256(pickled).hexdigest())


def is_eight_bit(pipeline: Pipeline) -> bool:
    return type(pipeline.named_steps["estimator"]).__module__ == "mainline.training.frameworks.eight_bit"


@exporter("eight_bit", takes=is_eight_bit)
def convert(pipeline: Pipeline, signature: Signature) -> bytes:
    """A network whose weights have 8 bits, as `export.optimise` chooses it: it is a graph already."""
    import onnx

    network = onnx.load_from_string(pipeline.named_steps["estimator"].graph)
    opset = next(each.version for each in network.opset_import if not each.domain)
    return merged(columns_to_onnx(pipeline, signature, opset), network)


def one_by_one(scorer: Scorer) -> Scorer:
    """The scorer, asked about each row alone: 8-bit products may depend on the rows next to it."""
    import numpy as np

    def ask(categorical: NDArray[np.object_], numeric: NDArray[np.float32]) -> NDArray[Any]:
        rows = range(len(numeric))
        return np.concatenate([scorer(categorical[i : i + 1], numeric[i : i + 1]) for i in rows])

    return ask

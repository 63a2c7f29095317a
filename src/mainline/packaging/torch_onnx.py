"""A PyTorch network as ONNX: the preprocessing by skl2onnx, the module by torch, merged into one graph."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

from mainline.config.frameworks import install
from mainline.errors import ConfigurationError
from mainline.packaging.onnx import columns_to_onnx, exporter, merged
from mainline.packaging.quiet import quiet
from mainline.serving.signature import Signature
from mainline.training.frameworks.networks import SKORCH
from mainline.training.frameworks.parameters import adapter_of

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

OPSET = 20  # of both halves: graphs of two versions cannot be merged


def is_torch(pipeline: Pipeline) -> bool:
    return adapter_of(type(pipeline.named_steps["estimator"])) is SKORCH


@exporter("torch", takes=is_torch)
def convert(pipeline: Pipeline, signature: Signature) -> bytes:
    """A PyTorch network with its preprocessing, by torch.onnx and skl2onnx."""
    return merged(*halves(pipeline, signature))


def halves(pipeline: Pipeline, signature: Signature) -> tuple[Any, Any]:
    """The preprocessing and the network."""
    columns = columns_to_onnx(pipeline, signature, OPSET)
    width = columns.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    return columns, network(pipeline.named_steps["estimator"], width, signature)


def network(net: Any, width: int, signature: Signature) -> Any:
    """The module of a fitted skorch net, with what `predict_proba` puts behind it."""
    try:
        import onnxscript  # noqa: F401
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"onnxscript is missing, which torch exports with: {install('onnxscript')}") from error
    import onnx
    import torch

    class Answering(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.module = net.module_

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            found = self.module(rows)
            found = found[0] if isinstance(found, tuple) else found
            answers: torch.Tensor = found if signature.task == "regression" else net._get_predict_nonlinearity()(found)
            return answers

    whole = Answering().to("cpu").eval()
    file = io.BytesIO()
    with warnings.catch_warnings(), quiet():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            whole,
            (torch.zeros((2, width), dtype=torch.float32),),
            file,
            input_names=["rows"],
            output_names=["answers"],
            dynamic_shapes=({0: torch.export.Dim("n")},),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    made = onnx.load_from_string(file.getvalue())
    # The exporter notes where each node comes from: paths of this machine, which two checkouts do not share.
    for node in made.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for each in (*made.graph.value_info, *made.graph.input, *made.graph.output, made.graph, made):
        del each.metadata_props[:]
    return made

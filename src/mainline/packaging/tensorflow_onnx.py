"""A SavedModel as ONNX: its own graph by tf2onnx, behind nodes that pick each of its inputs from the two matrices."""

from __future__ import annotations

import logging
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.packaging.onnx import exporter, merged
from mainline.packaging.ordered_graph import same_in_every_process
from mainline.packaging.quiet import quiet
from mainline.serving.signature import MISSING, Signature
from mainline.training.frameworks.networks import SAVED_MODEL
from mainline.training.frameworks.parameters import adapter_of

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

OPSET = 18  # the newest that tf2onnx knows
ML = 3  # the set with trees, tables and texts


def is_saved_model(pipeline: Pipeline) -> bool:
    return adapter_of(type(pipeline.named_steps["estimator"])) is SAVED_MODEL


@exporter("saved_model", takes=is_saved_model)
def convert(pipeline: Pipeline, signature: Signature) -> bytes:
    """A SavedModel of TensorFlow with its own preprocessing, by tf2onnx."""
    estimator = pipeline.named_steps["estimator"]
    network = network_of(estimator)
    if signature.task == "binary" and one_column(network):
        both_classes(network)
    return merged(columns(estimator, network, signature), network)


def network_of(estimator: Any) -> Any:
    """The graph of the signature, with the output that was chosen and no other."""
    import onnx
    from keras.src.export.tf2onnx_lib import patch_tf2onnx

    from mainline.training.frameworks.saved_model import write

    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings(), quiet(logging.ERROR):
        warnings.simplefilter("ignore")
        patch_tf2onnx()  # for NumPy 2, as Keras' own export does
        from tf2onnx import tf_loader
        from tf2onnx.convert import _convert_common

        folder = Path(name)
        write(estimator.files_, folder)
        graph, inputs, outputs, tables, renamed = tf_loader.from_saved_model(
            str(folder),
            None,
            None,
            "serve",
            [estimator.signature],
            return_initialized_tables=True,
            return_tensors_to_rename=True,
        )
        outputs = [each for each in outputs if renamed.get(each) == estimator.output_]
        made, _ = _convert_common(
            graph,
            name="saved_model",
            opset=OPSET,
            input_names=inputs,
            output_names=outputs,
            initialized_tables=tables,
            tensors_to_rename=renamed,
        )
    same_in_every_process(made.graph)
    onnx.checker.check_model(made)
    return made


def columns(estimator: Any, network: Any, signature: Signature) -> Any:
    """The part before the network: from the two matrices to its inputs, in their order."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper

    place = {column.name: i for kind in (signature.categorical, signature.numeric) for i, column in enumerate(kind)}
    texts = {column.name for column in signature.categorical}
    inputs, outputs, nodes = [], [], []
    constants: list[Any] = []
    if texts:
        inputs.append(helper.make_tensor_value_info("categorical", TensorProto.STRING, [None, len(texts)]))
        constants.append(onnx.numpy_helper.from_array(np.array([""], dtype=object), "no_text"))
    if signature.numeric:
        inputs.append(helper.make_tensor_value_info("numeric", TensorProto.FLOAT, [None, len(signature.numeric)]))
    for i, given in enumerate(network.graph.input):
        names = estimator.inputs_[given.name]
        text, kind = names[0] in texts, given.type.tensor_type
        flat = len(kind.shape.dim) == 1
        indices = [place[name] for name in names]
        constants.append(helper.make_tensor(f"place_{i}", TensorProto.INT64, [] if flat else [len(indices)], indices))
        nodes.append(
            helper.make_node(
                "Gather", ["categorical" if text else "numeric", f"place_{i}"], [f"taken_{i}"], name=f"take_{i}", axis=1
            )
        )
        if text:
            nodes += [
                helper.make_node(
                    "LabelEncoder", [f"taken_{i}"], [f"gone_{i}"], name=f"find_{i}", domain="ai.onnx.ml",
                    keys_strings=[MISSING], values_int64s=[1], default_int64=0,
                ),
                helper.make_node("Cast", [f"gone_{i}"], [f"missing_{i}"], name=f"say_{i}", to=TensorProto.BOOL),
                helper.make_node("Where", [f"missing_{i}", "no_text", f"taken_{i}"], [f"given_{i}"], name=f"give_{i}"),
            ]  # fmt: skip
        else:
            nodes.append(helper.make_node("Cast", [f"taken_{i}"], [f"given_{i}"], name=f"give_{i}", to=kind.elem_type))
        outputs.append(
            helper.make_tensor_value_info(f"given_{i}", kind.elem_type, [None] if flat else [None, len(indices)])
        )
    sets = {"": OPSET, "ai.onnx.ml": ML} | {each.domain: each.version for each in network.opset_import}
    graph = helper.make_graph(nodes, "columns", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid(*each) for each in sorted(sets.items())])


def one_column(network: Any) -> bool:
    shape = network.graph.output[0].type.tensor_type.shape.dim
    return len(shape) == 1 or shape[1].dim_value == 1


def both_classes(network: Any) -> None:
    """The probability of the second class alone as those of both."""
    from onnx import TensorProto, helper

    graph = network.graph
    name = graph.output[0].name
    kind = graph.output[0].type.tensor_type.elem_type
    graph.initializer.append(helper.make_tensor("one_column", TensorProto.INT64, [2], [-1, 1]))
    graph.initializer.append(helper.make_tensor("certain", kind, [], [1.0]))
    graph.node.extend(
        [
            helper.make_node("Reshape", [name, "one_column"], ["second"], name="second"),
            helper.make_node("Sub", ["certain", "second"], ["first"], name="first"),
            helper.make_node("Concat", ["first", "second"], ["both"], name="both", axis=1),
        ]
    )
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("both", kind, [None, 2]))

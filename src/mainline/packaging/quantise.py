"""A graph with 8-bit weights in its matrix products: by ONNX Runtime's dynamic quantisation, or the weights alone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.packaging.quiet import quiet

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST = 64  # numbers of a matrix: below, its scales and zero points are as large as what they save


def dynamic(model: bytes) -> bytes | None:
    """Weights and products in 8 bits, by ONNX Runtime. None where the graph has no matrix product.

    The range of each product's inputs is that of the whole batch, so a row's answer depends on the rows next to it.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = without_gemm(model)
    if not matrices_of(graph):
        return None
    with tempfile.TemporaryDirectory() as folder, quiet():
        file = Path(folder) / "model.onnx"
        quantize_dynamic(
            graph, file, weight_type=QuantType.QInt8, per_channel=True, extra_options={"MatMulConstBOnly": True}
        )
        made = onnx.load(str(file))
    return serialised(made)


def weights_alone(model: bytes) -> bytes | None:
    """Weights in 8 bits, one scale for each column, and products in 32-bit floats. None where there is no product.

    What is computed is the same for a row alone and among others.
    """
    import numpy as np
    import onnx

    graph = without_gemm(model)
    found = matrices_of(graph)
    if not found:
        return None
    made = graph.graph
    kept = [each for each in made.initializer if each.name not in found]
    nodes = []
    for name, matrix in found.items():
        scale = np.abs(matrix).max(axis=0) / 127
        scale = np.where(scale > 0, scale, 1).astype(np.float32)
        rounded = np.clip(np.rint(matrix / scale), -127, 127).astype(np.int8)
        kept.append(onnx.numpy_helper.from_array(rounded, f"{name}_int8"))
        kept.append(onnx.numpy_helper.from_array(scale, f"{name}_scale"))
        # Not DequantizeLinear: ONNX Runtime joins it with the product, and rounds the product's inputs to 8 bits too.
        whole, make = f"{name}_whole", onnx.helper.make_node
        nodes.append(make("Cast", [f"{name}_int8"], [whole], name=f"{whole}_Cast", to=onnx.TensorProto.FLOAT))
        nodes.append(make("Mul", [whole, f"{name}_scale"], [name], name=f"{name}_Mul"))
    del made.initializer[:]
    made.initializer.extend(kept)
    others = list(made.node)
    del made.node[:]
    made.node.extend([*nodes, *others])
    return serialised(graph)


def without_gemm(model: bytes) -> Any:
    """The graph with `Gemm` as a product and a sum, which is what can be quantised."""
    import onnx
    from onnxruntime.quantization.onnx_model import ONNXModel

    graph = ONNXModel(onnx.load_from_string(model))
    graph.replace_gemm_with_matmul()
    del graph.model.graph.value_info[:]  # shapes of weights that are transposed now
    return graph.model


def matrices_of(graph: Any) -> dict[str, NDArray[Any]]:
    """The constant matrices by which something is multiplied from the right, and which nothing else reads."""
    import onnx

    constants = {each.name: each for each in graph.graph.initializer}
    readers: dict[str, list[tuple[str, int]]] = {}
    for node in graph.graph.node:
        for place, name in enumerate(node.input):
            readers.setdefault(name, []).append((node.op_type, place))
    found = {}
    for name, constant in constants.items():
        if set(readers.get(name, ())) == {("MatMul", 1)} and constant.data_type == onnx.TensorProto.FLOAT:
            matrix = onnx.numpy_helper.to_array(constant)
            if matrix.ndim == 2 and matrix.size >= LEAST:
                found[name] = matrix
    return found


def serialised(graph: Any) -> bytes:
    """The same bytes in every process."""
    ordered = sorted(graph.opset_import, key=lambda named: named.domain)
    del graph.opset_import[:]
    graph.opset_import.extend(ordered)
    found: bytes = graph.SerializeToString(deterministic=True)
    return found


# From the bytes of a graph to those of the variant; None where there is nothing to change.
VARIANTS: dict[str, Callable[[bytes], bytes | None]] = {
    "8-bit, dynamic quantisation": dynamic,
    "8-bit weights": weights_alone,
}

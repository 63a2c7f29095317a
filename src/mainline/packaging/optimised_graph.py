"""A graph after ONNX Runtime's basic optimisation: what is constant is computed, what is superfluous is left out.

It is the level that is the same on every processor.
"""

from __future__ import annotations

import tempfile
from pathlib import Path


def smaller(model: bytes) -> bytes:
    """The optimised graph where it has fewer bytes, else the graph itself."""
    import onnx
    import onnxruntime

    from mainline.packaging.quantise import serialised

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(file)
        options.log_severity_level = 4
        onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        made = onnx.load(str(file))
    known = {node.domain for node in made.graph.node}
    used = [each for each in made.opset_import if each.domain in known]
    del made.opset_import[:]  # ONNX Runtime names every set of operators that it has
    made.opset_import.extend(used)
    found = serialised(made)
    return found if len(found) < len(model) else model

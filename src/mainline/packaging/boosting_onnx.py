"""Converters of LightGBM, XGBoost and CatBoost for skl2onnx: onnxmltools' own, and CatBoost's through its exporter."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mainline.config.frameworks import install
from mainline.errors import ConfigurationError
from mainline.packaging import tree_thresholds
from mainline.training.frameworks.parameters import adapter_of

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

OPTIONS = {"zipmap": [True, False, "columns"], "nocl": [True, False], "raw_scores": [True, False]}


def register(pipeline: Pipeline) -> dict[str, int] | None:
    """Make the pipeline's estimator known to skl2onnx, and return the operator sets that its converter knows.

    None where the estimator is of none of the three.

    Raises
    ------
    ConfigurationError
        Where the converter's package is not installed: served as it is, the model would be slower, and no one told.
    """
    estimator = pipeline.named_steps["estimator"]
    adapter = adapter_of(type(estimator))
    if adapter is None or adapter.module not in CONVERTERS:
        return None
    from skl2onnx import __max_supported_opset__, update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )

    classifies = hasattr(estimator, "predict_proba")
    shapes = calculate_linear_classifier_output_shapes if classifies else calculate_linear_regressor_output_shapes
    update_registered_converter(
        type(estimator),
        f"Mainline{type(estimator).__name__}",
        shapes,
        converter(adapter.module),
        overwrite=True,
        options=OPTIONS if classifies else None,
        # skl2onnx sees by its class that an estimator of scikit-learn is a classifier: CatBoost's is none.
        parser=two_outputs if classifies and adapter.module == "catboost" else None,
    )
    return {"": int(__max_supported_opset__), "ai.onnx.ml": 3}


def two_outputs(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    """The label and the probabilities, as every classifier of skl2onnx has them."""
    from skl2onnx._parse import _get_sklearn_operator_name
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType

    operator = scope.declare_local_operator(_get_sklearn_operator_name(type(model)), model)
    operator.inputs = inputs
    operator.outputs.append(scope.declare_local_variable("label", Int64TensorType()))
    operator.outputs.append(scope.declare_local_variable("probabilities", FloatTensorType()))
    return operator.outputs


def converter(module: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return CONVERTERS[module]()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        raise ConfigurationError(
            f"{missing} is missing, which converts a model of {module} to ONNX: {install(missing) or 'install it'}"
        ) from error


def lightgbm() -> Any:
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm

    def convert(scope: Any, operator: Any, container: Any) -> None:
        before = len(container.nodes)
        convert_lightgbm(scope, operator, container)
        known = thresholds(operator.raw_operator.booster_.dump_model()["tree_info"])
        tree_thresholds.round_down(
            container.nodes[before:], lambda tree, place, feature, value: known.get((feature, value))
        )

    return convert


def thresholds(trees: Any) -> dict[tuple[int, float], float]:
    """The 64-bit thresholds of numeric splits, by their feature and by what they are as 32-bit numbers."""
    import numpy as np

    found = {}
    todo = [tree["tree_structure"] for tree in trees]
    while todo:
        node = todo.pop()
        if "threshold" in node:
            todo += [node["left_child"], node["right_child"]]
            if node["decision_type"] == "<=":
                value = float(node["threshold"])
                found[node["split_feature"], float(np.float32(value))] = value
    return found


def xgboost() -> Any:
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import XGBConverter, convert_xgboost

    def convert(scope: Any, operator: Any, container: Any) -> None:
        with each_node_once(XGBConverter):
            convert_xgboost(scope, operator, container)

    return convert


@contextlib.contextmanager
def each_node_once(converter: Any) -> Iterator[None]:
    """onnxmltools makes a chain of nodes of a split by categories, all with the same child, and follows it from each.

    With some hundred categories that takes hours, or more calls within each other than Python allows.
    """
    numbered, filled = converter._remap_nodeid, converter._fill_node_attributes

    def number(tree: Any, remap: Any = None) -> dict[int, int]:
        return {node["nodeid"]: place for place, node in enumerate(nodes(tree))}

    def fill(treeid: int, weight: float, tree: Any, *more: Any) -> None:
        for node in nodes(tree):
            filled(treeid, weight, {**node, "children": []} if "children" in node else node, *more)

    converter._remap_nodeid, converter._fill_node_attributes = staticmethod(number), staticmethod(fill)
    try:
        yield
    finally:
        converter._remap_nodeid, converter._fill_node_attributes = staticmethod(numbered), staticmethod(filled)


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every node once, a parent before its children."""
    seen, todo = set(), [tree]
    while todo:
        node = todo.pop()
        if node["nodeid"] not in seen:
            seen.add(node["nodeid"])
            yield node
            todo += reversed(node.get("children", []))


def catboost() -> Any:
    return convert_catboost


CONVERTERS = {"lightgbm": lightgbm, "xgboost": xgboost, "catboost": catboost}


def convert_catboost(scope: Any, operator: Any, container: Any) -> None:
    """The nodes of CatBoost's own export, with the names of this graph. It refuses native categories."""
    import tempfile
    from pathlib import Path

    import onnx

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        operator.raw_operator.save_model(str(file), format="onnx")
        graph = onnx.load(str(file)).graph
    renamed = {graph.input[0].name: operator.inputs[0].full_name}
    classifies = len(operator.outputs) == 2
    # The exporter ends with a ZipMap, which makes a dictionary of each row: what goes into it is the answer.
    nodes = [node for node in graph.node if node.op_type != "ZipMap"]
    zipped = {name for node in graph.node if node.op_type == "ZipMap" for name in node.input}
    last = next((node for node in nodes if node.op_type == "TreeEnsembleClassifier"), nodes[-1])
    if classifies:
        label, probabilities = last.output
        renamed |= {label: operator.outputs[0].full_name, probabilities: operator.outputs[1].full_name}
        assert not zipped or zipped == {probabilities}, f"CatBoost's export has another form: {zipped}"
    else:
        renamed |= {graph.output[0].name: operator.outputs[0].full_name}
    for node in nodes:
        attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
        container.add_node(
            node.op_type,
            [renamed.get(name, name) for name in node.input],
            [renamed.get(name, name) for name in node.output],
            op_domain=node.domain,
            op_version=1,
            name=scope.get_unique_operator_name(node.op_type),
            **attributes,
        )

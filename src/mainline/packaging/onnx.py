"""Model exporters, from a fitted pipeline to ONNX: skl2onnx with what it leaves out, and those that a project adds."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mainline.config.extensions import Declarations
from mainline.packaging import boosting_onnx, tree_thresholds
from mainline.serving.signature import MISSING, Signature

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline


GENERAL = "skl2onnx"
NOWHERE = "\0nowhere"  # no request can hold it: NUL is refused in text


# From a fitted pipeline and the description of its inputs to the bytes of `model.onnx`.
Convert = Callable[["Pipeline", Signature], bytes]
Takes = Callable[["Pipeline"], bool]


@dataclass(frozen=True)
class ExporterKind:
    """One exporter, used for the pipelines that it takes. Its answers are compared with the pipeline's, row by row."""

    name: str
    convert: Convert
    takes: Takes
    description: str


EXPORTERS: Declarations[ExporterKind] = Declarations("model exporter")


def exporter(name: str, *, takes: Takes) -> Callable[[Convert], Convert]:
    """Register the function below as the exporter of the pipelines for which `takes` is true.

    A project's own exporters are asked before the built-in ones.
    """

    def register(function: Convert) -> Convert:
        said = (function.__doc__ or "").strip().split("\n\n")[0]
        EXPORTERS.add(name, ExporterKind(name, function, takes, " ".join(said.split())), function.__module__)
        return function

    return register


def exporter_of(pipeline: Pipeline) -> str:
    """The name of the first exporter that takes a pipeline: a project's own, a framework's, skl2onnx for all others."""
    for name in [*EXPORTERS.added(), *(name for name in EXPORTERS if name != GENERAL), GENERAL]:
        with EXPORTERS.calling(name):
            if EXPORTERS[name].takes(pipeline):
                return name
    raise LookupError("no exporter takes this pipeline")


@exporter(GENERAL, takes=lambda pipeline: True)
def convert(pipeline: Pipeline, signature: Signature) -> bytes:
    """The pipeline as an ONNX graph of two inputs: the categorical columns as text, the numeric as 32-bit floats.

    Two matrices instead of one input per column: one row takes 10 µs instead of 34.
    """
    from sklearn.pipeline import Pipeline

    sets = boosting_onnx.register(pipeline)
    columns = by_place(pipeline.named_steps["columns"], signature)
    whole = Pipeline([("columns", columns), ("estimator", pipeline.named_steps["estimator"])])
    options = {} if signature.task == "regression" else {"zipmap": False}
    graph = graph_of(whole, columns, signature, options=options, target_opset=sets)
    exact = tree_thresholds.of_histograms(whole.named_steps["estimator"])
    if exact:
        tree_thresholds.round_down(graph.graph.node, exact)
    found: bytes = graph.SerializeToString(deterministic=True)
    return found


def graph_of(whole: Any, columns: Any, signature: Signature, **more: Any) -> Any:
    """`whole`, which begins with `columns`, by skl2onnx; the same graph in every process."""
    from skl2onnx import to_onnx, update_registered_converter
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.impute import SimpleImputer

    update_registered_converter(SimpleImputer, "MainlineImputer", imputer_shape, imputer, overwrite=True)
    inputs = []
    if signature.categorical:
        inputs.append(("categorical", StringTensorType([None, len(signature.categorical)])))
    if signature.numeric:
        inputs.append(("numeric", FloatTensorType([None, len(signature.numeric)])))
    # A fixed name: the default is random, and equal models must have equal digests.
    with warnings.catch_warnings():
        # The converter passes booleans where protobuf wants integers: 6 warns, 7 fails (hence the upper bound).
        warnings.simplefilter("ignore", DeprecationWarning)
        graph = to_onnx(whole, initial_types=inputs, name="mainline", **more)
    if signature.categorical:
        encoder = columns.named_transformers_["categorical"]
        missing = getattr(encoder, "encoded_missing_value", 0)
        name_missing(graph, encoder.categories_, coded=missing == missing)
    # The converter lists the operator sets in an order that differs between processes.
    ordered = sorted(graph.opset_import, key=lambda named: named.domain)
    del graph.opset_import[:]
    graph.opset_import.extend(ordered)
    return graph


def columns_to_onnx(pipeline: Pipeline, signature: Signature, opset: int) -> Any:
    """The preprocessing alone, with one output: the matrix that the estimator gets."""
    columns = by_place(pipeline.named_steps["columns"], signature)
    return graph_of(columns, columns, signature, target_opset={"": opset, "ai.onnx.ml": 3})


def merged(columns: Any, network: Any) -> bytes:
    """One graph of the preprocessing and of a network behind it; names of the latter begin with `net_`.

    The outputs of the one are the inputs of the other, in their order.
    """
    import onnx.compose

    used = {node.domain for node in network.graph.node}
    sets = [each for each in network.opset_import if each.domain in used]
    del network.opset_import[:]  # what it names and does not use may be of another version
    network.opset_import.extend(sets)
    network = onnx.compose.add_prefix(network, "net_")
    columns.ir_version = network.ir_version = min(columns.ir_version, network.ir_version)
    whole = onnx.compose.merge_models(
        columns,
        network,
        io_map=[
            (given.name, taken.name) for given, taken in zip(columns.graph.output, network.graph.input, strict=True)
        ],
        name="mainline",
        producer_name="mainline",
    )
    # tf2onnx notes the name of TensorFlow's function, which counts up: a model that was just trained has another one.
    whole.doc_string = whole.graph.doc_string = ""
    found: bytes = whole.SerializeToString(deterministic=True)
    return found


def by_place(columns: Any, signature: Signature) -> Any:
    """A copy of the fitted ColumnTransformer that selects its columns by position in the two inputs."""
    place = {name: i for i, name in enumerate(signature.names)}
    moved = copy.copy(columns)
    for attribute in ("transformers", "transformers_"):
        steps = [(name, ignoring(step), [place[c] for c in names]) for name, step, names in getattr(columns, attribute)]
        setattr(moved, attribute, steps)
    return moved


def ignoring(step: Any) -> Any:
    """A one-hot encoder that ignores unknown values: the same without infrequent categories, and supported."""
    if getattr(step, "handle_unknown", None) != "infrequent_if_exist" or getattr(step, "_infrequent_enabled", True):
        return step
    same = copy.copy(step)
    same.handle_unknown = "ignore"
    return same


def name_missing(graph: Any, categories: list[NDArray[Any]], coded: bool) -> None:
    """Distinguish the missing category from the text "nan", which the converter uses for it.

    Where it has no code of its own (`coded` is false), no text at all is it: then it is NaN, like an unknown category.
    """
    encoders = iter([found for found in categories if len(found)])
    for node in graph.graph.node:
        for attribute in node.attribute:
            if attribute.name in ("keys_strings", "cats_strings"):
                known = next(encoders)
                if isinstance(known[-1], float):
                    last = max(i for i, text in enumerate(attribute.strings) if text == b"nan")
                    attribute.strings[last] = (MISSING if coded else NOWHERE).encode()


def imputer_shape(operator: Any) -> None:
    """SimpleImputer with `add_indicator` has more columns than skl2onnx gives it."""
    columns = sum(variable.type.shape[1] for variable in operator.inputs)
    indicated = operator.raw_operator.indicator_
    more = len(indicated.features_) if indicated is not None else 0
    operator.outputs[0].type.shape = [operator.inputs[0].get_first_dimension(), columns + more]


def imputer(scope: Any, operator: Any, container: Any) -> None:
    """The imputed columns, and behind them a 1 where one of those that the indicator watches was missing."""
    from onnx import TensorProto
    from skl2onnx.common._apply_operation import apply_cast, apply_concat
    from skl2onnx.operator_converters.common import concatenate_variables

    fitted = operator.raw_operator
    given = concatenate_variables(scope, operator.inputs, container)
    output = operator.outputs[0].full_name
    watched = fitted.indicator_.features_ if fitted.indicator_ is not None else ()
    imputed = scope.get_unique_variable_name("imputed") if len(watched) else output
    container.add_node(
        "Imputer",
        given,
        imputed,
        op_domain="ai.onnx.ml",
        name=scope.get_unique_operator_name("Imputer"),
        imputed_value_floats=fitted.statistics_.astype("float32"),
        replaced_value_float=float("nan"),
    )
    if not len(watched):
        return
    places, taken, missing, indicated = map(
        scope.get_unique_variable_name, ("places", "watched", "missing", "indicated")
    )
    container.add_initializer(places, TensorProto.INT64, [len(watched)], [int(i) for i in watched])
    container.add_node(
        "ArrayFeatureExtractor", [given, places], taken, op_domain="ai.onnx.ml",
        name=scope.get_unique_operator_name("ArrayFeatureExtractor"),
    )  # fmt: skip
    container.add_node("IsNaN", taken, missing, op_version=13, name=scope.get_unique_operator_name("IsNaN"))
    apply_cast(scope, missing, indicated, container, to=TensorProto.FLOAT)
    apply_concat(scope, [imputed, indicated], output, container, axis=1)

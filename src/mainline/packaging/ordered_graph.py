"""The graph that tf2onnx makes, with the same names and the same order in every process."""

from __future__ import annotations

import copy
from typing import Any


def same_in_every_process(graph: Any) -> None:
    """Names and tables in an order of their own: tf2onnx counts names up, and a table of TensorFlow has no order."""
    if any(attribute.HasField("g") for node in graph.node for attribute in node.attribute):
        return  # what is inside a loop or a branch names what is outside
    ordered = [copy.deepcopy(node) for node in from_the_outputs(graph)]
    del graph.node[:]
    graph.node.extend(ordered)
    constants = {each.name: each for each in graph.initializer}
    kept = {"", *(each.name for each in (*graph.input, *graph.output))}
    names: dict[str, str] = {}
    for i, node in enumerate(graph.node):
        if node.op_type == "CategoryMapper":
            of = {attribute.name: attribute for attribute in node.attribute}
            pairs = sorted(zip(of["cats_strings"].strings, of["cats_int64s"].ints, strict=True))
            of["cats_strings"].strings[:] = [text for text, _ in pairs]
            of["cats_int64s"].ints[:] = [number for _, number in pairs]
        for given in (node.input, node.output):
            given[:] = [name if name in kept else names.setdefault(name, f"value_{len(names)}") for name in given]
        node.name = f"node_{i}"
    del graph.initializer[:], graph.value_info[:]
    for each in (*graph.input, *graph.output):
        for size in each.type.tensor_type.shape.dim:
            if size.HasField("dim_param"):
                size.dim_param = "rows"
    for name, place in names.items():
        if name in constants:
            constants[name].name = place
            graph.initializer.append(constants[name])


def from_the_outputs(graph: Any) -> list[Any]:
    """The nodes that an output needs, each behind those that it reads: the graph alone says in which order."""
    makers = {name: node for node in graph.node for name in node.output if name}
    todo = [(makers[each.name], False) for each in reversed(graph.output) if each.name in makers]
    found: dict[int, Any] = {}
    while todo:
        node, read = todo.pop()
        if id(node) in found:
            continue
        if read:
            found[id(node)] = node
            continue
        todo.append((node, True))
        todo += [(makers[name], False) for name in reversed(node.input) if name in makers]
    return list(found.values())

"""The 32-bit thresholds of a converted ensemble of trees: each must split 32-bit numbers as its 64-bit one does.

Converters round to the nearest. Between two neighbouring numbers that can be the upper one, which then goes to the
other side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# From a tree, a node in it and the feature of its split to the 64-bit threshold; None where there is none.
Exact = Callable[[int, int, int, float], float | None]


def round_down(nodes: Any, exact: Exact) -> None:
    """Make each threshold of `nodes` the largest 32-bit number that is not above the exact one."""
    import numpy as np

    for node in nodes:
        attributes = {attribute.name: attribute for attribute in node.attribute}
        if "nodes_values" not in attributes:
            continue
        values = attributes["nodes_values"].floats
        trees, places, features = (
            attributes[name].ints for name in ("nodes_treeids", "nodes_nodeids", "nodes_featureids")
        )
        for at, (tree, place, feature, mode) in enumerate(
            zip(trees, places, features, attributes["nodes_modes"].strings, strict=True)
        ):
            value = values[at]
            wanted = exact(tree, place, feature, value) if mode == b"BRANCH_LEQ" else None
            if wanted is None:
                continue
            with np.errstate(over="ignore"):  # LightGBM splits what is missing off at 1e300
                nearest = float(np.float32(wanted))
            # Another node's threshold would not have this number as its nearest one.
            if nearest == value and wanted < value:
                values[at] = float(np.nextafter(np.float32(value), np.float32(-np.inf)))


def of_histograms(estimator: Any) -> Exact | None:
    """The thresholds of scikit-learn's histogram gradient boosting; None of any other estimator."""
    if not type(estimator).__name__.startswith("HistGradientBoosting"):
        return None
    trees = [tree for iteration in estimator._predictors for tree in iteration]

    def exact(tree: int, place: int, feature: int, value: float) -> float | None:
        if tree >= len(trees) or place >= len(trees[tree].nodes):
            return None
        node = trees[tree].nodes[place]
        return float(node["num_threshold"]) if node["feature_idx"] == feature and not node["is_leaf"] else None

    return exact

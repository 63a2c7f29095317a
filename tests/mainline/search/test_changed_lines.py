"""What a search may change of params.yaml: the job that writes takes no other line."""

from __future__ import annotations

import pytest

from mainline.errors import DataError
from mainline.search.changed_lines import check
from tests.projects import PARAMS

BLOCK = PARAMS.replace(
    "  params: {max_iter: 30, early_stopping: false}\n",
    "  params:\n    max_iter: 30   # few rows\n    early_stopping: false\n",
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("max_iter: 30   # few", "max_iter: 45   # few"),
        (
            "    early_stopping: false\n",
            "    early_stopping: false\n    learning_rate: 0.07\n    max_leaf_nodes: [7]\n",
        ),
        ("  threads: 1\n", "  threads: 1\n  categorical: onehot\n"),
        ("numeric: [minutes, pages]", "numeric: [minutes]"),
    ],
)
def test_parameters_encodings_and_features_may_change(before: str, after: str) -> None:
    assert before in BLOCK
    check(BLOCK, BLOCK.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  estimator: sklearn.ensemble.HistGradient", "  estimator: sklearn.ensemble.Gradient"),
        ("    roc_auc: 0.02 ", "    roc_auc: 0.90 "),
        ("  function: shop.frame:prepare", "  function: shop.frame:other"),
        ("  label: bought", "  label: shop"),
        ("    early_stopping: false\n", "    early_stopping: false\nextensions: [shop.extensions]\n"),
        ("    early_stopping: false\n", "    early_stopping: false\n    note: 'from here\n"),
        ("    early_stopping: false\n", "    early_stopping: false\n    note: |\n"),
        ("    early_stopping: false\n", "    early_stopping: false\n    note: {a: 1,\n"),
        ("    early_stopping: false\n", "    early_stopping: false\n    note: a\u2028gates: {}\n"),
        ("    early_stopping: false\n", "    early_stopping: false\n" + "    a: 1\n" * 300),
        ("gates:\n", ""),
    ],
)
def test_nothing_else_may(before: str, after: str) -> None:
    assert before in BLOCK
    with pytest.raises(DataError, match=r"params\.yaml of the search"):
        check(BLOCK, BLOCK.replace(before, after))

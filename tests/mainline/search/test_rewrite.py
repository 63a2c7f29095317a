"""The winner in the text of params.yaml: comments and order stay, and nothing else changes."""

from __future__ import annotations

import difflib

import pytest

from mainline.errors import ConfigurationError
from mainline.search import rewrite, space
from tests.mainline.search.spaces import SEARCH, params, text

BLOCK = (
    "  params: {max_iter: 30, early_stopping: false}\n",
    "  params:\n    max_iter: 30         # few rows\n    early_stopping: false\n    # the end\n",
)
LISTED = ("    numeric: [minutes, pages]\n", "    numeric:\n      - minutes\n      - pages # of the shop\n")
VALUES = {
    "params.max_iter": 5,
    "params.learning_rate": 0.0000123,
    "params.max_leaf_nodes": "7",
    "categorical": '"onehot"',
    "without": '"pages"',
}


def changed(values: dict[str, object], *changes: tuple[str, str]) -> list[str]:
    """The lines that differ."""
    found = params(SEARCH, ("low: 0.01", "low: 0.00001"), *changes)
    before = text(SEARCH, ("low: 0.01", "low: 0.00001"), *changes)
    after = rewrite.rewritten(before, found, space.dimensions(found.settings), values)
    diff = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in diff if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def test_values_change_in_place_and_new_ones_follow_the_last(tmp_path: object) -> None:
    assert changed(VALUES, BLOCK, LISTED) == [
        "-      - pages # of the shop",
        "-    max_iter: 30         # few rows",
        "+    max_iter: 5          # few rows",
        "+    learning_rate: 1.23e-05",
        "+    max_leaf_nodes: 7",
        "+  categorical: onehot",
    ]


def test_a_section_on_one_line_stays_on_one_line() -> None:
    assert changed(VALUES) == [
        "-    numeric: [minutes, pages]",
        "+    numeric: [minutes]",
        "-  params: {max_iter: 30, early_stopping: false}",
        "+  params: {max_iter: 5, early_stopping: false, learning_rate: 1.23e-05, max_leaf_nodes: 7}",
        "+  categorical: onehot",
    ]


def test_the_first_of_a_list_on_one_line_goes_with_its_comma() -> None:
    assert changed({"without": '"minutes"'}, ('without: [shop, "p*"]', "without: [minutes]")) == [
        "-    numeric: [minutes, pages]",
        "+    numeric: [pages]",
    ]


def test_a_file_without_parameters_gets_them() -> None:
    assert changed({"params.max_iter": 40}, ("  params: {max_iter: 30, early_stopping: false}\n", "")) == [
        "+  params: {max_iter: 40}"
    ]


def test_todays_values_change_nothing() -> None:
    assert changed({"params.max_iter": 30, "without": "null", "categorical": '"ordinal"'}) == []


def test_a_default_that_the_file_leaves_out_is_written_as_it_was_tried() -> None:
    assert changed({"params.max_leaf_nodes": "31"}) == [
        "-  params: {max_iter: 30, early_stopping: false}",
        "+  params: {max_iter: 30, early_stopping: false, max_leaf_nodes: 31}",
    ]


def test_one_is_another_value_than_one_point_nought() -> None:
    """Of `max_features`, the first is one feature and the second is all of them."""
    one = ("max_iter: 30,", "max_iter: 30, max_features: 1,")
    some = ("    max_leaf_nodes: [7, 31]\n", "    max_features: [0.5, 1.0]\n")
    assert changed({"params.max_features": "1.0"}, one, some) == [
        "-  params: {max_iter: 30, max_features: 1, early_stopping: false}",
        "+  params: {max_iter: 30, max_features: 1.0, early_stopping: false}",
    ]
    found = params(SEARCH, one, some).settings
    assert "params.max_features" not in space.today(found, space.dimensions(found)), "1 is none of the list"


def test_a_text_that_cannot_be_changed_in_place_is_named_with_what_to_set() -> None:
    trees = "params: {max_iter: 30, early_stopping: false}"
    anchored = (trees, "params: {max_iter: &few 30, early_stopping: false}")
    hidden = (trees, "params: {max_iter: &few 30, early_stopping: false, min_samples_leaf: *few}")
    assert changed({"params.max_iter": 40}, anchored)  # the anchor goes with the value that it names
    with pytest.raises(ConfigurationError, match=r"in place; set by hand: train.params.max_iter: 30 → 40"):
        changed({"params.max_iter": 40}, hidden)
    alone = ("    categorical: [shop]\n", "    categorical:\n      - shop\n")
    with pytest.raises(ConfigurationError, match=r"set by hand: prepare.features: with shop → without shop"):
        changed({"without": '"shop"'}, alone)

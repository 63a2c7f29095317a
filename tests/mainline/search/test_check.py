"""What cannot be searched is refused with its line and what would be right, before anything is trained."""

from __future__ import annotations

import pytest

from mainline.errors import ConfigurationError
from mainline.search import check
from tests.mainline.search.spaces import SEARCH, params

COLUMNS = ["visit", "at", "shop", "minutes", "pages", "bought", "day"]
LINE = 43  # of `search:` in the shop's params.yaml


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ("search: {folds: 3}\n", "search: the space is empty: name what may change"),
        ("search:\n  params:\n    max_iter: {low: 60, high: 5}\n", "search.params.max_iter: low is 60, and high is 5"),
        ("search:\n  params: {max_iter: {low: 5}}\n", "`high` must be a number, and there is none"),
        ("search:\n  params: {l2_regularization: {low: 1e-5, high: 1.0}}\n", "a text: write 1.0e-5"),
        ("search:\n  params: {l2_regularization: {low: 0, high: 2.5e3}}\n", "a text: write 2.5e+3"),
        ("search:\n  params: {max_iter: {low: 5, hihg: 6}}\n", "a range has no hihg: did you mean high?"),
        ("search:\n  params: {a: {low: 0, high: 1, log: true}}\n", "with `log: true` it must be above 0"),
        ("search:\n  params: {a: {low: 0.0, high: 1, step: 2}}\n", "step is 2: it must lie above 0 and not above"),
        ("search:\n  params: {a: {low: 0, high: 1, step: 0.5}}\n", "both bounds are whole numbers: write low as 0.0"),
        ("search:\n  params: {a: [1]}\n", "a list of at least two different values"),
        ("search:\n  params: {a: [1, 1]}\n", "a list of at least two different values"),
        ("search:\n  params: {a: 3}\n", "a range such as {low: 0.01, high: 0.3, log: true}, or a list of values"),
        ("search:\n  categorical: [ordinal]\n", "categorical: a list of at least two different values"),
        ("search:\n  numeric: [standardise, passthrough]\n", "did you mean standardize?"),
    ],
)
def test_an_empty_space_or_impossible_bounds_are_refused_where_the_file_is_read(search: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        params(search)
    assert said in str(refused.value)
    assert str(refused.value).startswith("params.yaml:")


def test_a_file_without_a_space_is_told_how_one_looks() -> None:
    with pytest.raises(ConfigurationError, match=r"there is no section `search`.*max_iter: \{low: 50, high: 400\}"):
        check.check(params(""))


def test_a_parameter_that_the_estimator_does_not_have_is_named_with_the_nearest() -> None:
    found = params(SEARCH, ("    max_leaf_nodes: [7, 31]", "    max_leaf_node: [7, 31]"))
    with pytest.raises(ConfigurationError) as refused:
        check.check(found)
    assert f":{found.line('search', 'params', 'max_leaf_node')}: search.params.max_leaf_node" in str(refused.value)
    assert "takes no max_leaf_node: did you mean max_leaf_nodes?" in str(refused.value)


def test_a_seed_is_not_searched() -> None:
    with pytest.raises(ConfigurationError, match="the best of several seeds is luck"):
        check.check(params("search: {params: {random_state: [0, 1, 2]}}\n"))


def test_a_feature_that_may_be_left_out_must_be_one_of_the_file() -> None:
    check.check_features(params(), COLUMNS)
    with pytest.raises(ConfigurationError, match=r"prepare.features has no minuts: did you mean minutes\?"):
        check.check_features(params(SEARCH, ('"p*"', "minuts")), COLUMNS)
    by_pattern = (("numeric: [minutes, pages]", 'numeric: [minutes, "pag*"]'), ('"p*"', "pages"))
    with pytest.raises(ConfigurationError, match=r"pages is listed by a pattern among prepare\.features"):
        check.check_features(params(SEARCH, *by_pattern), COLUMNS)


def test_a_feature_that_an_earlier_search_took_out_is_no_mistake() -> None:
    check.check_features(
        params(SEARCH, ("numeric: [minutes, pages]", "numeric: [minutes]"), ('"p*"', "pages")), COLUMNS
    )

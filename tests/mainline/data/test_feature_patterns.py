"""`numeric: ["pixel_*"]` stands for the frame's columns of that name, in their order."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from mainline.config import loader
from mainline.data.collect import collect, to_json
from mainline.data.feature_patterns import expanded, resolved
from mainline.errors import ConfigurationError
from mainline.evaluation.baseline_scores import score_request
from mainline.runtime.progress import Progress
from mainline.runtime.workspace import Workspace
from pipelines import training
from tests.mainline.settings import params
from tests.projects import RETURN, Project

COLUMNS = ["visit", "at", "shop", "minutes", "pages", "bought", "day", "p_2", "p_10", "p_1", "q*r"]


def features(numeric: str, categorical: str = "[shop]", *more: tuple[str, str]) -> tuple[list[str], list[str]]:
    changes = (("[minutes, pages]", numeric), ("categorical: [shop]", f"categorical: {categorical}"), *more)
    found = expanded(params(*changes).settings.prepare, COLUMNS)
    return found.numeric, found.categorical


@pytest.mark.parametrize(
    ("numeric", "wanted"),
    [
        ("[minutes, 'p_*']", ["minutes", "p_2", "p_10", "p_1"]),
        ("['p_*', minutes]", ["p_2", "p_10", "p_1", "minutes"]),
        ("['p_1*']", ["p_10", "p_1"]),
        ("[p_1, 'p_*']", ["p_1", "p_2", "p_10"]),
        ("['*_1', '*_2']", ["p_1", "p_2"]),
        ("['p_?', minutes]", None),
        ("['q*r']", ["q*r"]),
    ],
)
def test_a_star_stands_for_any_text_and_a_column_of_that_very_name_is_itself(
    numeric: str, wanted: list[str] | None
) -> None:
    """Without a star a name is a name: `?` and `[` are common in columns."""
    found, categorical = features(numeric)
    assert (found, categorical) == (wanted or ["p_?", "minutes"], ["shop"])


def test_a_column_that_is_named_on_the_other_side_is_none_of_the_pattern() -> None:
    assert features("['p_*']", "[shop, p_10]") == (["p_2", "p_1"], ["shop", "p_10"])


@pytest.mark.parametrize(
    ("numeric", "categorical", "more", "said"),
    [
        (
            "['pixel_*']",
            "[shop]",
            [],
            r"prepare.features.numeric: pixel_\* matches no column of the frame: it has visit",
        ),
        (
            "['p_*', 'page_*']",
            "[shop]",
            [],
            r"prepare.features.numeric: page_\* matches no column .* did you mean pages\?",
        ),
        ("['*']", "[shop]", [], r"prepare.features.numeric: \* matches visit, which is in prepare.key"),
        ("['b*']", "[shop]", [], r"prepare.features.numeric: b\* matches bought, which is prepare.label"),
        ("['a*']", "[shop]", [], r"prepare.features.numeric: a\* matches at, which is prepare.time"),
        ("['d*']", "[shop]", [("  label: bought", "  label: bought\n  status: day")], "matches day, .* prepare.status"),
        ("['p_*']", "['*_1']", [], r"p_1 matches p_\* of numeric and \*_1 of categorical"),
    ],
)
def test_a_pattern_that_matches_nothing_or_the_wrong_column_is_refused_by_name(
    numeric: str, categorical: str, more: list[tuple[str, str]], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        features(numeric, categorical, *more)


@pytest.mark.slow
def test_the_fingerprint_holds_the_columns_so_that_another_set_of_them_is_another_model(shop: Project) -> None:
    shop.edit("params.yaml", ("[minutes, pages]", "['m*', 'pag*']"))
    (shop.root / "data/expectations/visits.yaml").unlink()
    begun = [begin(shop)]
    assert begun[0].params.settings.prepare.features.numeric == ["minutes", "pages"]
    assert begun[0].prints.parts.prepare["features"]["numeric"] == ["minutes", "pages"]
    shop.edit("params.yaml", ("['m*', 'pag*']", "[minutes, pages]"))
    assert begin(shop).prints.model == begun[0].prints.model, "the names say the same"
    shop.edit("params.yaml", ("[minutes, pages]", "['m*', 'pag*']"))
    rows = pd.read_parquet(shop.path("data/visits.parquet"))
    rows.assign(months=1).to_parquet(shop.path("data/visits.parquet"), index=False, coerce_timestamps="us")
    again = begin(shop)
    assert again.prints.parts.prepare["features"]["numeric"] == ["minutes", "months", "pages"]


def test_the_function_is_not_asked_where_no_feature_is_a_pattern(shop: Project) -> None:
    shop.edit("src/shop/frame.py", (RETURN, 'raise ValueError("called")'))
    settings = loader.load().settings
    assert resolved(settings, collect(settings.data, shop.root, shop.root / "cache")) is settings


@pytest.mark.slow
def test_main_scores_a_table_with_another_column_by_the_columns_that_it_was_trained_on(shop: Project) -> None:
    shop.edit("params.yaml", ("[minutes, pages]", "['m*', 'pag*']"))
    job = begin(shop)
    training.prepare(job)
    record = training.train_new(job).keep(job.workspace)
    rows = pd.read_parquet(shop.path("data/visits.parquet")).assign(months=1)
    rows.to_parquet(shop.path("data/visits.parquet"), index=False, coerce_timestamps="us")
    settings = loader.load().settings
    ids = record.holdout.row_id
    np.save(shop.path("rows.npy"), ids)
    request = {
        "tables": to_json(collect(settings.data, shop.root, shop.root / "cache")),
        "until": settings.data.until.isoformat(),
        "timezone": settings.data.timezone,
        "rows": str(shop.path("rows.npy")),
        "record": str(record.path),
        "into": str(shop.root),
    }
    with np.load(score_request(settings, request)["scores"]) as answer:
        found = pd.Series(answer["score"], index=answer["row_id"])[ids]
    assert found.to_numpy() == pytest.approx(record.holdout.score)


def begin(shop: Project) -> training.Job:
    sys.modules.pop("shop.frame", None)
    return training.begin(loader.load(), Workspace.at(shop.root), Progress())

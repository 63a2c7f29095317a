"""A table without a key gets one from its content: an inserted row moves no other."""

from __future__ import annotations

import re
import sys

import numpy as np
import pandas as pd
import pytest

from mainline.config import loader
from mainline.data import prepare
from mainline.data.collect import collect
from mainline.data.split import sides
from mainline.errors import ConfigurationError, DataError, MainlineError
from mainline.packaging.export import describe_key
from tests.mainline.settings import params
from tests.projects import Project, visits

BY_CONTENT = (
    ("  key: [visit]\n  time: at\n", "  key: content\n"),
    ("  by: time\n  holdout: 2 weeks", "  by: hash\n  holdout: 0.3"),
    ("    visits: {path: data/visits.parquet, time: at}\n    purchases: {path: data/purchases.csv, time: known_at}\n",
     "    visits: {path: data/visits.csv}\n"),
)  # fmt: skip
FUNCTION = 'def prepare(tables):\n    return tables["visits"].mutate(day=tables["visits"].at.date())\n'


def rows() -> pd.DataFrame:
    return visits(300).drop(columns="visit")


@pytest.fixture
def keyless(shop: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    shop.edit("params.yaml", *BY_CONTENT)
    shop.write("src/shop/frame.py", FUNCTION)
    write(shop, rows())
    return shop


def write(shop: Project, table: pd.DataFrame) -> None:
    table.to_csv(shop.path("data/visits.csv"), index=False)


def frame(shop: Project) -> pd.DataFrame:
    for name in ("shop.frame", "shop"):  # its function may be another now
        sys.modules.pop(name, None)
    settings = loader.load().settings
    path = shop.root / "frames" / "frame.parquet"
    prepare.build(settings, collect(settings.data, shop.root, shop.root / "cache"), path)
    return pd.read_parquet(path)


def ids(shop: Project) -> dict[str, int]:
    """The row's id by its key."""
    return dict(frame(shop).set_index("content_key")["row_id"])


def refused(shop: Project, kind: type[MainlineError], said: str) -> None:
    with pytest.raises(kind, match=said):
        frame(shop)


@pytest.mark.slow
@pytest.mark.parametrize("key", ["  key: content\n", ""])
def test_a_key_that_is_left_out_is_made_from_the_content(keyless: Project, key: str) -> None:
    keyless.edit("params.yaml", ("  key: content\n", key))
    found = frame(keyless)
    assert found["content_key"].is_unique
    assert found["row_id"].is_unique
    assert all(re.fullmatch(r"[0-9a-f]{16}", value) for value in found["content_key"])


@pytest.mark.slow
def test_inserted_and_removed_rows_and_another_order_move_no_other(keyless: Project) -> None:
    before = ids(keyless)
    more = rows().iloc[:20].assign(pages=lambda some: some["pages"] + 0.5)  # no whole numbers any more
    write(keyless, pd.concat([more, rows().iloc[5:].sample(frac=1, random_state=0)]))
    now = ids(keyless)
    assert len(now) == 315
    assert len(before.keys() - now.keys()) == 5
    assert all(now[key] == row for key, row in before.items() if key in now)


@pytest.mark.slow
def test_the_key_says_nothing_of_the_label_and_is_the_same_once_it_is_known(keyless: Project) -> None:
    known = ids(keyless)
    write(keyless, rows().assign(bought=None))
    keyless.edit("src/shop/frame.py", ("    return ", "    visits = "))
    keyless.edit(
        "src/shop/frame.py",
        (".at.date())\n", '.at.date())\n    return visits.mutate(bought=visits.bought.cast("boolean"))\n'),
    )
    assert ids(keyless) == known


@pytest.mark.slow
def test_a_new_feature_a_category_instead_of_a_number_and_another_format_keep_the_keys(keyless: Project) -> None:
    before = sorted(frame(keyless)["content_key"])
    keyless.edit("src/shop/frame.py", ("mutate(", 'mutate(speed=tables["visits"].pages / tables["visits"].minutes, '))
    keyless.edit(
        "params.yaml",
        ("numeric: [minutes, pages]\n    categorical: [shop]", "numeric: [speed]\n    categorical: [shop, minutes]"),
    )
    assert sorted(frame(keyless)["content_key"]) == before, "minutes are read as text now: 7.0 and 7 are one value"
    rows().to_parquet(keyless.path("data/visits.parquet"), index=False, coerce_timestamps="us")
    keyless.edit("params.yaml", ("data/visits.csv", "data/visits.parquet"))
    assert sorted(frame(keyless)["content_key"]) == before


@pytest.mark.slow
def test_equal_rows_are_numbered_and_stay_on_one_side_of_a_hash_split(keyless: Project) -> None:
    other = rows().iloc[:50].assign(bought=lambda some: ~some["bought"])
    several = pd.concat([rows(), rows().iloc[:100], other])
    write(keyless, several)
    found = frame(keyless)
    labels = found.set_index("content_key")["bought"]
    write(keyless, several.sample(frac=1, random_state=1))
    assert frame(keyless).set_index("content_key")["bought"].equals(labels), "the order of the file says nothing"
    assert found["content_key"].is_unique
    numbered = found["content_key"].str.extract(r"^([0-9a-f]{16})(?:-(\d+))?$")
    assert numbered[1].value_counts().to_dict() == {"2": 100, "3": 50}
    side = re.search(r"< (\d+)::UBIGINT", sides(loader.load().settings).holdout)
    assert side
    held = found["row_id"].to_numpy() < np.uint64(int(side[1]))
    assert held.any()
    assert not held.all()
    assert (pd.Series(held).groupby(numbered[0]).nunique() == 1).all()


@pytest.mark.slow
def test_a_function_that_chooses_columns_is_told_to_hand_on_the_key(keyless: Project) -> None:
    keyless.write(
        "src/shop/frame.py",
        'def prepare(tables):\n    visits = tables["visits"]\n'
        '    return visits.select("at", "shop", "minutes", "pages", "bought", day="at")\n',
    )
    refused(keyless, ConfigurationError, "prepare.key: content: .*shop.frame:prepare.* hand on .*content_key")
    keyless.edit("src/shop/frame.py", ('select("at"', 'select("content_key", "at"'))
    assert frame(keyless)["content_key"].is_unique


@pytest.mark.slow
def test_with_several_tables_the_key_is_that_of_the_table_the_rows_come_from(keyless: Project) -> None:
    before = sorted(frame(keyless)["content_key"])
    pd.DataFrame({"shop": ["north", "south", "east"], "size": [1, 2, 3]}).to_csv(
        keyless.path("data/shops.csv"), index=False
    )
    keyless.edit("params.yaml", ("    visits:", "    shops: {path: data/shops.csv}\n    visits:"))
    keyless.write(
        "src/shop/frame.py",
        "from ibis import _\n\n\ndef prepare(tables):\n"
        '    return tables["visits"].left_join(tables["shops"], "shop").mutate(day=_.at.date())\n',
    )
    assert sorted(frame(keyless)["content_key"]) == before


@pytest.mark.slow
def test_a_row_that_the_function_multiplies_is_refused_by_its_key(keyless: Project) -> None:
    keyless.write(
        "src/shop/frame.py",
        'def prepare(tables):\n    visits = tables["visits"].mutate(day=tables["visits"].at.date())\n'
        "    return visits.union(visits)\n",
    )
    refused(keyless, DataError, "300 rows share their key with another, first content_key=")


def test_a_label_of_every_column_leaves_nothing_to_make_a_key_of(keyless: Project) -> None:
    keyless.write(
        "src/shop/frame.py",
        "from ibis import _\n\n\ndef prepare(tables):\n    visits = tables['visits'].mutate(day=_.at.date())\n"
        "    return visits.mutate(bought=(_.minutes + _.pages > 20) & _.bought & (_.shop != '') & _.at.notnull())\n",
    )
    refused(keyless, ConfigurationError, "prepare.key: content: every column of visits is part of the label")


@pytest.mark.slow
def test_the_columns_of_the_key_can_be_named_so_that_a_new_column_changes_none(keyless: Project) -> None:
    before = sorted(frame(keyless)["content_key"])
    write(keyless, rows().assign(weather="sunny"))
    assert sorted(frame(keyless)["content_key"]) != before
    keyless.edit("params.yaml", ("  key: content\n", "  key: content\n  key_columns: [at, shop, minutes, pages]\n"))
    assert sorted(frame(keyless)["content_key"]) == before
    keyless.edit("params.yaml", ("[at, shop,", "[at, shopp,"))
    refused(keyless, ConfigurationError, "prepare.key_columns: visits has no column shopp: did you mean shop?")


@pytest.mark.slow
def test_the_server_asks_for_no_key_that_nobody_has(keyless: Project) -> None:
    frame(keyless)
    assert describe_key(loader.load().settings, keyless.root / "frames" / "frame.parquet") == []


def test_a_column_of_that_name_is_refused(keyless: Project) -> None:
    write(keyless, rows().assign(content_key=1))
    refused(keyless, ConfigurationError, "data.sources.visits: the column name content_key is taken")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("key: [visit]", "key: contents"), "prepare.key: .*content"),
        (("key: [visit]", "key: [visit]\n  key_columns: [shop]"), "key_columns"),
        (
            ("gates:\n", "monitor: {labels: {source: purchases, value: bought}}\ngates:\n"),
            "monitor.labels: .*the row's content.* name the columns of a key",
        ),
    ],
)
def test_settings_that_do_not_go_with_a_made_key_are_refused(change: tuple[str, str], said: str) -> None:
    made = [] if "visit" in change[0] else [("key: [visit]", "key: content")]
    with pytest.raises(ConfigurationError, match=said):
        params(*made, change)

"""The prepared frame: what is written, and what is refused before anything is."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mainline.config import loader
from mainline.data import prepare
from mainline.data.collect import collect
from mainline.errors import ConfigurationError, DataError, ExternalError, MainlineError
from tests.bounds import HANG
from tests.projects import FRAME, RETURN, Project, visits


def build(shop: Project) -> pd.DataFrame:
    settings = loader.load().settings
    path = shop.root / "frames" / "frame.parquet"
    prepare.build(settings, collect(settings.data, shop.root, shop.root / "cache"), path)
    return pd.read_parquet(path)


def refused(shop: Project, kind: type[MainlineError], said: str) -> None:
    with pytest.raises(kind, match=said):
        build(shop)
    assert list((shop.root / "frames").glob("*")) == [], "nothing is left of it"
    assert list((shop.root / "frames").glob(".*")) == []


@pytest.mark.slow
def test_every_row_is_there_once_with_its_id_sorted_by_the_key(shop: Project) -> None:
    shop.data(visits().sample(frac=1, random_state=0))
    found = build(shop)
    assert found["visit"].tolist() == list(range(4800))
    assert found["row_id"].is_unique
    assert found["row_id"].dtype == np.uint64


def test_features_have_the_types_that_a_served_model_is_fed(shop: Project) -> None:
    found = build(shop)
    assert (found["minutes"].dtype, found["pages"].dtype) == (np.float32, np.float32)
    assert pd.api.types.is_string_dtype(found["shop"])
    np.testing.assert_array_equal(found["minutes"], visits()["minutes"].astype(np.float32))


@pytest.mark.slow
def test_a_row_keeps_its_id_whatever_else_is_in_the_table(shop: Project) -> None:
    whole = build(shop).set_index("visit")["row_id"]
    shop.data(visits().iloc[::2])
    half = build(shop).set_index("visit")["row_id"]
    assert (whole[half.index] == half).all()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (("key: [visit]", "key: [vist]"), "prepare.key: the prepared frame has no column vist: did you mean visit?"),
        (("label: bought", "label: bougt"), "prepare.label: .* no column bougt: did you mean bought?"),
        (("[minutes, pages]", "[minutes, page]"), "prepare.features: .* no column page: did you mean pages?"),
        (("slices: [shop]", "slices: [stop]"), "evaluate.slices: .* no column stop: did you mean shop?"),
        (("lead: {by: [shop]", "lead: {by: [zzz]"), "gates.lead.by: .* no column zzz: it has visit"),
        (("[minutes, pages]", "[minutes, bought]"), "prepare.features: bought is the label itself"),
        (("  time: at\n  label", "  time: pages\n  label"), "prepare.time: pages is .*, a date or a time is needed"),
    ],
)
def test_a_column_that_is_not_there_is_answered_with_the_nearest(
    shop: Project, setting: tuple[str, str], said: str
) -> None:
    shop.edit("params.yaml", setting)
    refused(shop, ConfigurationError, said)


@pytest.mark.parametrize(
    ("value", "kind"), [("ibis.struct({'a': _.pages})", "struct<a: int64>"), ("ibis.array([_.pages])", "array<int64>")]
)
def test_a_feature_that_no_request_can_send_is_refused_with_what_to_do(shop: Project, value: str, kind: str) -> None:
    nested = FRAME.replace("from ibis import _", "import ibis\nfrom ibis import _")
    shop.write("src/shop/frame.py", nested.replace(RETURN, f"{RETURN}.mutate(parts={value})"))
    shop.edit("params.yaml", ("categorical: [shop]", "categorical: [shop, parts]"))
    refused(shop, ConfigurationError, f"prepare.features: parts is {kind}, which no request can send: take it apart")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("shop.fram:prepare", "prepare.function: shop.fram:prepare does not import: No module named 'shop.fram'$"),
        ("ship.frame:prepare", "does not import: No module named 'ship': did you mean shop?"),
        ("shop.frame:prepair", "prepare.function: shop.frame has no prepair: did you mean prepare?"),
    ],
)
def test_a_function_that_is_not_there_is_named(shop: Project, function: str, said: str) -> None:
    shop.edit("params.yaml", ("shop.frame:prepare", function))
    refused(shop, ConfigurationError, said)


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        ('return tables["vists"]', ConfigurationError,
         r"failed \(src/shop/frame.py:\d+\): KeyError: 'vists': data.sources has visits, purchases"),
        ('return tables["visits"].mutate(x=_.hours)', ConfigurationError,
         r"shop.frame:prepare failed \(src/shop/frame.py:\d+\): .*hours"),
        ('return 1 / 0', ConfigurationError, "ZeroDivisionError: division by zero"),
        ('visits.count()', ConfigurationError, "shop.frame:prepare returned NoneType, expected an Ibis table"),
        ('return visits.to_pandas()', ConfigurationError, "returned DataFrame, expected an Ibis table"),
        ('return (visits', ConfigurationError,
         r"does not import \(src/shop/frame.py:\d+\): SyntaxError: .*never closed"),
        ('import polarz', ConfigurationError,
         r"failed \(src/shop/frame.py:\d+\): No module named 'polarz': .*uv add --group train"),
        (f'{RETURN}.filter(_.pages < 0)', DataError, "shop.frame:prepare returned no rows"),
        (f'{RETURN}.mutate(at=(_.pages > 0).ifelse(_.at, None))', DataError, "rows without at"),
        (f'{RETURN}.mutate(minutes=_.minutes * float("inf"))', DataError, "infinite values in minutes"),
        (f'{RETURN}.mutate(minutes=_.shop)', DataError,
         r"data.sources.visits: column shop, visit=\d+: Could not convert string '\w+' to FLOAT"),
        (f'{RETURN}.mutate(row_id=_.visit)', ConfigurationError, "the column name row_id is taken"),
    ],
)  # fmt: skip
def test_a_frame_that_cannot_be_computed_with_is_refused(
    shop: Project, body: str, kind: type[MainlineError], said: str
) -> None:
    shop.edit("src/shop/frame.py", (RETURN, body))
    refused(shop, kind, said)


@pytest.mark.slow
def test_a_join_that_multiplies_rows_is_refused_with_a_row(shop: Project) -> None:
    rows = pd.read_csv(shop.path("data/purchases.csv"))
    pd.concat([rows, rows[rows["visit"].isin([7, 9])]]).to_csv(shop.path("data/purchases.csv"), index=False)
    refused(shop, DataError, "2 rows share their key with another, first visit=7")


@pytest.mark.slow
def test_a_frame_that_is_kept_is_held_against_settings_that_changed(shop: Project) -> None:
    build(shop)
    path = shop.root / "frames" / "frame.parquet"
    prepare.check_kept(loader.load().settings, path)
    shop.edit("params.yaml", ("slices: [shop]", "slices: [stop]"))
    with pytest.raises(ConfigurationError, match=r"evaluate.slices: .* did you mean shop?"):
        prepare.check_kept(loader.load().settings, path)


@pytest.mark.slow
def test_a_disk_without_space_is_a_matter_of_the_outside_and_leaves_nothing(shop: Project) -> None:
    build(shop)
    whole = (shop.root / "frames" / "frame.parquet").read_bytes()
    program = (
        "import resource, sys\nfrom pathlib import Path\nfrom mainline.config import loader\n"
        "from mainline.data import prepare\n"
        "from mainline.data.collect import collect\nfrom mainline.errors import ExternalError\n"
        "settings, root = loader.load().settings, Path.cwd()\n"
        "tables = collect(settings.data, root, root / 'cache')\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(whole) // 2},) * 2)\n"
        "try:\n    prepare.build(settings, tables, root / 'frames' / 'frame.parquet')\n"
        "except ExternalError as error:\n    sys.exit(f'{error}')\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(shop.root / "src")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=shop.root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG,
    )
    assert "frames/frame.parquet could not be written: " in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in (shop.root / "frames").iterdir()] == ["frame.parquet"]
    assert (shop.root / "frames" / "frame.parquet").read_bytes() == whole


BIG = f"""\
    rows = {RETURN.removeprefix("return ")}
    rows = rows.cross_join(ibis.range(100).unnest().name("copy").as_table())
    return rows.mutate(visit=_.visit * 100 + _.copy, shop=_.shop + _.copy.cast("string").lpad(120, "x"))"""


@pytest.mark.slow
def test_with_little_memory_the_frame_is_the_same_and_nothing_is_left_where_it_spilled(
    shop: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.edit("src/shop/frame.py", (RETURN, BIG.strip()), ("from ibis import _", "import ibis\nfrom ibis import _"))
    whole = build(shop)
    (tmp_path / "spill").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "spill"))
    shop.edit("params.yaml", ("data:\n", "data:\n  memory_megabytes: 64\n"))
    pd.testing.assert_frame_equal(build(shop), whole)
    assert list((tmp_path / "spill").iterdir()) == []


@pytest.mark.slow
def test_a_disk_that_fills_while_the_frame_spills_is_named_and_leaves_nothing(
    shop: Project, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.edit("src/shop/frame.py", (RETURN, BIG.strip()), ("from ibis import _", "import ibis\nfrom ibis import _"))
    shop.edit("params.yaml", ("data:\n", "data:\n  memory_megabytes: 64\n"))
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    refused(shop, ExternalError, r"no room for temporary files below .*small-disk: .* Set TMPDIR to a folder with more")
    assert not list(small_disk.iterdir())


@pytest.mark.slow
def test_memory_that_does_not_suffice_is_named_with_the_setting(shop: Project) -> None:
    lists = f"{RETURN}.mutate(pages=_.shop.repeat(9000).collect().over(ibis.window()).sort().length())"
    shop.edit("src/shop/frame.py", (RETURN, lists), ("from ibis import _", "import ibis\nfrom ibis import _"))
    shop.edit("params.yaml", ("data:\n", "data:\n  memory_megabytes: 64\n"))
    refused(shop, ConfigurationError, r"data.memory_megabytes: 64: .* set it to 128 or more")


WORDS = ('bought=_.bought.cast("boolean")', 'bought=_.bought.cast("boolean").ifelse("bad", " good ")')


def test_a_label_in_words_of_its_own_is_true_or_false_as_the_settings_say(shop: Project) -> None:
    shop.write("src/shop/frame.py", FRAME.replace(*WORDS))
    shop.edit("params.yaml", ("label: bought", "label: bought\n  label_values: {bad: true, good: false}"))
    found = build(shop)
    bought = visits().set_index("visit")["bought"]
    assert found["bought"].dropna().tolist() == bought[found.dropna(subset="bought")["visit"]].tolist()


def test_a_label_that_the_settings_do_not_explain_is_refused_with_its_value(shop: Project) -> None:
    shop.write("src/shop/frame.py", FRAME.replace(*WORDS))
    shop.edit("params.yaml", ("label: bought", "label: bought\n  label_values: {bad: true, god: false}"))
    refused(shop, ConfigurationError, "or prepare.label_values; bought holds ' good '")

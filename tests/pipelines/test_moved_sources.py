"""A file that is replaced during a run: what was read is not what was digested, so nothing of it is kept."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.pipelines.shops import copy, lean
from tests.pipelines.traces import recorded
from tests.projects import visits

# A writer at work next to the run: when the frame is prepared, a ruined table takes the place of the good one.
WRITER = """\
    import os, shutil
    if os.path.exists("swap"):
        os.remove("swap")
        shutil.copyfile("ruined", "data/new")
        os.replace("data/new", "data/visits.parquet")
"""


def ruined(path: Path) -> None:
    rows = visits()
    rows["minutes"] = np.random.default_rng(5).permutation(rows["minutes"].to_numpy())
    rows.drop(columns="bought").to_parquet(path, index=False, coerce_timestamps="us")


@pytest.mark.slow
def test_a_table_that_is_replaced_during_a_run_poisons_no_record(tmp_path: Path) -> None:
    prepare = "def prepare(tables):\n"
    shop = lean(tmp_path / "shop", frame=((prepare, prepare + WRITER),))
    good = copy(shop, tmp_path / "good")
    ruined(shop.root / "ruined")
    shop.write("swap", "")
    found = shop.run()
    assert found.status == 4, found.out + found.err
    assert "data.sources.visits: data/visits.parquet was changed while the run was reading it" in found.err
    assert "Traceback" not in found.err
    assert recorded(shop).get("mlflow", []) == []
    assert shop.records == []
    shutil.copyfile(good.root / "data" / "visits.parquet", shop.root / "data" / "visits.parquet")
    assert [each.run().status for each in (shop, good)] == [0, 0]
    assert shop.verdict["model_digest"] == good.verdict["model_digest"]


# Main's own code cuts the table short, as a writer would that begins again, when it scores a branch's rows.
CUTTER = """\
    import os, pathlib
    if pathlib.Path("{flag}").exists():
        os.truncate("{table}", os.path.getsize("{table}") * 2 // 3)
"""


@pytest.mark.slow
def test_a_table_that_is_cut_while_main_scores_it_is_named_and_no_verdict_is_given(tmp_path: Path) -> None:
    prepare = "def prepare(tables):\n"
    root = tmp_path / "shop"
    # Of a CSV file the rest can be read: without a look at its stamp, nothing would be wrong.
    cutter = CUTTER.format(flag=root / "cut", table=root / "data" / "purchases.csv")
    shop = lean(root, frame=((prepare, prepare + cutter),))
    assert shop.run().status == 0
    shop.git("checkout", "-qb", "branch")
    shop.edit("src/shop/frame.py", (cutter, ""))
    shop.data(visits().iloc[:-1])  # other data: else main's recorded scores are taken
    shop.commit("A branch that cuts nothing")
    shop.write("cut", "")
    before = (shop.root / "reports" / "verdict.json").read_text()
    found = shop.run()
    assert found.status == 4, found.out + found.err
    assert ": data/purchases.csv was changed while the run was reading it, so nothing was kept" in found.err
    assert "Traceback" not in found.err
    assert (shop.root / "reports" / "verdict.json").read_text() == before

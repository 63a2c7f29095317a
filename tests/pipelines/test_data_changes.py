"""A pull request that changes two tables: its report shows which rows, and what each table did to the metric."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.pipelines.shops import lean, rows_of

pytestmark = pytest.mark.slow


def test_the_report_shows_what_changed_in_each_table_and_what_it_did(tmp_path: Path) -> None:
    shop = lean(tmp_path)
    assert shop.run().status == 0
    shop.git("checkout", "--quiet", "-b", "corrections")
    rows = rows_of(shop)
    late = rows["at"] >= "2026-02-20"
    random = np.random.default_rng(1)
    rows.loc[late, "minutes"] = random.permutation(rows.loc[late, "minutes"])  # the column says nothing there
    wrong = late & (rows["visit"] % 9 == 0)
    rows.loc[wrong, "bought"] = ~rows.loc[wrong, "bought"]
    shop.data(rows[rows["visit"] != 4000])
    shop.commit("Corrected visits and purchases")
    assert shop.run("--base", "main").status in (0, 1)

    verdict = shop.verdict
    moved = verdict["tables"]["visits"]["changed"]
    assert verdict["tables"]["visits"] == {"added": 0, "removed": 1, "changed": moved, "later": 0}
    assert 0.9 * late.sum() < moved <= late.sum()
    known = int((wrong & (rows["at"] < "2026-03-01")).sum())  # a purchase is known a day later
    assert verdict["tables"]["purchases"] == {"added": 0, "removed": 1, "changed": known, "later": 0}
    parts, due = verdict["due_to"], verdict["attribution"]["roc_auc"]["due_to_data"]
    assert set(parts) == {"visits", "purchases", "interaction with the model"}
    assert sum(part["roc_auc"] for part in parts.values()) == pytest.approx(due)
    assert parts["visits"]["roc_auc"] < -0.01
    assert -0.05 < parts["purchases"]["roc_auc"] < -0.001, "few of its rows"

    assert "#### What changed in the data" in shop.report
    assert re.search(rf"purchases</code> \| – \| 1 \| {known} \| – \| −0\.\d+ \|", shop.report)
    page = shop.path("reports/report.html").read_text(encoding="utf-8")
    assert "What changed in the data" in page
    assert "Rows that differ by day" in page

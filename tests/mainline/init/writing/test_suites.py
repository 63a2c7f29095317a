"""The suites as they are written: the table's own rows keep every rule, and rows that are wrong break one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mainline.config.schema import Settings
from mainline.data.feature_patterns import matched
from mainline.data.validation import run
from mainline.init.proposal import Proposal, Use
from mainline.init.writing import package, params_yaml, suite_rules, suites
from mainline.init.writing.trial import Trial, tried
from tests.mainline.init.writing.proposals import bookings, measured, with_rows

pytestmark = pytest.mark.slow

TASKS = ("binary", "multiclass", "regression")


def trial_of(proposal: Proposal, root: Path) -> Trial:
    texts = {"params.yaml": params_yaml.render(proposal), **package.files(proposal)}
    return tried(proposal.name, texts, root, root / "cache", root / "trial")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Path, pd.DataFrame]:
    """The settings, the folder of the suites and the rows as the gate reads them."""
    root = tmp_path_factory.mktemp("bookings")
    proposal = bookings()
    with_rows(root, proposal)
    trial = trial_of(proposal, root)
    found = suites.suites(proposal, trial.settings, trial.tables, trial.frame)
    assert found.broken == []
    for name, text in found.files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    assert sorted(path.name for path in (root / "data/expectations").iterdir()) == ["bookings.yaml", "frame.yaml"]
    return trial.settings, root / "data/expectations", pd.read_parquet(root / "data/raw/bookings.parquet")


def test_rows_as_they_were_keep_every_rule_and_wrong_ones_break_those_that_are_for_them(
    written: tuple[Settings, Path, pd.DataFrame],
) -> None:
    settings, folder, rows = written
    late, few = rows["at"] >= "2025-12-01", rows.index % 50 == 0
    wrong = rows.drop(columns="note").assign(
        cancelled=rows["cancelled"] + 1,
        price=np.where(few, 1e7, rows["price"] * np.where(late, 100, 1)),
        nights=rows["nights"].astype(str),
        channel=rows["channel"].where(~late, "Web").where(~late | (rows.index % 3 > 0)),
    )
    month = (wrong["at"] >= "2025-09-01") & (wrong["at"] < "2025-10-01")
    wrong = pd.concat([wrong[~month], wrong.tail(1)], ignore_index=True)
    suite = run.load_suite(folder / "bookings.yaml")
    kept, broken = (
        run.validate("bookings", each, suite, ["booking"], {"until": settings.data.cutoff}) for each in (rows, wrong)
    )
    assert [each.rule for each in kept if not each.success] == []
    failed = {(each.severity.value, each.type, each.column) for each in broken if not each.success}
    assert {
        ("critical", "expect_table_columns_to_match_set", None),
        ("critical", "expect_column_values_to_be_unique", "booking"),
        ("critical", "expect_column_values_to_be_in_set", "cancelled"),
        ("critical", "expect_column_kind_to_be", "nights"),
        ("critical", "expect_column_values_to_leave_no_gap", "at"),
        ("critical", "expect_column_statistic_in_every_period_to_be_between", "price"),
        ("warning", "expect_no_distant_value_to_repeat", "price"),
        ("warning", "expect_column_values_to_be_in_set", "channel"),
        ("warning", "expect_column_values_to_be_known_from_earlier_periods", "channel"),
        ("warning", "expect_missing_share_to_stay_in_every_period", "channel"),
    } <= failed
    assert ("critical", "expect_column_kind_to_be", "booking") not in failed


def test_the_labels_table_has_a_suite_of_its_own_and_a_rule_that_does_not_hold_is_left_out(tmp_path: Path) -> None:
    proposal = bookings()
    with_rows(tmp_path, proposal)
    rows = pd.read_parquet(tmp_path / "data/raw/bookings.parquet")
    pd.DataFrame({"booking": rows["booking"], "paid": 1}).to_csv(tmp_path / "data/raw/paid.csv", index=False)
    data = proposal.settings["data"]
    sources = {**data["sources"], "paid": {"path": "data/raw/paid.csv"}}
    wrong = tuple(
        dataclasses.replace(each, maximum=2, minimum=1) if each.name == "price" else each for each in proposal.columns
    )
    settings = {**proposal.settings, "data": {**data, "sources": sources}}
    proposal = dataclasses.replace(proposal, settings=settings, columns=wrong)
    trial = trial_of(proposal, tmp_path)
    found = suites.suites(proposal, trial.settings, trial.tables, trial.frame)
    (broken,) = found.broken
    assert broken.startswith("bookings: expect_column_values_to_be_between {column: price")
    assert "max_value: 2.1" not in found.files["data/expectations/bookings.yaml"]
    assert "be_unique\n    kwargs: {column: booking}" in found.files["data/expectations/paid.yaml"]


@pytest.mark.parametrize(("columns", "of_pixels"), [(30, 2), (60, 0)])
def test_hundreds_of_columns_share_their_rules_and_thousands_have_none(columns: int, of_pixels: int) -> None:
    names = [f"pixel_{row}_{column}" for row in range(7) for column in range(columns)]
    rows = pd.DataFrame({**dict.fromkeys(names, range(3)), "key": range(3), "digit": range(3)})
    uses = {**dict.fromkeys(names, Use("numeric", "")), "key": Use("key", ""), "digit": Use("label", "")}
    data = {"sources": {"digits": {"path": "digits.csv"}}}
    settings = {"task": "multiclass", "data": data, "prepare": {"key": ["key"]}}
    proposal = dataclasses.replace(bookings(), table="digits", settings=settings, uses=uses, columns=measured(rows))
    found = list(suite_rules.of_columns(proposal, list(rows.columns), 3))
    assert [rule.kwargs["column"] for rule in found if "pixel" in str(rule.kwargs)] == ["pixel_*"] * of_pixels
    assert "expect_table_column_count_to_equal" in [rule.type for rule in found]
    assert matched("pixel_*", list(rows.columns)) == names


def test_few_values_of_a_number_that_is_predicted_are_no_set_of_classes() -> None:
    column = next(each for each in bookings().columns if each.name == "nights")
    found = {task: [rule.type for rule in suite_rules.of_column(column, Use("label", ""), task)] for task in TASKS}
    assert {task for task in TASKS if "expect_column_values_to_be_between" in found[task]} == {"regression"}
    assert {task for task in TASKS if "expect_column_values_to_be_in_set" in found[task]} == {"binary", "multiclass"}

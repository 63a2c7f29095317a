"""The suites as they are written: the table's own rows keep every rule, and rows that are wrong break one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mainline.config.schema import Settings
from mainline.data.validation import run
from mainline.data.validation.results import Severity
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


def late(rows: pd.DataFrame) -> pd.Series:
    return rows["at"] >= "2025-12-01"


@pytest.mark.parametrize(
    ("change", "severity", "broken"),
    [
        (lambda rows: rows, None, None),
        (lambda rows: rows.drop(columns="note"), "critical", "columns_to_match_set"),
        (lambda rows: pd.concat([rows, rows.tail(1)]), "critical", "values_to_be_unique"),
        (lambda rows: rows.assign(cancelled=rows["cancelled"] + 1), "critical", "in_set"),
        (
            lambda rows: rows.assign(price=rows["price"] * np.where(late(rows), 100, 1)),
            "critical",
            "statistic",
        ),
        (lambda rows: rows[(rows["at"] < "2025-09-01") | (rows["at"] >= "2025-10-01")], "critical", "no_gap"),
        (lambda rows: rows.assign(nights=rows["nights"].astype(str)), "critical", "kind"),
        (lambda rows: rows.assign(channel=rows["channel"].where(~late(rows), "Web")), "warning", "earlier_periods"),
        (lambda rows: rows.assign(channel=rows["channel"].where(~late(rows))), "warning", "missing_share"),
        (lambda rows: rows.assign(price=np.where(rows.index % 50, rows["price"], 9999.0)), "warning", "distant_value"),
    ],
)
def test_rows_as_they_were_keep_every_rule_and_wrong_ones_break_one(
    written: tuple[Settings, Path, pd.DataFrame], change: object, severity: str | None, broken: str | None
) -> None:
    settings, folder, rows = written
    suite = run.load_suite(folder / "bookings.yaml")
    wrong = change(rows).reset_index(drop=True)  # type: ignore[operator]
    found = run.validate("bookings", wrong, suite, ["booking"], {"until": settings.data.cutoff})
    failed = [(each.severity, each.type) for each in found if not each.success]
    if broken is None:
        assert failed == []
    else:
        assert [type_ for level, type_ in failed if level == Severity(str(severity)) and broken in type_], failed


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


def test_thousands_of_columns_share_their_rules(tmp_path: Path) -> None:
    names = [f"pixel_{row}_{column}" for row in range(7) for column in range(30)]
    rows = pd.DataFrame(np.arange(210 * 30).reshape(30, 210) % 17, columns=names).assign(key=range(30), digit=1)
    uses = {**dict.fromkeys(names, Use("numeric", "")), "key": Use("key", ""), "digit": Use("label", "")}
    settings = {"task": "binary", "data": {"sources": {"digits": {"path": "digits.csv"}}}, "prepare": {"key": ["key"]}}
    proposal = dataclasses.replace(bookings(), table="digits", settings=settings, uses=uses, columns=measured(rows))
    found = list(suite_rules.of_columns(proposal, list(rows.columns), 30))
    assert len(found) < 12
    path = tmp_path / "digits.yaml"
    path.write_text(suites.render("Digits.", found), encoding="utf-8")
    rows["pixel_3_3"] = 99
    checked = run.validate("digits", rows, run.load_suite(path), ["key"])
    assert [each.column for each in checked if not each.success] == ["pixel_3_3"]


def test_few_values_of_a_number_that_is_predicted_are_no_set_of_classes() -> None:
    column = next(each for each in bookings().columns if each.name == "nights")
    found = {task: [rule.type for rule in suite_rules.of_column(column, Use("label", ""), task)] for task in TASKS}
    assert {task for task in TASKS if "expect_column_values_to_be_between" in found[task]} == {"regression"}
    assert {task for task in TASKS if "expect_column_values_to_be_in_set" in found[task]} == {"binary", "multiclass"}

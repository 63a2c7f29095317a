"""The guide's steps on three other tables: a regression without a key, 64 columns by pattern, words as categories.

Each is brought in on its `main`; then a harmless change passes, and a bad one is refused.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_digits

from tests.pipelines.shops import notes_of
from tests.projects import Project

pytestmark = pytest.mark.slow

COMMON = """\
data:
  until: 2026-01-01
  sources:
    table: {path: data/raw/table.csv}
split: {by: hash, holdout: 0.3}
evaluate: {importance_rows: 0}
"""

DIABETES = """\
task: regression
prepare:
  function: shop.frame:prepare
  label: target
  features: {numeric: [age, sex, bmi, bp, s1, s2, s3, s4, s5, s6]}
train:
  estimator: sklearn.linear_model.Ridge
  params: {alpha: 0.01}
  numeric: standardize
compare: {metric: rmse, min_rows: 100}
gates: {margins: {rmse: 2}, floors: {r2: 0.3}}
"""

DIGITS = """\
task: multiclass
prepare:
  function: shop.frame:prepare
  key: content
  label: target
  features: {numeric: ["pixel_*"]}
train:
  estimator: sklearn.linear_model.LogisticRegression
  params: {C: 0.1, max_iter: 200}
  numeric: standardize
compare: {metric: accuracy}
gates: {margins: {accuracy: 0.02}, floors: {accuracy: 0.9}}
"""

CHURN = """\
task: binary
prepare:
  function: shop.frame:prepare
  label: churn
  features:
    numeric: [account_length, day_minutes, service_calls]
    categorical: [state, international_plan, voice_mail_plan]
train:
  estimator: sklearn.linear_model.LogisticRegression
  params: {C: 1.0}
  categorical: onehot
  numeric: standardize
compare: {metric: roc_auc}
gates:
  margins: {roc_auc: 0.02, brier: 0.005}
  lead: {by: [state], metric: roc_auc, at_least: 0.1}
  calibration_error: 0.08
"""


def project(root: Path, params: str, rows: pd.DataFrame) -> Project:
    """A repository with the guide's files for one table, as the first commit on its main."""
    found = Project(root, with_git=False)
    shutil.rmtree(root / "data")
    write(found, rows)
    found.write("params.yaml", params + COMMON)
    found.write("src/shop/frame.py", 'def prepare(tables):\n    return tables["table"]\n')
    found.init()
    found.commit("A table")
    return found


def write(project: Project, rows: pd.DataFrame) -> None:
    rows.to_csv(project.path("data/raw/table.csv"), index=False)


def passed(project: Project, verdict: str) -> str:
    """What the stages said."""
    found = project.run()
    assert (found.status, project.verdict["verdict"]) == (0, verdict), found.out + found.err
    return found.err


def refused(project: Project, gate: str) -> None:
    found = project.run()
    assert (found.status, project.verdict["verdict"]) == (1, "worse"), found.out + found.err
    assert not project.gate(gate)["passed"]


def test_a_regression_without_a_key_takes_new_rows_at_its_top(tmp_path: Path) -> None:
    rows = load_diabetes(as_frame=True).frame
    diabetes = project(tmp_path, DIABETES, rows.iloc[12:])
    assert "430 rows in 1 tables, keys made from the rows' content" in passed(diabetes, "identical")
    assert "the rows have no key: one is made from all columns of the table but the label's" in notes_of(diabetes)
    before = diabetes.verdict["data"]["rows"]
    write(diabetes, rows)
    passed(diabetes, "no_worse")
    after = diabetes.verdict["data"]["rows"]
    assert after["train"] + after["holdout"] - before["train"] - before["holdout"] == 12
    assert "training rows of the baseline" not in diabetes.report, "no row has changed its side"
    write(diabetes, rows.iloc[12:])
    diabetes.edit("params.yaml", ("alpha: 0.01", "alpha: 3000"))
    refused(diabetes, "margin: rmse")


def test_digits_are_64_columns_by_a_pattern(tmp_path: Path) -> None:
    digits = project(tmp_path, DIGITS, load_digits(as_frame=True).frame)
    passed(digits, "identical")
    (record,) = digits.records
    features = json.loads(record.read_text(encoding="utf-8"))["parts"]["prepare"]["features"]["numeric"]
    assert features == [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]
    digits.edit("params.yaml", ("C: 0.1", "C: 0.2"))
    passed(digits, "no_worse")
    digits.edit("params.yaml", ("C: 0.2", "C: 0.1"), ('"pixel_*"', '"pixel_0_*", "pixel_7_*"'))
    refused(digits, "margin: accuracy")


def customers(count: int = 3000) -> pd.DataFrame:
    random = np.random.default_rng(1)
    rows = pd.DataFrame(
        {
            "state": random.choice(["OH", "NY", "CA", "TX", "NE", "TRUE"], count),
            "account_length": random.integers(1, 240, count),
            "international_plan": random.choice(["yes", "no"], count, p=[0.2, 0.8]),
            "voice_mail_plan": random.choice(["yes", "no"], count, p=[0.3, 0.7]),
            "day_minutes": random.normal(180, 50, count).round(1).clip(0),
            "service_calls": random.poisson(1.6, count),
        }
    )
    plans = np.where(rows["international_plan"] == "yes", 2.0, 0) - np.where(rows["voice_mail_plan"] == "yes", 1.0, 0)
    logit = -4.5 + plans + 0.012 * rows["day_minutes"] + 0.5 * rows["service_calls"]
    rows["churn"] = np.where(random.uniform(size=count) < 1 / (1 + np.exp(-logit)), "yes", "no")
    return rows


def test_yes_and_no_stay_words_in_training_in_requests_and_in_new_rows(tmp_path: Path) -> None:
    churn = project(tmp_path, CHURN, customers())
    passed(churn, "identical")
    churn.edit("params.yaml", ("C: 1.0", "C: 0.8"))
    passed(churn, "no_worse")
    customers().drop(columns="churn").head(50).to_csv(churn.path("new.csv"), index=False)
    raw, ready = (
        churn.mainline("predict", "new.csv", "--to", to, *more)
        for to, more in (("raw.csv", ["--raw", "1"]), ("ready.csv", []))
    )
    assert (raw.status, ready.status, raw.err.count("unknown")) == (0, 0, 0), raw.err + ready.err
    assert churn.path("raw.csv").read_text(encoding="utf-8") == churn.path("ready.csv").read_text(encoding="utf-8")
    churn.edit("params.yaml", ("C: 0.8", "C: 1.0"), ("[state, international_plan, voice_mail_plan]", "[state]"))
    refused(churn, "margin: roc_auc")

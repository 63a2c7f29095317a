"""A repository with three models: who buys (at the top), who returns (churn), and which wine; two share a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.projects import Project

# Small and quick: what these tests are about is which model a change touches, and what each leaves where.
CHURN = """\
task: binary
data:
  until: 2026-03-02
  sources:
    visits: {path: data/visits.parquet, time: at}
    returns: {path: data/returns.csv, time: known_at}
prepare:
  function: churn.frame:prepare
  key: [visit]
  time: at
  label: returned
  features: {numeric: [minutes, pages]}
  time_travel_checks: 0
split: {by: time, holdout: 2 weeks}
train:
  estimator: sklearn.linear_model.LogisticRegression
  params: {C: 1.0}
  numeric: standardize
  threads: 1
evaluate: {min_rows: 100, importance_rows: 0}
compare: {metric: roc_auc, blocks: day, resamples: 200}
gates:
  margins: {roc_auc: 0.02}
  floors: {roc_auc: 0.55}
"""
CHURN_FRAME = '''\
"""Whether a visitor comes back within a week."""

from ibis import _

from common.days import with_day


def prepare(tables):
    returned = tables["returns"].select("visit", returned=_.returned.cast("boolean"))
    return with_day(tables["visits"]).left_join(returned, "visit").drop("visit_right")
'''
COMMON = '''\
"""What two packages need."""

from ibis import _


def with_day(table):
    return table.mutate(day=_.at.date())
'''
WINE = """\
task: regression
data:
  until: 2026-03-02
  sources:
    bottles: {path: data/bottles.csv}
prepare:
  function: wine.frame:prepare
  key: [bottle]
  label: points
  features: {numeric: [alcohol, hue]}
split: {by: hash, holdout: 0.3}
train:
  estimator: sklearn.linear_model.Ridge
  numeric: standardize
  threads: 1
evaluate: {min_rows: 50, importance_rows: 0}
compare: {metric: rmse, min_rows: 40, resamples: 200}
gates:
  margins: {rmse: 0.5}
"""
WINE_FRAME = '''\
"""One row per bottle."""


def prepare(tables):
    return tables["bottles"]
'''
WINE_SUITE = """\
expectations:
  - type: expect_column_values_to_be_unique
    kwargs: {column: bottle}
"""
LEAN = (("time_travel_checks: 2", "time_travel_checks: 0"), ("importance_rows: 200", "importance_rows: 0"))


def repository(root: Path) -> Project:
    """The three models, committed on `main`."""
    project = Project(root, with_git=False)
    project.edit("params.yaml", *LEAN)
    add(project)
    project.init()
    project.commit("Three models")
    return project


def add(project: Project) -> None:
    """Two models to the one at the top; `visits` is a table of that one and of churn, with the same suite."""
    project.write("models/churn/params.yaml", CHURN)
    project.write("models/churn/expectations/visits.yaml", project.path("data/expectations/visits.yaml").read_text())
    project.write("models/wine/params.yaml", WINE)
    project.write("models/wine/expectations/bottles.yaml", WINE_SUITE)
    for package, text in (("churn", CHURN_FRAME), ("wine", WINE_FRAME)):
        project.write(f"src/{package}/__init__.py", "")
        project.write(f"src/{package}/frame.py", text)
    project.write("src/common/__init__.py", "")
    project.write("src/common/days.py", COMMON)
    tables(project)


def tables(project: Project) -> None:
    """The tables of churn and wine."""
    random = np.random.default_rng(1)
    visits = pd.read_parquet(project.path("data/visits.parquet"))
    back = random.uniform(size=len(visits)) < 1 / (1 + np.exp(1.5 - 0.1 * visits["minutes"]))
    known = visits["at"] + pd.Timedelta(days=1)
    pd.DataFrame({"visit": visits["visit"], "returned": back, "known_at": known}).to_csv(
        project.path("data/returns.csv"), index=False
    )
    alcohol, hue = random.normal(12, 1, 400).round(2), random.normal(1, 0.2, 400).round(3)
    points = (80 + 2 * (alcohol - 12) + 3 * hue + random.normal(0, 1, 400)).round(2)
    pd.DataFrame({"bottle": np.arange(400), "alcohol": alcohol, "hue": hue, "points": points}).to_csv(
        project.path("data/bottles.csv"), index=False
    )


def later_by_a_second(path: Path) -> None:
    """Change the shared table a little: the same visits, each a second later."""
    visits = pd.read_parquet(path)
    visits["at"] += pd.Timedelta(seconds=1)
    visits.to_parquet(path, index=False, coerce_timestamps="us")

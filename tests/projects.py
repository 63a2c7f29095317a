"""A small project of its own in a real git repository: a shop whose visits are bought or not.

4,800 visits over 60 days; a purchase is known a day later. A whole run takes seconds.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests import forks
from tests.bounds import HANG

TOP = Path(__file__).resolve().parents[1]
# A copy of the example's settings that stays as it is: `params.yaml` itself is edited in every experiment.
EXAMPLE = TOP / "tests" / "example.yaml"

PARAMS = """\
task: binary
data:
  until: 2026-03-02
  sources:
    visits: {path: data/visits.parquet, time: at}
    purchases: {path: data/purchases.csv, time: known_at}
prepare:
  function: shop.frame:prepare
  key: [visit]
  time: at
  label: bought
  features:
    numeric: [minutes, pages]
    categorical: [shop]
  time_travel_checks: 2
split:
  by: time
  holdout: 2 weeks
train:
  estimator: sklearn.ensemble.HistGradientBoostingClassifier
  params: {max_iter: 30, early_stopping: false}
  threads: 1
evaluate:
  threshold: 0.4
  slices: [shop]
  min_rows: 100
  min_positives: 20
  importance_rows: 200
compare:
  metric: roc_auc
  blocks: day
  resamples: 500
gates:
  margins:
    roc_auc: 0.02   # equal models differ by less
    brier: 0.01
  lead: {by: [shop], metric: roc_auc, at_least: 0.02}
  slices: {metric: roc_auc, margin: 0.05}
  gaps: {metric: recall, at_most: 0.2}
  calibration_error: 0.15
  label_coverage: 0.85
  train_seconds: 60
  model_megabytes: 5
"""

RETURN = 'return visits.left_join(bought, "visit").drop("visit_right")'
FRAME = f'''\
"""What a visit looked like when it ended."""

from ibis import _


def prepare(tables):
    bought = tables["purchases"].select("visit", bought=_.bought.cast("boolean"))
    visits = tables["visits"].mutate(day=_.at.date())
    {RETURN}
'''

SUITES = {
    "visits": """\
expectations:
  - type: expect_table_columns_to_match_set
    kwargs: {column_set: [visit, at, shop, minutes, pages], exact_match: true}
    severity: critical
  - type: expect_table_row_count_to_be_between
    kwargs: {min_value: 1000}
    severity: critical
  - type: expect_column_values_to_be_unique
    kwargs: {column: visit}
    severity: critical
  - type: expect_column_values_to_be_between
    kwargs: {column: minutes, min_value: 0, max_value: 240}
    severity: critical
    meta: {notes: a visit ends after four hours}
  - type: expect_column_values_to_be_in_set
    kwargs: {column: shop, value_set: [north, south, east]}
    severity: warning
""",
    "frame": """\
expectations:
  - type: expect_column_values_to_not_be_null
    kwargs: {column: minutes}
    severity: critical
""",
}

SHOPS = ("north", "south", "east")


def visits(count: int = 4800, seed: int = 0) -> pd.DataFrame:
    """Every visit with whether it ended in a purchase: more minutes and pages help, shops differ."""
    random = np.random.default_rng(seed)
    at = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.sort(random.uniform(0, 60 * 86400, count)), unit="s")
    shop = random.choice(SHOPS, count)
    minutes = random.gamma(2.0, 6.0, count).clip(0.1, 200).round(1)
    pages = random.poisson(5, count)
    logit = -2.2 + 0.08 * minutes + 0.15 * pages + np.select([shop == "north", shop == "south"], [0.4, -0.4], 0.0)
    bought = random.uniform(size=count) < 1 / (1 + np.exp(-logit))
    columns = {"visit": np.arange(count), "at": at.floor("s"), "shop": shop, "minutes": minutes, "pages": pages}
    return pd.DataFrame({**columns, "bought": bought})


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str


class Project:
    """A checkout with a first commit on `main`."""

    def __init__(self, root: Path, *, with_git: bool = True) -> None:
        self.root = root
        # Without their times: files of a new checkout are new.
        shutil.copytree(template(with_git), root, copy_function=shutil.copy, dirs_exist_ok=True)

    def fill(self) -> None:
        """Write every file of the shop."""
        self.write("params.yaml", PARAMS)
        self.write("src/shop/__init__.py", "")
        self.write("src/shop/frame.py", FRAME)
        self.write(".gitignore", ".mainline/\nreports/\n__pycache__/\n")
        for name, suite in SUITES.items():
            self.write(f"data/expectations/{name}.yaml", suite)
        self.data(visits())

    @classmethod
    def at(cls, root: Path) -> Project:
        """A checkout that is there already."""
        found = cls.__new__(cls)
        found.root = root
        return found

    def init(self) -> None:
        """A repository without a commit."""
        self.git("init", "--quiet", "--initial-branch=main")
        self.sign()

    def sign(self) -> None:
        """Say who commits here."""
        self.git("config", "user.name", "A tester")
        self.git("config", "user.email", "tester@example.org")

    def data(self, rows: pd.DataFrame) -> None:
        """Write the two tables that `rows` stands for."""
        rows.drop(columns="bought").to_parquet(self.path("data/visits.parquet"), index=False, coerce_timestamps="us")
        purchases = rows[["visit", "bought"]].assign(known_at=rows["at"] + pd.Timedelta(days=1))
        purchases.to_csv(self.path("data/purchases.csv"), index=False)

    def path(self, name: str) -> Path:
        found = self.root / name
        found.parent.mkdir(parents=True, exist_ok=True)
        return found

    def write(self, name: str, text: str) -> None:
        self.path(name).write_text(text, encoding="utf-8")

    def edit(self, name: str, *changes: tuple[str, str]) -> None:
        """Replace pieces of a file's text; a piece that is not there is an error of the test."""
        text = self.path(name).read_text(encoding="utf-8")
        for before, after in changes:
            assert before in text, f"{name} has no {before!r}"
            text = text.replace(before, after)
        self.write(name, text)

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def start(self, *arguments: str, module: str = "mainline", **variables: str) -> subprocess.Popen[str]:
        return forks.start(module, *arguments, **self.place(variables))

    def place(self, variables: dict[str, str]) -> dict[str, Any]:
        """The options of a process in this checkout."""
        path = os.pathsep.join([str(self.root / "src"), str(TOP / "src"), str(TOP)])
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return {"cwd": self.root, "env": {**os.environ, **variables, "PYTHONPATH": path}, **pipes}

    def mainline(self, *arguments: str, **variables: str) -> Result:
        process = self.start(*arguments, **variables)
        out, err = process.communicate(timeout=HANG)
        return Result(process.returncode, out, err)

    def python(self, program: str, **variables: str) -> Result:
        """A program in the project's place, with its environment."""
        process = subprocess.Popen([sys.executable, "-c", program], **self.place(variables))
        out, err = process.communicate(timeout=HANG)
        return Result(process.returncode, out, err)

    def run(self, *arguments: str, **variables: str) -> Result:
        return self.mainline("run", *arguments, **variables)

    @property
    def verdict(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.path("reports/verdict.json").read_text(encoding="utf-8"))
        return found

    @property
    def report(self) -> str:
        return self.path("reports/report.md").read_text(encoding="utf-8")

    def gate(self, name: str) -> dict[str, Any]:
        return next(gate for gate in self.verdict["gates"] if gate["name"] == name)

    @property
    def records(self) -> list[Path]:
        return sorted((self.root / ".mainline" / "records").glob("*/record.json"))


@functools.cache
def template(with_git: bool) -> Path:
    """The shop that every `Project` of this process is a copy of: made once, which is ten times the work of a copy."""
    folder = Path(tempfile.mkdtemp(prefix="mainline-shop-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = Project.at(folder)
    made.fill()
    if with_git:
        made.init()
        made.commit("The shop")
        for sample in (folder / ".git" / "hooks").glob("*.sample"):
            sample.unlink()
    return folder

"""The example itself, cloned from this repository and run: what a pull request to it would meet."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mainline.evaluation import attribution
from tests.pipelines.shops import copy, notes_of
from tests.projects import EXAMPLE, TOP, Project

pytestmark = pytest.mark.slow

UV = shutil.which(os.environ.get("UV", "uv"))
LAST_FEATURE = ("      - origin_past_rate\n", "      - origin_past_rate\n      - {}\n")
# Invalid data are refused whatever the model: what is fitted beside their validation need not be the example's.
QUICK = ("max_iter: 200", "max_iter: 2")
UNTIL = ("until: 2013-10-01", "until: 2013-11-01")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """This repository's commit, its main trained."""
    root = tmp_path_factory.mktemp("flights")
    subprocess.run(["git", "clone", "--quiet", str(TOP), str(root)], check=True)
    project = Project.at(root)
    project.git("checkout", "--quiet", "-B", "main")
    project.git("remote", "remove", "origin")  # whose default branch is the one that is worked on here
    project.sign()
    shutil.copy(EXAMPLE, root / "params.yaml")
    project.git("commit", "--quiet", "--allow-empty", "--all", "--message", "The example as it was measured")
    found = project.run()
    assert found.status == 0, found.err
    return project


@pytest.fixture
def flights(trained: Project, tmp_path: Path) -> Project:
    return copy(trained, tmp_path)


def with_feature(flights: Project, name: str) -> None:
    flights.edit("params.yaml", (LAST_FEATURE[0], LAST_FEATURE[1].format(name)))


def nothing_new(flights: Project, trained: Project) -> bool:
    names = [[path.parent.name for path in project.records] for project in (flights, trained)]
    return names[0] == names[1]


def test_the_example_passes_with_the_lead_that_its_documents_promise(trained: Project) -> None:
    assert trained.verdict["verdict"] == "identical"
    assert trained.verdict["passed"]
    # September: .727 by schedule and weather alone, .636 by hour of day.
    assert 0.70 < trained.verdict["metrics"]["roc_auc"]["candidate"] < 0.76
    assert trained.verdict["data"]["rows"]["train"] > 200_000
    assert trained.verdict["data"]["rows"]["unlabelled cancelled"] > 0


def test_a_leak_degrees_that_turn_to_celsius_and_a_month_that_is_missing_are_each_named_and_nothing_is_recorded(
    flights: Project, trained: Project
) -> None:
    """All three in one run, which leaves the last answer as it was."""
    flights.edit(
        "src/flights/features.py", ('.drop("dep_delay", "arr_delay", "known_at"', '.drop("arr_delay", "known_at"')
    )
    with_feature(flights, "dep_delay")
    flights.edit("params.yaml", QUICK)
    path = flights.path("data/raw/weather.parquet")
    weather = pd.read_parquet(path)
    late = weather["time_hour"] >= pd.Timestamp("2013-09-01", tz="UTC")
    for name in ("temp", "dewp"):
        weather.loc[late, name] = ((weather.loc[late, name] - 32) * 5 / 9).astype("float32")
    weather.to_parquet(path, index=False)
    for table in ("schedule", "outcomes"):
        flights.path(f"data/raw/{table}/2013-08.parquet").unlink()
    before = flights.path("reports/verdict.json").read_text()
    found = flights.run()
    assert found.status == 3, found.err
    critical, _, _ = found.err.partition("also ")
    leak = quoted(r"`(dep_delay saw the future: [^`]+)`")
    for fault in (leak, "weather: median of temp", "data/expectations/weather.yaml", "from 2013-08-01"):
        assert fault in critical, found.err
    assert nothing_new(flights, trained)
    assert flights.path("reports/verdict.json").read_text() == before


SYSTEM = """
    flights = with_past_rate(flights, known, by="origin")
    days = flights.select("date").distinct()
    daily = known.group_by("known_day").agg(late=_.late.sum(), arrivals=_.count())
    past = days.join(
        daily, [days.date > daily.known_day, days.date <= daily.known_day + ibis.interval(days=PAST_DAYS)]
    )
    rates = past.group_by("date").agg(system_past_rate=_.late.sum() / _.arrivals.sum())
    return flights.left_join(rates, "date").drop("date_right")
"""


def test_the_whole_systems_past_rate_is_refused_in_september(flights: Project) -> None:
    """Out of the range that it was trained on in this month: the same AUC on the whole, .000 [-.020, +.023].

    Some days gain what others lose, so it cannot be shown to be no worse.
    """
    flights.edit(
        "src/flights/features.py", ('    return with_past_rate(flights, known, by="origin")\n', SYSTEM.lstrip("\n"))
    )
    with_feature(flights, "system_past_rate")
    flights.edit("params.yaml", ("time_travel_checks: 2", "time_travel_checks: 0"))  # seconds, of a feature of the past
    found = flights.run()
    assert found.status == 1, found.err
    assert flights.verdict["verdict"] == "worse"
    auc = flights.verdict["metrics"]["roc_auc"]
    assert auc["low"] < -0.015, "it may cost more than the margin, whatever the point says"
    assert not flights.gate("margin: roc_auc")["passed"]
    assert "system_past_rate" in flights.report
    assert "src/flights/features.py" in flights.report


@pytest.mark.skipif(not UV, reason="uv is not on the PATH: make test brings it")
def test_a_month_of_new_data_is_told_from_the_model_and_main_is_scored_with_its_own_lock(flights: Project) -> None:
    flights.edit("params.yaml", UNTIL)
    locked = re.search(r'name = "threadpoolctl"\nversion = "([^"]+)"', flights.path("uv.lock").read_text())
    assert locked
    flights.edit("uv.lock", (locked[0], f'name = "threadpoolctl"\nversion = "{locked[1]}.post1"'))
    found = flights.run(UV=str(UV))
    assert found.status in (0, 1), found.err
    assert "threadpoolctl" in flights.report
    assert "cannot score" not in flights.report
    assert flights.verdict["verdict"] in ("better", "no_worse")
    parts = flights.verdict["attribution"]["roc_auc"]
    before = main_on_its_own(flights)
    now = flights.verdict["metrics"]["roc_auc"]["candidate"]
    assert parts["due_to_data"] + parts["due_to_model"] == pytest.approx(now - before, abs=1e-9)
    assert parts["due_to_data"] < -0.02, "October is harder than September"
    said = quoted(
        r"adds October\. ROC AUC changes by (\S+) since main's run: (\S+) due to the data, (\S+) due to the model"
    )
    assert said == tuple(signed(value) for value in (now - before, parts["due_to_data"], parts["due_to_model"]))
    assert attribution.TRAINED_ON in notes_of(flights)
    assert "are training rows of main" not in notes_of(flights)


def test_the_readme_shows_what_a_run_prints(flights: Project) -> None:
    flights.edit("params.yaml", ("max_iter: 200", "max_iter: 20"))
    found = flights.run()
    printed = found.out[found.out.index("✗ Failed") :]
    assert (found.status, told(printed)) == (1, told(str(quoted(r"(?s)it prints this.*?```\n(.*?)```")))), found.err
    flights.git("checkout", "--", "params.yaml")
    regularization = re.search(r"l2_regularization: [\d.]+", flights.path("params.yaml").read_text())
    assert regularization
    flights.edit("params.yaml", (regularization[0], "l2_regularization: 20.0"))
    found = flights.run()
    assert found.status == 0, found.err
    auc = flights.verdict["metrics"]["roc_auc"]
    low, high = (signed(auc[name]) for name in ("low", "high"))
    expected = f"passed: no worse than main, ROC AUC {auc['candidate']:.3f}, {signed(auc['delta'])} [{low}, {high}]"
    assert quoted(r"`l2_regularization: 20.0` in `params.yaml` \| (.*?) \|") == expected


def quoted(pattern: str) -> Any:
    """What the README says there: the only group, or all of them."""
    found = re.search(pattern, (TOP / "README.md").read_text(encoding="utf-8"))
    assert found, f"the README has no {pattern}"
    return found[1] if len(found.groups()) == 1 else found.groups()


def told(text: str) -> list[str]:
    """The lines that do not depend on the machine's clock, nor say where the report is."""
    return [line for line in text.splitlines() if line.strip() and not re.search(r"training time|reports/", line)]


def signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def main_on_its_own(flights: Project) -> float:
    """ROC AUC of main's model on main's own holdout, by scikit-learn."""
    from sklearn.metrics import roc_auc_score

    from mainline.training.record import Record

    record = Record.read(flights.root / ".mainline" / "records" / flights.verdict["baseline"]["fingerprint"])
    y = record.holdout.y
    return float(roc_auc_score(y[y == y], record.holdout.score[y == y]))

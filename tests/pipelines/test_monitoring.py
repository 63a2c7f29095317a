"""The monitor on the shop: from a log as the server writes it to a verdict; whatever is wrong with it is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mainline.record import Record
from tests.projects import Project, visits

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("shop"))
    found = project.run()
    assert found.status in (0, 1), found.err
    return project


@pytest.fixture(scope="module")
def logged(shop: Project) -> pd.DataFrame:
    """New visits of February with the model's own answers, `bought` beside them."""
    record = Record.read(shop.records[0].parent)
    rows = visits(4800, seed=7).tail(2000).reset_index(drop=True)
    features = rows[["shop", "minutes", "pages"]].astype({"minutes": "float32", "pages": "float32"})
    names = list(record.model().feature_names_in_)
    score = record.model().predict_proba(features[names])[:, 1]
    ids = [f"request-{n}" for n in range(len(rows))]
    log = rows.drop(columns="visit").rename(columns={"at": "time"})
    return log.assign(request_id=ids, model_digest=record.digest, prediction=score)


def answer(shop: Project, folder: Path, log: pd.DataFrame, labels: pd.DataFrame | None = None) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    log.drop(columns="bought", errors="ignore").to_parquet(folder / "log.parquet", index=False)
    return judged(shop, folder, labels)


def judged(shop: Project, folder: Path, labels: pd.DataFrame | None = None) -> dict[str, Any]:
    more = []
    if labels is not None:
        path = folder.parent / "labels.parquet"
        labels.to_parquet(path, index=False)
        more = ["--labels", str(path)]
    result = shop.mainline("monitor", "--log", str(folder), *more)
    assert result.status in (0, 1), result.err
    assert "Traceback" not in result.err
    found: dict[str, Any] = json.loads(shop.path("reports/monitor.json").read_text())
    assert result.status == (0 if found["passed"] else 1)
    return found


def labels_of(log: pd.DataFrame) -> pd.DataFrame:
    at = log["time"] + pd.Timedelta(days=1)
    return pd.DataFrame({"request_id": log["request_id"], "bought": log["bought"], "time": at})


def problems(found: dict[str, Any]) -> set[str]:
    return {problem["name"] for problem in found["problems"]}


def checks(found: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["state"] for check in found["checks"]}


def test_visits_like_those_of_training_are_no_reason_to_worry(
    shop: Project, logged: pd.DataFrame, tmp_path: Path
) -> None:
    found = answer(shop, tmp_path / "log", logged, labels_of(logged))
    assert found["verdict"] == "healthy", found["headline"]
    assert checks(found)["decay"] == "ok"
    assert found["labels"]["joined"] == found["rows"] == 2000
    page = shop.path("reports/monitor.html").read_text()
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "Nothing to worry about" in shop.path("reports/monitor.md").read_text()


def test_labels_that_no_longer_follow_the_inputs_are_told_as_an_aged_model(
    shop: Project, logged: pd.DataFrame, tmp_path: Path
) -> None:
    turned = logged.assign(bought=np.random.default_rng(0).permutation(logged["bought"]))
    found = answer(shop, tmp_path / "log", logged, labels_of(turned))
    assert found["verdict"] == "alarm"
    assert found["cause"] == "the model has aged"


def test_rows_that_are_hard_to_tell_apart_are_told_as_a_harder_world(
    shop: Project, logged: pd.DataFrame, tmp_path: Path
) -> None:
    # Only visits that the model itself finds alike, with labels drawn from its own probabilities.
    middle = logged["prediction"].quantile([0.4, 0.6])
    alike = logged[logged["prediction"].between(*middle)]
    drawn = np.random.default_rng(0).uniform(size=len(alike)) < alike["prediction"]
    found = answer(shop, tmp_path / "log", alike, labels_of(alike.assign(bought=drawn)))
    assert found["cause"] == "the world is harder"
    assert checks(found)["decay"] == "look"


def test_an_empty_window_is_not_healthy(shop: Project, logged: pd.DataFrame, tmp_path: Path) -> None:
    found = answer(shop, tmp_path / "log", logged.head(0))
    assert "empty window" in problems(found)
    assert not found["passed"]


def test_one_row_is_not_measurable(shop: Project, logged: pd.DataFrame, tmp_path: Path) -> None:
    found = answer(shop, tmp_path / "log", logged.head(1), labels_of(logged.head(1)))
    assert found["verdict"] == "not_measurable"


def test_an_unknown_model_is_named(shop: Project, logged: pd.DataFrame, tmp_path: Path) -> None:
    found = answer(shop, tmp_path / "log", logged.assign(model_digest="feedbeef" * 8))
    assert "model version" in problems(found)
    assert "feedbeef" in str(found["problems"])
    assert not found["passed"]


def test_logs_of_several_models_are_kept_apart(shop: Project, logged: pd.DataFrame, tmp_path: Path) -> None:
    mixed = pd.concat([logged, logged.head(100).assign(model_digest="feedbeef" * 8, request_id="other")])
    found = answer(shop, tmp_path / "log", mixed)
    assert "model version" in problems(found)
    assert found["rows"] == 2000


def test_rows_from_the_future_are_told_as_clock_skew(shop: Project, logged: pd.DataFrame, tmp_path: Path) -> None:
    skewed = logged.copy()
    skewed.loc[:9, "time"] += pd.Timedelta(days=36500)
    found = answer(shop, tmp_path / "log", skewed)
    assert "clock skew" in problems(found)
    assert found["rows"] == 1990


def test_a_file_that_is_corrupt_in_the_middle_is_named_and_the_others_count(
    shop: Project, logged: pd.DataFrame, tmp_path: Path
) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    logged.drop(columns="bought").to_parquet(folder / "good.parquet", index=False)
    content = bytearray((folder / "good.parquet").read_bytes())
    middle = len(content) // 3
    content[middle : middle + 4000] = b"\xff" * 4000
    (folder / "torn.parquet").write_bytes(content)
    found = judged(shop, folder)
    assert "torn.parquet" in str(found["problems"])
    assert not found["passed"]


def test_a_column_that_is_gone_or_has_another_type_is_named(
    shop: Project, logged: pd.DataFrame, tmp_path: Path
) -> None:
    changed = logged.drop(columns="pages").assign(minutes="twelve")
    found = answer(shop, tmp_path / "log", changed)
    said = str([problem["found"] for problem in found["problems"]])
    assert "pages" in said
    assert "minutes" in said


def test_labels_repeated_corrected_contradicting_and_unknown_are_counted(
    shop: Project, logged: pd.DataFrame, tmp_path: Path
) -> None:
    labels = labels_of(logged)
    later = labels.iloc[10:15].assign(bought=~labels["bought"].iloc[10:15], time=labels["time"] + pd.Timedelta(days=2))
    contrary = labels.iloc[20:23].assign(bought=~labels["bought"].iloc[20:23])
    strange = labels.iloc[:2].assign(request_id=["nobody-1", "nobody-2"])
    found = answer(shop, tmp_path / "log", logged, pd.concat([labels, labels.iloc[:4], later, contrary, strange]))[
        "labels"
    ]
    assert found["repeated"] == 4
    assert found["corrected"] == 5
    assert found["contradicting"] == 3
    assert found["unknown"] == 2
    assert found["joined"] == 1997


def test_the_servers_own_lines_are_read_as_the_same_rows(shop: Project, logged: pd.DataFrame, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    columns = ["shop", "minutes", "pages"]
    digest = logged["model_digest"].iloc[0]
    lines = [{"format": 1, "columns": columns, "classes": [False, True], "version": "1", "model_digest": digest}]
    for row in logged.to_dict("records"):
        answers = [[1 - row["prediction"], row["prediction"]]]
        values = [[row[name] for name in columns]]
        entry = {"id": row["request_id"], "time": row["time"].timestamp(), "rows": values, "predictions": answers}
        lines.append(entry)
    (folder / "predictions-1.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    found = judged(shop, folder, labels_of(logged))
    assert found["rows"] == 2000
    assert found["verdict"] == "healthy", found["headline"]

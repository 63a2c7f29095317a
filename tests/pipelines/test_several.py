"""Three models in one checkout: what is done with one leaves the others alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import several
from tests.projects import Project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = several.repository(tmp_path_factory.mktemp("three") / "repository")
    done = made.mainline("run")
    assert done.status == 0, done.out + done.err
    made.write("said.txt", done.out)
    made.git("clean", "--quiet", "--force", "said.txt")
    assert "3 models: top passed, churn passed, wine passed" in done.out
    return made


def entries(project: Project, model: str) -> list[dict[str, Any]]:
    lines = project.path(f".mainline/models/{model}/audit.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_shared_table_with_one_suite_is_validated_once(three: Project) -> None:
    checks = [path.name.rpartition("-")[0] for path in three.path(".mainline/checks").iterdir()]
    assert checks.count("visits") == 1, "the one at the top and churn read it"
    assert set(checks) >= {"bottles", "frame"}
    for folder in ("reports", "reports/churn"):
        assert three.path(f"{folder}/data/visits.html").exists(), "each has its page of it"


def test_a_second_run_trains_nothing_again(three: Project) -> None:
    again = three.mainline("run")
    assert again.status == 0
    assert "train" not in again.err


def test_an_expectation_is_named_by_the_models_own_file(three: Project) -> None:
    """The result is shared, the file that asks is not."""
    copied = three.path("models/churn/expectations/visits.yaml")
    before = copied.read_text(encoding="utf-8")
    for name in ("data/expectations/visits.yaml", "models/churn/expectations/visits.yaml"):
        three.edit(name, ("max_value: 240}\n    severity: critical", "max_value: 1}\n    severity: critical"))
    try:
        assert "data/expectations/visits.yaml:" in three.mainline("run", "--model", "top").err
        failed = three.mainline("run", "--model", "churn")
        assert failed.status == 3
        assert "models/churn/expectations/visits.yaml:" in failed.err
        assert "(data/expectations/visits.yaml" not in failed.err
    finally:
        three.git("checkout", "--quiet", "--force", "HEAD")
    assert copied.read_text(encoding="utf-8") == before


def test_releases_rollback_and_monitor_of_one_leave_the_others_alone(three: Project) -> None:
    for model in ("churn", "wine"):
        done = three.mainline("promote", "--model", model, "--target", "none")
        assert done.status == 0, done.err
        assert "version 1 is the champion" in done.out
    wine, top = three.path(".mainline/models/wine"), three.path(".mainline")
    kept, top_runs = files(wine), (top / "mlflow.db").read_bytes()

    three.edit("models/churn/params.yaml", ("params: {C: 1.0}", "params: {C: 0.9}"))
    three.commit("Another churn")
    done = three.mainline("promote", "--target", "none", MAINLINE_SELECT="churn")
    assert "version 2 is the champion" in done.out, done.err
    done = three.mainline("rollback", "--model", "churn", "--target", "none")
    assert "version 1 is the champion again" in done.out, done.err
    three.mainline("monitor", "--model", "churn")
    assert three.path("reports/churn/release.json").exists()

    assert files(wine) == kept
    assert (top / "mlflow.db").read_bytes() == top_runs
    assert not (top / "audit.jsonl").exists()
    assert [entry["event"] for entry in entries(three, "wine")] == ["promoted"]
    assert [entry["event"] for entry in entries(three, "churn")] == ["promoted", "promoted", "rolled back"]
    assert {entry["model"] for entry in entries(three, "churn")} == {"churn"}
    wrong = three.mainline("rollback")
    assert wrong.status == 2
    assert "rollback is about one model, and there are top, churn, wine" in wrong.err


def test_a_retraining_of_one_has_a_branch_and_a_commit_of_its_own(three: Project) -> None:
    three.edit("models/churn/params.yaml", ("until: 2026-03-02", "until: 2026-02-16"))
    three.edit("params.yaml", ("until: 2026-03-02", "until: 2026-02-16"))
    three.commit("Two weeks earlier")
    done = three.mainline("retrain", "--model", "churn", "--today", "2026-03-04")
    assert done.status in (0, 1), done.err
    branch = "retrain/churn/2026-03-02"
    assert f"git merge {branch}" in done.out
    assert three.git("diff", "--name-only", "main", branch) == "models/churn/params.yaml"
    assert three.git("log", "-1", "--format=%s", branch) == "Retrain churn on data until 2026-03-02"
    found = json.loads(three.path("reports/churn/retraining/retraining.json").read_text(encoding="utf-8"))
    assert found["branch"] == branch
    assert not three.path("reports/retraining").exists()

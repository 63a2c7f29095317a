from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bounds import HANG
from tests.environment import cleaned
from tests.projects import TOP

# As GitHub sets them on every runner, with an address where nobody answers.
RUNNER = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_API_URL": "http://127.0.0.1:9",
    "GITHUB_EVENT_NAME": "schedule",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_REPOSITORY": "team/model",
    "GITHUB_RUN_ID": "7",
    "GITHUB_SHA": "a" * 40,
    "RUNNER_OS": "Linux",
}
# The shortest part of the slow suite that starts a verb which speaks to GitHub where it runs in a workflow.
SHORTEST = (
    "tests/pipelines/test_retraining.py::test_new_data_become_a_branch_that_moves_the_clock_with_the_usual_report"
)


def test_a_runners_variables_and_a_persons_tokens_are_left_outside() -> None:
    persons = {"GH_TOKEN": "x", "MAINLINE_IMAGE": "registry.example/x", "MLFLOW_TRACKING_URI": "https://example"}
    kept = {"PATH": "/bin", "GX_ANALYTICS_ENABLED": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "UV": "/bin/uv"}
    environment = {**RUNNER, **persons, **kept}
    cleaned(environment)
    assert environment == {**kept, "MAINLINE_REQUIRE_SERVERS": "1"}, "a runner may skip nothing"
    cleaned(environment)
    assert environment == {**kept, "MAINLINE_REQUIRE_SERVERS": "1"}


def test_a_laptop_may_skip_what_needs_a_server() -> None:
    environment = {"PATH": "/bin", "CI": ""}
    cleaned(environment)
    assert environment == {"PATH": "/bin"}


@pytest.mark.slow
def test_a_part_of_the_slow_suite_passes_on_a_runner_and_leaves_nothing_in_its_files(tmp_path: Path) -> None:
    files = {name: str(tmp_path / name) for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    command = [sys.executable, "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", SHORTEST]
    done = subprocess.run(
        command,
        cwd=TOP,
        env={**os.environ, **RUNNER, **files},
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []

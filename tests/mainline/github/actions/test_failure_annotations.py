from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mainline.github.actions import failure_annotations
from tests.projects import PARAMS

VERDICT: dict[str, Any] = {"gates": [], "expectations": []}


def gate(name: str, *, passed: bool = False) -> dict[str, Any]:
    return {"name": name, "rule": "at most 3", "measured": "4", "passed": passed}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("margin: roc_auc", "    roc_auc: 0.02"),
        ("margin: brier", "    brier: 0.01"),
        ("lead", "  lead: {by"),
        ("slices", "  slices: {metric"),
        ("gaps", "  gaps: {metric"),
        ("calibration error", "  calibration_error: 0.15"),
        ("label coverage", "  label_coverage: 0.85"),
        ("training time", "  train_seconds: 60"),
        ("model size", "  model_megabytes: 5"),
    ],
)
def test_a_failed_gate_is_shown_on_the_line_of_its_threshold(name: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(PARAMS, encoding="utf-8")
    (found,) = failure_annotations.of_verdict({**VERDICT, "gates": [gate(name), gate("gaps", passed=True)]}, file)
    assert PARAMS.splitlines()[found.line - 1].startswith(text)
    assert (found.file, found.level) == ("params.yaml", "error")


@pytest.mark.slow
def test_a_floor_is_shown_on_its_line(tmp_path: Path) -> None:
    text = PARAMS.replace("  calibration_error: 0.15\n", "  floors:\n    roc_auc: 0.9\n")
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    (found,) = failure_annotations.of_verdict({**VERDICT, "gates": [gate("floor: roc_auc")]}, tmp_path / "params.yaml")
    assert text.splitlines()[found.line - 1] == "    roc_auc: 0.9"


def test_an_expectation_that_only_warns_is_a_warning_on_the_suites_line(tmp_path: Path) -> None:
    failed = {"table": "visits", "rule": "in set", "said": "3 of 9 rows", "file": "data/expectations/visits.yaml"}
    (found,) = failure_annotations.of_verdict(
        {**VERDICT, "expectations": [{**failed, "line": 7}]}, tmp_path / "params.yaml"
    )
    assert str(found) == ("::warning file=data/expectations/visits.yaml,line=7,title=visits%3A in set::3 of 9 rows")


def test_the_places_that_a_refusal_names_are_annotated() -> None:
    setting = "params.yaml:12: split.holdouts is not a setting: did you mean holdout?"
    message = f"{setting}\nvisits: a rule\n  data/e/v.yaml:3: type"
    found = failure_annotations.of_message(message)
    assert [(one.file, one.line) for one in found] == [("params.yaml", 12), ("data/e/v.yaml", 3)]


def test_a_machines_path_is_no_place_of_the_repository() -> None:
    assert failure_annotations.of_message("/usr/lib/python3/site.py:3: odd") == []


def test_whatever_a_text_holds_it_is_one_command() -> None:
    hostile = failure_annotations.Annotation("a,b:c.yaml", 1, "x,y::z\n::error::forged", "100%\r\n::set-env name=A::b")
    assert str(hostile) == (
        "::error file=a%2Cb%3Ac.yaml,line=1,title=x%2Cy%3A%3Az%0A%3A%3Aerror%3A%3Aforged"
        "::100%25%0D%0A::set-env name=A::b"
    )
    assert "\n" not in str(hostile)


def test_errors_come_before_warnings_and_no_more_than_github_shows() -> None:
    warnings = [failure_annotations.Annotation("a.yaml", n, "w", "w", "warning") for n in range(12)]
    found = failure_annotations.printed([*warnings, failure_annotations.Annotation("a.yaml", 99, "e", "e")])
    assert len(found) == failure_annotations.MOST
    assert found[0].startswith("::error")

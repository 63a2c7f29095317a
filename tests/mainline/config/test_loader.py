"""`params.yaml`: what is wrong in it is refused by line and name, before anything is computed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mainline.config import loader
from mainline.errors import ConfigurationError
from mainline.evaluation.metrics import check
from tests.projects import EXAMPLE

TEXT = EXAMPLE.read_text(encoding="utf-8")

WRONG = {
    "a misspelt key": (
        "  estimator: sklearn",
        "  estimatr: sklearn",
        "train.estimatr is not a setting: did you mean estimator?",
    ),
    "a misspelt source key": ("{path: data/raw/planes", "{pth: data/raw/planes", "did you mean path?"),
    "a wrong type": ("threads: 1 ", "threads: one ", "train.threads: input should be a valid integer"),
    "an impossible number": ("resamples: 2000", "resamples: 2", "greater than or equal to 100, not 2"),
    "an unknown choice": ("by: time", "by: tiem", "did you mean time?"),
    "a length of time in words": ("holdout: 1 month", "holdout: one month", "a whole number and a unit"),
    "a date that is none": (
        "until: 2013-10-01",
        "until: 2013-13-01",
        "not YAML: month must be in 1..12",
    ),
    "a time zone that is none": ("America/New_York", "America/NewYork", "unknown time zone 'America/NewYork'"),
    "an infinite number": ("at_least: 0.03", "at_least: .inf", "gates.lead.at_least"),
    "a section that is missing": ("split:", "splits:", "split is required"),
    "a metric that the task does not have": ("metric: roc_auc\n  blocks", "metric: rmse\n  blocks", "no metric rmse"),
    "a misspelt metric in a gate": ("    brier: 0.0075", "    brierr: 0.0075", "did you mean brier?"),
    "no time to split by": ("  time: departs ", "  # time: departs ", "split.by: time needs prepare.time"),
    "text that is no YAML": ("task: binary", "task: [binary", "not YAML"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_setting_is_refused_by_line_and_name(wrong: str) -> None:
    before, after, said = WRONG[wrong]
    assert before in TEXT
    with pytest.raises(ConfigurationError) as refused:
        checked(TEXT.replace(before, after))
    assert said in str(refused.value)
    assert str(refused.value).startswith("params.yaml:")
    assert refused.value.status == 2


def checked(text: str) -> None:
    params = loader.parse(text)
    loader.refuse(params, check.problems(params))


def test_every_wrong_setting_is_told_at_once() -> None:
    text = TEXT.replace("threads: 1 ", "threads: 0 ").replace("resamples: 2000", "resamples: 1")
    with pytest.raises(ConfigurationError) as refused:
        loader.parse(text)
    assert len(str(refused.value).splitlines()) == 2


def test_a_setting_that_is_made_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"params.yaml:\d+: threads is set twice"):
        loader.parse(TEXT.replace("  threads: 1", "  threads: 1\n  threads: 2"))


def test_a_missing_file_says_where_to_stand(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="top folder of the repository"):
        loader.load(tmp_path / "params.yaml")


def test_a_setting_knows_its_line_and_the_reason_beside_it() -> None:
    found = loader.parse(TEXT)
    line = found.line("gates", "margins", "roc_auc")
    assert TEXT.splitlines()[line - 1].strip().startswith("roc_auc: 0.015")
    measured = "make margins: 86 of 90 pairs of equal models on July, August, September pass"
    assert found.reason("gates", "margins", "roc_auc") == measured
    assert found.reason("gates", "train_seconds") is None

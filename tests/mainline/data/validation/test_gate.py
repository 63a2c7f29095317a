"""Which suites are asked at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from mainline.data.validation.gate import check_suites
from mainline.errors import ConfigurationError
from tests.mainline.settings import params


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "visit.yaml",
            r"data/expectations/visit\.yaml: suite files are named.*did you mean visits\.yaml\?",
        ),
        ("visits.yml", r"visits\.yml: suite files are named <table>\.yaml: did you mean visits\.yaml\?"),
        ("weather.yaml", r"weather\.yaml: .*the tables are visits, purchases, frame"),
    ],
)
def test_a_suite_that_no_table_would_be_asked_by_is_named(tmp_path: Path, name: str, said: str) -> None:
    folder = tmp_path / "data" / "expectations"
    folder.mkdir(parents=True)
    for known in ("visits.yaml", "frame.yaml"):
        (folder / known).touch()
    check_suites(params().settings, tmp_path)
    (folder / name).touch()
    with pytest.raises(ConfigurationError, match=said):
        check_suites(params().settings, tmp_path)


def test_a_folder_of_suites_may_be_missing_unless_it_is_named(tmp_path: Path) -> None:
    check_suites(params().settings, tmp_path)
    elsewhere = params(("data:\n", "data:\n  expectations: data/expectation\n")).settings
    with pytest.raises(ConfigurationError, match=r"data\.expectations: the folder data/expectation does not exist"):
        check_suites(elsewhere, tmp_path)

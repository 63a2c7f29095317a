"""Which suites are asked at all, and where their counts come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mainline.config import loader
from mainline.data.collect import collect, to_json
from mainline.data.validation import gate, table
from mainline.data.validation.gate import check_suites
from mainline.errors import ConfigurationError
from tests.mainline.settings import params
from tests.projects import Project, visits


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


@pytest.mark.slow
def test_a_small_table_is_loaded_and_a_large_one_counted_with_the_same_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Project(tmp_path / "shop")
    rows = visits()
    rows.loc[[7, 9], "minutes"] = 999.0
    rows.loc[11, "shop"] = "west"
    shop.data(rows)
    monkeypatch.chdir(shop.root)
    settings = loader.load(shop.path("params.yaml")).settings
    tables = to_json(collect(settings.data, shop.root, tmp_path / "cache"))

    def found(state: str) -> list[dict[str, Any]]:
        answer = gate.of_tables(
            str(shop.root), str(tmp_path / state), tables, {}, settings.prepare.features.model_dump()
        )
        listed: list[dict[str, Any]] = answer["expectations"]
        return listed

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("the other way was taken")

    with monkeypatch.context() as patched:
        patched.setattr(table, "opened", refused)
        loaded = found("loaded")
    monkeypatch.setattr(gate, "LOADED", 0)
    monkeypatch.setattr(gate, "fetch", refused)
    assert found("counted") == loaded
    broken = [(one["column"], one["unexpected"], len(one["examples"])) for one in loaded if not one["success"]]
    assert broken == [("minutes", 2, 2), ("shop", 1, 1)]

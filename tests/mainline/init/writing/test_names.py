"""The project's name: what is refused, and what is proposed instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from mainline.errors import ConfigurationError
from mainline.init.writing.names import name_of


@pytest.mark.parametrize(
    ("wished", "why", "instead"),
    [
        ("../churn", "a path was given", "churn"),
        ("src/churn", "a path was given", "churn"),
        ("Churn 2026", "lower-case letters", "churn_2026"),
        ("größe", "lower-case letters", "grosse"),
        ("class", "a word of Python", "class_model"),
        ("json", "Python's own library", "json_model"),
        ("pandas", "a package that is installed", "pandas_model"),
        ("mainline", "a part of this repository", "mainline_model"),
        ("shop", "src/shop is there already", "shop_model"),
        ("workflows", "tests/workflows is there already", "workflows_model"),
        ("2026", "lower-case letters", "table_2026"),
        ("x" * 41, "at most 40 characters", "x" * 32),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_one_that_can(
    tmp_path: Path, wished: str, why: str, instead: str
) -> None:
    (tmp_path / "src" / "shop").mkdir(parents=True)
    (tmp_path / "tests" / "workflows").mkdir(parents=True)
    with pytest.raises(ConfigurationError) as refused:
        name_of(wished, "", tmp_path)
    assert why in str(refused.value)
    assert str(refused.value).endswith(f"NAME={instead}")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("churn.csv", "churn"),
        ("s3://bucket/Fahrten 2025.parquet?versionId=3", "fahrten_2025"),
        ("data/rides/", "rides"),
        ("json.csv", "json_model"),
        ("2026-01.csv.gz", "table_2026_01"),
        ("postgresql:SELECT 1", "postgresql_select_1"),
        ("表.csv", "table"),
    ],
)
def test_without_a_wish_the_file_names_the_project(tmp_path: Path, file: str, name: str) -> None:
    assert name_of(None, file, tmp_path) == name


def test_the_project_that_an_earlier_call_made_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "src" / "churn").mkdir(parents=True)
    assert name_of("churn", "", tmp_path, made="churn") == "churn"
    assert name_of(None, "churn.csv", tmp_path) == "churn_model"

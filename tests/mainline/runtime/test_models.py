"""Which models a repository has, what they may be called, and what carries their name."""

from __future__ import annotations

from pathlib import Path

import pytest

from mainline.errors import ConfigurationError
from mainline.runtime import models
from mainline.runtime.models import Model
from mainline.runtime.workspace import Workspace


def add(root: Path, *names: str) -> None:
    for name in names:
        path = root / (Path(models.FOLDER, name) if name else Path()) / models.PARAMS
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("task: binary\n", encoding="utf-8")


def test_the_model_at_the_top_comes_first_and_has_the_names_of_a_repository_with_one(tmp_path: Path) -> None:
    add(tmp_path, "", "wine", "churn")
    assert list(map(str, models.here(tmp_path))) == ["top", "churn", "wine"]
    top = Workspace(tmp_path, tmp_path / ".mainline")
    assert top.state == tmp_path / ".mainline"
    assert (top.params, top.reports) == (tmp_path / "params.yaml", tmp_path / "reports")


def test_what_belongs_to_a_model_carries_its_name_and_what_was_fetched_and_validated_is_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(models.SELECTED, "churn")
    own = Workspace.at(tmp_path)
    top = Workspace(own.root, own.home)
    assert own.records == tmp_path / ".mainline/models/churn/records"
    assert own.reports == tmp_path / "reports/churn"
    assert own.params == tmp_path / "models/churn/params.yaml"
    assert own.of.expectations == Path("models/churn/expectations")
    assert (own.cache, own.checks) == (top.cache, top.checks)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../churn", "is a path: a model has a plain name, such as churn"),
        ("a\\b", "is a path"),
        ("Churn Rate", "lower-case letters, digits and hyphens are, such as churn-rate"),
        ("2churn", "such as churn"),
        ("", "is no name of a model"),
        ("a" * 31, "it has 31 characters, at most 30 are possible"),
        ("state", "is reserved: call the model otherwise, such as state-model"),
        ("top", "is reserved"),
    ],
)
def test_a_name_is_plain_and_not_reserved(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r".") as refused:
        models.check_new(name, tmp_path)
    assert said in str(refused.value)


def test_a_name_that_is_taken_is_refused_and_a_free_one_is_not(tmp_path: Path) -> None:
    add(tmp_path, "churn")
    with pytest.raises(ConfigurationError, match=r"'churn' is taken: models/churn exists"):
        models.check_new("churn", tmp_path)
    models.check_new("churn-2", tmp_path)


def test_a_folder_that_no_model_can_be_called_is_reported(tmp_path: Path) -> None:
    add(tmp_path, "Churn", "data")
    with pytest.raises(ConfigurationError) as refused:
        models.here(tmp_path)
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == ["models/Churn", "models/data"]


def test_a_model_that_is_not_there_is_named_with_the_nearest_that_is(tmp_path: Path) -> None:
    add(tmp_path, "churn", "wine")
    there = models.here(tmp_path)
    assert models.named("churn", there) == Model("churn")
    with pytest.raises(ConfigurationError, match=r"there is no model chrun: did you mean churn\?"):
        models.named("chrun", there)
    with pytest.raises(ConfigurationError, match=r"there is no model top: there are: churn, wine"):
        models.named("top", there)


def test_a_variable_that_holds_no_name_is_refused_before_it_becomes_a_path() -> None:
    assert models.selected({models.SELECT: "churn"}) == Model("churn")
    assert models.selected({models.SELECTED: "top", models.SELECT: "churn"}) == Model()
    with pytest.raises(ConfigurationError, match=r"MAINLINE_SELECT: '\.\./\.\./etc' is a path"):
        models.selected({models.SELECT: "../../etc"})

"""For which models a call is, before the command itself is looked at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mainline.cli import selection
from mainline.cli.commands import COMMANDS
from mainline.cli.main import main
from mainline.errors import ConfigurationError
from mainline.runtime import models
from mainline.runtime.models import Model
from tests.projects import PARAMS, Project


@pytest.fixture
def three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A repository with one at the top, churn and wine, on `main`."""
    made = Project.at(tmp_path)
    for name, package in (("", "shop"), ("models/churn/", "churn"), ("models/wine/", "wine")):
        made.write(f"{name}params.yaml", PARAMS.replace("shop.frame", f"{package}.frame"))
        made.write(f"src/{package}/frame.py", "")
    made.init()
    made.commit("Three models")
    monkeypatch.chdir(tmp_path)
    return made


@pytest.mark.parametrize("words", [["--model", "churn", "run"], ["run", "--model=churn"], ["run", "--model", "churn"]])
def test_the_name_stands_anywhere_in_the_call(words: list[str]) -> None:
    assert selection.asked(words, {}) == ("churn", ["run"])


def test_makes_variable_names_it_too_and_the_option_comes_first() -> None:
    assert selection.asked(["run"], {models.SELECT: "churn"}) == ("churn", ["run"])
    assert selection.asked(["run", "--model", "wine"], {models.SELECT: "churn"}) == ("wine", ["run"])


def test_the_folder_of_an_export_is_left_to_its_command_and_is_no_model_elsewhere() -> None:
    words = ["predict", "new.csv", "--model", "made/model"]
    assert selection.asked(words, {}) == (None, words)
    with pytest.raises(ConfigurationError, match=r"'made/model' is a path: a model has a plain name"):
        selection.asked(["run", "--model", "made/model"], {})
    with pytest.raises(ConfigurationError, match=r"A folder or a digest is --export, EXPORT= of make"):
        selection.asked(["predict", "new.csv"], {models.SELECT: ".mainline/model"})


def test_every_command_that_is_named_here_exists() -> None:
    assert {command.name for command in COMMANDS} >= selection.TOUCHED | selection.EACH | selection.ONE
    assert not selection.TOUCHED & selection.EACH | selection.ONE & (selection.TOUCHED | selection.EACH)


def test_without_a_name_a_command_is_for_all_for_one_that_must_be_named_or_for_none(three: Project) -> None:
    everything = [Model(), Model("churn"), Model("wine")]
    assert selection.chosen(["audit"], None, three.root) == everything
    assert selection.chosen(["doctor"], None, three.root) == [Model()]
    assert selection.chosen(["rollback"], "wine", three.root) == [Model("wine")]
    for words in (["rollback"], ["promote", "--image", "sha256:0"], ["stage", "an/image"]):
        with pytest.raises(ConfigurationError, match=r"is about one model, and there are top, churn, wine: say which"):
            selection.chosen(words, None, three.root)


def test_a_run_is_about_what_the_branch_touches_and_on_main_about_all(three: Project) -> None:
    assert len(selection.chosen(["run"], None, three.root)) == 3, "no change"
    three.git("checkout", "--quiet", "-b", "change")
    three.write("src/wine/frame.py", "# another\n")
    assert selection.chosen(["run"], None, three.root) == [Model("wine")]
    assert selection.chosen(["run", "--base", "main"], None, three.root) == [Model("wine")]


def test_a_repository_with_one_model_that_has_a_name_needs_none_in_the_call(three: Project) -> None:
    three.path("params.yaml").unlink()
    three.path("models/wine/params.yaml").unlink()
    assert selection.chosen(["serve"], None, three.root) == [Model("churn")]


def test_a_models_variables_are_its_own_while_it_is_worked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAINLINE_IMAGE", "registry.example/team/name")
    monkeypatch.setenv("MAINLINE_PUBLISH", "127.0.0.1:8080")
    monkeypatch.setenv("MAINLINE_PUBLISH__CHURN_RATE", "127.0.0.1:8081")
    before = dict(os.environ)
    with selection.working_for(Model("churn-rate")):
        assert os.environ["MAINLINE_IMAGE"] == "registry.example/team/name/churn-rate"
        assert os.environ["MAINLINE_PUBLISH"] == "127.0.0.1:8081"
        assert os.environ["MAINLINE_SERVICE"] == os.environ["MAINLINE_MODEL_NAME"] == "mainline-churn-rate"
        assert models.selected() == Model("churn-rate")
        with selection.working_for(Model("churn-rate")):  # as a process that this one starts
            assert os.environ["MAINLINE_IMAGE"] == "registry.example/team/name/churn-rate"
    assert dict(os.environ) == before


def test_a_wrong_name_ends_with_status_2_and_says_what_would_be_right(
    three: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, said in (("chrun", "did you mean churn?"), ("../x", "is a path"), ("state", "is reserved")):
        assert main(["run", "--model", name]) == 2
        assert said in capsys.readouterr().err
    assert not three.path(".mainline").exists(), "nothing is half-written"


def test_an_error_names_the_models_own_file(three: Project, capsys: pytest.CaptureFixture[str]) -> None:
    three.edit("models/churn/params.yaml", ("task: binary", "tsk: binary"))
    assert main(["margins", "--model", "churn"]) == 2
    assert "\nmodels/churn/params.yaml:1: tsk is not a setting" in capsys.readouterr().err
    with models.selecting(Model("churn")):
        said = selection.in_words("params.yaml: task: binary needs a label\nsee params.yaml: evaluate")
    assert said == "models/churn/params.yaml: task: binary needs a label\nsee params.yaml: evaluate"

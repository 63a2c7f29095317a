"""The clone in which the demo plays, of a real repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from mainline.demo.scratch import Said, cloned
from mainline.errors import ConfigurationError, ExternalError
from tests.projects import Project


def test_the_clone_is_the_commit_alone_and_knows_of_no_other_repository(tmp_path: Path) -> None:
    shop = Project(tmp_path / "shop")
    shop.git("checkout", "--quiet", "-b", "experiment")
    shop.edit("params.yaml", ("max_iter: 30", "max_iter: 31"))
    head = shop.commit("An experiment")
    shop.write("params.yaml", "not committed")
    scratch = cloned(shop.root, tmp_path / "demo")
    assert scratch.git("rev-parse", "main") == head
    assert scratch.git("branch", "--format=%(refname:short)") == "main"
    assert scratch.git("remote") == ""
    assert "max_iter: 31" in (scratch.root / "params.yaml").read_text(encoding="utf-8")
    (scratch.root / "params.yaml").write_text("another", encoding="utf-8")
    scratch.commit("In the clone")
    assert shop.git("rev-parse", "experiment") == head

    again = cloned(shop.root, tmp_path / "demo")
    assert again.git("rev-parse", "main") == head, "it starts anew"


def test_a_folder_without_a_commit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="this folder is not the top of a git checkout"):
        cloned(tmp_path, tmp_path / "demo")


@pytest.mark.slow
def test_an_unexpected_status_of_a_command_is_reported_with_its_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://nowhere.invalid")
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    shop = Project(tmp_path / "shop")
    scratch = cloned(shop.root, tmp_path / "demo")
    scratch.variables["MAINLINE_SERVICE"] = "mine"
    given = scratch.environment()
    assert "MLFLOW_TRACKING_URI" not in given
    assert "GITHUB_TOKEN" not in given
    assert given["MAINLINE_SERVICE"] == "mine"
    (scratch.root / "params.yaml").write_text("task: magic\n", encoding="utf-8")
    with pytest.raises(ExternalError, match=r"`mainline monitor` ended with status 2, .*: params\.yaml"):
        scratch.call("monitor")
    assert "$ mainline monitor" in scratch.log.read_text(encoding="utf-8")


def test_the_words_of_a_failure_are_its_last_message() -> None:
    err = "  ✓ collect\nmainline: first\nmainline: The data is invalid.\n\nvisits: minutes\n  where\n"
    assert Said(3, "", err).why == "The data is invalid. visits: minutes"
    assert Said(1, "out", "").why == "out"
    assert Said(0, "\n  version 2 is it\n", "").line("version") == "version 2 is it"

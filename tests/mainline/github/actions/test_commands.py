from __future__ import annotations

from pathlib import Path

import pytest

from mainline.errors import ConfigurationError
from mainline.github.actions import commands


def test_outputs_and_variables_are_lines_of_their_files(tmp_path: Path) -> None:
    environment = {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_ENV": str(tmp_path / "env")}
    commands.set_outputs(environment, pull_request="7")
    commands.set_outputs(environment, due="true")
    commands.set_variables(environment, {"TARGET": "registry"})
    assert (tmp_path / "output").read_text() == "pull-request=7\ndue=true\n"
    assert (tmp_path / "env").read_text() == "TARGET=registry\n"


def test_a_value_of_more_than_one_line_sets_nothing(tmp_path: Path) -> None:
    file = tmp_path / "env"
    with pytest.raises(ConfigurationError, match="A is more than one line"):
        commands.set_variables({"GITHUB_ENV": str(file)}, {"A": "b\nPATH=/elsewhere"})
    assert not file.exists()


def test_a_notice_gives_no_command_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    commands.annotate("notice", "A: title, long", "one\n::error::two")
    assert capsys.readouterr().out == "::notice title=A%3A title%2C long::one%0A::error::two\n"

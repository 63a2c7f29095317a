"""The table of commands: the help and the parser come from it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest

from mainline.cli import main
from mainline.cli.commands import COMMANDS, INTERNAL, Command
from tests.projects import TOP


def test_the_help_lists_every_command_in_its_group_and_no_internal_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(["--help"])
    assert ended.value.code == 0
    shown, group = {}, ""
    for line in capsys.readouterr().out.splitlines():
        if heading := re.fullmatch(r"([A-Z][\w ]+):", line):
            group = heading[1]
        elif entry := re.fullmatch(r"  ([a-z]+) +(\S.*)", line):
            shown[entry[1]] = (group, entry[2])
    assert shown == {command.name: (command.group, command.help) for command in COMMANDS if command.group != INTERNAL}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_of_the_table_has_its_options(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    name = command.name
    with pytest.raises(SystemExit) as ended:
        main.main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: mainline {name}" in capsys.readouterr().out


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(["--version"])
    assert ended.value.code == 0
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert capsys.readouterr().out == f"mainline {project['version']}\n"


def test_an_unknown_command_is_answered_with_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(["promot"])
    assert ended.value.code == 2
    assert "there is no command promot: did you mean promote?" in capsys.readouterr().err


def test_the_help_imports_no_command_and_no_library() -> None:
    program = (
        "import sys\nfrom mainline.cli import main\n"
        "try:\n    main.main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print('IMPORTED', *sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported = set(done.stdout.partition("IMPORTED")[2].split())
    assert {name for name in imported if name.startswith("mainline.cli.")} == {
        "mainline.cli.commands",
        "mainline.cli.main",
        "mainline.cli.selection",
    }
    assert not imported & {"numpy", "pandas", "pydantic", "yaml", "mlflow"}

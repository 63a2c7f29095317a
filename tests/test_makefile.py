"""What `make` does, in a folder of its own with stand-ins for uv, Python and the command."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projects import TOP

SAY = '#!/bin/sh\necho "$(basename "$0")" "$@" "PYTHONPATH=$PYTHONPATH" >> "$SAID"\n'
UV = SAY + 'if [ "$1" = sync ]; then mkdir -p .venv/bin; fi\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A folder whose name has a space and an umlaut, readable by everybody."""
    above = Path(tempfile.mkdtemp(prefix="mainline-make-"))
    above.chmod(0o755)
    folder = above / "Größe und Form"
    program(folder / ".tools" / "bin" / "uv", UV)
    program(folder / ".venv" / "bin" / "mainline", SAY)
    for name in ("Makefile", "uv.lock", "pyproject.toml"):
        shutil.copy(TOP / name, folder / name)
    (folder / "docs").mkdir()
    yield folder
    shutil.rmtree(above)


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def make(
    folder: Path, *words: str, user: int | None = None, **variables: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """What make did, and what its programs were called with; no uv is on the PATH."""
    said = next(each for each in folder.parents if each.name.startswith("mainline-make-")) / "said"
    path = os.pathsep.join(each for each in os.environ["PATH"].split(os.pathsep) if not Path(each, "uv").exists())
    done = subprocess.run(
        ["make", *words],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder), "SAID": str(said), **variables},
        capture_output=True,
        text=True,
        check=False,
        user=user,
    )
    calls = said.read_text().splitlines() if said.exists() else []
    said.unlink(missing_ok=True)
    return done, calls


def test_a_space_in_the_path_installs_uv_no_second_time_and_packages_once(checkout: Path) -> None:
    done, calls = make(checkout, "run", PYTHON="false")
    assert done.returncode == 0, done.stderr
    assert calls == ["uv sync --locked --inexact --quiet PYTHONPATH=", "mainline run PYTHONPATH="]
    assert make(checkout, "run", "BASE=a-branch", PYTHON="false")[1] == ["mainline run --base a-branch PYTHONPATH="]


def test_modules_of_another_project_are_not_imported(checkout: Path) -> None:
    assert "mainline run PYTHONPATH=" in make(checkout, "run", PYTHONPATH="/somewhere/else")[1]


def test_a_dry_run_runs_nothing(checkout: Path) -> None:
    done, calls = make(checkout, "-n", "review", "run", "retrain", "tools")
    assert (done.returncode, calls) == (0, [])
    assert 'mainline review --install "make ' in done.stdout


def test_make_is_called_from_a_folder_below(checkout: Path) -> None:
    done, calls = make(checkout / "docs", "-f", "../Makefile", "run", "export", "BASE=v1")
    assert done.returncode == 0, done.stderr
    assert [call for call in calls if call.startswith("mainline")] == [
        "mainline run --base v1 PYTHONPATH=",
        "mainline export PYTHONPATH=",
    ]
    assert not (checkout / "docs" / ".venv").exists()


def test_a_checkout_that_cannot_be_written_to_is_told_so(checkout: Path) -> None:
    shutil.rmtree(checkout / ".tools")
    checkout.chmod(0o555)
    done, calls = make(checkout, "run", user=65534 if os.getuid() == 0 else None)
    checkout.chmod(0o755)
    assert done.returncode == 2
    assert "cannot be written to: clone or copy it to a folder of your own" in done.stderr
    assert "venv" not in done.stderr
    assert calls == []


def test_a_package_is_added_with_the_uv_that_make_has(checkout: Path) -> None:
    done, calls = make(checkout, "add", "PACKAGE=lightgbm>=4.7 skorch", "GROUP=export")
    assert done.returncode == 0, done.stderr
    assert calls[-1] == "uv add --group export lightgbm>=4.7 skorch PYTHONPATH="
    assert "PACKAGE is missing" in make(checkout, "add")[0].stderr


def test_new_rows_are_scored_as_they_are_or_as_those_of_a_source(checkout: Path) -> None:
    for given, passed in (("RAW=1", " --raw 1"), ("RAW=visits", " --raw visits"), ("BASE=main", "")):
        _, calls = make(checkout, "predict", "FILE=new rows.csv", given)
        assert calls[-1] == f"mainline predict{passed} new rows.csv PYTHONPATH="

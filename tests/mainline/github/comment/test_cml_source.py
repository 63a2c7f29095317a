"""CML from its source: only with the bytes that are known, and with no token near what installs it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mainline.github.comment import cml_source
from mainline.github.comment.cml_source import program, tree

pytestmark = pytest.mark.slow  # npm takes a second


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A repository with a script like CML's, and its commit."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")  # where npm is
    folder = tmp_path / "source"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "cml.js").write_text("#!/usr/bin/env node\nconsole.log('0.20.6')\n")
    # A script of a package would run with whatever the job has.
    package = {"name": "cml", "version": "0.20.6", "scripts": {"postinstall": "touch pwned; env > environment"}}
    (folder / "package.json").write_text(json.dumps(package))
    lock = {"name": "cml", "version": "0.20.6", "lockfileVersion": 3, "packages": {"": package}}
    (folder / "package-lock.json").write_text(json.dumps(lock))

    def git(*words: str) -> str:
        named = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        done = subprocess.run(["git", *named, *words], cwd=folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "0.20.6")
    return str(folder), git("rev-parse", "HEAD")


def test_what_has_the_known_bytes_is_installed_once_and_runs(source: tuple[str, str], tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    found, why = program(kept, *source, wanted="0" * 64)
    assert found is None
    assert f"and {'0' * 64} is known" in why
    assert not kept.exists(), "nothing is left for the cache"
    known = why.split()[7].rstrip(",")
    found, why = program(kept, *source, wanted=known)
    assert (found is not None, why) == (True, "")
    assert found
    assert subprocess.run([found], check=True, capture_output=True, text=True).stdout == "0.20.6\n"
    assert not list(kept.rglob("pwned")), "no script of a package was run"
    # From the cache: the source may be gone.
    again, why = program(kept, str(tmp_path / "nowhere"), source[1], known)
    assert (again, why) == (found, "")


@pytest.mark.parametrize(
    "change",
    [
        lambda place: (place / "bin" / "cml.js").write_text("another"),
        lambda place: (place / "bin" / "more.js").write_text("more"),
        lambda place: (place / "bin" / "link.js").symlink_to("/etc/passwd"),
        lambda place: (place / "package.json").unlink(),
    ],
    ids=["changed", "added", "linked", "removed"],
)
def test_another_file_in_the_cache_is_never_run(
    source: tuple[str, str], tmp_path: Path, change: Callable[[Path], object]
) -> None:
    """Any job of the default branch can write a cache."""
    kept = tmp_path / "kept"
    known = program(kept, *source, wanted="0" * 64)[1].split()[7].rstrip(",")
    program(kept, *source, wanted=known)
    (place,) = kept.iterdir()
    change(place)
    assert tree(place) != known
    found, why = program(kept, str(tmp_path / "nowhere"), source[1], known)
    assert found is None
    assert why.startswith("CML could not be installed: `git fetch` ended with status ")
    assert not kept.exists()


def test_what_installs_it_does_not_see_the_token(
    source: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "npm").write_text("#!/bin/sh\nenv > environment\n")
    (programs / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("GITHUB_TOKEN", "secret-token")  # pragma: allowlist secret
    monkeypatch.setattr(cml_source.shutil, "rmtree", lambda *given, **named: None)
    program(tmp_path / "kept", *source, wanted="0" * 64)
    (seen,) = (tmp_path / "kept").rglob("environment")
    assert "PATH=" in seen.read_text()
    assert "secret-token" not in seen.read_text()

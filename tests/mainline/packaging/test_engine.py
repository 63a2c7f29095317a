"""Which engine is asked: another one may be used to build with, and is never where production is."""

from __future__ import annotations

from pathlib import Path

import pytest

from mainline.errors import ExternalError
from mainline.packaging import engine
from mainline.release.targets import docker

AWAY = "#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n"
HERE = "#!/bin/sh\necho '{}'\n"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment in which Docker is installed and away, and Podman answers."""
    for name, text in {"docker": AWAY, "podman": HERE}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for name in (engine.VARIABLE, "DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    return {"PATH": f"{tmp_path}:/usr/bin:/bin"}


def test_where_docker_is_away_podman_builds(programs: dict[str, str]) -> None:
    assert engine.find(programs).name == "podman"


@pytest.mark.parametrize("variable", ["DOCKER_HOST", "DOCKER_CONTEXT"])
def test_a_host_that_was_named_and_is_away_is_no_other_engines(programs: dict[str, str], variable: str) -> None:
    with pytest.raises(ExternalError, match="docker is installed but not answering: Cannot connect to the Docker"):
        engine.find({**programs, variable: "elsewhere"})


def test_production_is_not_deployed_to_another_engine_because_its_own_is_away(programs: dict[str, str]) -> None:
    with pytest.raises(ExternalError, match="docker is installed but not answering"):
        docker.target()

from __future__ import annotations

from typing import Any

import pytest

from mainline.release.targets.docker import HostTarget


class Calls:
    """An engine that has the image and no container, and writes down what it is told to run."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def container(self, name: str) -> None:
        return None

    def image(self, name: str) -> dict[str, Any]:
        return {}

    def run(self, *words: str) -> str:
        self.made += words
        return ""


def test_how_the_container_logs_is_said_to_whoever_deploys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAINLINE_LOG_LEAVE_OUT", "tail number")
    monkeypatch.setenv("MAINLINE_LOG_MEGABYTES", "64")
    monkeypatch.setenv("MAINLINE_API_KEY", "not this one")  # pragma: allowlist secret
    engine: Any = Calls()
    HostTarget(engine, None, "mainline", "127.0.0.1:8080", "512m").start("new", "sha256:1")
    given = [word for word in engine.made if word.startswith("--env=")]
    assert given == [
        "--env=MAINLINE_LOG=/state/predictions",
        "--env=MAINLINE_LOG_LEAVE_OUT=tail number",
        "--env=MAINLINE_LOG_MEGABYTES=64",
    ]


@pytest.mark.parametrize(("given", "said"), [("1", ["--env=MAINLINE_REPLAY=1"]), (None, [])])
def test_a_rehearsal_is_passed_on_only_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, given: str | None, said: list[str]
) -> None:
    if given:
        monkeypatch.setenv("MAINLINE_REPLAY", given)
    else:
        monkeypatch.delenv("MAINLINE_REPLAY", raising=False)
    engine: Any = Calls()
    HostTarget(engine, None, "mainline", "127.0.0.1:8080", "512m").start("new", "sha256:1")
    assert [word for word in engine.made if "REPLAY" in word] == said

from __future__ import annotations

import pytest

from mainline.release import session


def test_who_runs_a_workflow_again_is_who_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub's GITHUB_ACTOR stays the one whose push started the first run."""
    monkeypatch.delenv("GITHUB_TRIGGERING_ACTOR", raising=False)
    monkeypatch.setenv("GITHUB_ACTOR", "anna")
    assert session.current_user() == "anna"
    monkeypatch.setenv("GITHUB_TRIGGERING_ACTOR", "zoe")
    assert session.current_user() == "zoe"

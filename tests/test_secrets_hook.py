"""A file in which no secret was found is not searched again, and no other is let through for that."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import secrets_hook

KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"  # in two parts: the hook itself would find it here


def test_what_is_new_is_searched_and_only_what_is_clean_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = tmp_path / "kept"
    Path("clean.py").write_text("x = 1\n")
    Path("leak.py").write_text(f"key = '{KEY}'\n")

    assert secrets_hook.main(["clean.py", "leak.py"], kept) == 1
    assert "leak.py:1" in capsys.readouterr().out
    assert not kept.exists(), "nothing is remembered of a search that found something"

    assert secrets_hook.main(["clean.py"], kept) == 0
    assert kept.read_text() == f"{secrets_hook.seen('clean.py')}\n"
    assert secrets_hook.main(["clean.py", "leak.py"], kept) == 1

    Path("clean.py").write_text(f"x = '{KEY}'\n")
    assert secrets_hook.main(["clean.py"], kept) == 1, "it has changed"

    before = secrets_hook.seen("leak.py")
    kept.write_text(f"{before}\n")
    assert secrets_hook.main(["leak.py"], kept) == 0, "what is remembered is not searched"
    Path("leak.py").rename("leak.yaml")
    assert secrets_hook.main(["leak.yaml"], kept) == 1, "its name decides what is looked for"

from __future__ import annotations

from pathlib import Path

import pytest

from mainline.errors import ConfigurationError
from mainline.serving.settings import Configuration, read, table, variables
from tests.projects import TOP


def test_without_any_variable_the_defaults_hold() -> None:
    assert read({}) == Configuration()
    assert read({name: "" for name, _, _ in variables()}) == Configuration()


def test_every_variable_changes_something(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k\n")
    others = {"MODEL": "/m", "HOST": "0.0.0.0", "VERSION": "7", "API_KEY": "k", "LOG": "/l", "LOG_LEAVE_OUT": "a, b"}
    others["REPLAY"] = "1"
    others["API_KEY_FILE"] = str(tmp_path / "key")
    for name, _, _ in variables():
        assert read({name: others.get(name.removeprefix("MAINLINE_"), "77")}) != Configuration(), name


def test_sizes_are_given_in_megabytes_and_names_with_commas() -> None:
    found = read({"MAINLINE_LOG_MEGABYTES": "2", "MAINLINE_LOG_LEAVE_OUT": "carrier, dest ,"})
    assert found.log_bytes == 2_097_152
    assert found.log_leave_out == ("carrier", "dest")


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "65536"), ("PORT", "-1"), ("PORT", "http"), ("MAX_ROWS", "0"), ("MAX_ROWS", "1.5"), ("PORT", "٣")],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"MAINLINE_{name}: a whole number .* is needed, not '{value}'"):
        read({f"MAINLINE_{name}": value})


def test_a_rehearsal_is_asked_for_by_one(tmp_path: Path) -> None:
    assert read({"MAINLINE_REPLAY": "1"}).replay
    assert not read({"MAINLINE_REPLAY": "0"}).replay
    with pytest.raises(ConfigurationError, match="MAINLINE_REPLAY: 0 or 1 is needed, not 'yes'"):
        read({"MAINLINE_REPLAY": "yes"})


def test_an_empty_key_file_does_not_let_everybody_in(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("\n")
    with pytest.raises(ConfigurationError, match="is empty"):
        read({"MAINLINE_API_KEY_FILE": str(tmp_path / "key")})


def test_a_key_without_the_line_end_of_its_secret_is_the_key_and_a_blank_one_is_none() -> None:
    assert read({"MAINLINE_API_KEY": "a key\n"}).api_key == b"a key"  # pragma: allowlist secret
    with pytest.raises(ConfigurationError, match="MAINLINE_API_KEY is blank"):
        read({"MAINLINE_API_KEY": "\n"})


def test_the_page_lists_every_variable_with_its_default() -> None:
    assert table() in (TOP / "docs" / "serve.md").read_text(encoding="utf-8")

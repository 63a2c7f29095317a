from __future__ import annotations

from pathlib import Path

import pytest

from mainline.github.doctor import owners
from tests.mainline.github.doctor.forks import Fork


def test_an_owner_that_github_does_not_know_is_named_with_its_line(fork: Fork) -> None:
    error = {"line": 3, "column": 1, "kind": "Unknown owner", "path": ".github/CODEOWNERS", "message": "x"}
    fork.repository.codeowners = [error, {**error, "line": 4}]
    found = owners.code_owners(fork.target)
    assert (found.state, found.text) == ("off", ".github/CODEOWNERS:3: Unknown owner, and 1 more")
    assert found.by_hand.endswith(f"{fork.repository.url}/edit/main/.github/CODEOWNERS")


def test_a_repository_without_owners_is_told_so(fork: Fork) -> None:
    fork.repository.trees[fork.repository.refs["heads/main"]].clear()
    assert "changes of the gates need no review" in owners.code_owners(fork.target).text


@pytest.mark.parametrize(
    "text", ["* @team\n", "/params.yaml @a\n/data/ @b # data\n.github @c\n", "** writer@example.org\n"]
)
def test_gates_that_somebody_owns_are_guarded(fork: Fork, text: str) -> None:
    fork.repository.commit("heads/main", {".github/CODEOWNERS": text.encode()})
    assert owners.code_owners(fork.target).text == "the gates have code owners"


def test_gates_that_nobody_owns_are_named(fork: Fork) -> None:
    text = "* @team\n/params.yaml\n/.github/ # @nobody\n"
    fork.repository.commit("heads/main", {".github/CODEOWNERS": text.encode()})
    found = owners.code_owners(fork.target)
    assert (found.state, found.text) == (
        "off",
        "changes need no review: params.yaml, .github/workflows",
    )
    fork.repository.trees[fork.repository.refs["heads/main"]] = {"docs/CODEOWNERS": b"/docs/ @team\n"}
    found = owners.code_owners(fork.target)
    assert found.text.endswith("params.yaml, data/expectations, .github/workflows")
    assert found.by_hand.endswith("/edit/main/docs/CODEOWNERS")


@pytest.mark.parametrize(
    ("pattern", "path", "covered"),
    [
        ("*", "a/b.py", True),
        ("*.py", "a/b.py", True),
        ("*.py", "a/b.pyc", False),
        ("/a", "a/b/c.py", True),
        ("/a/", "a/b/c.py", True),
        ("a/", "x/a/b.py", True),
        ("/a/*", "a/b.py", True),
        ("/a/*", "a/b/c.py", False),
        ("/a/**", "a/b/c.py", True),
        ("**/c.py", "a/b/c.py", True),
        ("/b", "a/b", False),
        ("a/b", "x/a/b", False),
        ("b.p?", "b.py", True),
    ],
)
def test_a_pattern_is_read_as_github_reads_it(pattern: str, path: str, covered: bool) -> None:
    assert owners.covers(pattern, path) is covered


def test_without_github_the_checkouts_own_file_is_read(tmp_path: Path) -> None:
    assert owners.offline(tmp_path).text.startswith("no .github/CODEOWNERS")
    file = tmp_path / ".github" / "CODEOWNERS"
    file.parent.mkdir()
    file.write_text("# everything\n*  @team # us\n\n/docs/ writer@example.org\n")
    assert owners.offline(tmp_path).state == "unseen"
    file.write_text("* @team\n/params.yaml # @nobody\n")
    found = owners.offline(tmp_path)
    assert (found.state, found.text) == ("off", "changes need no review: params.yaml")

from __future__ import annotations

from pathlib import Path

from mainline.doctor import owners
from mainline.doctor.finding import Ground
from mainline.github import GitHub
from tests.mainline.doctor.forks import Fork


def ground(fork: Fork) -> Ground:
    return Ground(GitHub(fork.github.api, fork.token, fork.repository.full_name), fork.root)


def test_an_owner_that_github_does_not_know_is_named_with_its_line(fork: Fork) -> None:
    error = {"line": 3, "column": 1, "kind": "Unknown owner", "path": ".github/CODEOWNERS", "message": "x"}
    fork.repository.codeowners = [error, {**error, "line": 4}]
    found = owners.code_owners(ground(fork))
    assert (found.state, found.says) == ("off", ".github/CODEOWNERS:3: Unknown owner, and 1 more")
    assert found.by_hand.endswith(f"{fork.repository.url}/edit/main/.github/CODEOWNERS")


def test_a_repository_without_owners_is_told_so(fork: Fork) -> None:
    fork.repository.trees[fork.repository.refs["heads/main"]].clear()
    assert "nobody must look at the gates" in owners.code_owners(ground(fork)).says


def test_the_switches_are_turned_on(fork: Fork) -> None:
    for check in (owners.reporting, owners.alerts, owners.secrets):
        found = check(ground(fork))
        assert found.state == "off"
        assert found.turn_on is not None
        found.turn_on()
        assert check(ground(fork)).state == "on"


def test_what_a_private_repository_would_have_to_buy_is_not_turned_on(fork: Fork) -> None:
    fork.repository.private = True
    assert owners.secrets(ground(fork)).turn_on is None
    assert owners.reporting(ground(fork)).state == "on"


def test_without_github_a_pattern_without_an_owner_is_found(tmp_path: Path) -> None:
    assert owners.offline(tmp_path).state == "off"
    file = tmp_path / ".github" / "CODEOWNERS"
    file.parent.mkdir()
    file.write_text("# everything\n*  @team # us\n\n/docs/ writer@example.org\n")
    assert owners.offline(tmp_path).state == "unseen"
    file.write_text("* @team\n/data/ # @nobody\n")
    found = owners.offline(tmp_path)
    assert (found.state, found.says) == ("off", ".github/CODEOWNERS:2: /data/ has no owner")

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml

from mainline.github.doctor import rules, run
from tests.github import description
from tests.mainline.github.doctor.forks import TOP, Fork

WANTED = json.loads((TOP / rules.FILE).read_text(encoding="utf-8"))  # of a repository with one model
REQUIRED = [TOP / ".github/workflows" / name for name in ("review.yml", "quality.yml")]


def ruleset(**changes: Any) -> dict[str, Any]:
    """The file's, with parameters of its rules changed."""
    found = copy.deepcopy(WANTED)
    for rule in found["rules"]:
        for name in rule.get("parameters", {}):
            rule["parameters"][name] = changes.get(name, rule["parameters"][name])
    return found


def test_the_file_is_a_ruleset_as_github_takes_it() -> None:
    operation, _ = description.find("POST", "/repos/team/model/rulesets")
    description.check_body(operation, WANTED)


def test_the_checks_that_are_required_are_the_jobs_of_review_and_quality() -> None:
    jobs = [item for file in REQUIRED for item in yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"].items()]
    # Jobs for each Python come and go with its versions: one job has the check for all of them. So has `verdict` for
    # the jobs of several models; where there is one, its job is the check.
    names = {job.get("name", key) for key, job in jobs if not {"strategy", "uses"} & set(job)}
    names = names - {rules.OF_ALL} | {rules.OF_ONE}
    parameters = next(one for one in WANTED["rules"] if one["type"] == "required_status_checks")["parameters"]
    assert {one["context"] for one in parameters["required_status_checks"]} == names


def test_the_rules_are_made_and_then_kept(fork: Fork) -> None:
    found = rules.branch(fork.target)
    assert found.state == "off"
    assert "code owners need not review" not in found.text  # without a pull request there is nothing to review
    assert found.turn_on is not None
    found.turn_on()
    assert rules.branch(fork.target).state == "on"
    stored = next(iter(fork.repository.rulesets.values()))
    assert {key: stored[key] for key in WANTED} == WANTED


@pytest.mark.parametrize(
    ("changes", "lack"),
    [
        ({"require_code_owner_review": False}, "code owners need not review"),
        ({"strict_required_status_checks_policy": False}, "a check may be older than the branch"),
        ({"required_status_checks": [{"context": "review"}]}, "not required to pass: quality"),
    ],
)
def test_a_rule_that_was_softened_is_found_and_mended_in_place(fork: Fork, changes: dict[str, Any], lack: str) -> None:
    rules.store(fork.target.github, ruleset(**changes))
    found = rules.branch(fork.target)
    assert found.state == "off"
    assert lack in found.text
    assert found.turn_on is not None
    found.turn_on()
    assert rules.branch(fork.target).state == "on"
    assert len(fork.repository.rulesets) == 1


def test_a_rule_that_waits_for_single_pythons_is_found_and_mended(fork: Fork) -> None:
    """As the rules of earlier versions do: no pull request could be merged after the upgrade."""
    fork.write(".github/workflows/quality.yml", (TOP / ".github/workflows/quality.yml").read_text(encoding="utf-8"))
    fork.write(".github/workflows/any.yml", "jobs:\n  any:\n    name: ${{ matrix.any }}\n")  # of which nothing is known
    checks = [{"context": name} for name in ("review", "quality", "quality (Python 3.11)", "theirs (Python 3)")]
    rules.store(fork.target.github, ruleset(required_status_checks=checks))
    found = rules.branch(fork.target)
    assert found.text == "main: waits for jobs of single versions, which not every run has: quality (Python 3.11)"
    assert found.turn_on is not None
    found.turn_on()
    assert rules.branch(fork.target).state == "on"


def test_stricter_rules_of_somebody_elses_are_enough(fork: Fork) -> None:
    strict = ruleset(required_approving_review_count=2, require_last_push_approval=True)
    strict["name"] = "ours"
    checks = next(one for one in strict["rules"] if one["type"] == "required_status_checks")["parameters"]
    checks["required_status_checks"].append({"context": "another"})
    rules.store(fork.target.github, strict)
    assert rules.branch(fork.target).state == "on"
    next(iter(fork.repository.rulesets.values()))["enforcement"] = "disabled"
    assert rules.branch(fork.target).state == "off"


def test_what_makes_a_rule_softer_need_not_be_on(fork: Fork) -> None:
    rules.store(fork.target.github, ruleset(do_not_enforce_on_create=False))
    assert rules.branch(fork.target).state == "on"


def test_a_choice_may_be_narrower_and_a_number_higher() -> None:
    assert rules.gives(["squash"], ["squash", "merge"])
    assert not rules.gives(["squash", "rebase"], ["squash", "merge"])
    assert rules.gives(2, 1)
    assert not rules.gives(None, 1)
    assert not rules.gives(None, True)
    assert rules.gives(True, False)


def test_a_branch_with_a_slash_is_asked_for_whole(fork: Fork) -> None:
    fork.repository.default_branch = "release/next"
    fork.repository.commit("heads/release/next", {}, "Next")
    rules.store(fork.target.github, WANTED)
    assert rules.branch(fork.target).text.startswith("release/next is protected")


def test_the_file_is_written_as_json_with_two_spaces() -> None:
    text = (TOP / rules.FILE).read_text(encoding="utf-8")
    assert json.loads(text) == WANTED
    assert text.startswith('{\n  "name"')


def test_a_plan_without_rules_for_private_repositories_is_told_from_rules_that_are_off(fork: Fork) -> None:
    fork.repository.private, fork.repository.plan = True, "free"
    result = run.run_check(rules.CHECKS[0], fork.target, fix=True)
    assert result.finding.state == "absent"
    assert "no rules for a private repository on this plan" in result.finding.text
    assert not result.fails, "nobody can turn it on"
    fork.repository.plan = "team"
    assert run.run_check(rules.CHECKS[0], fork.target, fix=True).applied


def test_several_models_need_a_variable_and_the_check_that_stands_for_all(fork: Fork) -> None:
    assert rules.asked_for_all(fork.target).state == "on"
    folder = fork.root / "models" / "churn"
    folder.mkdir(parents=True)
    (folder / "params.yaml").write_text("task: binary\n", encoding="utf-8")
    found = rules.asked_for_all(fork.target)
    assert (found.state, "review is red" in found.text) == ("off", True)
    assert found.turn_on is not None
    found.turn_on()
    assert fork.repository.variables == {"MAINLINE_SEVERAL": "true"}
    assert rules.asked_for_all(fork.target).state == "on"
    parameters = [rule.get("parameters", {}) for rule in rules.wanted(fork.root)["rules"]]
    checks = [check["context"] for one in parameters for check in one.get("required_status_checks", [])]
    assert sorted(checks) == ["quality", "verdict"]

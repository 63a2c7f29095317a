"""What holds of every workflow and action of this repository, whatever it does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import check_jsonschema
import pytest
import yaml
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from mainline.github.comment import cml_program
from mainline.packaging import image
from tests.docs import jobs as counted

TOP = Path(__file__).resolve().parents[2]
GITHUB = TOP / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
CONTRIBUTED = ("review.yml", "quality.yml", "tests.yml")  # these run a contributor's code
REQUIRED = ("review.yml", "quality.yml")  # their checks are required
RELEASING = ("ship.yml", "rollback.yml")  # these may change what is in production
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))
FILES = [*WORKFLOWS, *ACTIONS]
FORMS = [path for path in sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")) if path.name != "config.yml"]
SCHEMAS = Path(check_jsonschema.__file__).parent / "builtin_schemas"

PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
# One program with its arguments: nothing that a test of Python could not reach.
COMMAND = re.compile(r"(make|python3) [^;|&<>()`\n\\]*|exit 1")
# What a stranger chooses, or what holds it whole.
CHOSEN = ("event", "head_ref", "ref", "ref_name", "base_ref", "actor", "triggering_actor")
OWNED = re.compile(r"[\w.-]+/[\w.-]+")


# Where a model is trained before it is merged; the release's training stands beside tokens that write.
TRAINING = ("review.yml: review", "renew.yml: retrain", "search.yml: search")
CHOSEN_RUNNER = "vars.MAINLINE_RUNNER || 'ubuntu-24.04' }}"
# The events whose runs are shown on the newest commit of a pull request.
OF_PULL_REQUESTS = {"pull_request", "merge_group"}


def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return found


def triggers(path: Path) -> dict[str, Any]:
    """The events that start a workflow, each with its filters."""
    content: Any = load(path)
    found = content[True]  # YAML reads the key `on` as true
    return {event: filters or {} for event, filters in found.items()}


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in load(path)["jobs"].items():
            if "uses" not in job:  # another workflow's jobs are held to this where they stand
                yield f"{path.name}: {name}", job


def steps(path: Path) -> list[dict[str, Any]]:
    content = load(path)
    if "runs" in content:
        found: list[dict[str, Any]] = content["runs"]["steps"]
        return found
    return [step for job in content["jobs"].values() for step in job.get("steps", [])]


def names(path: Path) -> str:
    return str(path.relative_to(GITHUB))


def test_there_are_workflows_to_hold_to_this() -> None:
    judge = {"review.yml", "quality.yml", "comment.yml", "security.yml"}
    assert judge | {*RELEASING, "monitor.yml", "retrain.yml"} <= {path.name for path in WORKFLOWS}


@pytest.mark.parametrize("path", FILES, ids=names)
def test_every_action_of_others_is_pinned_to_a_commit_with_its_version_behind_it(path: Path) -> None:
    lines = [line.strip().removeprefix("- ") for line in path.read_text(encoding="utf-8").splitlines()]
    used = [line for line in lines if line.startswith("uses: ")]
    assert [line for line in used if not line.startswith("uses: ./") and not PINNED.fullmatch(line)] == []


@pytest.mark.parametrize("path", [GITHUB / "workflows" / file for file in ("renew.yml", "search.yml")], ids=names)
def test_an_apps_token_takes_the_place_of_the_personal_one_where_there_is_an_app(path: Path) -> None:
    (app,) = [step for step in steps(path) if "create-github-app-token@" in step.get("uses", "")]
    variable = "vars.RETRAIN_APP_CLIENT_ID"
    assert (app["if"], app["with"]["client-id"]) == (variable, f"${{{{ {variable} }}}}")
    assert app["with"]["private-key"] == "${{ secrets.RETRAIN_APP_KEY }}"
    # No more than the branch and the pull request need.
    granted = {name for name, value in app["with"].items() if value == "write"}
    assert granted == {"permission-contents", "permission-pull-requests"}
    taken = [step["env"]["RETRAIN_TOKEN"] for step in steps(path) if "RETRAIN_TOKEN" in step.get("env", {})]
    assert taken == [f"${{{{ steps.{app['id']}.outputs.token || secrets.RETRAIN_TOKEN }}}}"]
    assert "RETRAIN_APP_CLIENT_ID" in (TOP / "docs" / "retraining.md").read_text(encoding="utf-8")


def test_an_action_has_one_pin_everywhere() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    pins: dict[str, set[str]] = {}
    for repository, pin in re.findall(r"uses: ([\w.-]+/[\w.-]+)\S*@([0-9a-f]{40} # v\S+)", text):
        pins.setdefault(repository, set()).add(pin)
    assert {name: found for name, found in pins.items() if len(found) > 1} == {}


@pytest.mark.parametrize("path", WORKFLOWS, ids=names)
def test_a_workflow_grants_nothing_that_a_job_does_not_ask_for(path: Path) -> None:
    content = load(path)
    assert content["permissions"] == {}
    assert all(isinstance(job["permissions"], dict) for job in content["jobs"].values())


@pytest.mark.parametrize("file", CONTRIBUTED)
def test_what_runs_a_contributors_code_can_read_the_repository_and_nothing_else(file: str) -> None:
    for name, job in load(GITHUB / "workflows" / file)["jobs"].items():
        reads = "strategy" in job or "uses" in job
        assert job["permissions"] == ({"contents": "read"} if reads else {}), name
    assert "secrets" not in (GITHUB / "workflows" / file).read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "job"), list(jobs()), ids=lambda value: value if isinstance(value, str) else "")
def test_a_job_ends_in_time_on_an_image_that_is_named(name: str, job: dict[str, Any]) -> None:
    assert 1 <= job["timeout-minutes"] <= 60
    if name not in TRAINING:
        assert job["runs-on"] == "ubuntu-24.04"
    else:  # a runner of one's own is not discarded: no token that writes may be left there
        assert job["runs-on"].endswith(CHOSEN_RUNNER)
        assert set(job["permissions"].values()) == {"read"}


def test_a_workflow_that_is_called_is_one_of_ours_and_gets_its_secrets_by_name() -> None:
    for path in WORKFLOWS:
        for job in load(path)["jobs"].values():
            if "uses" in job:
                assert (TOP / job["uses"]).parent == GITHUB / "workflows", job["uses"]
                assert isinstance(job.get("secrets", {}), dict)


@pytest.mark.parametrize("file", ["comment.yml", "commands.yml"])
def test_what_writes_on_a_pull_request_runs_the_default_branchs_code_which_takes_texts_as_data(file: str) -> None:
    (job,) = load(GITHUB / "workflows" / file)["jobs"].values()
    (checkout,) = [step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    # For `workflow_run` and `issue_comment` it is the default branch's newest commit.
    assert checkout.get("ref", "${{ github.sha }}") == "${{ github.sha }}"
    assert checkout["sparse-checkout"] == "src/mainline"
    (command,) = [step for step in job["steps"] if "run" in step]
    assert command["run"].startswith("python3 -P -m mainline.github.")
    assert not any("event" in str(value) for value in command["env"].values())


@pytest.mark.parametrize("file", ["review.yml", "release.yml", "monitor.yml"])
def test_an_organisation_can_call_it_from_many_repositories(file: str) -> None:
    assert "workflow_call" in triggers(GITHUB / "workflows" / file)


@pytest.mark.parametrize("path", [path for path in WORKFLOWS if "workflow_call" in triggers(path)], ids=names)
def test_a_workflow_that_is_called_declares_what_it_reads(path: Path) -> None:
    """What is not declared there is empty, and nothing says so."""
    text, call = path.read_text(encoding="utf-8"), triggers(path)["workflow_call"]
    for kind in ("inputs", "secrets"):
        used = set(re.findall(rf"\b{kind}\.([A-Za-z_]+)", text))
        assert used == set(call.get(kind, {})), kind
    assert all(value == {"required": False} for value in call.get("secrets", {}).values())
    # Where another event starts it, inputs are empty: each has a default beside it.
    for name in call.get("inputs", {}):
        assert re.search(rf"inputs\.{name} (\|\||&&) ", text) or call["inputs"][name].get("default") is not None


def test_the_documented_call_gives_what_the_workflows_take() -> None:
    page = (TOP / "docs" / "pull-requests.md").read_text(encoding="utf-8")
    called = 0
    for block in re.findall(r"(?s)```yaml\n(.*?)```", page):
        for job in (yaml.safe_load(block) or {}).get("jobs", {}).values():
            source = GITHUB / "workflows" / re.sub(r".*/|@.*", "", job["uses"])
            call = triggers(source)["workflow_call"]
            assert set(job.get("with", {})) <= set(call.get("inputs", {}))
            assert set(job.get("secrets", {})) <= set(call.get("secrets", {}))
            asked = [one["permissions"] for one in load(source)["jobs"].values()]
            assert {name for one in asked for name in one} <= set(job["permissions"]), "a call grants, and no more"
            called += 1
    assert called == 3


@pytest.mark.parametrize("file", ["watch.yml", "renew.yml", "search.yml"])
def test_what_runs_the_models_code_on_a_schedule_can_write_nothing(file: str) -> None:
    for name, job in load(GITHUB / "workflows" / file)["jobs"].items():
        if any(step.get("run", "").startswith("make") for step in job.get("steps", [])):
            assert set(job["permissions"].values()) == {"read"}, name
        elif "write" in job["permissions"].values():
            ran = [step["run"] for step in job.get("steps", []) if "run" in step]
            assert all(run.startswith("python3 -P -m mainline.") for run in ran), name


@pytest.mark.parametrize("file", ["review.yml", "release.yml", "monitor.yml", "retrain.yml"])
def test_the_models_of_a_run_come_from_one_command_and_each_has_jobs_of_its_own(file: str) -> None:
    jobs = load(GITHUB / "workflows" / file)["jobs"]
    assert jobs["models"]["uses"] == "./.github/workflows/models.yml"
    (each,) = [job for job in jobs.values() if "strategy" in job]
    one = load(GITHUB / "workflows" / "models.yml")["jobs"]["models"]["outputs"]["models"]
    (default,) = re.findall(r"'(\[.*\])'", one)
    asked = f"${{{{ fromJSON(needs.models.outputs.models || '{default}') }}}}"
    plain = "${{ fromJSON(needs.models.outputs.models) }}"
    assert each["strategy"]["matrix"] == {"model": asked if "MAINLINE_SEVERAL" in jobs["models"]["if"] else plain}
    assert each["strategy"]["fail-fast"] is False, "a model that fails leaves the others alone"
    if "uses" in each:
        called = load(TOP / each["uses"])
        assert called["env"] == {"MAINLINE_SELECT": "${{ inputs.name }}"}
        assert called["concurrency"]["group"].endswith("${{ inputs.suffix }}")
    else:
        assert each["env"] == {"MAINLINE_SELECT": "${{ matrix.model.name }}"}


def test_the_check_verdict_is_green_only_where_every_model_was() -> None:
    jobs = load(GITHUB / "workflows" / "review.yml")["jobs"]
    (verdict,) = [job for job in jobs.values() if job["name"] == "verdict"]
    assert "always()" in verdict["if"], "a required check that is skipped counts as passed"
    assert set(verdict["needs"]) == {key for key, job in jobs.items() if job is not verdict}
    (step,) = verdict["steps"]
    assert step["run"] == "exit 1"
    facts = {"needs.models.result": "success", "needs.models.outputs.models": "[1]", "needs.review.result": "success"}
    assert not counted.value(step["if"], facts)
    assert not counted.value(
        step["if"], {**facts, "needs.models.outputs.models": "[]", "needs.review.result": "skipped"}
    )
    for name, broken in (
        ("needs.models.result", "failure"),
        ("needs.models.outputs.models", ""),
        ("needs.review.result", "failure"),
        ("needs.review.result", "cancelled"),
        ("needs.review.result", "skipped"),
    ):
        assert counted.value(step["if"], {**facts, name: broken}), name


def test_every_test_runs_by_the_clock_and_the_long_ones_where_their_files_change() -> None:
    path = GITHUB / "workflows" / "tests.yml"
    on, found = triggers(path), load(path)["jobs"]
    assert {*on} == {"schedule", "workflow_dispatch", "pull_request"}
    suites = [step["run"] for job in found.values() for step in job["steps"] if "run" in step]
    assert suites == ["make test", 'make "$TARGET"']
    targets = found["more"]["strategy"]["matrix"]["target"]
    everything = set(re.findall(r"(?m)^(test[\w-]*):", (TOP / "Makefile").read_text(encoding="utf-8")))
    assert {"test", *targets} == everything
    ran = "\n".join(re.findall(r"pytest .*(tests/.*)", (TOP / "Makefile").read_text(encoding="utf-8")))
    folders = {f"{folder}/**" for folder in re.findall(r"tests/[\w/]+", ran)}
    assert folders <= {*on["pull_request"]["paths"]}, "what these targets run"
    for pattern in on["pull_request"]["paths"]:
        assert list(TOP.glob(pattern.removesuffix("/**"))), f"{pattern}: there is no such file"
    assert found["tests"]["if"] == "github.event_name != 'pull_request'"


def required() -> set[str]:
    ruleset = json.loads((GITHUB / "rulesets" / "main.json").read_text(encoding="utf-8"))
    checks = next(rule for rule in ruleset["rules"] if rule["type"] == "required_status_checks")
    return {check["context"] for check in checks["parameters"]["required_status_checks"]}


def test_a_required_check_is_one_job_whatever_python_is_new() -> None:
    assert required() == {"review", "quality"}
    checks = load(GITHUB / "workflows" / "quality.yml")["jobs"]
    assert all("strategy" not in job for job in checks.values() if job.get("name") == "quality")
    review = load(GITHUB / "workflows" / "review.yml")["jobs"]["review"]
    assert review["name"] == "review${{ matrix.model.suffix }}", "the model at the top has no suffix"


def test_a_repository_with_several_models_cannot_be_reviewed_as_one() -> None:
    steps = load(GITHUB / "workflows" / "review.yml")["jobs"]["review"]["steps"]
    guard = next(step for step in steps if "hashFiles('models/*/params.yaml')" in step.get("if", ""))
    assert "vars.MAINLINE_SEVERAL == ''" in guard["if"]
    assert guard["run"] == "exit 1"
    assert "MAINLINE_SEVERAL" in guard["name"], "what a person reads beside the red step"
    assert steps.index(guard) < next(place for place, step in enumerate(steps) if "make review" in step.get("run", ""))


def test_a_job_that_may_write_only_reads_a_pull_request() -> None:
    """What it runs is the base's: a pull request's own code would have the job's token."""
    (job,) = load(GITHUB / "workflows" / "security.yml")["jobs"].values()
    assert "write" in job["permissions"].values()
    _, trusted = (step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@"))
    assert trusted["path"] == "trusted"
    assert trusted["ref"] == "${{ github.event.pull_request.base.sha || github.sha }}"
    for step in job["steps"]:
        assert not step.get("uses", "").startswith("./.github/")
        if "run" in step:
            assert step["run"].startswith("make -C trusted ") or step["env"]["PYTHONPATH"] == "trusted/src"


@pytest.mark.parametrize("path", [path for path in WORKFLOWS if "schedule" in triggers(path)], ids=names)
def test_a_schedule_relies_on_nothing_that_its_event_lacks(path: Path) -> None:
    """It has no `repository`, and what is missing is empty: `!github.event.repository.private` is true then."""
    for expression in re.findall(
        r"(?m)(?:if: |\$\{\{)(.*github\.event\.repository.*)", path.read_text(encoding="utf-8")
    ):
        assert "github.event_name == 'schedule' ||" in expression, expression


@pytest.mark.parametrize("path", [GITHUB / "workflows" / file for file in REQUIRED], ids=names)
def test_a_commit_gets_a_required_check_from_one_event(path: Path) -> None:
    """GitHub looks at every run of that name on the commit: one for a push that is red blocks a green pull request."""
    found = triggers(path)
    assert found["push"] == {"branches": ["main"]}
    # A workflow that a filter leaves out reports nothing, and the check would be waited for.
    assert set(found) >= OF_PULL_REQUESTS
    assert all(set(found[event]) <= {"types"} for event in OF_PULL_REQUESTS)


def test_the_check_quality_is_green_only_where_every_job_was() -> None:
    jobs = load(GITHUB / "workflows" / "quality.yml")["jobs"]
    (quality,) = [job for job in jobs.values() if job["name"] == "quality"]
    # A required check that is skipped counts as passed: so it runs whatever happened, and says no itself.
    assert "always()" in quality["if"]
    assert {quality["needs"]} == {key for key, job in jobs.items() if job is not quality}
    (step,) = quality["steps"]
    assert step == {"if": f"needs.{quality['needs']}.result != 'success'", "run": "exit 1"}


def concurrencies(path: Path) -> list[dict[str, Any]]:
    """Of the workflow, else of each of its jobs."""
    content = load(path)
    found: list[dict[str, Any]] = [one["concurrency"] for one in [content] if "concurrency" in one]
    return found or [job["concurrency"] for job in content["jobs"].values()]


@pytest.mark.parametrize("path", WORKFLOWS, ids=names)
def test_a_newer_push_is_never_raced_by_an_older_one(path: Path) -> None:
    for found in concurrencies(path):
        assert set(found) - {"queue"} == {"group", "cancel-in-progress"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=names)
def test_what_waits_in_a_queue_is_not_cancelled(path: Path) -> None:
    """https://github.blog/changelog/2026-05-07-github-actions-concurrency-groups-now-allow-larger-queues"""
    for found in concurrencies(path):
        if "queue" in found:
            assert (found["queue"], found["cancel-in-progress"]) == ("max", False)


@pytest.mark.parametrize("file", REQUIRED)
def test_main_is_never_cancelled_and_no_commit_of_it_is_dropped(file: str) -> None:
    """A group has one place to wait, and who comes later takes it: on main each commit is a group of its own."""
    found = load(GITHUB / "workflows" / file)["concurrency"]
    assert found["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"
    assert "github.event_name == 'push' && github.sha || github.ref" in found["group"]


def test_a_run_that_is_skipped_takes_no_comments_place() -> None:
    """The workflow's group is joined by every run of it, also by that of a push, which has nothing to post."""
    content = load(GITHUB / "workflows" / "comment.yml")
    assert "concurrency" not in content
    (job,) = content["jobs"].values()
    assert job["if"] == "github.event.workflow_run.event == 'pull_request'"
    assert job["concurrency"]["queue"] == "max"


NAMED = "${{ inputs.model && inputs.model != 'top' && format('-{0}', inputs.model) || '' }}"


@pytest.mark.parametrize("file", RELEASING)
def test_releases_and_rollbacks_wait_for_each_other_and_for_productions_reviewers(file: str) -> None:
    content = load(GITHUB / "workflows" / file)
    # A second merge must not take the place of the first, nor a push that of a rollback.
    found = content["concurrency"]
    assert (found["cancel-in-progress"], found["queue"]) == (False, "max")
    # Of each model: `production` where there is one, `production-churn` of churn.
    named = {"ship.yml": "${{ inputs.suffix }}", "rollback.yml": NAMED}
    assert found["group"] == f"production{named[file]}"
    for name, job in content["jobs"].items():
        moves = any(step.get("run", "").startswith(("make promote", "make rollback")) for step in job.get("steps", []))
        assert moves is (job.get("environment", {}).get("name") == "production"), name
        assert moves is (job["permissions"].get("contents") == "write"), name
        on_the_default_branch = "github.ref_name == github.event.repository.default_branch"
        assert on_the_default_branch in job["if"] or "needs" in job, name


def before_approval() -> Iterator[tuple[str, dict[str, Any]]]:
    """The jobs of a release that nobody has approved: `ship.yml` and what it calls, without the environment's."""
    waiting = ["ship.yml"]
    while waiting:
        file = waiting.pop()
        for name, job in load(GITHUB / "workflows" / file)["jobs"].items():
            if "uses" in job:
                waiting.append(Path(job["uses"]).name)
            elif job.get("environment", {}).get("name") != "production":
                yield f"{file}: {name}", job


# Of the repository, what is Mainline's alone, and the settings by which a model is known: nothing that a model needs.
MACHINE = {"src/mainline", ".github/actions", "models"}


def test_what_runs_the_projects_code_before_approval_can_write_nothing() -> None:
    """Training included: a token that writes is in jobs that have none of the project's files, or in approved ones."""
    found = dict(before_approval())
    assert {name for name, job in found.items() if any("make candidate" in s.get("run", "") for s in job["steps"])}
    for name, job in found.items():
        if "write" not in job["permissions"].values():
            continue
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert {*step["with"]["sparse-checkout"].split()} <= MACHINE, name
            run = step.get("run", "python3 -P -m mainline.")
            assert run.startswith("python3 -P -m mainline.") or run == "make begin refused", name
            # Caches and artifacts of another job are read as data: a record is loaded where it was approved.
            assert "actions/cache/" not in step.get("uses", ""), name
    (refused,) = [step for step in found["refused.yml: refused"]["steps"] if "sparse-checkout" in step.get("with", {})]
    assert {*refused["with"]["sparse-checkout"].split()} == MACHINE, "of several models, it has to know the one it is"
    (candidate,) = [job for name, job in found.items() if name == "candidate.yml: candidate"]
    assert set(candidate["permissions"].values()) == {"read"}


@pytest.mark.parametrize("path", FILES, ids=names)
def test_a_checkout_leaves_no_credentials(path: Path) -> None:
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", FILES, ids=names)
def test_a_step_runs_one_command_and_no_expression_reaches_the_shell(path: Path) -> None:
    for step in steps(path):
        command = step.get("run")
        if command is not None:
            assert COMMAND.fullmatch(command.strip()), command
            assert "${{" not in command, command


@pytest.mark.parametrize("path", FILES, ids=names)
def test_what_a_stranger_chooses_reaches_no_steps_environment(path: Path) -> None:
    for step in steps(path):
        for value in step.get("env", {}).values():
            used = re.findall(r"github\.(\w+)", str(value))
            assert not {*used} & {*CHOSEN}, value


def test_main_alone_saves_what_a_later_run_trusts() -> None:
    default = "github.ref_name == github.event.repository.default_branch"
    only, by_clock = f"github.event_name == 'push' && {default}", "github.event_name == 'schedule'"
    for path in FILES:
        for step in steps(path):
            used = step.get("uses", "")
            # Of comment.yml the default branch alone runs, and what it restores is compared with a digest.
            if path.name == "candidate.yml" and used.startswith("actions/cache/save@"):
                # For the deployment of the same run: no other one asks for its key.
                assert step["with"]["key"].endswith("${{ github.run_id }}")
            elif used.startswith("actions/cache/save@") and path.parent.name == "sources":
                assert f"inputs.save == 'true' && ({by_clock} || {default}) &&" in step["if"]
            elif used.startswith("actions/cache/save@") and path.name != "comment.yml":
                assert only in step["if"], path.name
            elif used.startswith("astral-sh/setup-uv@"):
                assert step["with"]["save-cache"] == f"${{{{ inputs.save == 'true' && {only} }}}}"
            else:
                assert not used.startswith("actions/cache@"), "it saves whatever ran"


def test_rows_are_restored_from_where_they_are_saved_and_only_where_the_team_says_so() -> None:
    found = [step for step in steps(GITHUB / "actions/sources/action.yml") if "actions/cache/" in step["uses"]]
    by_verb = {verb: [each for each in found if f"/{verb}@" in each["uses"]] for verb in ("restore", "save")}
    assert [len(each) for each in by_verb.values()] == [2, 2]
    for restore, save in zip(*by_verb.values(), strict=True):
        assert restore["with"]["path"] == save["with"]["path"], "to GitHub, other paths are another cache"
        assert save["with"]["key"].startswith(restore["with"]["key"])
        assert restore["with"]["key"].endswith("."), "no model's name is the beginning of another's"
        holds_rows = restore["with"]["path"] != ".mainline/cache/versions"
        assert ("inputs.rows != ''" in restore["if"]) is ("inputs.rows != ''" in save["if"]) is holds_rows
    for path in WORKFLOWS:
        for step in steps(path):
            if step.get("uses") == "./.github/actions/sources":
                assert step["with"]["rows"] == "${{ vars.MAINLINE_SNAPSHOT }}", path.name


def test_a_cache_of_packages_is_saved_where_all_are_installed_and_shared_by_what_installs_the_same() -> None:
    """A key is written once: a release that is not due would save what it installed, nearly nothing, for ever."""
    saved: dict[str, list[str]] = {}
    for path in FILES:
        for step in steps(path):
            if not step.get("uses", "").endswith("/.github/actions/setup"):
                continue
            given = step.get("with", {})
            packages = given.get("packages", load(GITHUB / "actions/setup/action.yml")["inputs"]["packages"]["default"])
            saved.setdefault(packages, []).extend([path.name] if given.get("save") else [])
    # The review of main trains every commit; `make tools` and `make pins` install all of theirs.
    assert saved == {"stage": ["review.yml"], "all": ["quality.yml"], "lint": ["security.yml"]}


def test_cml_is_kept_under_its_version_and_digest_and_no_action_fetches_it() -> None:
    path = GITHUB / "workflows" / "comment.yml"
    key = f"cml-{cml_program.VERSION}-${{{{ vars.{cml_program.DIGEST} || 'source' }}}}"
    caches = [step for step in steps(path) if "actions/cache/" in step.get("uses", "")]
    assert [step["with"] for step in caches] == [{"path": str(cml_program.FOLDER), "key": key}] * 2
    assert not [line for line in path.read_text(encoding="utf-8").splitlines() if "iterative/" in line]
    (post,) = [step for step in steps(path) if step.get("name") == "Post"]
    for name in (cml_program.DIGEST, cml_program.MIRROR):
        assert post["env"][name] == f"${{{{ vars.{name} }}}}"


def test_uv_is_the_makefiles() -> None:
    version = re.search(r"(?m)^UV_VERSION := (\S+)$", (TOP / "Makefile").read_text(encoding="utf-8"))
    asked = [step["with"]["version"] for path in ACTIONS for step in steps(path) if "setup-uv" in step.get("uses", "")]
    assert version
    assert asked == [version[1]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=names)
def test_a_workflow_can_be_read_at_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 80


@pytest.mark.parametrize("path", FORMS, ids=names)
def test_an_issue_form_is_one_as_github_reads_it(path: Path) -> None:
    """`2013-10-01` without quotes is a date to GitHub's YAML, which it refuses; check-jsonschema reads a text."""
    schema = json.loads((SCHEMAS / "vendor" / "github-issue-forms.json").read_text(encoding="utf-8"))
    assert [error.message for error in Draft7Validator(schema).iter_errors(load(path))] == []


def test_dependabot_finds_a_base_image_that_it_can_move() -> None:
    """It takes `/deploy/*` for the folders below it alone, and parses no `FROM ${BASE}`."""
    (docker,) = [one for one in load(GITHUB / "dependabot.yml")["updates"] if one["package-ecosystem"] == "docker"]
    assert docker["directories"]
    for directory in docker["directories"]:
        text = (TOP / directory.strip("/") / "Dockerfile").read_text(encoding="utf-8")
        found = re.findall(r"(?m)^FROM (\S+)$", text)
        assert found and all(re.fullmatch(r"[a-z]+:[\w.-]+@sha256:[0-9a-f]{64}", one) for one in found), directory


def test_the_base_image_has_the_python_that_the_workflows_train_with() -> None:
    trained = load(GITHUB / "actions" / "setup" / "action.yml")["inputs"]["python"]["default"]
    assert image.pinned(TOP, f"python:{trained}-slim")
    for path in WORKFLOWS:
        others = re.findall(r"inputs\.python \|\| '([^']*)'", path.read_text(encoding="utf-8"))
        assert set(others) <= {trained}, path.name
    (docker,) = [one for one in load(GITHUB / "dependabot.yml")["updates"] if one["package-ecosystem"] == "docker"]
    # Another minor version than trained would no longer be used.
    kinds = ["version-update:semver-major", "version-update:semver-minor"]
    assert docker["ignore"] == [{"dependency-name": "python", "update-types": kinds}]


def test_nothing_names_an_owner_or_a_repository() -> None:
    found = []
    for path in sorted(path for path in GITHUB.rglob("*") if path.is_file()):
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.search(r"github\.com/(?!$)[\w-]+/[\w-]+", line) or re.search(
                r"(?<![\w/.-])@[\w-]+(?!`)\b(?!-team)", line
            ):
                found.append(f"{names(path)}: {line.strip()}")
            called = re.search(r"github\.repository(?:_owner)? == '([^']*)'", line)
            if called and OWNED.fullmatch(called[1]):
                found.append(f"{names(path)}: {line.strip()}")
    assert [line for line in found if "@your-team" not in line] == []


@pytest.mark.parametrize(
    "command",
    [["actionlint"], ["zizmor", "--offline", "--persona", "pedantic", "--quiet", ".github"]],
    ids=lambda c: c[0],
)
def test_linters_of_workflows_report_nothing(command: list[str]) -> None:
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run([program, *command[1:]], cwd=TOP, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

"""GitHub Actions: workflows, their runs, artifacts, and what the repository allows them."""

from __future__ import annotations

from tests.github.call import Answer, Call, Refusal, found, serves
from tests.github.state import Repository, Values


def run_shown(call: Call, run: Values) -> Values:
    return shown(call.double.repositories, call.repository, run)


def shown(repositories: dict[str, Repository], repository: Repository, run: Values) -> Values:
    """With its head's repository (null where the fork is gone) and pull requests as GitHub abbreviates them."""
    home = repositories.get((run["head_repository"] or "").lower())
    pulls = [repository.pulls[number] for number in run["pull_requests"]]
    short = {"id": repository.id, "name": repository.name}
    sides = [{side: {**_ref(pull[side]), "repo": short} for side in ("head", "base")} for pull in pulls]
    return {
        **run,
        "repository": repository.values(),
        "head_repository": home.values() if home else None,
        "head_commit": {"id": run["head_sha"], "message": "not modelled"},
        "pull_requests": [
            {"id": pull["id"], "number": pull["number"], **side} for pull, side in zip(pulls, sides, strict=True)
        ],
    }


def _ref(side: Values) -> Values:
    return {"ref": side["ref"], "sha": side["sha"]}


def selected(call: Call) -> list[Values]:
    """Runs that fit the query, newest first."""
    want = {"head_sha": call["head_sha"], "head_branch": call["branch"], "event": call["event"]}
    items = [
        run
        for run in call.repository.runs.values()
        if all(value in (None, run[name]) for name, value in want.items())
        and call["status"] in (None, run["status"], run["conclusion"])
    ]
    return [run_shown(call, run) for run in reversed(items)]


@serves("actions/list-workflow-runs-for-repo")
def list_runs(call: Call) -> Answer:
    return call.page(selected(call), "workflow_runs")


@serves("actions/list-workflow-runs")
def list_runs_of_workflow(call: Call) -> Answer:
    workflow = workflow_of(call)
    return call.page([run for run in selected(call) if run["workflow_id"] == workflow["id"]], "workflow_runs")


@serves("actions/get-workflow-run")
def get_run(call: Call) -> Answer:
    return Answer(200, run_shown(call, found(call.repository.runs, call["run_id"])))


@serves("actions/re-run-workflow")
def run_again(call: Call) -> Answer:
    run = found(call.repository.runs, call["run_id"])
    if run["status"] != "completed":
        raise Refusal(403, "This workflow is already running")
    run |= {"status": "queued", "conclusion": None, "run_attempt": run["run_attempt"] + 1}
    return Answer(201, {})


@serves("actions/get-reviews-for-run")
def approvals_of_run(call: Call) -> Answer:
    found(call.repository.runs, call["run_id"])
    return Answer(200, call.repository.approvals.get(call["run_id"], []))


@serves("actions/list-workflow-run-artifacts")
def artifacts_of_run(call: Call) -> Answer:
    run = found(call.repository.runs, call["run_id"])
    items = [
        one
        for one in call.repository.artifacts.values()
        if one["workflow_run"]["id"] == run["id"] and call["name"] in (None, one["name"])
    ]
    return call.page(items, "artifacts")


@serves("actions/list-artifacts-for-repo")
def list_artifacts(call: Call) -> Answer:
    items = [one for one in reversed(call.repository.artifacts.values()) if call["name"] in (None, one["name"])]
    return call.page(items, "artifacts")


@serves("actions/get-artifact")
def get_artifact(call: Call) -> Answer:
    return Answer(200, found(call.repository.artifacts, call["artifact_id"]))


@serves("actions/download-artifact")
def download(call: Call) -> Answer:
    """Leads to the storage, which is another host and wants no token."""
    artifact = found(call.repository.artifacts, call["artifact_id"])
    if not call.login:
        raise Refusal(401, "Requires authentication")
    if artifact["expired"]:
        raise Refusal(410, "Artifact has expired")
    return Answer(302, headers={"Location": f"{call.double.blobs}/{artifact['id']}?sig=once"})


def workflow_of(call: Call) -> Values:
    """By number or by the name of its file."""
    wanted = str(call["workflow_id"])
    for one in call.repository.workflows.values():
        if wanted in (str(one["id"]), one["path"].rpartition("/")[2]):
            return one
    raise Refusal(404, "Not Found")


@serves("actions/list-repo-workflows")
def list_workflows(call: Call) -> Answer:
    return call.page(list(call.repository.workflows.values()), "workflows")


@serves("actions/get-workflow")
def get_workflow(call: Call) -> Answer:
    return Answer(200, workflow_of(call))


@serves("actions/enable-workflow")
def enable_workflow(call: Call) -> Answer:
    workflow_of(call)["state"] = "active"
    return Answer(204)


@serves("actions/disable-workflow")
def disable_workflow(call: Call) -> Answer:
    workflow_of(call)["state"] = "disabled_manually"
    return Answer(204)


@serves("actions/create-workflow-dispatch")
def dispatch(call: Call) -> Answer:
    workflow = workflow_of(call)
    if workflow["state"] != "active":
        raise Refusal(422, "Workflow is disabled.")
    branch = call.body["ref"].removeprefix("refs/heads/")
    if f"heads/{branch}" not in call.repository.refs:
        raise Refusal(422, f"No ref found for: {call.body['ref']}")
    run = call.repository.run(
        name=workflow["name"], path=workflow["path"], event="workflow_dispatch", branch=branch, status="queued"
    )
    call.repository.inputs[run["id"]] = dict(call.body.get("inputs") or {})
    return Answer(204)


@serves("actions/get-github-actions-permissions-repository")
def get_permissions(call: Call) -> Answer:
    return Answer(200, call.repository.actions)


@serves("actions/set-github-actions-permissions-repository")
def set_permissions(call: Call) -> Answer:
    call.repository.actions = {**call.repository.actions, **call.body}
    return Answer(204)


@serves("actions/get-allowed-actions-repository")
def get_selected(call: Call) -> Answer:
    if call.repository.actions.get("allowed_actions") != "selected":
        raise Refusal(409, "Conflict")
    return Answer(200, call.repository.selected_actions)


@serves("actions/set-allowed-actions-repository")
def set_selected(call: Call) -> Answer:
    if call.repository.actions.get("allowed_actions") != "selected":
        raise Refusal(409, "Conflict")
    call.repository.selected_actions = {**call.repository.selected_actions, **call.body}
    return Answer(204)


@serves("actions/get-github-actions-default-workflow-permissions-repository")
def get_workflow_permissions(call: Call) -> Answer:
    return Answer(200, call.repository.workflow_permissions)


@serves("actions/set-github-actions-default-workflow-permissions-repository")
def set_workflow_permissions(call: Call) -> Answer:
    call.repository.workflow_permissions = {**call.repository.workflow_permissions, **call.body}
    return Answer(204)


@serves("actions/get-repo-variable")
def get_variable(call: Call) -> Answer:
    value, now = found(call.repository.variables, call["name"]), "2026-01-01T12:00:00Z"
    return Answer(200, {"name": call["name"], "value": value, "created_at": now, "updated_at": now})


@serves("actions/create-repo-variable")
def create_variable(call: Call) -> Answer:
    call.repository.variables[call.body["name"]] = call.body["value"]
    return Answer(201, {})

"""Check runs and commit statuses."""

from __future__ import annotations

from tests.github.call import Answer, Call, found, serves
from tests.github.operations.repos import commit_of
from tests.github.state import Values, user


def output(given: Values) -> Values:
    return {**{key: given.get(key) for key in ("title", "summary", "text")}, "annotations_count": 0}


@serves("checks/create")
def create_check(call: Call) -> Answer:
    now = call.now()
    made = {
        "id": next(call.double.ids),
        "name": call.body["name"],
        "head_sha": call.body["head_sha"],
        "status": call.body.get("status", "queued"),
        "conclusion": call.body.get("conclusion"),
        "started_at": call.body.get("started_at", now),
        "completed_at": call.body.get("completed_at"),
        "details_url": call.body.get("details_url"),
        "output": output(call.body.get("output") or {}),
    }
    if made["conclusion"]:
        made["status"] = "completed"
        made["completed_at"] = made["completed_at"] or now
    call.repository.check_runs[made["id"]] = made
    return Answer(201, made)


@serves("checks/update")
def update_check(call: Call) -> Answer:
    check = found(call.repository.check_runs, call["check_run_id"])
    body = dict(call.body)
    if "output" in body:
        body["output"] = output(body["output"])
    if "conclusion" in body:
        body["status"] = "completed"
    check.update(body)
    return Answer(200, check)


@serves("checks/get")
def get_check(call: Call) -> Answer:
    return Answer(200, found(call.repository.check_runs, call["check_run_id"]))


@serves("checks/list-for-ref")
def checks_of_ref(call: Call) -> Answer:
    repository, ref = call.repository, call["ref"]
    # The commit of a pull request from a fork has no ref of its own here.
    heads = {pull["head"]["sha"] for pull in repository.pulls.values()}
    sha = ref if ref in heads else commit_of(call, ref)
    items = [
        one
        for one in repository.check_runs.values()
        if one["head_sha"] == sha
        and call["check_name"] in (None, one["name"])
        and call["status"] in (None, one["status"])
    ]
    return call.page(items, "check_runs")


@serves("repos/create-commit-status")
def create_status(call: Call) -> Answer:
    now = call.now()
    made = {
        "id": next(call.double.ids),
        "state": call.body["state"],
        "context": call.body.get("context", "default"),
        "description": call.body.get("description"),
        "target_url": call.body.get("target_url"),
        "created_at": now,
        "updated_at": now,
        "creator": user(call.login),
    }
    call.repository.statuses.append({"sha": call["sha"], "status": made})
    return Answer(201, made)


@serves("repos/get-combined-status-for-ref")
def combined_status(call: Call) -> Answer:
    """The newest of each context; the worst of them is the whole's."""
    sha = commit_of(call, call["ref"])
    newest = {one["status"]["context"]: one["status"] for one in call.repository.statuses if one["sha"] == sha}
    states = {one["state"] for one in newest.values()}
    state = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    fields = ("id", "state", "context", "description", "target_url", "created_at", "updated_at")
    shown = [{name: one[name] for name in fields} for one in newest.values()]
    return Answer(200, {"state": state, "statuses": shown, "sha": sha, "total_count": len(shown)})

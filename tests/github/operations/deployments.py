"""Deployments with their statuses, environments and releases."""

from __future__ import annotations

from tests.github.call import Answer, Call, Refusal, found, serves
from tests.github.operations.repos import commit_of, refuse_other_workflows
from tests.github.state import Values, user


@serves("repos/create-deployment")
def create_deployment(call: Call) -> Answer:
    now, body = call.now(), call.body
    made = {
        "id": next(call.double.ids),
        "sha": commit_of(call, body["ref"]),
        "ref": body["ref"],
        "task": body.get("task", "deploy"),
        "payload": body.get("payload", ""),
        "environment": body.get("environment", "production"),
        "description": body.get("description"),
        "creator": user(call.login),
        "created_at": now,
        "updated_at": now,
        "production_environment": body.get("production_environment", body.get("environment") == "production"),
    }
    call.repository.deployments[made["id"]] = made
    call.repository.deployment_statuses[made["id"]] = []
    return Answer(201, made)


@serves("repos/list-deployments")
def list_deployments(call: Call) -> Answer:
    want = {name: call[name] for name in ("sha", "ref", "task", "environment")}
    unset = (None, "none")
    items = [
        one
        for one in reversed(call.repository.deployments.values())
        if all(value in unset or value == one[name] for name, value in want.items())
    ]
    return call.page(items)


@serves("repos/get-deployment")
def get_deployment(call: Call) -> Answer:
    return Answer(200, found(call.repository.deployments, call["deployment_id"]))


@serves("repos/create-deployment-status")
def create_deployment_status(call: Call) -> Answer:
    """A success makes the earlier deployments of the same environment inactive, as `auto_inactive` has it."""
    repository = call.repository
    deployment = found(repository.deployments, call["deployment_id"])
    made = deployment_status(call, deployment, call.body)
    if made["state"] == "success" and call.body.get("auto_inactive", True):
        for other in repository.deployments.values():
            statuses = repository.deployment_statuses[other["id"]]
            same = other["id"] < deployment["id"] and other["environment"] == deployment["environment"]
            if same and statuses and statuses[-1]["state"] == "success":
                statuses.append(deployment_status(call, other, {"state": "inactive"}))
    repository.deployment_statuses[deployment["id"]].append(made)
    return Answer(201, made)


def deployment_status(call: Call, deployment: Values, body: object) -> Values:
    assert isinstance(body, dict)
    now = call.now()
    return {
        "id": next(call.double.ids),
        "state": body["state"],
        "description": body.get("description", ""),
        "environment": body.get("environment", deployment["environment"]),
        "environment_url": body.get("environment_url", ""),
        "log_url": body.get("log_url", ""),
        "target_url": body.get("target_url", ""),
        "creator": user(call.login),
        "created_at": now,
        "updated_at": now,
    }


@serves("repos/list-deployment-statuses")
def list_deployment_statuses(call: Call) -> Answer:
    found(call.repository.deployments, call["deployment_id"])
    return call.page(list(reversed(call.repository.deployment_statuses[call["deployment_id"]])))


@serves("repos/get-all-environments")
def list_environments(call: Call) -> Answer:
    return call.page(list(call.repository.environments.values()), "environments")


@serves("repos/get-environment")
def get_environment(call: Call) -> Answer:
    return Answer(200, found(call.repository.environments, call["environment_name"]))


@serves("repos/create-or-update-environment")
def put_environment(call: Call) -> Answer:
    """As on GitHub, what the body leaves out is taken away."""
    name, body = call["environment_name"], call.body
    # In a private repository these are Enterprise's, even with their defaults; Team and Pro limit branches alone:
    # backstage/backstage#28977, alchemy-run/alchemy#1373, and “Environments” in GitHub's documentation.
    if call.repository.short_of("enterprise") and {"wait_timer", "prevent_self_review", "reviewers"} & {*body}:
        said = "Failed to create the environment protection rule. Please ensure the billing plan supports the required "
        raise Refusal(422, f"{said}reviewers protection rule.")
    before = call.repository.environments.get(name, {"id": next(call.double.ids), "created_at": call.now()})
    rules: list[Values] = []
    if body.get("wait_timer"):
        rules.append(
            {"id": next(call.double.ids), "node_id": "", "type": "wait_timer", "wait_timer": body["wait_timer"]}
        )
    if body.get("reviewers"):
        reviewers = [_reviewer(call, one) for one in body["reviewers"]]
        rule = {"id": next(call.double.ids), "node_id": "", "type": "required_reviewers", "reviewers": reviewers}
        rules.append({**rule, "prevent_self_review": bool(body.get("prevent_self_review"))})
    policy = body.get("deployment_branch_policy")
    if policy:
        if policy["protected_branches"] == policy["custom_branch_policies"]:
            raise Refusal(422, "Validation Failed", "protected_branches and custom_branch_policies cannot be the same")
        rules.append({"id": next(call.double.ids), "node_id": "", "type": "branch_policy"})
    made = {
        "id": before["id"],
        "name": name,
        "created_at": before["created_at"],
        "updated_at": call.now(),
        "protection_rules": rules,
        "deployment_branch_policy": policy,
    }
    call.repository.environments[name] = made
    return Answer(200, made)


def _reviewer(call: Call, given: Values) -> Values:
    """By id; the double knows the owner of the repository and whoever asks."""
    people = {user(login)["id"]: user(login) for login in (call.repository.owner, call.login)}
    if given.get("type") != "User" or given.get("id") not in people:
        raise Refusal(422, "Validation Failed", f"reviewer {given.get('id')} has no access to the repository")
    return {"type": "User", "reviewer": people[given["id"]]}


@serves("repos/list-deployment-branch-policies")
def list_deployment_branches(call: Call) -> Answer:
    found(call.repository.environments, call["environment_name"])
    return call.page(call.repository.deployment_branches.get(call["environment_name"], []), "branch_policies")


@serves("repos/create-deployment-branch-policy")
def create_deployment_branch(call: Call) -> Answer:
    name = call["environment_name"]
    policy = found(call.repository.environments, name)["deployment_branch_policy"]
    if not (policy or {}).get("custom_branch_policies"):
        raise Refusal(404, "Not Found")
    made = {"id": next(call.double.ids), "name": call.body["name"]}
    call.repository.deployment_branches.setdefault(name, []).append(made)
    return Answer(200, made)


@serves("repos/create-release")
def create_release(call: Call) -> Answer:
    body, now = call.body, call.now()
    if any(one["tag_name"] == body["tag_name"] for one in call.repository.releases.values()):
        raise Refusal(422, "Validation Failed", "tag_name already_exists")
    refuse_other_workflows(call, body.get("target_commitish", call.repository.default_branch))
    identity = next(call.double.ids)
    made = {
        "id": identity,
        "tag_name": body["tag_name"],
        "name": body.get("name"),
        "body": body.get("body"),
        "draft": body.get("draft", False),
        "prerelease": body.get("prerelease", False),
        "target_commitish": body.get("target_commitish", call.repository.default_branch),
        "created_at": now,
        "published_at": now,
        "author": user(call.login),
        "html_url": f"{call.repository.url}/releases/tag/{body['tag_name']}",
    }
    call.repository.releases[identity] = made
    if body.get("make_latest", "true") == "true":
        call.repository.latest = identity
    call.repository.refs.setdefault(f"tags/{body['tag_name']}", commit_of(call, made["target_commitish"]))
    return Answer(201, made)


@serves("repos/list-releases")
def list_releases(call: Call) -> Answer:
    return call.page(list(reversed(call.repository.releases.values())))


@serves("repos/get-release-by-tag")
def get_release_by_tag(call: Call) -> Answer:
    by_tag = {one["tag_name"]: one for one in call.repository.releases.values()}
    return Answer(200, found(by_tag, call["tag"]))


@serves("repos/get-latest-release")
def get_latest_release(call: Call) -> Answer:
    whole = [one for one in call.repository.releases.values() if not one["draft"] and not one["prerelease"]]
    latest = [one for one in whole if one["id"] == call.repository.latest]
    return Answer(200, found(dict(enumerate([*whole, *latest])), len(whole) + len(latest) - 1))


@serves("repos/update-release")
def update_release(call: Call) -> Answer:
    release = found(call.repository.releases, call["release_id"])
    refuse_other_workflows(call, call.body.get("target_commitish", release["target_commitish"]))
    release.update({name: value for name, value in call.body.items() if name != "make_latest"})
    if call.body.get("make_latest") == "true":
        call.repository.latest = release["id"]
    return Answer(200, release)

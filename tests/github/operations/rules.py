"""What protects a repository: rulesets, the rules of a branch, code owners, security switches, packages."""

from __future__ import annotations

import fnmatch

from tests.github.call import Answer, Call, Refusal, found, serves
from tests.github.state import Repository, Values, user


def applies(repository: Repository, ruleset: Values, branch: str) -> bool:
    """Whether an active ruleset is about a branch, by its conditions on the ref's name."""
    names = (ruleset.get("conditions") or {}).get("ref_name", {})

    def matches(pattern: str) -> bool:
        if pattern in ("~ALL", "~DEFAULT_BRANCH"):
            return pattern == "~ALL" or branch == repository.default_branch
        return fnmatch.fnmatch(f"refs/heads/{branch}", pattern)

    included = any(map(matches, names.get("include", [])))
    excluded = any(map(matches, names.get("exclude", [])))
    return ruleset["enforcement"] == "active" and ruleset["target"] == "branch" and included and not excluded


def on_a_paid_plan(call: Call) -> None:
    """Rules of a private repository: github/branch-deploy#345 and MishaMgla/opencraft1#22 quote the answer."""
    if call.repository.short_of("team"):
        raise Refusal(403, "Upgrade to GitHub Pro or make this repository public to enable this feature.")


@serves("repos/get-repo-rulesets")
def list_rulesets(call: Call) -> Answer:
    """As on GitHub, the list leaves out the rules and the conditions."""
    on_a_paid_plan(call)
    short = ("id", "name", "target", "source_type", "source", "enforcement", "node_id", "created_at", "updated_at")
    items = [{name: one[name] for name in short if name in one} for one in call.repository.rulesets.values()]
    return call.page(items)


@serves("repos/create-repo-ruleset")
def create_ruleset(call: Call) -> Answer:
    on_a_paid_plan(call)
    if any(one["name"] == call.body["name"] for one in call.repository.rulesets.values()):
        raise Refusal(422, "Validation Failed", "Name must be unique")
    return Answer(201, store(call, next(call.double.ids), {"target": "branch", "created_at": call.now()}))


@serves("repos/update-repo-ruleset")
def update_ruleset(call: Call) -> Answer:
    before = found(call.repository.rulesets, call["ruleset_id"])
    return Answer(200, store(call, call["ruleset_id"], before))


def store(call: Call, identity: int, before: Values) -> Values:
    source = {"source_type": "Repository", "source": call.repository.full_name}
    made = {**before, **call.body, "id": identity, **source, "updated_at": call.now()}
    call.repository.rulesets[identity] = made
    return made


@serves("repos/get-repo-ruleset")
def get_ruleset(call: Call) -> Answer:
    ruleset = found(call.repository.rulesets, call["ruleset_id"])
    # Who may pass by a rule is told to owners only.
    return Answer(200, {k: v for k, v in ruleset.items() if k != "bypass_actors" or call.access == "admin"})


@serves("repos/delete-repo-ruleset")
def delete_ruleset(call: Call) -> Answer:
    found(call.repository.rulesets, call["ruleset_id"])
    del call.repository.rulesets[call["ruleset_id"]]
    return Answer(204)


@serves("repos/get-branch-rules")
def branch_rules(call: Call) -> Answer:
    """What all active rulesets ask of a branch, flattened."""
    on_a_paid_plan(call)
    repository = call.repository
    items = [
        {**rule, "ruleset_source_type": "Repository", "ruleset_source": repository.full_name, "ruleset_id": one["id"]}
        for one in repository.rulesets.values()
        if applies(repository, one, call["branch"])
        for rule in one.get("rules") or []
    ]
    return call.page(items)


@serves("repos/get-branch-protection")
def get_protection(call: Call) -> Answer:
    if call["branch"] not in call.repository.protected:
        raise Refusal(404, "Branch not protected")
    return Answer(200, call.repository.protected[call["branch"]])


@serves("repos/codeowners-errors")
def codeowners_errors(call: Call) -> Answer:
    files = call.repository.trees[call.repository.refs[f"heads/{call['ref'] or call.repository.default_branch}"]]
    if not {".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"} & set(files):
        raise Refusal(404, "Not Found")
    return Answer(200, {"errors": call.repository.codeowners})


@serves("repos/check-private-vulnerability-reporting")
def private_reporting(call: Call) -> Answer:
    return Answer(200, {"enabled": call.repository.switches.get("private-vulnerability-reporting", False)})


@serves("repos/enable-private-vulnerability-reporting")
def enable_private_reporting(call: Call) -> Answer:
    call.repository.switches["private-vulnerability-reporting"] = True
    return Answer(204)


@serves("repos/check-vulnerability-alerts")
def alerts(call: Call) -> Answer:
    if not call.repository.switches.get("vulnerability-alerts"):
        raise Refusal(404, "Vulnerability alerts are disabled.")
    return Answer(204)


@serves("repos/enable-vulnerability-alerts")
def enable_alerts(call: Call) -> Answer:
    """As the description of the operation says, it enables the dependency graph too."""
    call.repository.switches |= {"vulnerability-alerts": True, "dependency-graph": True}
    return Answer(204)


@serves("dependency-graph/export-sbom")
def export_sbom(call: Call) -> Answer:
    """Off in a new repository, public or private: https://github.com/github/docs/pull/44586"""
    if not call.repository.switches.get("dependency-graph"):
        raise Refusal(404, "Not Found")
    return Answer(200, {"sbom": {"name": call.repository.full_name}})


@serves("dependency-graph/diff-range")
def compare_dependencies(call: Call) -> Answer:
    """403 where the graph is off, and for a private repository without the paid feature, as the action reads it:

    https://github.com/actions/dependency-review-action/blob/v4.9.0/src/main.ts
    """
    if call.repository.private or not call.repository.switches.get("dependency-graph"):
        raise Refusal(403, "Forbidden")
    return Answer(200, [])


@serves("users/get-by-username")
def get_user(call: Call) -> Answer:
    return Answer(200, user(call["username"]))


@serves("users/get-authenticated")
def get_myself(call: Call) -> Answer:
    if call.access != "admin":
        raise Refusal(403, "Resource not accessible by integration")
    return Answer(200, {**user(call.login), "two_factor_authentication": True, "user_view_type": "private"})


@serves("packages/list-packages-for-user")
def list_user_packages(call: Call) -> Answer:
    return call.page(packages_of(call, call["username"]))


@serves("packages/list-packages-for-organization")
def list_organization_packages(call: Call) -> Answer:
    return call.page(packages_of(call, call["org"]))


def packages_of(call: Call, owner: str) -> list[Values]:
    """A workflow's token, which is one repository's, sees no owner's list."""
    if call.access != "admin":
        raise Refusal(403, "Resource not accessible by integration")
    return [
        {**package, "repository": repository.values()}
        for repository in call.double.repositories.values()
        if repository.owner == owner
        for package in repository.packages.values()
        if call["visibility"] in (None, package["visibility"]) and package["package_type"] == call["package_type"]
    ]

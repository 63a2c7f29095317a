"""Pull requests, from branches and from forks."""

from __future__ import annotations

from tests.github.call import Answer, Call, Refusal, found, serves
from tests.github.operations.issues import fits
from tests.github.state import BOT, Repository, Values


def shown(call: Call, pull: Values) -> Values:
    """With the repositories of both sides; a deleted fork is null."""
    repository = call.repository
    head, base = pull["head"], pull["base"]
    home = call.double.repositories.get((head["repo"] or "").lower())
    return {
        **{name: value for name, value in pull.items() if name != "merged_by"},
        "head": {**head, "repo": home.values() if home else None},
        "base": {**base, "repo": repository.values(), "sha": repository.refs.get(f"heads/{base['ref']}", base["sha"])},
        "labels": repository.issues[pull["number"]]["labels"],
    }


def changed(call: Call, pull: Values) -> dict[str, str]:
    """The files that the pull request changes, and how."""
    home = call.double.repositories.get((pull["head"]["repo"] or "").lower()) or call.repository
    before = call.repository.trees.get(call.repository.refs[f"heads/{pull['base']['ref']}"], {})
    after = home.trees.get(pull["head"]["sha"], {})
    states = {}
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            states[name] = "added" if name not in before else "removed" if name not in after else "modified"
    return states


def whole(call: Call, pull: Values) -> Values:
    """What only an answer about one pull request tells."""
    counts = {"changed_files": len(changed(call, pull)), "comments": len(call.repository.comments_on(pull["number"]))}
    by = {"merged_by": pull["merged_by"]} if pull.get("merged_by") else {}
    return {**shown(call, pull), **counts, **by, "merged": pull["merged_at"] is not None, "mergeable": True}


@serves("pulls/list")
def list_pulls(call: Call) -> Answer:
    items = [
        shown(call, pull)
        for pull in call.repository.pulls.values()
        if call["state"] in ("all", pull["state"])
        # GitHub takes no notice of a head without its owner.
        and (":" not in (call["head"] or "") or call["head"] == pull["head"]["label"])
        and call["base"] in (None, pull["base"]["ref"])
    ]
    order = {"updated": "updated_at"}.get(call["sort"], "created_at")
    default = "desc" if call["sort"] in (None, "created") else "asc"
    items.sort(key=lambda one: one[order], reverse=(call["direction"] or default) == "desc")
    return call.page(items)


@serves("pulls/get")
def get_pull(call: Call) -> Answer:
    pull = found(call.repository.pulls, call["pull_number"])
    return Answer(200, whole(call, pull))


@serves("pulls/list-files")
def list_files(call: Call) -> Answer:
    pull = found(call.repository.pulls, call["pull_number"])
    return call.page([{"filename": name, "status": state} for name, state in changed(call, pull).items()])


@serves("pulls/create")
def create_pull(call: Call) -> Answer:
    repository, body = call.repository, call.body
    # The setting is for the token of a workflow; other Apps have what they were installed with:
    # https://docs.github.com/actions/concepts/security/github_token
    if call.login == BOT and not repository.workflow_permissions["can_approve_pull_request_reviews"]:
        raise Refusal(403, "GitHub Actions is not permitted to create or approve pull requests.")
    owner, _, head = body["head"].rpartition(":")
    source = repository if owner in ("", repository.owner) else _fork_of(call, owner)
    if f"heads/{head}" not in source.refs:
        raise Refusal(422, "Validation Failed", f"head {body['head']} does not exist")
    if f"heads/{body['base']}" not in repository.refs:
        raise Refusal(422, "Validation Failed", f"base {body['base']} does not exist")
    label = f"{source.owner}:{head}"
    if any(one["state"] == "open" and one["head"]["label"] == label for one in repository.pulls.values()):
        raise Refusal(422, "Validation Failed", f"A pull request already exists for {label}.")
    if source.refs[f"heads/{head}"] == repository.refs[f"heads/{body['base']}"]:
        raise Refusal(422, "Validation Failed", f"No commits between {body['base']} and {head}")
    fits(body.get("body"))
    made = repository.pull(
        head,
        base=body["base"],
        source=source,
        title=body.get("title", head),
        body=body.get("body"),
        login=call.login,
        draft=bool(body.get("draft")),
    )
    return Answer(201, whole(call, made))


def _fork_of(call: Call, owner: str) -> Repository:
    for one in call.double.repositories.values():
        if one.owner == owner and one.parent is call.repository:
            return one
    raise Refusal(422, "Validation Failed", f"head: {owner} has no fork of {call.repository.full_name}")


@serves("pulls/update")
def update_pull(call: Call) -> Answer:
    pull = found(call.repository.pulls, call["pull_number"])
    fits(call.body.get("body"))
    body = dict(call.body)
    if "base" in body:
        pull["base"]["ref"] = body.pop("base")
    pull.update(body, updated_at=call.now())
    issue = call.repository.issues[pull["number"]]
    issue.update({key: pull[key] for key in ("title", "body", "state", "updated_at")})
    return Answer(200, whole(call, pull))


@serves("pulls/list-reviews")
def list_reviews(call: Call) -> Answer:
    pull = found(call.repository.pulls, call["pull_number"])
    return call.page(call.repository.reviews.get(pull["number"], []))


@serves("repos/list-pull-requests-associated-with-commit")
def pulls_of_commit(call: Call) -> Answer:
    """Those that brought the commit into the default branch, and those whose head, in this repository, it is.

    A pull request from a fork is not found from the upstream's side before it is merged: its commit is a branch of
    the fork's only.
    """
    sha = call["commit_sha"]
    items = [
        shown(call, pull)
        for pull in call.repository.pulls.values()
        if sha == pull.get("merge_commit_sha")
        or (pull["head"]["sha"] == sha and pull["head"]["repo"] == call.repository.full_name)
    ]
    return call.page(items)

"""Issues, their comments and labels; a pull request is an issue too."""

from __future__ import annotations

from typing import Any

from tests.github.call import Answer, Call, Refusal, found, serves
from tests.github.state import Repository, Values, user

LONGEST_BODY = 65_536  # characters: GitHub's own limit, which its description does not tell


def fits(body: Any) -> None:
    if isinstance(body, str) and len(body) > LONGEST_BODY:
        raise Refusal(422, "Validation Failed", f"body is too long (maximum is {LONGEST_BODY} characters)")


def shown(repository: Repository, issue: Values) -> Values:
    return {**issue, "comments": len(repository.comments_on(issue["number"]))}


def names(labels: Any) -> list[str]:
    return [one if isinstance(one, str) else one["name"] for one in labels or []]


@serves("issues/list-for-repo")
def list_issues(call: Call) -> Answer:
    repository = call.repository
    wanted = {name for name in (call["labels"] or "").lower().split(",") if name}
    items = [
        shown(repository, issue)
        for issue in repository.issues.values()
        if call["state"] in ("all", issue["state"])
        and wanted <= {label["name"].lower() for label in issue["labels"]}
        and call["creator"] in (None, issue["user"]["login"])
        and (call["since"] or "") <= issue["updated_at"]
    ]
    items.sort(key=lambda one: one[f"{call['sort']}_at"], reverse=call["direction"] == "desc")
    return call.page(items)


@serves("issues/create")
def create_issue(call: Call) -> Answer:
    fits(call.body.get("body"))
    made = call.repository.issue(
        str(call.body["title"]), body=call.body.get("body"), login=call.login, labels=names(call.body.get("labels"))
    )
    made["assignees"] = [user(login) for login in call.body.get("assignees") or []]
    return Answer(201, shown(call.repository, made))


@serves("issues/get")
def get_issue(call: Call) -> Answer:
    return Answer(200, shown(call.repository, found(call.repository.issues, call["issue_number"])))


@serves("issues/update")
def update_issue(call: Call) -> Answer:
    repository, body = call.repository, dict(call.body)
    issue = found(repository.issues, call["issue_number"])
    fits(body.get("body"))
    if "labels" in body:
        body["labels"] = [repository.label(name) for name in names(body["labels"])]
    if "assignees" in body:
        body["assignees"] = [user(login) for login in body["assignees"]]
    if "state" in body:
        body["closed_at"] = call.now() if body["state"] == "closed" else None
        body.setdefault("state_reason", "completed" if body["state"] == "closed" else "reopened")
    issue.update(body, updated_at=call.now())
    pull = repository.pulls.get(issue["number"])
    if pull:
        pull.update({key: issue[key] for key in ("title", "body", "state", "updated_at")})
    return Answer(200, shown(repository, issue))


@serves("issues/lock")
def lock(call: Call) -> Answer:
    return _locked(call, True)


@serves("issues/unlock")
def unlock(call: Call) -> Answer:
    return _locked(call, False)


def _locked(call: Call, locked: bool) -> Answer:
    number = call["issue_number"]
    found(call.repository.issues, number)["locked"] = locked
    if number in call.repository.pulls:
        call.repository.pulls[number]["locked"] = locked
    return Answer(204)


@serves("issues/list-comments")
def list_comments(call: Call) -> Answer:
    number = found(call.repository.issues, call["issue_number"])["number"]
    since = call["since"] or ""
    return call.page([one for one in call.repository.comments_on(number) if one["updated_at"] >= since])


@serves("issues/list-comments-for-repo")
def list_all_comments(call: Call) -> Answer:
    since = call["since"] or ""
    items = [one for _, one in sorted(call.repository.comments.items()) if one["updated_at"] >= since]
    if call["sort"]:
        items.sort(key=lambda one: one[f"{call['sort']}_at"], reverse=call["direction"] == "desc")
    return call.page(items)


@serves("reactions/create-for-issue-comment")
def react(call: Call) -> Answer:
    """200 where this reaction is there already."""
    found(call.repository.comments, call["comment_id"])
    there = call.repository.reactions.setdefault(call["comment_id"], [])
    known = call.body["content"] in there
    if not known:
        there.append(call.body["content"])
    return Answer(200 if known else 201, {"content": call.body["content"], "user": user(call.login)})


@serves("issues/create-comment")
def create_comment(call: Call) -> Answer:
    issue = found(call.repository.issues, call["issue_number"])
    if issue["locked"]:
        raise Refusal(403, "Unable to create comment because issue is locked.")
    if not call.body["body"].strip():
        raise Refusal(422, "Validation Failed", "Body cannot be blank")
    fits(call.body["body"])
    return Answer(201, call.repository.comment(issue["number"], call.body["body"], call.login))


@serves("issues/get-comment")
def get_comment(call: Call) -> Answer:
    return Answer(200, found(call.repository.comments, call["comment_id"]))


@serves("issues/update-comment")
def update_comment(call: Call) -> Answer:
    comment = found(call.repository.comments, call["comment_id"])
    number = int(comment["issue_url"].rpartition("/")[2])
    if call.repository.issues[number]["locked"]:
        raise Refusal(403, "Unable to update comment because issue is locked.")
    fits(call.body["body"])
    comment.update(body=call.body["body"], updated_at=call.now())
    return Answer(200, comment)


@serves("issues/delete-comment")
def delete_comment(call: Call) -> Answer:
    found(call.repository.comments, call["comment_id"])
    del call.repository.comments[call["comment_id"]]
    return Answer(204)


@serves("issues/list-labels-for-repo")
def list_labels(call: Call) -> Answer:
    return call.page(list(call.repository.labels.values()))


@serves("issues/create-label")
def create_label(call: Call) -> Answer:
    name = call.body["name"]
    if name.lower() in call.repository.labels:
        raise Refusal(422, "Validation Failed", "name already exists")
    made = call.repository.label(name, call.body.get("color", "ededed"), call.body.get("description"))
    return Answer(201, made)


@serves("issues/get-label")
def get_label(call: Call) -> Answer:
    return Answer(200, found(call.repository.labels, call["name"].lower()))


@serves("issues/list-labels-on-issue")
def labels_on_issue(call: Call) -> Answer:
    return call.page(found(call.repository.issues, call["issue_number"])["labels"])


@serves("issues/add-labels")
def add_labels(call: Call) -> Answer:
    labels = found(call.repository.issues, call["issue_number"])["labels"]
    given = call.body if isinstance(call.body, list) else call.body.get("labels")
    for name in names(given):
        label = call.repository.label(name)
        if label not in labels:
            labels.append(label)
    return Answer(200, labels)


@serves("issues/remove-label")
def remove_label(call: Call) -> Answer:
    labels = found(call.repository.issues, call["issue_number"])["labels"]
    kept = [label for label in labels if label["name"].lower() != call["name"].lower()]
    if len(kept) == len(labels):
        raise Refusal(404, "Label does not exist")
    labels[:] = kept
    return Answer(200, labels)

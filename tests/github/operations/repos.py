"""The repository itself, its branches, commits and files."""

from __future__ import annotations

import base64
import hashlib

from tests.github.call import Answer, Call, Refusal, found, serves
from tests.github.state import Values


@serves("repos/get")
def get_repository(call: Call) -> Answer:
    repository = call.repository
    values = repository.values()
    if call.access == "admin":
        values["security_and_analysis"] = {name: {"status": one} for name, one in repository.security.items()}
        values["permissions"] = {"admin": True, "push": True, "pull": True}
    if repository.parent:
        values |= {"parent": repository.parent.values(), "source": repository.parent.values()}
    return Answer(200, values)


@serves("repos/update")
def update_repository(call: Call) -> Answer:
    for name, switch in (call.body.get("security_and_analysis") or {}).items():
        call.repository.security[name] = switch["status"]
    left = set(call.body) - {"security_and_analysis"}
    if left:
        raise NotImplementedError(f"the double changes no {', '.join(left)}")
    return get_repository(call)


def commit_of(call: Call, ref: str) -> str:
    """The commit that a branch, a tag or a SHA names."""
    repository = call.repository
    names = (ref, f"heads/{ref}", f"tags/{ref}", ref.removeprefix("refs/"))
    sha = next((repository.refs[name] for name in names if name in repository.refs), ref)
    if sha not in repository.trees:
        raise Refusal(404 if ref == sha else 422, f"No commit found for the ref {ref}")
    return sha


def commit_shown(call: Call, sha: str) -> Values:
    message = call.repository.messages.get(sha, "")
    return {"sha": sha, "commit": {"message": message}, "html_url": f"{call.repository.url}/commit/{sha}"}


@serves("repos/get-branch")
def get_branch(call: Call) -> Answer:
    name = call["branch"]
    sha = found(call.repository.refs, f"heads/{name}")
    protected = name in call.repository.protected
    return Answer(200, {"name": name, "commit": commit_shown(call, sha), "protected": protected})


@serves("repos/list-branches")
def list_branches(call: Call) -> Answer:
    items = [
        {"name": ref.removeprefix("heads/"), "commit": {"sha": sha}, "protected": False}
        for ref, sha in call.repository.refs.items()
        if ref.startswith("heads/")
    ]
    return call.page(items)


@serves("repos/get-commit")
def get_commit(call: Call) -> Answer:
    return Answer(200, commit_shown(call, commit_of(call, call["ref"])))


@serves("repos/get-content")
def get_content(call: Call) -> Answer:
    files = call.repository.trees[commit_of(call, call["ref"] or call.repository.default_branch)]
    path = call["path"].strip("/")
    if path in files:
        return Answer(200, file_shown(path, files[path]))
    below = sorted({name[len(path) + 1 :].partition("/")[0] for name in files if name.startswith(f"{path}/")})
    if not below:
        raise Refusal(404, "Not Found")
    return Answer(200, [entry(f"{path}/{name}", files) for name in below])


def entry(path: str, files: dict[str, bytes]) -> Values:
    kind = "file" if path in files else "dir"
    size = len(files.get(path, b""))
    return {
        "type": kind,
        "name": path.rpartition("/")[2],
        "path": path,
        "size": size,
        "sha": blob(files.get(path, b"")),
    }


def file_shown(path: str, content: bytes) -> Values:
    encoded = base64.encodebytes(content).decode()
    return {**entry(path, {path: content}), "encoding": "base64", "content": encoded}


def blob(content: bytes) -> str:
    """Git's own name of a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@serves("repos/create-or-update-file-contents")
def put_content(call: Call) -> Answer:
    repository, body, path = call.repository, call.body, call["path"]
    branch = body.get("branch") or repository.default_branch
    before = repository.trees[found(repository.refs, f"heads/{branch}")]
    known = blob(before[path]) if path in before else None
    if known != body.get("sha"):
        if known and "sha" not in body:
            raise Refusal(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
        raise Refusal(409, f"{path} does not match {body.get('sha')}")
    content = base64.b64decode(body["content"])
    sha = repository.commit(f"heads/{branch}", {path: content}, body["message"])
    shown = {"content": entry(path, {path: content}), "commit": {"sha": sha, "message": body["message"]}}
    return Answer(200 if known else 201, shown)


def ref_shown(ref: str, sha: str) -> Values:
    return {"ref": f"refs/{ref}", "object": {"sha": sha, "type": "commit"}}


@serves("git/get-ref")
def get_ref(call: Call) -> Answer:
    return Answer(200, ref_shown(call["ref"], found(call.repository.refs, call["ref"])))


@serves("git/list-matching-refs")
def matching_refs(call: Call) -> Answer:
    refs = call.repository.refs
    return Answer(200, [ref_shown(ref, sha) for ref, sha in sorted(refs.items()) if ref.startswith(call["ref"])])


@serves("git/create-ref")
def create_ref(call: Call) -> Answer:
    ref = call.body["ref"].removeprefix("refs/")
    if ref == call.body["ref"] or "/" not in ref:
        raise Refusal(422, "Reference name must start with 'refs/' and have at least two slashes.")
    if ref in call.repository.refs:
        raise Refusal(422, "Reference already exists")
    if call.body["sha"] not in call.repository.trees:
        raise Refusal(422, "Object does not exist")
    call.repository.refs[ref] = call.body["sha"]
    return Answer(201, ref_shown(ref, call.body["sha"]))


@serves("git/update-ref")
def update_ref(call: Call) -> Answer:
    ref = call["ref"]
    if ref not in call.repository.refs:
        raise Refusal(422, "Reference does not exist")
    if call.body["sha"] not in call.repository.trees:
        raise Refusal(422, "Object does not exist")
    call.repository.refs[ref] = call.body["sha"]
    return Answer(200, ref_shown(ref, call.body["sha"]))


@serves("git/delete-ref")
def delete_ref(call: Call) -> Answer:
    if call["ref"] not in call.repository.refs:
        raise Refusal(422, "Reference does not exist")
    del call.repository.refs[call["ref"]]
    return Answer(204)

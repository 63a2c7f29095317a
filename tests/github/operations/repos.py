"""The repository itself, its branches, commits and files."""

from __future__ import annotations

import base64
import hashlib

from tests.github.call import Answer, Call, Refusal, found, serves
from tests.github.state import Values, sha_of


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


@serves("repos/get-collaborator-permission-level")
def permission(call: Call) -> Answer:
    """Of somebody who is no collaborator, in a public repository: read."""
    level = call.repository.collaborators.get(call["username"], "none" if call.repository.private else "read")
    return Answer(200, {"permission": level, "role_name": level, "user": None})


def commit_of(call: Call, ref: str) -> str:
    """The commit that a branch, a tag or a SHA names."""
    repository = call.repository
    names = (ref, f"heads/{ref}", f"tags/{ref}", ref.removeprefix("refs/"))
    sha = next((repository.refs[name] for name in names if name in repository.refs), ref)
    if sha not in repository.trees:
        raise Refusal(404 if ref == sha else 422, f"No commit found for the ref {ref}")
    return sha


def refuse_other_workflows(call: Call, ref: str) -> None:
    """A release's target whose workflows are not the default branch's needs a permission that GITHUB_TOKEN cannot have.

    From the description of `repos/create-release` and `repos/update-release`: where the target adds or modifies any
    file under `.github/workflows/` relative to the default branch, the answer is 404, or 403 for some tokens.
    """
    sha = commit_of(call, ref)
    if call.access == "admin" or not other_workflows(call, sha):
        return
    status = call.repository.workflow_refusal
    raise Refusal(status, "Not Found" if status == 404 else "Resource not accessible by integration")


def other_workflows(call: Call, sha: str) -> list[str]:
    """The workflows that a commit adds to those of the default branch, or has otherwise."""
    repository = call.repository
    there = repository.trees[repository.refs[f"heads/{repository.default_branch}"]]
    files = repository.trees[sha]
    return [path for path in files if path.startswith(".github/workflows/") and files[path] != there.get(path)]


def commit_shown(call: Call, sha: str) -> Values:
    message = call.repository.messages.get(sha, "")
    who = call.repository.authors.get(sha)
    said = {"message": message, "author": who, "committer": who} if who else {"message": message}
    return {"sha": sha, "commit": said, "html_url": f"{call.repository.url}/commit/{sha}"}


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
    # The description says nothing of this; reports differ: accepted in vybestack/llxprt-code#3119 and
    # jentic/jentic-one#1162, refused with 403 in mkb79/Audible#882 and BerriAI/litellm#32023.
    if call.repository.refuses_refs and call.access != "admin" and other_workflows(call, call.body["sha"]):
        raise Refusal(403, "Resource not accessible by integration")
    call.repository.refs[ref] = call.body["sha"]
    return Answer(201, ref_shown(ref, call.body["sha"]))


@serves("git/update-ref")
def update_ref(call: Call) -> Answer:
    ref = call["ref"]
    if ref not in call.repository.refs:
        raise Refusal(422, "Reference does not exist")
    if call.body["sha"] not in call.repository.trees:
        raise Refusal(422, "Object does not exist")
    repository, sha = call.repository, call.body["sha"]
    if not call.body.get("force") and repository.refs[ref] not in line_of(call, sha):
        raise Refusal(422, "Update is not a fast forward")
    repository.refs[ref] = sha
    for pull in repository.pulls.values():
        own = pull["state"] == "open" and pull["head"]["repo"] == repository.full_name
        if own and ref == f"heads/{pull['head']['ref']}":
            pull["head"]["sha"], pull["updated_at"] = sha, call.now()
    return Answer(200, ref_shown(ref, sha))


@serves("git/delete-ref")
def delete_ref(call: Call) -> Answer:
    if call["ref"] not in call.repository.refs:
        raise Refusal(422, "Reference does not exist")
    del call.repository.refs[call["ref"]]
    return Answer(204)


def line_of(call: Call, sha: str) -> list[str]:
    """A commit and all before it."""
    found = []
    while sha:
        found.append(sha)
        sha = call.repository.parents.get(sha, "")
    return found


@serves("repos/compare-commits-with-basehead")
def compare(call: Call) -> Answer:
    """What the head has beyond the base, oldest first, as from where their ways part."""
    base, _, head = call["basehead"].partition("...")
    known, whole = line_of(call, commit_of(call, base)), line_of(call, commit_of(call, head))
    beyond = [sha for sha in reversed(whole) if sha not in known]
    fork = next(sha for sha in whole if sha in known)
    behind = known.index(fork)
    status = "diverged" if beyond and behind else "ahead" if beyond else "behind" if behind else "identical"
    body = {"status": status, "ahead_by": len(beyond), "behind_by": behind, "total_commits": len(beyond)}
    ends = {"base_commit": commit_shown(call, known[0]), "merge_base_commit": commit_shown(call, fork)}
    return Answer(200, {**body, **ends, "commits": [commit_shown(call, sha) for sha in beyond]})


def tree_of(commit: str) -> str:
    """The name of a commit's tree, another than its own."""
    return sha_of("tree", commit)


def git_commit(call: Call, sha: str) -> Values:
    repository = call.repository
    parent, who = repository.parents.get(sha), repository.authors[sha]
    parents = [{"sha": parent, "html_url": f"{repository.url}/commit/{parent}"}] if parent else []
    said = {"message": repository.messages[sha], "author": who, "committer": who}
    return {"sha": sha, "tree": {"sha": tree_of(sha)}, "parents": parents, **said}


@serves("git/get-commit")
def get_git_commit(call: Call) -> Answer:
    found(call.repository.trees, call["commit_sha"])
    return Answer(200, git_commit(call, call["commit_sha"]))


@serves("git/create-tree")
def create_tree(call: Call) -> Answer:
    repository, below = call.repository, call.body.get("base_tree")
    known = {tree_of(commit): files for commit, files in repository.trees.items()}
    files = dict(found(known, below)) if below else {}
    for one in call.body["tree"]:
        if one.get("mode") != "100644" or one.get("type") != "blob" or "content" not in one:
            raise NotImplementedError("the double's trees take the text of files only")
        files[one["path"]] = one["content"].encode()
    sha = sha_of(below, next(call.double.ids))
    repository.loose[sha] = files
    shown = [
        {"path": path, "mode": "100644", "type": "blob", "size": len(text), "sha": blob(text)}
        for path, text in files.items()
        if "/" not in path
    ]
    return Answer(201, {"sha": sha, "tree": shown, "truncated": False})


@serves("git/create-commit")
def create_commit(call: Call) -> Answer:
    repository, body = call.repository, call.body
    if body["tree"] not in repository.loose:
        raise Refusal(422, "Tree SHA does not exist")
    author, parents = body.get("author"), body.get("parents") or []
    if author is None or body.get("committer", author) != author or len(parents) != 1:
        raise NotImplementedError("the double's commits have one parent, and an author who commits")
    if parents[0] not in repository.trees:
        raise Refusal(422, "Parent SHA does not exist or is not a commit object")
    sha = sha_of(body["tree"], parents[0], next(call.double.ids))
    repository.trees[sha] = repository.loose[body["tree"]]
    repository.messages[sha], repository.parents[sha] = body["message"], parents[0]
    repository.authors[sha] = author
    return Answer(201, git_commit(call, sha))

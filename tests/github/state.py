"""What the double remembers: repositories with all that is in them, as the values that GitHub answers.

Only what a test or the code under test can see is kept; `tests.github.fill` adds what the description wants beside it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import itertools
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SITE = "https://github.test"
Values = dict[str, Any]
BOT = "github-actions[bot]"


class Clock:
    """The double's own time: every look is a second later, so that orders are certain."""

    def __init__(self) -> None:
        self.seconds = itertools.count()

    def now(self) -> str:
        moment = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC) + dt.timedelta(seconds=next(self.seconds))
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def user(login: str) -> Values:
    """A person; `…[bot]` is a bot, `…-org` an organisation."""
    number = int(hashlib.sha256(login.encode()).hexdigest()[:6], 16)
    kind = "Bot" if login.endswith("[bot]") else "Organization" if login.endswith("-org") else "User"
    return {"login": login, "id": number, "type": kind, "html_url": f"{SITE}/{login}"}


def sha_of(*parts: object) -> str:
    return hashlib.sha1("/".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


def zipped(files: Mapping[str, bytes | str]) -> bytes:
    """A zip archive; names are taken as they are, `../` too."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


@dataclass
class Repository:
    """One repository; numbers come from the double, so that none is given out twice."""

    full_name: str
    clock: Clock
    ids: itertools.count[int]
    parent: Repository | None = None
    private: bool = False
    plan: str = (
        "enterprise"  # of the owner: "free", "team" (and "pro", for a person); it matters in private repositories
    )
    pushed_at: str | None = None  # the last commit; the double's clock says nothing of it
    default_branch: str = "main"
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    refs: dict[str, str] = field(default_factory=dict)  # heads/main -> commit
    trees: dict[str, dict[str, bytes]] = field(default_factory=dict)  # commit -> files
    messages: dict[str, str] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)  # commit -> the one before
    authors: dict[str, Values] = field(default_factory=dict)  # commit -> name, email and date, of its committer too
    loose: dict[str, dict[str, bytes]] = field(default_factory=dict)  # trees that no commit has yet
    issues: dict[int, Values] = field(default_factory=dict)  # pull requests too, as on GitHub
    pulls: dict[int, Values] = field(default_factory=dict)
    reviews: dict[int, list[Values]] = field(default_factory=dict)  # by pull request
    comments: dict[int, Values] = field(default_factory=dict)
    labels: dict[str, Values] = field(default_factory=dict)
    workflows: dict[int, Values] = field(default_factory=dict)
    runs: dict[int, Values] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)  # of Actions
    inputs: dict[int, Values] = field(default_factory=dict)  # by run that somebody started
    collaborators: dict[str, str] = field(default_factory=dict)  # login -> admin, write or read
    reactions: dict[int, list[str]] = field(default_factory=dict)  # by comment
    approvals: dict[int, list[Values]] = field(default_factory=dict)  # by run
    artifacts: dict[int, Values] = field(default_factory=dict)
    blobs: dict[int, bytes] = field(default_factory=dict)
    check_runs: dict[int, Values] = field(default_factory=dict)
    statuses: list[Values] = field(default_factory=list)
    deployments: dict[int, Values] = field(default_factory=dict)
    deployment_statuses: dict[int, list[Values]] = field(default_factory=dict)
    environments: dict[str, Values] = field(default_factory=dict)
    deployment_branches: dict[str, list[Values]] = field(default_factory=dict)  # by environment
    releases: dict[int, Values] = field(default_factory=dict)
    latest: int | None = None  # which of them the repository's page shows
    workflow_refusal: int = 404  # or 403: of a release whose target has other workflows
    refuses_refs: bool = True  # to such a commit
    rulesets: dict[int, Values] = field(default_factory=dict)
    protected: dict[str, Values] = field(default_factory=dict)  # branch -> classic protection
    codeowners: list[Values] = field(default_factory=list)
    packages: dict[str, Values] = field(default_factory=dict)
    actions: Values = field(default_factory=lambda: {"enabled": True, "allowed_actions": "all"})
    selected_actions: Values = field(default_factory=lambda: {"github_owned_allowed": True, "patterns_allowed": []})
    workflow_permissions: Values = field(
        default_factory=lambda: {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": False}
    )
    security: dict[str, str] = field(
        default_factory=lambda: dict.fromkeys(("secret_scanning", "secret_scanning_push_protection"), "disabled")
    )
    switches: dict[str, bool] = field(default_factory=dict)  # vulnerability-alerts and the like

    def __post_init__(self) -> None:
        self.id = next(self.ids)
        self.commit("heads/" + self.default_branch, {"README.md": b"A repository.\n"}, "First")

    def short_of(self, plan: str) -> bool:
        """Whether it is private and its owner's plan is below this one."""
        order = ("free", "team", "enterprise")
        return self.private and order.index(self.plan) < order.index(plan)

    @property
    def owner(self) -> str:
        return self.full_name.partition("/")[0]

    @property
    def name(self) -> str:
        return self.full_name.partition("/")[2]

    @property
    def url(self) -> str:
        return f"{SITE}/{self.full_name}"

    def values(self) -> Values:
        return {
            "id": self.id,
            "name": self.name,
            "full_name": self.full_name,
            "owner": user(self.owner),
            "private": self.private,
            "visibility": "private" if self.private else "public",
            "fork": self.parent is not None,
            "default_branch": self.default_branch,
            **({"pushed_at": self.pushed_at} if self.pushed_at else {}),
            "html_url": self.url,
        }

    def commit(
        self, ref: str, files: Mapping[str, bytes], message: str = "A commit", email: str = "somebody@example.org"
    ) -> str:
        """A commit on top of a ref (`heads/main`), with these files changed; the ref is made where it is missing."""
        before = self.refs.get(ref) or self.refs.get(f"heads/{self.default_branch}", "")
        commit = sha_of(self.full_name, before, message, next(self.ids))
        self.trees[commit] = {**self.trees.get(before, {}), **files}
        self.messages[commit] = message
        self.parents[commit] = before
        self.authors[commit] = {"name": email.partition("@")[0], "email": email, "date": self.clock.now()}
        self.refs[ref] = commit
        return commit

    def pull(
        self,
        head: str = "feature",
        *,
        base: str | None = None,
        source: Repository | None = None,
        title: str = "A change",
        body: str | None = None,
        login: str = "contributor",
        draft: bool = False,
        state: str = "open",
        locked: bool = False,
        sha: str | None = None,
        source_deleted: bool = False,
    ) -> Values:
        """Open a pull request, from `source` where it is a fork; `source_deleted`: the fork is gone, its head stays."""
        home = source or self
        head_sha = sha or home.refs.get(f"heads/{head}") or home.commit(f"heads/{head}", {}, f"Begin {head}")
        home.refs[f"heads/{head}"] = head_sha
        base = base or self.default_branch
        issue = self.issue(title, body=body, login=login, state=state)
        issue |= {"locked": locked, "draft": draft}
        number = issue["number"]
        label = f"{home.owner}:{head}"
        pull = {
            **{key: issue[key] for key in ("id", "number", "title", "body", "user", "state")},
            **{key: issue[key] for key in ("created_at", "updated_at")},
            "html_url": f"{self.url}/pull/{number}",
            "draft": draft,
            "locked": locked,
            "merged_at": None,
            "head": {"ref": head, "sha": head_sha, "label": label, "user": user(home.owner)},
            "base": {"ref": base, "sha": self.refs[f"heads/{base}"], "label": f"{self.owner}:{base}"},
        }  # fmt: skip
        pull["head"]["repo"] = None if source_deleted else home.full_name
        self.pulls[number] = pull
        issue["pull_request"] = {"html_url": pull["html_url"]}
        return pull

    def receive(self, ref: str, sha: str, message: str = "A commit") -> None:
        """A commit that was made elsewhere, as a rehearsal's: what is in it is not kept."""
        self.trees.setdefault(sha, {})
        self.parents.setdefault(sha, self.refs.get(ref, ""))
        self.authors.setdefault(sha, {"name": "A tester", "email": "tester@example.org", "date": self.clock.now()})
        self.messages[sha] = message
        self.refs[ref] = sha

    def review(self, pull: Values, state: str, login: str) -> Values:
        """`APPROVED`, `CHANGES_REQUESTED`, `COMMENTED` or `DISMISSED`."""
        made = {
            "id": next(self.ids),
            "user": user(login),
            "body": "",
            "state": state,
            "html_url": pull["html_url"],
            "submitted_at": self.clock.now(),
            "commit_id": pull["head"]["sha"],
            "author_association": "MEMBER",
        }
        self.reviews.setdefault(pull["number"], []).append(made)
        return made

    def merged(self, pull: Values, sha: str, login: str = "maintainer") -> None:
        """Merge a pull request as the commit `sha`, which the base's branch is at from now on."""
        self.receive(f"heads/{pull['base']['ref']}", sha, pull["title"])
        now = self.clock.now()
        pull |= {"state": "closed", "merged_at": now, "merge_commit_sha": sha, "merged_by": user(login)}
        self.issues[pull["number"]] |= {"state": "closed", "closed_at": now}

    def reviewed(self, run: int, state: str, login: str, environment: str = "production") -> None:
        """`approved` or `rejected`: the deployment of a run to an environment that asks first."""
        shown = {"id": next(self.ids), "name": environment}
        made = {"environments": [shown], "state": state, "user": user(login), "comment": ""}
        self.approvals.setdefault(run, []).append(made)

    def push(self, pull: Values, source: Repository | None = None) -> str:
        """A new commit on a pull request's head."""
        head = pull["head"]
        head["sha"] = (source or self).commit(f"heads/{head['ref']}", {}, "More")
        pull["updated_at"] = self.clock.now()
        return str(head["sha"])

    def issue(
        self, title: str, *, body: str | None = None, login: str = "somebody", state: str = "open", labels: Any = ()
    ) -> Values:
        number, now = next(self.numbers), self.clock.now()
        found: Values = {
            "id": next(self.ids),
            "number": number,
            "title": title,
            "body": body,
            "user": user(login),
            "state": state,
            "state_reason": None,
            "locked": False,
            "labels": [self.label(name) for name in labels],
            "assignees": [],
            "created_at": now,
            "updated_at": now,
            "closed_at": None,
            "html_url": f"{self.url}/issues/{number}",
        }
        self.issues[number] = found
        return found

    def label(self, name: str, color: str = "ededed", description: str | None = None) -> Values:
        known = self.labels.get(name.lower())
        new = {"id": next(self.ids), "name": name, "color": color, "description": description, "default": False}
        return known or self.labels.setdefault(name.lower(), new)

    def comment(self, number: int, body: str, login: str = BOT) -> Values:
        now, identity = self.clock.now(), next(self.ids)
        page = self.pulls[number]["html_url"] if number in self.pulls else self.issues[number]["html_url"]
        found = {
            "id": identity,
            "body": body,
            "user": user(login),
            "created_at": now,
            "updated_at": now,
            "html_url": f"{page}#issuecomment-{identity}",
            "issue_url": f"{SITE}/repos/{self.full_name}/issues/{number}",
        }
        self.comments[identity] = found
        return found

    def comments_on(self, number: int) -> list[Values]:
        tail = f"/repos/{self.full_name}/issues/{number}"
        return [one for _, one in sorted(self.comments.items()) if one["issue_url"].endswith(tail)]

    def workflow(self, path: str, name: str, state: str = "active") -> Values:
        """A workflow's file and whether it may start: `active`, `disabled_fork`, `disabled_inactivity`, …"""
        now = self.clock.now()
        found = {"id": next(self.ids), "name": name, "path": path, "state": state, "created_at": now, "updated_at": now}
        self.workflows[found["id"]] = found
        return found

    def package(self, name: str, visibility: str = "private") -> Values:
        """A container image in the registry, which belongs to this repository."""
        now = self.clock.now()
        page = f"{SITE}/users/{self.owner}/packages/container/package/{name}"
        made = {"id": next(self.ids), "name": name, "package_type": "container", "visibility": visibility}
        made |= {"owner": user(self.owner), "created_at": now, "updated_at": now, "html_url": page}
        self.packages[name] = made
        return made

    def run(
        self,
        pull: Values | None = None,
        *,
        name: str = "review",
        path: str = ".github/workflows/review.yml",
        event: str = "pull_request",
        sha: str | None = None,
        branch: str | None = None,
        status: str = "completed",
        conclusion: str | None = "success",
        attempt: int = 1,
    ) -> Values:
        """A workflow run for a pull request or a branch. As on GitHub, `pull_requests` is empty for one from a fork."""
        head = pull["head"] if pull else {}
        branch = branch or head.get("ref") or self.default_branch
        own = head.get("repo", self.full_name) == self.full_name
        sha = sha or head.get("sha") or self.refs[f"heads/{branch}"]
        known = next((one for one in self.workflows.values() if one["path"] == path), None)
        identity, now = next(self.ids), self.clock.now()
        found: Values = {
            "id": identity,
            "name": name,
            "path": path,
            "workflow_id": (known or self.workflow(path, name))["id"],
            "event": event,
            "status": status,
            "conclusion": conclusion if status == "completed" else None,
            "head_branch": branch,
            "head_sha": sha,
            "run_number": len(self.runs) + 1,
            "run_attempt": attempt,
            "created_at": now,
            "updated_at": now,
            "run_started_at": now,
            "html_url": f"{self.url}/actions/runs/{identity}",
            "head_repository": head.get("repo", self.full_name),
            "pull_requests": [pull["number"]] if pull and own and pull["state"] == "open" else [],
        }
        self.runs[identity] = found
        return found

    def artifact(self, run: Values, name: str, content: Mapping[str, bytes | str] | bytes) -> Values:
        """An artifact of a run: files to be zipped, or the bytes of the archive as they are."""
        data = content if isinstance(content, bytes) else zipped(content)
        identity, now = next(self.ids), self.clock.now()
        found = {
            "id": identity,
            "name": name,
            "size_in_bytes": len(data),
            "expired": False,
            "created_at": now,
            "updated_at": now,
            "digest": "sha256:" + hashlib.sha256(data).hexdigest(),
            "workflow_run": {"id": run["id"], "head_sha": run["head_sha"], "head_branch": run["head_branch"]},
        }
        self.artifacts[identity] = found
        self.blobs[identity] = data
        return found

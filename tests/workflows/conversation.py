"""A pull request and its report, from the event to the comment: review.yml and comment.yml by act, GitHub's double."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from mainline.github.comment.cml_program import DIGEST, MIRROR, sha256
from tests.github.double import GitHubDouble
from tests.github.state import Repository
from tests.servers import Site, listening
from tests.workflows import events
from tests.workflows.act import Ran, Rehearsal

Values = dict[str, Any]


class Conversation:
    """One pull request: in the rehearsal's repository and in the double's, with the same numbers and commits."""

    def __init__(self, github: GitHubDouble, rehearsal: Rehearsal, checkout: Path, **variables: str) -> None:
        """`checkout` is where its author works; `variables` are those of the review's runs."""
        self.github, self.rehearsal, self.checkout, self.variables = github, rehearsal, checkout, variables
        self.repository: Repository = github.repository(events.REPOSITORY)
        self.pull: Values | None = None

    def reviewed(
        self,
        *,
        title: str = "A change",
        fork: bool = False,
        job: str | None = "review",
        settings: dict[str, str] | None = None,
    ) -> tuple[Values, Ran]:
        """Commit what lies in the checkout, and have it reviewed; GitHub keeps what the run left."""
        branch = events.git(self.checkout, "rev-parse", "--abbrev-ref", "HEAD")
        events.git(self.checkout, "add", "--all")
        events.git(self.checkout, "commit", "--quiet", "--message", title)
        head = events.git(self.checkout, "rev-parse", "HEAD")
        source = self.github.repository("elsewhere/project", fork_of=self.repository) if fork else self.repository
        if self.pull is None:
            self.pull = self.repository.pull(branch, source=source, title=title, sha=head)
        self.pull["head"]["sha"] = head
        self.rehearsal.origin.receive(self.checkout, head, f"refs/pull/{self.pull['number']}/head")
        details = {"number": self.pull["number"], "branch": branch, "title": title, "fork": fork}
        event = events.pull_request(self.rehearsal.origin, head, **details)
        run = self.repository.run(self.pull, sha=head, branch=branch, status="in_progress", conclusion=None)
        ran = self.rehearsal.run(event, job=job, run=str(run["id"]), settings=settings, **self.variables)
        run |= {"status": "completed", "conclusion": "failure" if ran.status else "success"}
        for file in ran.artifacts.glob("*"):
            self.repository.artifact(run, file.name.removesuffix(".zip"), file.read_bytes())
        return run, ran

    def woken(self, run: Values, *, cml: Path | None = None, access: str = "write") -> Ran:
        """Run comment.yml for a finished run, with the code of main."""
        payload = self.github.completed(self.repository, run)
        event = events.Event("workflow_run", self.rehearsal.origin.commit_of("refs/heads/main"), payload)
        variables = {"GITHUB_API_URL": self.github.api}
        if cml:
            # CML finds the API through the server's address, as on GitHub's own servers in a company.
            variables = {
                "GITHUB_API_URL": f"{self.github.api}/api/v3",
                "GITHUB_SERVER_URL": self.github.api,
            }
        with contextlib.ExitStack() as until_the_end:
            settings = {}
            if cml:
                served = until_the_end.enter_context(listening(Site(cml.parent)))
                settings = {DIGEST: sha256(cml), MIRROR: f"http://{served}/{cml.name}"}
            token = self.github.token(access)
            return self.rehearsal.run(event, "comment.yml", token=token, settings=settings, **variables)

    @property
    def comments(self) -> list[str]:
        assert self.pull
        return [str(comment["body"]) for comment in self.repository.comments_on(self.pull["number"])]

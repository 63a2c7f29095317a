"""review.yml and then comment.yml, each run by act, against GitHub's double: from a pull request to its comment."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.github.double import GitHubDouble, github
from tests.github.state import Repository
from tests.mainline.comment.test_cml import stand_in
from tests.workflows import events
from tests.workflows.act import Ran
from tests.workflows.stage import Stage

__all__ = ["github"]

pytestmark = pytest.mark.slow

Values = dict[str, Any]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("comment"), "src/mainline")


class Conversation:
    """One pull request: in the stage's repository and in the double's, with the same numbers and commits."""

    def __init__(self, github: GitHubDouble, stage: Stage) -> None:
        self.github, self.stage = github, stage
        self.repository: Repository = github.repository(events.REPOSITORY)
        self.pull: Values | None = None

    def reviewed(self, *, title: str = "A change", fork: bool = False) -> tuple[Values, Ran]:
        """Commit what lies in the checkout, and have it reviewed; GitHub keeps what the run left."""
        branch = self.stage.shop.git("rev-parse", "--abbrev-ref", "HEAD")
        head = self.stage.shop.commit(title)
        source = self.github.repository("elsewhere/project", fork_of=self.repository) if fork else self.repository
        if self.pull is None:
            self.pull = self.repository.pull(branch, source=source, title=title, sha=head)
        self.pull["head"]["sha"] = head
        self.stage.origin.receive(self.stage.shop.root, head, f"refs/pull/{self.pull['number']}/head")
        details = {"number": self.pull["number"], "branch": branch, "title": title, "fork": fork}
        event = events.pull_request(self.stage.origin, head, **details)
        run = self.repository.run(self.pull, sha=head, branch=branch, status="in_progress", conclusion=None)
        ran = self.stage.review(event, run=str(run["id"]))
        run |= {"status": "completed", "conclusion": "failure" if ran.status else "success"}
        for file in ran.artifacts.glob("*"):
            self.repository.artifact(run, file.name.removesuffix(".zip"), file.read_bytes())
        return run, ran

    def woken(self, run: Values, *, cml: Path | None = None, access: str = "write") -> Ran:
        """Run comment.yml for a finished run, with the code of main."""
        home = self.github.repositories[str(run["head_repository"]).lower()]
        payload = {
            "action": "completed",
            "workflow_run": {**run, "head_repository": home.values(), "repository": self.repository.values()},
            "workflow": {"name": run["name"], "path": run["path"]},
            "repository": self.repository.values(),
        }
        event = events.Event("workflow_run", self.stage.origin.commit_of("refs/heads/main"), payload)
        variables = {"GITHUB_API_URL": self.github.api}
        if cml:
            # CML finds the API through the server's address, as on GitHub's own servers in a company.
            variables = {
                "GITHUB_API_URL": f"{self.github.api}/api/v3",
                "GITHUB_SERVER_URL": self.github.api,
                "REHEARSAL_CML": str(cml),
            }
        return self.stage.rehearsal.run(event, "comment.yml", token=self.github.token(access), **variables)

    @property
    def comments(self) -> list[str]:
        assert self.pull
        return [str(comment["body"]) for comment in self.repository.comments_on(self.pull["number"])]


@pytest.fixture
def conversation(github: GitHubDouble, stage: Stage) -> Iterator[Conversation]:
    stage.branch("change")
    # This double counts its runs from the beginning again.
    shutil.rmtree(stage.rehearsal.folder / "artifacts", ignore_errors=True)
    yield Conversation(github, stage)
    stage.branch("main-again")


def test_a_pull_request_gets_its_report_and_a_newer_push_replaces_it(conversation: Conversation) -> None:
    shop = conversation.stage.shop
    shop.edit("params.yaml", ("max_iter: 30", "max_iter: 25"))
    started = time.perf_counter()
    run, ran = conversation.reviewed()
    assert ran.status == 0, ran.log
    posted = conversation.woken(run)
    assert posted.status == 0, posted.log
    assert time.perf_counter() - started < 90
    (comment,) = conversation.comments
    assert "Passed: no worse than main" in comment
    assert run["head_sha"][:7] in comment
    assert "CML is not installed" in posted.log

    shop.edit("params.yaml", ("numeric: [minutes, pages]", "numeric: [pages]"))
    run, ran = conversation.reviewed()
    assert ran.status != 0
    assert conversation.woken(run).status == 0
    (comment,) = conversation.comments
    assert "Refused" in comment
    assert "Passed" not in comment
    assert run["head_sha"][:7] in comment


def test_a_fork_gets_its_report_by_cml_whatever_its_title_holds(conversation: Conversation, tmp_path: Path) -> None:
    conversation.stage.shop.write("docs/page.md", "# A page\n")
    run, ran = conversation.reviewed(title="$(touch pwned) `touch pwned` @everyone", fork=True)
    assert ran.status == 0, ran.log
    posted = conversation.woken(run, cml=stand_in(tmp_path))
    assert posted.status == 0, posted.log
    (comment,) = conversation.comments
    assert "nothing was trained" in comment
    assert "by CML" in posted.log
    assert not list(conversation.stage.rehearsal.folder.rglob("pwned"))


def test_a_pull_request_that_edits_its_judges_hears_it_first_from_both(conversation: Conversation) -> None:
    conversation.stage.shop.edit(".github/workflows/review.yml", ("timeout-minutes: 60", "timeout-minutes: 50"))
    run, ran = conversation.reviewed()
    assert ran.status == 0, ran.log
    assert conversation.woken(run).status == 0
    (comment,) = conversation.comments
    said = comment.index("Gates changed in this pull request")
    assert said < comment.index("nothing was trained")
    assert ".github" in comment


def test_a_read_only_token_leaves_the_report_in_the_summary(conversation: Conversation) -> None:
    conversation.stage.shop.write("docs/page.md", "# A page\n")
    run, _ = conversation.reviewed()
    posted = conversation.woken(run, access="read")
    assert posted.status == 0, posted.log
    assert conversation.comments == []
    assert "Summary - " in posted.log
    assert "nothing was trained" in posted.log

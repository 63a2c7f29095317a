"""review.yml and then comment.yml, each run by act, against GitHub's double: from a pull request to its comment."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.github.double import GitHubDouble, github
from tests.mainline.github.comment.test_cml import stand_in
from tests.workflows.conversation import Conversation
from tests.workflows.stage import Stage, environment

__all__ = ["github"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("comment"), "src/mainline")


@pytest.fixture
def conversation(github: GitHubDouble, stage: Stage) -> Iterator[Conversation]:
    stage.branch("change")
    # This double counts its runs from the beginning again.
    shutil.rmtree(stage.rehearsal.folder / "artifacts", ignore_errors=True)
    yield Conversation(github, stage.rehearsal, stage.shop.root, REHEARSAL_ENVIRONMENT=environment())
    stage.branch("main-again")


def test_a_fork_gets_its_report_by_cml_whatever_its_title_holds_and_in_the_summary_where_the_token_only_reads(
    conversation: Conversation, stage: Stage, tmp_path: Path
) -> None:
    stage.shop.write("docs/page.md", "# A page\n")
    run, ran = conversation.reviewed(title="$(touch pwned) `touch pwned` @everyone", fork=True)
    assert ran.status == 0, ran.log
    posted = conversation.woken(run, access="read")
    assert posted.status == 0, posted.log
    assert conversation.comments == []
    assert "Summary - " in posted.log
    assert "nothing was trained" in posted.log
    posted = conversation.woken(run, cml=stand_in(tmp_path))
    assert posted.status == 0, posted.log
    (comment,) = conversation.comments
    assert "nothing was trained" in comment
    assert "by CML" in posted.log
    assert not list(stage.rehearsal.folder.rglob("pwned"))


def test_a_pull_request_that_edits_its_judges_hears_it_first_from_both(
    conversation: Conversation, stage: Stage
) -> None:
    stage.shop.edit(".github/workflows/review.yml", ("timeout-minutes: 60", "timeout-minutes: 50"))
    run, ran = conversation.reviewed()
    assert ran.status == 0, ran.log
    assert conversation.woken(run).status == 0
    (comment,) = conversation.comments
    said = comment.index("Gates changed in this pull request")
    assert said < comment.index("nothing was trained")
    assert ".github" in comment

"""Pull requests in a repository with three models: review.yml and comment.yml, run by act."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator

import pytest

from tests import several
from tests.github.double import GitHubDouble, github
from tests.workflows import events
from tests.workflows.act import Ran
from tests.workflows.conversation import Conversation
from tests.workflows.stage import Stage, environment

__all__ = ["github"]

SEVERAL = {"MAINLINE_SEVERAL": "true"}  # the repository's variable

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    made = Stage(tmp_path_factory.mktemp("several"), "src/mainline", "pipelines")
    several.add(made.shop)
    made.push("Three models")
    return made


@pytest.fixture
def conversation(github: GitHubDouble, stage: Stage) -> Iterator[Conversation]:
    # Each test has a GitHub of its own, which counts its runs anew: what a run of that number left is not this one's.
    shutil.rmtree(stage.rehearsal.folder / "artifacts", ignore_errors=True)
    yield Conversation(github, stage.rehearsal, stage.shop.root, REHEARSAL_ENVIRONMENT=environment())
    assert github.problems == []


def trained(ran: Ran) -> set[str]:
    """The models whose jobs ran; act numbers the jobs of a matrix."""
    jobs = re.findall(r"\[review/review(?:-([a-z]+))?(?:-\d+)? *\] .* Run Main make review", ran.log)
    return {found or "top" for found in jobs}


def test_a_change_of_one_models_settings_trains_that_one_alone(stage: Stage, conversation: Conversation) -> None:
    shop = stage.branch("churn")
    shop.edit("models/churn/params.yaml", ("params: {C: 1.0}", "params: {C: 0.9}"))
    run, ran = conversation.reviewed(job=None, settings=SEVERAL)
    assert ran.status == 0, ran.log
    assert ran.names == ["report-churn.html", "report-churn.zip"]
    assert json.loads(ran.read("report-churn", "verdict.json"))["verdict"] in ("no_worse", "better")
    assert trained(ran) == {"churn"}
    ran = conversation.woken(run)
    assert ran.status == 0, ran.log
    (comment,) = conversation.comments
    assert "\n## ✅ Passed: churn\n" in comment
    assert "\n## churn: ✅ Passed: " in comment
    assert "Gates changed" not in comment


def test_a_change_of_a_shared_table_trains_those_that_read_it_and_each_has_its_section(
    stage: Stage, conversation: Conversation
) -> None:
    shop = stage.branch("visits")
    path = shop.path("data/visits.parquet")
    several.later_by_a_second(path)
    shop.edit("params.yaml", ("train_seconds: 60", "train_seconds: 0.000001"))
    run, ran = conversation.reviewed(job=None, settings=SEVERAL)
    assert ran.status != 0, "one of two is refused, and so is the change"
    assert ran.names == ["report-churn.html", "report-churn.zip", "report.html", "report.zip"]
    assert trained(ran) == {"top", "churn"}
    assert "Failure - Main exit 1" in ran.log, "the one check"
    ran = conversation.woken(run)
    assert ran.status == 0, ran.log
    (comment,) = conversation.comments
    headings = [line for line in comment.splitlines() if line.startswith("## ")]
    assert headings[0] == "## ❌ Failed: top (1 of 2 models)"
    assert headings[1].startswith("## top: ❌ Failed: gate “training time”")
    assert headings[2].startswith("## churn: ✅ Passed")


def test_words_train_nothing_and_the_report_says_so(stage: Stage) -> None:
    shop = stage.branch("words")
    shop.write("models/wine/README.md", "Which wine is good.\n")
    ran = stage.rehearsal.run(stage.pull(), run="77001", settings=SEVERAL, REHEARSAL_ENVIRONMENT=environment())
    assert ran.status == 0, ran.log
    assert trained(ran) == set()
    assert ran.names == ["report.zip"]
    assert "nothing was trained" in ran.read("report", "report.md")
    assert "this change touches none of top, churn, wine" in ran.log


def test_the_events_file_is_the_only_place_of_a_branchs_name(stage: Stage) -> None:
    """A model's name comes from a folder, which anyone may propose: it is a plain one, or the run stops."""
    shop = stage.branch("hostile")
    shop.write("models/$(touch pwned)/params.yaml", several.WINE)
    ran = stage.rehearsal.run(stage.pull(number=8), run="77002", settings=SEVERAL, REHEARSAL_ENVIRONMENT=environment())
    assert ran.status != 0
    assert "is no name of a model: lower-case letters, digits and hyphens are" in ran.log
    assert trained(ran) == set()
    assert not list(stage.rehearsal.folder.rglob("pwned"))
    assert events.git(stage.shop.root, "status", "--porcelain") == ""


def test_without_the_variable_the_review_is_red_and_trains_nothing(stage: Stage) -> None:
    stage.branch("words").write("models/wine/README.md", "Which wine is good.\n")
    ran = stage.rehearsal.run(stage.pull(), run="77003", REHEARSAL_ENVIRONMENT=environment())
    assert ran.status != 0
    assert "Set the repository's variable MAINLINE_SEVERAL" in ran.log
    assert trained(ran) == set()

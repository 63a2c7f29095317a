"""Several models, one comment: a headline over all, a section for each, and none that another run has left."""

from __future__ import annotations

from mainline.github.comment import several
from mainline.github.comment.several import Part
from mainline.github.comment.text import LIMIT, Findings, comment
from mainline.github.comment.workflow_run import Run
from tests.mainline.github.comment.scene import Scene, claim, files, saying
from tests.mainline.report import samples

RUN = Run(9, 1, 4, "review", "pull_request", "failure", "https://x.test/o/r/actions/runs/9", "a" * 40, "b", "o/r")


def test_three_models_have_one_comment_with_one_headline_and_a_section_each(scene: Scene) -> None:
    pull = scene.repository.pull()
    run = scene.repository.run(pull, conclusion="failure")
    scene.left(run, files(samples.flights(), claim(run, pull)))
    for name, report in (("churn", samples.worse()), ("wine", samples.flights())):
        scene.repository.artifact(run, f"report-{name}", files(report, claim(run, pull)))
        scene.repository.artifact(run, f"report-{name}.html", {"report.html": "<!doctype html>"})
    assert scene.woken(run) == 0
    body = scene.body(pull)
    headings = [line for line in body.splitlines() if line.startswith("## ")]
    assert headings[0] == "## ❌ Failed: churn (1 of 3 models)"
    assert [line.split(":")[0] for line in headings[1:]] == ["## churn", "## top", "## wine"], "failed ones first"
    rows = [line for line in body.splitlines() if line.startswith(("| churn", "| top", "| wine"))]
    assert [row.split()[3] for row in rows] == ["✅", "❌", "✅"]
    assert f"[report with plots]({run['html_url']}/artifacts/" in rows[1]


def test_a_report_that_says_it_is_another_pull_requests_is_posted_nowhere(scene: Scene) -> None:
    pull, other = scene.repository.pull(), scene.repository.pull("other")
    run = scene.reviewed(pull)
    scene.repository.artifact(run, "report-churn", files(samples.flights(), claim(run, other)))
    assert scene.woken(run) == 1
    assert scene.bodies(pull) == scene.bodies(other) == []


def test_a_report_that_cannot_be_read_is_a_failure_and_does_not_hide_the_others(scene: Scene) -> None:
    pull = scene.repository.pull()
    run = scene.repository.run(pull, conclusion="success")
    scene.repository.artifact(run, "report-churn", b"no zip archive")
    scene.repository.artifact(run, "report-wine", files(samples.flights(), claim(run, pull)))
    assert scene.woken(run) == 1
    body = scene.body(pull)
    assert "## ❌ Failed: churn (1 of 2 models)" in body
    assert "| churn | ❌ The report is not shown: the artifact is no readable zip archive" in body
    assert "## wine: ✅ Passed" in body


def test_a_name_that_no_model_can_have_is_no_report(scene: Scene) -> None:
    pull = scene.repository.pull()
    run = scene.reviewed(pull)
    for name in ("report-Churn", "report-top", "report-a--b", "report-../x"):
        scene.repository.artifact(run, name, files(saying("hostile"), claim(run, pull)))
    assert scene.woken(run) == 0
    assert "hostile" not in scene.body(pull)


def test_forty_models_fit_into_one_comment_and_what_failed_is_shown() -> None:
    parts = [Part(f"model-{n}", samples.flights() if n else samples.worse()) for n in range(40)]
    text = comment(Findings(RUN, [], None, parts=tuple(parts)))
    assert len(text) <= LIMIT
    assert "## ❌ Failed: model-0 (1 of 40 models)" in text
    assert "## model-0: ❌ Failed" in text
    assert "more models are in the run's artifacts" in text
    assert all(f"| model-{n} |" in text for n in range(40))


def test_a_model_whose_job_left_nothing_has_not_passed() -> None:
    assert several.headline([Part("churn"), Part("wine", samples.flights())]).startswith("## ❌ Failed: churn")

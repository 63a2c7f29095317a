"""From the monitor's answer to one issue, on GitHub's double."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mainline.evaluation.results import Interval
from mainline.github.monitor_issue.__main__ import main
from mainline.monitoring.results import Cause, Check, Decay, Health, Seen, Verdict, to_json
from tests.github.double import GitHubDouble
from tests.github.faults import broken_connection
from tests.github.state import Repository
from tests.mainline.github.comment.page import check

Values = dict[str, Any]
DRIFT = "temp: PSI 0.43 is above 0.21, the most between periods of training"
WINDOW = Seen("2013-10-01", "2013-11-01", 28_889, {"3": 28_889})


def result(verdict: str, *reasons: str, headline: str = "The page", notes: tuple[str, ...] = ()) -> Health:
    """What the monitor found; a reason is a check's name, what was measured, and what was asked for."""
    checks = [Check(*_check(reason, Verdict(verdict))) for reason in reasons]
    return Health(Verdict(verdict), headline, WINDOW, "ab" * 32, "3", checks, list(notes))


def _check(reason: str, verdict: Verdict) -> tuple[str, Verdict, str, str]:
    name, _, measured = reason.partition(": ")
    return name, verdict, measured, "less"


def edited(**values: Any) -> str:
    """A result as the monitor writes it, with other values."""
    return json.dumps({**to_json(result("drift", DRIFT)), **values})


class Watch:
    """A repository whose monitor has answered."""

    def __init__(self, github: GitHubDouble, folder: Path) -> None:
        self.github, self.folder = github, folder
        self.repository: Repository = github.repository("flights/mainline")
        self.outputs = folder / "outputs"

    def __call__(self, verdict: str, *reasons: str, **other: Any) -> int:
        return self.left(result(verdict, *reasons, **other))

    def left(self, health: Health) -> int:
        (self.folder / "monitor.json").write_text(json.dumps(to_json(health)), encoding="utf-8")
        (self.folder / "monitor.md").write_text("## What is never shown\n", encoding="utf-8")
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
    assert issue["title"] == "Monitor: the input data have drifted"
    assert [label["name"] for label in issue["labels"]] == ["monitor"]
    assert "PSI 0.43 is above 0.21" in issue["body"]
    assert "28,889 predictions" in issue["body"]
    assert "https://github.test/flights/mainline/actions/runs/77" in issue["body"]
    assert "## ❌ The page" in issue["body"]
    assert "What is never shown" not in issue["body"]
    assert watch.outputs.read_text(encoding="utf-8") == "retrain=true\n"


def test_the_issue_is_updated_and_not_repeated_while_the_reasons_stay(watch: Watch) -> None:
    watch("drift", DRIFT)
    watch("drift", DRIFT.replace("0.43", "0.57"), headline="Another day")
    (issue,) = watch.issues
    assert "PSI 0.57" in issue["body"]
    assert "## ❌ Another day" in issue["body"]
    assert watch.comments == [], "a measured number is another every day, and no other reason"


def test_a_comment_comes_only_when_the_reasons_change(watch: Watch) -> None:
    watch("drift", DRIFT)
    watch("decay", DRIFT, "ROC AUC .64 [.61, .66] is below the promised .72 [.69, .74]")
    watch("decay", "ROC AUC .65 [.62, .67] is below the promised .72 [.69, .74]", DRIFT)
    (issue,) = watch.issues
    assert issue["title"] == "Monitor: the model performs worse than expected"
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
    assert "No retraining was requested" in watch.issues[0]["body"]
    assert watch.outputs.read_text(encoding="utf-8") == "retrain=false\n"


HOSTILE = (
    "carrier: new value '@everyone <img src=x onerror=y> [click](https://evil.test) closes #1' <script>\n<!-- x -->"
)


def test_hostile_text_of_the_log_acts_on_nobody(watch: Watch) -> None:
    drifted = Health(
        Verdict.drift, HOSTILE, Seen(HOSTILE, HOSTILE, 1, {HOSTILE: 1}), HOSTILE, HOSTILE,
        [Check(HOSTILE, Verdict.drift, HOSTILE, HOSTILE)], [HOSTILE], reached={HOSTILE: Interval(0.1, None, None)},
        decay=Decay(HOSTILE, *[Interval(0.1, 0.0, 0.2)] * 5, Cause.aged, HOSTILE),
    )  # fmt: skip
    watch.left(drifted)
    watch.left(dataclasses.replace(drifted, checks=[*drifted.checks, Check("more", Verdict.drift, HOSTILE, "")]))
    (issue,) = watch.issues
    assert len(watch.comments) == 1
    for text in (issue["body"], *watch.comments):
        shown = text.split("-->\n", 1)[-1].replace("[run](https://github.test/flights/mainline/actions/runs/77)", "")
        check(shown)


@pytest.mark.slow
def test_a_report_of_any_length_fits_into_an_issue(watch: Watch) -> None:
    many = tuple(f"note {n} " + "@<" * 5_000 for n in range(300))
    assert watch("drift", *(f"reason {n}: " + "@<" * 5_000 for n in range(300)), notes=many) == 0
    assert len(watch.issues[0]["body"]) <= 65_536
    assert "and 280 more" in watch.issues[0]["body"]
    assert "more lines: the HTML report has them all" in watch.issues[0]["body"]


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
    ("text", "why"),
    [
        ("", "not JSON"),
        ("[]", "a list is not an object"),
        ("{}", "verdict: missing"),
        ("[" * 99_999, "not JSON"),
        (edited(verdict="fine"), "verdict: 'fine' is not one of"),
        (edited(html="<script>"), "html: unknown key"),
        (edited(headline=["x"]), "headline: a list is not text"),
        (edited(notes=["x" * 9_000]), "notes[0]: a text of 9,000 characters"),
        (edited(window={"from": 1}), "window.start: 1 is not text"),
        (edited(traffic={"a": float("inf")}), "Infinity is not JSON"),
    ],
)
def test_a_result_that_is_not_valid_is_named_and_closes_nothing(
    watch: Watch, text: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    watch("drift", DRIFT)
    (watch.folder / "monitor.json").write_text(text, encoding="utf-8")
    assert watch.alert() == 3
    printed = capsys.readouterr().out
    assert "monitor.json is not a result of the monitor" in printed
    assert why in printed
    assert watch.issues[0]["state"] == "open"


def test_without_an_answer_the_log_says_that_nobody_was_told(watch: Watch, capsys: pytest.CaptureFixture[str]) -> None:
    assert watch.alert() == 3
    assert "monitor.json does not exist" in capsys.readouterr().out
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
    (watch.folder / "monitor.json").write_text(json.dumps(to_json(result("drift", DRIFT))), encoding="utf-8")
    assert watch.alert("read") == 4
    assert "Resource not accessible by integration" in capsys.readouterr().out

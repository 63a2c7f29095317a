"""A pull request whose review has ended, and the job that this wakes."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mainline.github.comment.__main__ import main
from mainline.report import report_json
from mainline.report.report_json import Report
from mainline.report.without_training import Stopped
from tests.github.double import GitHubDouble
from tests.github.state import Repository
from tests.github.webhooks import payload
from tests.mainline.report import samples

Values = dict[str, Any]


@functools.cache
def real_report() -> str:
    return report_json.to_markdown(samples.flights())


def files(report: Report, claimed: str) -> dict[str, bytes | str]:
    """What a review leaves."""
    return {"report.json": report_json.to_json(report), "report.md": "x", "verdict.json": "{}", "review.json": claimed}


def saying(*lines: str) -> Stopped:
    """A report that shows these lines."""
    return Stopped("main", None, 2, list(lines), len(lines), [])


def claim(run: Values, pull: Values | None, **other: Any) -> str:
    found = {"pull_request": pull and pull["number"], "head_sha": run["head_sha"]}
    return json.dumps({**found, "run_id": run["id"], "run_attempt": run["run_attempt"], **other})


@dataclass
class Scene:
    github: GitHubDouble
    repository: Repository
    folder: Path
    waited: list[float] = field(default_factory=list)
    printed: str = ""

    def reviewed(self, pull: Values, report: Report | str | None = None, **run: Any) -> Values:
        """A finished run of the review with its artifacts; a text is shown by the report."""
        made = self.repository.run(pull, **run)
        found = saying(report) if isinstance(report, str) else report or samples.flights()
        self.left(made, files(found, claim(made, pull)))
        self.repository.artifact(made, "report.html", {"report.html": "<!doctype html>"})
        return made

    def left(self, run: Values, files: dict[str, bytes | str] | bytes) -> None:
        self.repository.artifact(run, "report", files)

    def event(self, run: Values) -> Path:
        """The event's file, as GitHub writes it for `workflow_run`."""
        path = self.folder / f"event-{run['id']}-{run['run_attempt']}.json"
        event = self.github.completed(self.repository, run)
        path.write_text(json.dumps(payload("workflow_run", event)), encoding="utf-8")
        return path

    def environment(self, run: Values, access: str = "write") -> dict[str, str]:
        return {
            **self.github.environment(self.repository, access),
            "GITHUB_EVENT_PATH": str(self.event(run)),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "PATH": "",  # no CML
        }

    def woken(self, run: Values, access: str = "write", **variables: str) -> int:
        """The exit status of the job after this run."""
        self.waited.clear()
        (self.folder / "summary.md").unlink(missing_ok=True)
        return main({**self.environment(run, access), **variables}, self.waited.append)

    @property
    def summary(self) -> str:
        path = self.folder / "summary.md"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def bodies(self, pull: Values) -> list[str]:
        return [str(comment["body"]) for comment in self.repository.comments_on(pull["number"])]

    def body(self, pull: Values) -> str:
        """The only comment there is."""
        (found,) = self.bodies(pull)
        return found

"""What the job that trains hands on: it is deployed as it was staged, or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from mainline.errors import ConfigurationError, Refused
from mainline.registry.audit_log import AuditLog, FileEntryStore
from mainline.registry.models import Version
from mainline.release import handed_on
from mainline.release.promotion import ReleaseSession
from mainline.training.record import Record

IMAGE, MODEL = f"sha256:{'a' * 64}", "b" * 64
CONTENT = {"version": 3, "image_digest": IMAGE, "model_digest": MODEL, "staged": "{}"}


@dataclass
class Notes:
    """The seal of a log, in memory."""

    kept: dict[str, Any]

    def note(self, name: str) -> dict[str, Any] | None:
        return cast("dict[str, Any] | None", self.kept.get(name))

    def write_note(self, name: str, content: Any) -> None:
        self.kept[name] = dict(content)


@dataclass
class Trained:
    digest: str


def log(folder: Path) -> AuditLog:
    return AuditLog(FileEntryStore(folder / "audit.jsonl"), Notes({}))


def test_another_model_version_or_image_than_was_staged_is_refused(tmp_path: Path) -> None:
    (tmp_path / "candidate.json").write_text(json.dumps(CONTENT))
    found = handed_on.read(tmp_path / "candidate.json")

    def check(version: int = 3, digest: str = MODEL, image: str = IMAGE) -> None:
        found.check(Version(version), cast(Record, Trained(digest)), image)

    check()
    for what, given in (
        ("the version 3, and this is 4", {"version": 4}),
        (f"the model {MODEL}, and this is ", {"digest": "c" * 64}),
        (f"the image {IMAGE}, and this is ", {"image": f"sha256:{'d' * 64}"}),
    ):
        with pytest.raises(Refused, match=f"{what}.*Run all jobs of the release again"):
            check(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", "[]", json.dumps({**CONTENT, "staged": None}), json.dumps({**CONTENT, "version": None}), "{}"]
)
def test_what_was_not_staged_is_not_taken_for_a_candidate(text: str, tmp_path: Path) -> None:
    (tmp_path / "candidate.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"candidate\.json is not that of a staged candidate"):
        handed_on.read(tmp_path / "candidate.json")


def test_a_refusal_is_written_by_the_job_that_may_and_nothing_but_its_known_words(tmp_path: Path) -> None:
    here = log(tmp_path / "candidate")
    (tmp_path / "candidate").mkdir()
    here.write("begun", "anna", {})
    here.write("refused", "anna", {"reason": "margin: roc_auc", "model_digest": MODEL, "version": 7})
    assert handed_on.leave_refusals(here.entries()[1:], tmp_path)
    left = json.loads((tmp_path / handed_on.REFUSED).read_text())
    assert left == [{"reason": "margin: roc_auc", "model_digest": MODEL}], "its version is none of the state"

    # The file comes from a job that has run the project's code.
    left[0] |= {"event": "promoted", "who": "zoe", "image_digest": IMAGE, "reason": "x" * 5000, "approver": None}
    (tmp_path / handed_on.REFUSED).write_text(json.dumps(left))
    (tmp_path / "state").mkdir()
    saved: list[int] = []
    session = ReleaseSession(cast(Any, None), log(tmp_path / "state"), None, "bob", save=lambda: saved.append(1))
    assert handed_on.record_refusals(session, tmp_path) == 1
    (entry,) = session.log.entries()
    assert (entry.event, entry.who, saved) == ("refused", "bob", [1])
    assert entry.details == {"reason": "x" * 1000, "model_digest": MODEL}

    assert not handed_on.leave_refusals(here.entries()[:1], tmp_path), "a run again that passes"
    with pytest.raises(ConfigurationError, match=r"refused\.json says nothing about a refusal"):
        handed_on.record_refusals(session, tmp_path)

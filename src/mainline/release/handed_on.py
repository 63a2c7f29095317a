"""What the job that trains hands on to the jobs that may write: it may write nothing itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.errors import ConfigurationError, Refused
from mainline.registry import audit_log
from mainline.registry.audit_log import Entry
from mainline.runtime.atomic_files import remove, write_text

if TYPE_CHECKING:
    from mainline.registry.models import Version
    from mainline.release.promotion import ReleaseSession
    from mainline.training.record import Record

REFUSED = "refused.json"
# What an entry about a refusal says; the version that a copy of the state had for it is no version of the state.
SAYS = ("model_digest", "fingerprint", "commit", "data_digest", "verdict", "reason", "pull_request", "approver")


@dataclass(frozen=True)
class HandedOn:
    """A candidate whose image was staged; `staged` is the value of the version's tag that says so."""

    version: int
    image: str
    model_digest: str
    staged: str

    def check(self, version: Version, trained: Record, image: str) -> None:
        """Raises Refused where this is not the candidate that was staged: another model would be deployed."""
        for what, handed, here in (
            ("image", self.image, image),
            ("model", self.model_digest, trained.digest),
            ("version", str(self.version), str(version.number)),
        ):
            if handed != here:
                raise Refused(
                    f"the candidate that was staged has the {what} {handed}, and this is {here}: production has moved "
                    "meanwhile, or the model was trained again, with another result. Run all jobs of the release again"
                )


def read(file: Path) -> HandedOn:
    """What `candidate.json` hands on.

    Raises
    ------
    ConfigurationError
        Where the file is not there, or is not that of a candidate that was staged.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        found = HandedOn(content["version"], content["image_digest"], content["model_digest"], content["staged"])
        if not isinstance(found.version, int) or not all(
            isinstance(each, str) for each in (found.image, found.model_digest, found.staged)
        ):
            raise TypeError("a value has another type")
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ConfigurationError(f"{file} is not that of a staged candidate: {error}") from None
    return found


def leave_refusals(entries: Sequence[Entry], folder: Path) -> bool:
    """Write what a copy of the audit log has about refusals, for `record_refusals`; whether there was any."""
    found = [{name: each.details[name] for name in SAYS if name in each.details} for each in refusals(entries)]
    if found:
        write_text(folder / REFUSED, json.dumps(found, indent=2, sort_keys=True) + "\n")
    else:
        remove(folder / REFUSED)
    return bool(found)


def refusals(entries: Sequence[Entry]) -> list[Entry]:
    return [each for each in entries if each.event == "refused"]


def record_refusals(session: ReleaseSession, folder: Path) -> int:
    """Write what another job has left about refusals into the audit log; returns how many there were.

    Raises
    ------
    ConfigurationError
        Where the file is not there, or says something else.
    """
    file = folder / REFUSED
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if not (isinstance(found, list) and all(isinstance(each, dict) for each in found)):
            raise TypeError("a list of refusals is needed")
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{file} says nothing about a refusal: {error}") from None
    for each in found:
        session.log.write("refused", session.who, plain(each))
    session.save()
    return len(found)


def plain(details: Mapping[str, Any]) -> dict[str, str]:
    """The known details as bounded texts."""
    return {name: audit_log.bounded(str(details[name])) for name in SAYS if details.get(name) is not None}

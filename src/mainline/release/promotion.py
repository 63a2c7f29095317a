"""The order of a release. After a kill at any point, the next run can finish or undo it.

    1  intent     the registry records the wanted version and image, and what they replace
    2  deploy     the target deploys the image
    3  answer     the target reports the image that it runs
    4  aliases    champion and previous move
    5  done       the intent is removed

The next run decides by what it finds: if the wanted image is running, it continues at step 4; otherwise
it returns the target to the champion's image and removes the intent. Either way the registry,
the aliases and the target agree. Every step is idempotent.
"""

from __future__ import annotations

import datetime as dt
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol

from mainline.config.environment import ELSEWHERE
from mainline.errors import ConfigurationError, ExternalError, MainlineError, Refused
from mainline.registry import audit_log
from mainline.registry.audit_log import AuditLog
from mainline.registry.models import INTENT, Registry, Version

LEASE = dt.timedelta(minutes=30)  # a release takes less: an older one was interrupted
PAUSE = 2.0  # seconds; longer than the one request between reading from the server and writing to it
TAKE_OVER = "MAINLINE_TAKE_OVER"


class Target(Protocol):
    """Where the container is deployed; both calls may be repeated, and raise MainlineError."""

    name: str

    def deployed(self) -> str | None:
        """The digest of the image that is serving now, read from the container where there is one."""

    def deploy(self, digest: str) -> None:
        """Deploy this image; returns once it answers, or raises with the former image still serving."""


@dataclass(frozen=True)
class ReleaseSession:
    """What a release works with. `target` is None if only the registry changes; `save` stores the state."""

    registry: Registry
    log: AuditLog
    target: Target | None
    who: str
    save: Callable[[], object] = lambda: None
    # Host and checkout, on a team's server: there only the intent keeps two releases apart.
    place: str | None = None
    # The value of TARGET=, where it is not the name of the target.
    called: str | None = None

    @property
    def at(self) -> str | None:
        return self.called or (self.target.name if self.target else None)


@dataclass(frozen=True)
class Intent:
    """A release in progress: kept in the registry until it ends."""

    release: str
    kind: str  # "promotion" or "rollback"
    version: int
    image: str | None
    previous: int | None  # the version that the alias `previous` will name
    replaces: int | None  # the champion before it
    target: str | None
    who: str
    details: Mapping[str, Any] = field(default_factory=dict)  # for the audit log
    place: str | None = None
    since: str = ""
    called: str | None = None  # the target, as TARGET= names it

    @property
    def at(self) -> str | None:
        return self.called or self.target


def ship(session: ReleaseSession, kind: str, version: Version, image: str | None, details: Mapping[str, Any]) -> None:
    """Deploy a version's image and make the version champion; does nothing if both are already the case.

    Raises
    ------
    MainlineError
        Where the deployment failed: production is unchanged.
    """
    champion = session.registry.champion()
    if champion and champion.number == version.number and image in (None, champion.image) and running(session, image):
        return
    intent = begin(session, kind, version, image, champion, details)
    hold(session, intent)
    try:
        deploy(session, intent.image)
    except MainlineError as error:
        withdraw(session, intent, f"the deployment failed: {error}")
        raise
    finish(session, intent)


def end_interrupted_release(session: ReleaseSession) -> Intent | None:
    """End an interrupted release; returns it if it was finished, None if it was withdrawn or there was none."""
    intent = open_intent(session.registry)
    if intent is None:
        return None
    mine(session, intent)
    if intent.target != (session.target.name if session.target else None):
        raise ConfigurationError(
            f"a {intent.kind} to {intent.at or 'the registry alone'} is not finished: "
            f"run again with TARGET={intent.at or 'none'} first"
        )
    intent = lease(session, intent)
    if not any(each.number == intent.version for each in session.registry.versions()):
        withdraw(session, intent, f"version {intent.version} was deleted")
        return None
    if running(session, intent.image):
        finish(session, intent)
        return intent
    withdraw(session, intent, "it was interrupted before its image answered")
    return None


def rollback(session: ReleaseSession, number: int | None, run: str | None = None) -> Version:
    """Return production to a former version: the one given, or the one before the champion.

    `run` is the id of a workflow run: a rerun does not roll back a second time.

    Raises
    ------
    Refused
        Where no such version was ever in production.
    """
    return return_to(session, former(session, number, run), {"run": run} if run else {})


def former(session: ReleaseSession, number: int | None, run: str | None = None) -> Version:
    """The version that a rollback returns to, after ending an interrupted release; raises as `rollback`."""
    settled = end_interrupted_release(session)
    champion = session.registry.champion()
    if settled and settled.kind == "rollback" and number in (None, settled.version):
        return session.registry.at(settled.version)
    done = returned_by(session, run) if run and number is None else None
    if done and champion and champion.number == done:
        return champion
    if done:
        raise Refused(
            f"this run has already rolled back to version {done}, and another was released since: start a new one"
        )
    if not any(version.released for version in session.registry.versions()):
        raise Refused(f"this state has no released version: {ELSEWHERE}")
    wanted = session.registry.at(number) if number is not None else session.registry.previous()
    if wanted is None:
        raise Refused("there is no previous version to return to: set one with VERSION=")
    if not wanted.released:
        raise Refused(f"version {wanted.number} has never been in production: promote it instead")
    if session.target and not wanted.image:
        raise Refused(f"version {wanted.number} was released without an image: there is nothing to deploy")
    return wanted


def return_to(session: ReleaseSession, wanted: Version, more: Mapping[str, str] = MappingProxyType({})) -> Version:
    """Deploy a former version and make it champion; `more` is added to the audit log."""
    champion = session.registry.champion()
    away = champion.number if champion else None
    details = {"version": wanted.number, "from_version": away, **digests(wanted), **more}
    ship(session, "rollback", wanted, wanted.image if session.target else None, details)
    return session.registry.at(wanted.number)


def returned_by(session: ReleaseSession, run: str) -> int | None:
    """The version that a workflow run has rolled production back to."""
    moves = [each.details for each in session.log.entries() if each.event == "rolled back"]
    return next((int(each["version"]) for each in reversed(moves) if each.get("run") == run), None)


def begin(
    session: ReleaseSession,
    kind: str,
    version: Version,
    image: str | None,
    champion: Version | None,
    details: Mapping[str, Any],
) -> Intent:
    """Record the intent in the registry, where every later run finds it, before anything changes."""
    session.log.entries()  # raises for a log that does not verify, before the image changes
    replaces = champion.number if champion and champion.number != version.number else None
    previous = version.follows if kind == "rollback" else replaces
    if replaces is None and champion:  # the champion is deployed again: the alias `previous` stays
        before = session.registry.previous()
        previous = before.number if before else None
    intent = Intent(
        release=secrets.token_hex(6),
        kind=kind,
        version=version.number,
        image=image,
        previous=previous,
        replaces=replaces,
        target=session.target.name if session.target else None,
        who=session.who,
        details=dict(details),
        place=session.place,
        since=now(),
        called=session.called,
    )
    claim(session, intent)
    session.save()
    return intent


def claim(session: ReleaseSession, intent: Intent) -> None:
    """Write the intent; on a team's server, so that of two machines that start at once only one continues.

    MLflow has no conditional write of a tag. Fischer's algorithm needs only reads and writes: check that there is no
    intent, write, wait longer than another machine takes between its check and its write, and check again
    (Lamport, A Fast Mutual Exclusion Algorithm, 1987).
    """
    if session.place:
        there = open_intent(session.registry)
        if there:
            mine(session, there)
    session.registry.write_note(INTENT, asdict(intent))
    if session.place:
        time.sleep(PAUSE)
        still_ours(session, intent)


def lease(session: ReleaseSession, intent: Intent) -> Intent:
    """Renew the lease of a release and take it over for this machine."""
    if not session.place:
        return intent
    intent = replace(intent, place=session.place, since=now())
    session.registry.write_note(INTENT, asdict(intent))
    time.sleep(PAUSE)
    still_ours(session, intent)
    return intent


def hold(session: ReleaseSession, intent: Intent) -> Intent:
    """Check the lease before a change: the machine may have been suspended past its end."""
    if not session.place:
        return intent
    still_ours(session, intent)
    age = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(intent.since)
    return intent if age < LEASE / 2 else lease(session, intent)


def still_ours(session: ReleaseSession, intent: Intent) -> None:
    there = open_intent(session.registry)
    if there is None or (there.release, there.place) != (intent.release, intent.place):
        who = f"{there.who} at {there.place}" if there else "another user"
        raise Refused(f"this {intent.kind} stops: {who} started one at the same moment, or took over: run again")


def mine(session: ReleaseSession, intent: Intent) -> None:
    """Raises Refused if another machine's release may still be running."""
    if session.place in (None, intent.place) or not intent.since or os.environ.get(TAKE_OVER):
        return
    ends = dt.datetime.fromisoformat(intent.since) + LEASE
    if dt.datetime.now(dt.UTC) < ends:
        raise Refused(
            f"a {intent.kind} by {intent.who} is in progress at {intent.place} since {intent.since}: "
            f"wait for it. If it was interrupted, run again after {ends:%H:%M} UTC, or now with {TAKE_OVER}=1"
        )


def deploy(session: ReleaseSession, image: str | None) -> None:
    if session.target is None or image is None:
        return
    session.target.deploy(image)
    answered = session.target.deployed()
    if answered != image:
        raise ExternalError(
            f"{image} was deployed to {session.target.name}, which answers with {answered or 'nothing'}"
        )


def finish(session: ReleaseSession, intent: Intent) -> None:
    """Move the aliases once the image answers."""
    registry = session.registry
    intent = hold(session, intent)
    write = {**intent.details, "release": intent.release, "target": intent.target}
    if session.target:
        session.log.write("deployed", intent.who, write)
    version = registry.at(intent.version)
    if not version.released:
        registry.tag(intent.version, "follows", str(intent.replaces or ""))
    if intent.image:
        registry.tag(intent.version, "image_digest", intent.image)
    registry.tag(intent.version, "target", intent.at or "")
    registry.tag(intent.version, "released", version.tags.get("released") or now())
    if intent.kind == "rollback" and intent.replaces:
        registry.tag(intent.replaces, "rolled_back", now())
    if version.tags.get("rolled_back"):
        registry.tag(intent.version, "rolled_back", "")
    hold(session, intent)
    registry.crown(intent.version, intent.previous)
    session.log.write("promoted" if intent.kind == "promotion" else "rolled back", intent.who, write)
    registry.write_note(INTENT, None)
    session.save()


def withdraw(session: ReleaseSession, intent: Intent, reason: str) -> None:
    """Return the target to the champion, and remove the intent."""
    intent = hold(session, intent)
    champion = session.registry.champion()
    if session.target and champion and champion.image and session.target.deployed() != champion.image:
        deploy(session, champion.image)
    write = {**intent.details, "release": intent.release, "target": intent.target, "reason": audit_log.bounded(reason)}
    session.log.write("withdrawn", session.who, write)
    session.registry.write_note(INTENT, None)
    session.save()


def deployed_to(registry: Registry) -> str | None:
    """The target of production: that of a release in progress, else of the champion; None if there is none."""
    intent, champion = open_intent(registry), registry.champion()
    return (intent.at if intent else champion.tags.get("target") if champion else None) or None


def open_intent(registry: Registry) -> Intent | None:
    note = registry.note(INTENT)
    if note is None:
        return None
    try:
        return Intent(**note)
    except TypeError as error:
        raise ExternalError(f"the release in progress was started by another version of Mainline ({error})") from None


def running(session: ReleaseSession, image: str | None) -> bool:
    return session.target is None or image is None or session.target.deployed() == image


def digests(version: Version) -> dict[str, str]:
    names = ("model_digest", "image_digest", "data_digest", "fingerprint", "commit", "verdict")
    return {name: version.tags[name] for name in names if version.tags.get(name)}


def now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")

"""The audit log: who released which model, when, and why.

JSON lines, one per entry, each with the SHA-256 of the one before. A seal outside the log (a tag in
the registry) holds the hash of the last entry, so that a truncated log is detected too. A write
has three steps: the seal announces the hash of the entry, the entry is written, the seal records it
as the head. After a kill between two steps the log still verifies. If several machines write, each
position is taken once, and the seal may lag: of two concurrent writers, either may seal last.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mainline.config.environment import ELSEWHERE
from mainline.errors import Refused
from mainline.runtime import models
from mainline.runtime.atomic_files import write_text

START = "0" * 64
SEAL = "audit.seal"
LOOKS = 5


class Taken(Exception):
    """Another machine has written an entry at this position at the same moment."""


class EntryStore(Protocol):
    """Where the lines are stored; `shared` if other machines write to it without our lock."""

    @property
    def shared(self) -> bool: ...

    def read(self) -> list[str]: ...

    def append(self, lines: Sequence[str], line: str) -> None:
        """Append `line` to `lines`, the current content: completely or not at all.

        Raises
        ------
        Taken
            Where the store is shared, and another entry is already at this position.
        """


class Seals(Protocol):
    """Where the seal is: `registry.Registry` is one."""

    def note(self, name: str) -> dict[str, Any] | None: ...

    def write_note(self, name: str, content: Mapping[str, Any] | None) -> None: ...


@dataclass(frozen=True)
class FileEntryStore:
    path: Path
    shared = False

    def read(self) -> list[str]:
        if not self.path.exists():
            return []
        # The reader of the lines refuses bytes that are not text, and names the line.
        return self.path.read_text(encoding="utf-8", errors="backslashreplace").splitlines()

    def append(self, lines: Sequence[str], line: str) -> None:
        # Writes the whole file again: a killed append would leave half a line.
        write_text(self.path, "\n".join([*lines, line]) + "\n")


@dataclass(frozen=True)
class Entry:
    """`details` describe the event: release, version, digests, verdict, reason."""

    number: int
    at: str
    event: str
    who: str
    details: Mapping[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True)
class AuditLog:
    """The log with its seal."""

    store: EntryStore
    seals: Seals

    def entries(self) -> list[Entry]:
        """All entries, after a check of the chain and the seal.

        Raises
        ------
        Refused
            Where an entry was changed, removed or moved, or the end of the log does not match the seal.
        """
        seal = self.seals.note(SEAL)
        for _ in range(LOOKS):
            found, before = chain(self.store.read()), seal
            seal = self.seals.note(SEAL)
            if seal == before:  # else another machine wrote an entry during the read
                break
        ends(found, seal, self.store.shared)
        return found

    def write(self, event: str, who: str, details: Mapping[str, Any]) -> Entry:
        """Append an entry, or return the existing one with the same event and release.

        A log that does not verify is not written to: another entry would hide the break.
        """
        release = details.get("release")
        name = models.selected().name
        details = {"model": name, **details} if name else details
        for _ in range(LOOKS):
            there = self.entries()
            same = [
                each for each in there if release and each.event == event and each.details.get("release") == release
            ]
            try:
                last = there[-1] if same else self._add(there, {"event": event, "who": who, **details})
            except Taken:
                continue
            self.seals.write_note(SEAL, {"head": last.hash, "entries": last.number})
            return same[0] if same else last
        raise Refused(f"audit log: other runs wrote to it during each of {LOOKS} attempts: run again")

    def _add(self, there: Sequence[Entry], content: Mapping[str, Any]) -> Entry:
        last = there[-1].hash if there else START
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        whole = {"n": len(there) + 1, "at": now, **content, "previous": last}
        line = canonical({**whole, "hash": digest(whole)})
        self.seals.write_note(SEAL, {"head": last, "entries": len(there), "next": digest(whole)})
        self.store.append([canonical(unfolded(each)) for each in there], line)
        return entry(line, len(there) + 1)

    def take_over(self, lines: Sequence[str]) -> str | None:
        """Continue with a longer log that begins with this one, such as when an older state is restored.

        Of a log that was changed, the valid entries are taken over. Returns the reason if not all of them were.
        """
        there = self.entries()
        longer, broken = whole(lines)
        shared = [each.hash for each in longer[: len(there)]]
        if shared != [each.hash for each in there]:
            return broken or "it does not continue this log, or cannot be read"
        for number in range(len(there), len(longer)):
            each = longer[number]
            self.seals.write_note(SEAL, {"head": each.previous, "entries": number, "next": each.hash})
            self.store.append(list(lines[:number]), lines[number])
        if longer:
            self.seals.write_note(SEAL, {"head": longer[-1].hash, "entries": len(longer)})
        return broken


def chain(lines: Sequence[str]) -> list[Entry]:
    """The entries of these lines; Refused names the first invalid one."""
    return list(links(lines))


def whole(lines: Sequence[str]) -> tuple[list[Entry], str | None]:
    """The entries before the first invalid one, and the error of that one."""
    found: list[Entry] = []
    try:
        for each in links(lines):
            found.append(each)
    except Refused as refused:
        return found, str(refused)
    return found, None


def links(lines: Sequence[str]) -> Iterator[Entry]:
    last = START
    for number, line in enumerate(lines, 1):
        each = entry(line, number)
        if each.previous != last or each.number != number:
            raise Refused(
                f"audit log: entry {each.number} at position {number} does not follow the one before it: "
                "an entry was removed, moved or inserted"
            )
        last = each.hash
        yield each


def entry(line: str, number: int) -> Entry:
    try:
        content = json.loads(line)
        claimed = content.pop("hash")
        read = {name: content[name] for name in ("n", "at", "event", "who", "previous")}
        holds = digest(content) == claimed and line == canonical({**content, "hash": claimed})
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise Refused(f"audit log: line {number} is not an entry: {line[:80]!r}") from None
    if not holds:
        raise Refused(f"audit log: entry {number} was changed: its hash does not match its content")
    details = {name: value for name, value in content.items() if name not in read}
    return Entry(read["n"], read["at"], read["event"], read["who"], details, read["previous"], claimed)


def ends(found: Sequence[Entry], seal: Mapping[str, Any] | None, shared: bool = False) -> None:
    """Compare the end of the log with the seal; the seal of a shared log may lag behind."""
    if seal is None:
        if found:
            raise Refused(
                f"audit log: {len(found)} entries but no seal in the registry: one of the two is not the original"
            )
        return
    hashes = [START, *(each.hash for each in found)]
    if {seal.get("head"), seal.get("next")}.isdisjoint(hashes if shared else hashes[-1:]):
        raise Refused(
            f"audit log: it ends with entry {len(found)}, but the registry's seal is for entry {seal.get('entries')}: "
            "the log was truncated, replaced or written without Mainline"
        )


def unfolded(each: Entry) -> dict[str, Any]:
    known = {"n": each.number, "at": each.at, "event": each.event, "who": each.who, "previous": each.previous}
    return {**known, **each.details, "hash": each.hash}


def digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def canonical(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def bounded(reason: str, most: int = 1000) -> str:
    """A reason of at most `most` characters in the log, where a non-ASCII character takes six or twelve."""
    taken = itertools.accumulate(len(json.dumps(each)) - 2 for each in reason)
    return reason[: sum(1 for _ in itertools.takewhile(lambda length: length <= most, taken))]


def table(entries: Sequence[Entry]) -> str:
    """The entries as a table, one line per entry."""
    if not entries:
        return f"This audit log is empty: {ELSEWHERE}."
    rows = [("", "when", "event", "version", "model", "image", "by", "approved by", "verdict or reason")]
    for each in entries:
        more = each.details
        grounds = " ".join(str(more[name]) for name in ("verdict", "reason") if more.get(name))
        shown = (more.get("version"), short(more.get("model_digest")), short(more.get("image_digest")))
        row = (each.number, each.at.replace("+00:00", "Z"), each.event, *shown, each.who, approval(more), grounds)
        rows.append(tuple("–" if value in (None, "") else plain(value) for value in row))  # type: ignore[arg-type]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = ["  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]).rstrip() for row in rows]
    count = "1 entry" if len(entries) == 1 else f"{len(entries)} entries"
    return "\n".join([*lines, "", f"{count}, every hash is valid; the last one is {entries[-1].hash[:16]}…"])


def approval(details: Mapping[str, Any]) -> str:
    """The approver of the pull request, and the one of the deployment environment."""
    pull = f"#{details['pull_request']}" if details.get("pull_request") else None
    gate = f"deployment: {details['deployment_approver']}" if details.get("deployment_approver") else None
    return "; ".join(filter(None, [" ".join(filter(None, [pull, details.get("approver")])), gate]))


def plain(value: object) -> str:
    """Text on one line, without control characters."""
    return " ".join("".join(each if each.isprintable() else " " for each in str(value)).split())


def short(value: Any) -> str | None:
    return str(value).removeprefix("sha256:")[:10] if value else None

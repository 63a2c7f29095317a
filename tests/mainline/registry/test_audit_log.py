from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mainline.errors import Refused
from mainline.registry import audit_log
from mainline.registry.audit_log import AuditLog, FileEntryStore


class Tags:
    """Where the seal is: outside the log."""

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}

    def note(self, name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = json.loads(self.notes.get(name, "null"))
        return found

    def write_note(self, name: str, content: Mapping[str, Any] | None) -> None:
        self.notes[name] = json.dumps(content)


class Killed(BaseException):
    """As a kill, nothing handles it."""


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    made = AuditLog(FileEntryStore(tmp_path / "audit.jsonl"), Tags())
    for number, event in enumerate(("promoted", "refused", "deployed", "rolled back"), 1):
        made.write(event, "a tester", {"version": number, "verdict": "no_worse"})
    return made


def lines(log: AuditLog) -> list[str]:
    return log.store.read()


def rewrite(log: AuditLog, new: list[str]) -> None:
    assert isinstance(log.store, FileEntryStore)
    log.store.path.write_text("".join(f"{line}\n" for line in new), errors="surrogateescape")


def test_every_entry_says_who_when_what_and_what_came_before(log: AuditLog) -> None:
    entries = log.entries()
    assert [each.number for each in entries] == [1, 2, 3, 4]
    assert entries[0].previous == audit_log.START
    assert [each.previous for each in entries[1:]] == [each.hash for each in entries[:-1]]
    assert entries[3].event == "rolled back"
    assert entries[3].who == "a tester"
    assert entries[3].at.endswith("+00:00")
    assert entries[3].details == {"version": 4, "verdict": "no_worse"}


def swapped(found: list[str]) -> list[str]:
    return [found[0], found[2], found[1], found[3]]


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (lambda found: [found[0].replace("a tester", "somebody"), *found[1:]], "entry 1 was changed"),
        (lambda found: [found[0], *found[2:]], "entry 3 at position 2"),
        (swapped, "entry 3 at position 2"),
        (lambda found: found[:-1], "ends with entry 3, but the registry's seal is for entry 4"),
        (lambda found: [], "ends with entry 0"),
        (lambda found: [*found, found[-1]], "entry 4 at position 5"),
        (lambda found: [*found[:2], "{}", *found[2:]], "line 3 is not an entry"),
        (lambda found: [*found[:3], found[3][:40]], "line 4 is not an entry"),
        (lambda found: [found[0].replace(",", ", ", 1), *found[1:]], "entry 1 was changed"),
        (lambda found: [found[0].replace('"n":1', '"n":NaN'), *found[1:]], "line 1 is not an entry"),
        (lambda found: [found[0], "[" * 100_000], "line 2 is not an entry"),
        (lambda found: [found[0], *found[1:], "\udcff\udcfe"], r"line 5 is not an entry: '\\+xff"),
    ],
    ids=[
        "changed",
        "removed",
        "moved",
        "truncated",
        "emptied",
        "repeated",
        "put in",
        "half a line",
        "reformatted",
        "no number",
        "too deep",
        "no text",
    ],
)
def test_a_log_that_was_tampered_with_is_found(
    log: AuditLog, tamper: Callable[[list[str]], list[str]], said: str
) -> None:
    rewrite(log, tamper(lines(log)))
    with pytest.raises(Refused, match=said):
        log.entries()
    with pytest.raises(Refused, match=said):
        log.write("promoted", "a tester", {})


def test_a_log_that_was_written_anew_from_one_entry_on_does_not_fit_the_seal(log: AuditLog) -> None:
    forged = AuditLog(FileEntryStore(log.store.path.with_name("forged")), Tags())  # type: ignore[attr-defined]
    for number in range(4):
        forged.write("promoted", "somebody", {"version": number})
    forged.entries()
    rewrite(log, lines(forged))
    with pytest.raises(Refused, match="replaced or written without Mainline"):
        log.entries()


def test_an_entry_that_follows_well_but_was_never_sealed_is_not_believed(log: AuditLog) -> None:
    beside = Tags()
    beside.write_note(audit_log.SEAL, log.seals.note(audit_log.SEAL))
    AuditLog(log.store, beside).write("promoted", "somebody", {})
    with pytest.raises(Refused, match="written without Mainline"):
        log.entries()


def test_a_log_whose_seal_is_gone_is_not_believed(log: AuditLog) -> None:
    with pytest.raises(Refused, match="no seal"):
        AuditLog(log.store, Tags()).entries()


def test_the_same_event_of_the_same_release_is_one_entry(log: AuditLog) -> None:
    first = log.write("deployed", "a tester", {"release": "r1"})
    assert log.write("deployed", "a tester", {"release": "r1"}) == first
    log.write("promoted", "a tester", {"release": "r1"})
    assert len(log.entries()) == 6


@pytest.mark.parametrize("step", range(3))
def test_a_kill_between_any_two_writes_leaves_a_log_that_verifies_and_goes_on(log: AuditLog, step: int) -> None:
    left = step

    def killing(write: Callable[..., None]) -> Callable[..., None]:
        def counted(*given: Any) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            write(*given)

        return counted

    tags, store = log.seals, log.store

    class KilledTags(Tags):
        note = tags.note  # type: ignore[assignment]
        write_note = staticmethod(killing(tags.write_note))  # type: ignore[assignment]

    class KilledStore:
        shared = False
        read = staticmethod(store.read)
        append = staticmethod(killing(store.append))

    with pytest.raises(Killed):
        AuditLog(KilledStore(), KilledTags()).write("promoted", "a tester", {"release": "r1"})
    log.entries()
    log.write("promoted", "a tester", {"release": "r1"})
    assert len(log.entries()) == 5


def test_a_longer_log_is_taken_over_and_another_one_is_not(log: AuditLog, tmp_path: Path) -> None:
    older = AuditLog(FileEntryStore(tmp_path / "older.jsonl"), Tags())
    older.take_over(lines(log)[:2])
    assert len(older.entries()) == 2
    older.take_over(lines(log))
    assert [each.hash for each in older.entries()] == [each.hash for each in log.entries()]
    other = AuditLog(FileEntryStore(tmp_path / "other.jsonl"), Tags())
    other.write("promoted", "somebody", {})
    other.take_over(lines(log))
    assert len(other.entries()) == 1


def test_of_a_log_that_was_tampered_with_the_part_that_holds_is_taken_over_and_the_break_is_named(
    log: AuditLog, tmp_path: Path
) -> None:
    older = AuditLog(FileEntryStore(tmp_path / "older.jsonl"), Tags())
    assert older.take_over(lines(log)[:1]) is None
    changed = [line.replace("no_worse", "better") if number == 3 else line for number, line in enumerate(lines(log))]
    said = older.take_over(changed)
    assert said
    assert "entry 4 was changed" in said
    assert [each.hash for each in older.entries()] == [each.hash for each in log.entries()[:3]]
    assert older.take_over([]), "nothing that can be read goes on with it"


def test_an_entry_that_is_written_while_the_log_is_read_is_no_alarm(log: AuditLog) -> None:
    """On a team's server nothing keeps a reader and a writer apart."""

    class Busy:
        shared = True
        append = staticmethod(log.store.append)
        left = 2

        def read(self) -> list[str]:
            found = log.store.read()
            if self.left:
                self.left -= 1
                log.write("promoted", "somebody", {})
            return found

    assert len(AuditLog(Busy(), log.seals).entries()) == 6


@pytest.mark.slow
@given(st.lists(st.text(alphabet='aé"\\\n\r\u2028\x85\ud800', max_size=8), max_size=4))
def test_whatever_an_entry_holds_is_read_again_as_it_was(reasons: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = AuditLog(FileEntryStore(Path(folder, "audit.jsonl")), Tags())
        for each in reasons:
            made.write("refused", "a tester", {"reason": each})
        assert [each.details["reason"] for each in made.entries()] == reasons


def test_the_page_shows_every_entry_and_says_that_it_holds(log: AuditLog) -> None:
    shown = audit_log.table(log.entries())
    assert shown.count("no_worse") == 4
    assert "4 entries, every hash is valid" in shown
    assert "log is empty: where releases are kept elsewhere, MAINLINE_STATE or" in audit_log.table([])


def test_the_page_says_who_approved_and_keeps_an_entry_to_its_line(log: AuditLog) -> None:
    merge = {"pull_request": "7", "approver": "anna", "deployment_approver": "zoe"}
    log.write("promoted", "a tester", {"version": 5, **merge})
    log.write("refused", "a tester", {"reason": "two\nlines \x1b[2J and more"})
    shown = audit_log.table(log.entries()).splitlines()
    assert "#7 anna; deployment: zoe" in shown[5]
    assert shown[6].endswith("two lines [2J and more")


@pytest.mark.parametrize("sealed_last", ["the other", "this one"])
def test_where_another_machine_wrote_first_the_entry_comes_behind_it(log: AuditLog, sealed_last: str) -> None:
    class Shared:
        """As a server's: each place is taken once."""

        shared = True
        read = staticmethod(log.store.read)
        met = False

        def append(self, lines: Sequence[str], line: str) -> None:
            if not self.met:
                self.met = True
                seal = log.seals.note(audit_log.SEAL)
                log.seals.write_note(audit_log.SEAL, {"head": json.loads(lines[-1])["hash"], "entries": len(lines)})
                log.write("refused", "another", {})
                if sealed_last == "this one":
                    log.seals.write_note(audit_log.SEAL, seal)
                raise audit_log.Taken
            log.store.append(lines, line)

    shared = AuditLog(Shared(), log.seals)
    assert shared.write("promoted", "a tester", {}).number == 6
    assert [each.who for each in shared.entries()][-2:] == ["another", "a tester"]
    cut = AuditLog(FileEntryStore(log.store.path), log.seals)  # type: ignore[attr-defined]
    cut.store.path.write_text("\n".join(log.store.read()[:-1]) + "\n")  # type: ignore[attr-defined]
    with pytest.raises(Refused, match="truncated"):
        shared.entries()


@pytest.mark.slow
@given(st.text(max_size=3000))
@example("e" * 1000 + "ü")
@example("ü" * 500)
@example("e" * 900 + "\U0001f600" * 50)
def test_a_reason_is_cut_by_what_it_takes_in_the_log_and_only_where_it_must_be(reason: str) -> None:
    cut = audit_log.bounded(reason)
    assert reason.startswith(cut)
    assert len(json.dumps(cut)) - 2 <= 1000
    assert cut == reason or len(json.dumps(cut)) - 2 > 1000 - 12

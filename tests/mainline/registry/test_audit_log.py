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
from mainline.registry.audit_log import Book, FilePages


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
def book(tmp_path: Path) -> Book:
    made = Book(FilePages(tmp_path / "audit.jsonl"), Tags())
    for number, event in enumerate(("promoted", "refused", "deployed", "rolled back"), 1):
        made.write(event, "a tester", {"version": number, "verdict": "no_worse"})
    return made


def lines(book: Book) -> list[str]:
    return book.pages.read()


def rewrite(book: Book, new: list[str]) -> None:
    assert isinstance(book.pages, FilePages)
    book.pages.path.write_text("".join(f"{line}\n" for line in new), errors="surrogateescape")


def test_every_entry_says_who_when_what_and_what_came_before(book: Book) -> None:
    entries = book.entries()
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
        (lambda found: [found[0].replace("a tester", "somebody"), *found[1:]], "entry 1 is not what was written"),
        (lambda found: [found[0], *found[2:]], "entry 3 stands at place 2"),
        (swapped, "entry 3 stands at place 2"),
        (lambda found: found[:-1], "ends with entry 3, the registry's seal is of entry 4"),
        (lambda found: [], "ends with entry 0"),
        (lambda found: [*found, found[-1]], "entry 4 stands at place 5"),
        (lambda found: [*found[:2], "{}", *found[2:]], "line 3 is no entry"),
        (lambda found: [*found[:3], found[3][:40]], "line 4 is no entry"),
        (lambda found: [found[0].replace(",", ", ", 1), *found[1:]], "entry 1 is not what was written"),
        (lambda found: [found[0].replace('"n":1', '"n":NaN'), *found[1:]], "line 1 is no entry"),
        (lambda found: [found[0], "[" * 100_000], "line 2 is no entry"),
        (lambda found: [found[0], *found[1:], "\udcff\udcfe"], r"line 5 is no entry: '\\+xff"),
    ],
    ids=[
        "changed",
        "removed",
        "moved",
        "cut short",
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
def test_a_log_that_was_tampered_with_is_found(book: Book, tamper: Callable[[list[str]], list[str]], said: str) -> None:
    rewrite(book, tamper(lines(book)))
    with pytest.raises(Refused, match=said):
        book.entries()
    with pytest.raises(Refused, match=said):
        book.write("promoted", "a tester", {})


def test_a_log_that_was_written_anew_from_one_entry_on_does_not_fit_the_seal(book: Book) -> None:
    forged = Book(FilePages(book.pages.path.with_name("forged")), Tags())  # type: ignore[attr-defined]
    for number in range(4):
        forged.write("promoted", "somebody", {"version": number})
    forged.entries()
    rewrite(book, lines(forged))
    with pytest.raises(Refused, match="exchanged or written past Mainline"):
        book.entries()


def test_an_entry_that_follows_well_but_was_never_sealed_is_not_believed(book: Book) -> None:
    beside = Tags()
    beside.write_note(audit_log.SEAL, book.seals.note(audit_log.SEAL))
    Book(book.pages, beside).write("promoted", "somebody", {})
    with pytest.raises(Refused, match="written past Mainline"):
        book.entries()


def test_a_log_whose_seal_is_gone_is_not_believed(book: Book) -> None:
    with pytest.raises(Refused, match="no seal"):
        Book(book.pages, Tags()).entries()


def test_the_same_event_of_the_same_release_is_one_entry(book: Book) -> None:
    first = book.write("deployed", "a tester", {"release": "r1"})
    assert book.write("deployed", "a tester", {"release": "r1"}) == first
    book.write("promoted", "a tester", {"release": "r1"})
    assert len(book.entries()) == 6


@pytest.mark.parametrize("step", range(3))
def test_a_kill_between_any_two_writes_leaves_a_log_that_verifies_and_goes_on(book: Book, step: int) -> None:
    left = step

    def killing(write: Callable[..., None]) -> Callable[..., None]:
        def counted(*given: Any) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            write(*given)

        return counted

    tags, pages = book.seals, book.pages

    class KilledTags(Tags):
        note = tags.note  # type: ignore[assignment]
        write_note = staticmethod(killing(tags.write_note))  # type: ignore[assignment]

    class KilledPages:
        shared = False
        read = staticmethod(pages.read)
        append = staticmethod(killing(pages.append))

    with pytest.raises(Killed):
        Book(KilledPages(), KilledTags()).write("promoted", "a tester", {"release": "r1"})
    book.entries()
    book.write("promoted", "a tester", {"release": "r1"})
    assert len(book.entries()) == 5


def test_a_longer_log_is_taken_over_and_another_one_is_not(book: Book, tmp_path: Path) -> None:
    older = Book(FilePages(tmp_path / "older.jsonl"), Tags())
    older.take_over(lines(book)[:2])
    assert len(older.entries()) == 2
    older.take_over(lines(book))
    assert [each.hash for each in older.entries()] == [each.hash for each in book.entries()]
    other = Book(FilePages(tmp_path / "other.jsonl"), Tags())
    other.write("promoted", "somebody", {})
    other.take_over(lines(book))
    assert len(other.entries()) == 1


def test_of_a_log_that_was_tampered_with_the_part_that_holds_is_taken_over_and_the_break_is_named(
    book: Book, tmp_path: Path
) -> None:
    older = Book(FilePages(tmp_path / "older.jsonl"), Tags())
    assert older.take_over(lines(book)[:1]) is None
    changed = [line.replace("no_worse", "better") if number == 3 else line for number, line in enumerate(lines(book))]
    said = older.take_over(changed)
    assert said
    assert "entry 4 is not what was written" in said
    assert [each.hash for each in older.entries()] == [each.hash for each in book.entries()[:3]]
    assert older.take_over([]), "nothing that can be read goes on with it"


def test_an_entry_that_is_written_while_the_log_is_read_is_no_alarm(book: Book) -> None:
    """On a team's server nothing keeps a reader and a writer apart."""

    class Busy:
        shared = True
        append = staticmethod(book.pages.append)
        left = 2

        def read(self) -> list[str]:
            found = book.pages.read()
            if self.left:
                self.left -= 1
                book.write("promoted", "somebody", {})
            return found

    assert len(Book(Busy(), book.seals).entries()) == 6


@given(st.lists(st.text(alphabet='aé"\\\n\r\u2028\x85\ud800', max_size=8), max_size=4))
def test_whatever_an_entry_holds_is_read_again_as_it_was(reasons: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = Book(FilePages(Path(folder, "audit.jsonl")), Tags())
        for each in reasons:
            made.write("refused", "a tester", {"reason": each})
        assert [each.details["reason"] for each in made.entries()] == reasons


def test_the_page_shows_every_entry_and_says_that_it_holds(book: Book) -> None:
    shown = audit_log.table(book.entries())
    assert shown.count("no_worse") == 4
    assert "4 entries, every hash holds" in shown
    assert "here is empty: where releases are kept elsewhere, MAINLINE_STATE or" in audit_log.table([])


def test_the_page_says_who_approved_and_keeps_an_entry_to_its_line(book: Book) -> None:
    merge = {"pull_request": "7", "approver": "anna", "deployment_approver": "zoe"}
    book.write("promoted", "a tester", {"version": 5, **merge})
    book.write("refused", "a tester", {"reason": "two\nlines \x1b[2J and more"})
    shown = audit_log.table(book.entries()).splitlines()
    assert "#7 anna; deployment: zoe" in shown[5]
    assert shown[6].endswith("two lines [2J and more")


@pytest.mark.parametrize("sealed_last", ["the other", "this one"])
def test_where_another_machine_wrote_first_the_entry_comes_behind_it(book: Book, sealed_last: str) -> None:
    class Shared:
        """As a server's: each place is taken once."""

        shared = True
        read = staticmethod(book.pages.read)
        met = False

        def append(self, lines: Sequence[str], line: str) -> None:
            if not self.met:
                self.met = True
                seal = book.seals.note(audit_log.SEAL)
                book.seals.write_note(audit_log.SEAL, {"head": json.loads(lines[-1])["hash"], "entries": len(lines)})
                book.write("refused", "another", {})
                if sealed_last == "this one":
                    book.seals.write_note(audit_log.SEAL, seal)
                raise audit_log.Taken
            book.pages.append(lines, line)

    shared = Book(Shared(), book.seals)
    assert shared.write("promoted", "a tester", {}).number == 6
    assert [each.who for each in shared.entries()][-2:] == ["another", "a tester"]
    cut = Book(FilePages(book.pages.path), book.seals)  # type: ignore[attr-defined]
    cut.pages.path.write_text("\n".join(book.pages.read()[:-1]) + "\n")  # type: ignore[attr-defined]
    with pytest.raises(Refused, match="cut short"):
        shared.entries()


@given(st.text(max_size=3000))
@example("e" * 1000 + "ü")
@example("ü" * 500)
@example("e" * 900 + "\U0001f600" * 50)
def test_a_reason_is_cut_by_what_it_takes_in_the_log_and_only_where_it_must_be(reason: str) -> None:
    cut = audit_log.bounded(reason)
    assert reason.startswith(cut)
    assert len(json.dumps(cut)) - 2 <= 1000
    assert cut == reason or len(json.dumps(cut)) - 2 > 1000 - 12

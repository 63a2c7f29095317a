from __future__ import annotations

from mainline.github.doctor import page
from mainline.github.doctor.check import NOT_SHOWN, Finding, Result
from mainline.github.repository import Connection

NAMES = ["Actions", "the default token"]
ON = Result("Actions", True, Finding("on", "enabled"))
OFF = Result("Actions", True, Finding("off", "disabled", "a click at https://example.org", lambda: None))
BY_HAND = Result("Actions", True, Finding("off", "asleep", "a click"))
ADVICE = Result("Actions", False, Finding("off", "not there", "a click"))
UNSEEN = Result("Actions", True, Finding("unseen", "not checked"))


def told(result: Result, colour: bool = False) -> list[str]:
    return list(page.lines(result, NAMES, colour))


def test_the_columns_are_aligned_and_the_way_stands_below() -> None:
    assert told(ON) == ["  ✓ Actions            enabled"]
    assert told(OFF) == [
        "  ✗ Actions            disabled",
        "                       → make doctor FIX=1",
        "                       → or a click at https://example.org",
    ]
    assert told(ADVICE)[0].startswith("  · ")
    assert told(UNSEEN) == ["  · Actions            not checked"]


def test_what_was_turned_on_is_said() -> None:
    assert told(Result("Actions", True, ON.finding, applied=True)) == ["  ✓ Actions            turned on now: enabled"]


def test_long_words_stay_in_their_column_and_addresses_whole() -> None:
    address = "https://example.org/" + "x" * 120
    found = told(Result("Actions", True, Finding("off", "word " * 60, address)))
    assert all(len(line) <= page.WIDTH for line in found[:-1])
    assert all(line.startswith(" " * 23) for line in found[1:])
    assert found[-1].endswith(address)


def test_colours_are_there_only_if_asked_for() -> None:
    assert "\033[" not in "".join(told(OFF)) + page.last([OFF], False) + page.head(Connection("team/model"), False)
    assert "\033[31m✗\033[0m" in told(OFF, True)[0]
    assert "\033[32m✓\033[0m" in told(ON, True)[0]


def test_the_last_line_says_what_it_comes_to() -> None:
    assert page.last([ON, ADVICE], False) == "No necessary setting is off."
    assert page.last([OFF], False) == "1 necessary setting is off: make doctor FIX=1 turns it on."
    assert page.last([OFF, BY_HAND], False) == "2 necessary settings are off: make doctor FIX=1 turns 1 of them on."
    assert page.last([BY_HAND, UNSEEN], False) == "1 necessary setting is off. 1 of 2 settings could not be read."
    hidden = Result("Actions", True, Finding("unseen", NOT_SHOWN))
    assert page.last([hidden], False).endswith("1 of 1 settings could not be read: an owner's token shows them.")
    assert page.last([UNSEEN], False).startswith("No visible necessary setting is off.")

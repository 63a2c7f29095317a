from __future__ import annotations

import pytest

from mainline.data.messages import Messages, forgotten, put_aside, too_late

FOUND = Messages(200, 2, 1, 10, ".mainline/cache/streams/clicks/0a1b", 40)


@pytest.mark.parametrize(("at_most", "warns"), [(0.05, False), (0.049, True), (0.0, True)])
def test_a_share_of_late_messages_above_its_bound_is_a_warning(at_most: float, warns: bool) -> None:
    said = too_late("clicks", FOUND, at_most)
    assert bool(said) is warns
    assert all("clicks: 10 of 200 messages (5.0%) arrived too late and are no rows, late_at" in line for line in said)


def test_what_is_no_row_and_what_was_gone_are_sentences_and_nothing_is_said_of_nothing() -> None:
    assert put_aside("clicks", FOUND) == [
        "clicks: 2 malformed, 1 of another type, 10 late of 200 messages are no rows; they are put aside in "
        ".mainline/cache/streams/clicks/0a1b"
    ]
    assert forgotten("clicks", FOUND)[0].startswith("clicks: the table begins in the middle of its stream: 40 earlier")
    whole = Messages(200, 0, 0, 0, "")
    assert put_aside("clicks", whole) == forgotten("clicks", whole) == too_late("clicks", whole, 0.0) == []
    assert forgotten("clicks", None) == too_late("clicks", None, 0.0) == []

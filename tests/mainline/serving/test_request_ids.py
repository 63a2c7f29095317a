from __future__ import annotations

import pytest

from mainline.serving import request_ids
from mainline.serving.request_ids import RequestIds, mark


def test_an_id_is_kept_once_and_a_repeated_request_is_told() -> None:
    ids = RequestIds()
    assert ids.once("a", mark(b"1")) == "a"
    assert ids.once("a", mark(b"1")) is None
    other = ids.once("a", mark(b"2"))
    assert other
    assert other.startswith("a.")
    assert ids.usable(other)
    assert ids.once("a", mark(b"2")) != other


def test_a_forgotten_id_is_new_again() -> None:
    ids = RequestIds()
    ids.once("a", 1)
    ids.forget("a")
    assert ids.once("a", 2) == "a"


def test_a_client_cannot_take_an_id_that_the_server_gives() -> None:
    ids = RequestIds()
    assert ids.once(ids.new(), 1) not in (None, f"{ids.prefix}-1")


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_ids, "REMEMBERED", 100)
    ids = RequestIds()
    for number in range(1000):
        ids.once(f"r{number}", number)
        assert len(ids.young) + len(ids.old) <= 200
    assert all(ids.once(f"r{number}", number) is None for number in range(900, 1000))


@pytest.mark.parametrize("given", [None, "", "a b", "ü", "x" * 129, 'a"'])
def test_an_id_that_cannot_be_logged_or_sent_back_is_not_used(given: str | None) -> None:
    assert not RequestIds().usable(given)


def test_large_bodies_are_told_apart_too() -> None:
    one = b"x" * (request_ids.LARGE + 1)
    assert mark(one) == mark(bytes(one)) != mark(one + b"y")

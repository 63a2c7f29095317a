"""The figure of the rooms in CONTRIBUTING.md is drawn from today's imports."""

from __future__ import annotations

from tests.docs import house


def test_the_figure_shows_the_imports_of_today() -> None:
    page = house.PAGE.read_text(encoding="utf-8")
    assert page == house.with_figure(page), "the figure in CONTRIBUTING.md is out of date: make docs"


def test_an_arrow_that_follows_from_others_is_left_out() -> None:
    rooms = {name: set() for name in house.ROOMS} | {"cli": {"data", "config"}, "data": {"config"}}
    assert list(house.needed_arrows(rooms)) == [("cli", "data"), ("data", "config")]

"""Every page in a real browser: at the widths of a phone, a tablet and a desk, light, dark and printed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.pages import browser as chromium
from tests.pages import measure
from tests.pages.pages import PAGES, written
from tests.servers import REQUIRED

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if chromium.program() is None:
        (pytest.fail if REQUIRED else pytest.skip)(chromium.MISSING)
    with chromium.started() as started:
        yield started


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_window_and_asks_nothing_of_the_outside(name: str, browser: Browser, tmp_path: Path) -> None:
    found: list[str] = []
    with measure.opened(browser, written(name, tmp_path)) as (page, said):
        measure.unfold(page)
        for look in measure.MEASURED:
            measure.seen_as(page, look)
            found += [f"{look}: {fault}" for fault in measure.faults(page)]
    assert "\n".join(found + said) == ""


TALL = "<br>".join(["line"] * 20)
BROKEN = {
    "the page is 2008 px wide": '<div style="width: 2000px">wide</div>',
    "out of the page": '<div style="overflow: hidden"><p style="margin-left: -90px">left</p></div>',
    "cut off": '<p style="overflow: hidden; width: 50px; white-space: nowrap">a line that is too long</p>',
    "out of its frame": '<p style="border: 1px solid; width: 50px; white-space: nowrap">a line that is too long</p>',
    "has to be scrolled": '<div style="overflow: auto"><p style="width: 2000px">wide</p></div>',
    "empty beside a long cell": f"<table><tr><td>short</td><td>{TALL}</td></tr></table>",
    "text upon text": '<p>one line</p><p style="margin-top: -35px">another line</p>',
    "too faint": '<p style="color: #999">grey</p>',
    "asks for http://127.0.0.1:9/": '<img src="http://127.0.0.1:9/x.png" alt="">',
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_page_is_told_by_its_fault(fault: str, browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "broken.html"
    file.write_text(f'<!doctype html><html lang="en"><body>{BROKEN[fault]}</body></html>', encoding="utf-8")
    with measure.opened(browser, file) as (page, said):
        measure.seen_as(page, measure.Look(800))
        found = [*measure.faults(page), *said]
    assert any(one.startswith(fault) for one in found), found

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

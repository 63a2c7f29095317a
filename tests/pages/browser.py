"""The machine's own Chromium or Chrome, driven by Playwright.

Playwright starts it without its sandbox, which root may not have: the pages are the project's own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
ELSEWHERE = (Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),)
MISSING = "no Chromium or Chrome is installed here: `make browser`, or install one yourself"
ARGUMENTS = (  # a browser that asks nobody for anything, and draws the same on every machine
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
)


def program() -> str | None:
    """The path of the browser, if this machine has one."""
    found = [shutil.which(name) for name in PROGRAMS] + [str(path) for path in ELSEWHERE if path.exists()]
    return next(filter(None, found), None)


@contextmanager
def started() -> Iterator[Browser]:
    path = program()
    assert path, MISSING
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()

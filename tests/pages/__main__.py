"""Pictures of the pages, to be looked at: `python -m tests.pages FOLDER [name …]`.

`python -m tests.pages --screenshot docs/report.png [reports/report.html]` makes the README's picture, of the
tests' own refused review or of the report that `make run` has just written.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from tests.pages import browser as chromium
from tests.pages import measure
from tests.pages.pages import PAGES, written

README = measure.Look(1180)
HEIGHT = 690


def pictures(browser: Browser, name: str, folder: Path) -> None:
    with measure.opened(browser, written(name, folder)) as (page, _):
        for look in measure.LOOKS:
            measure.seen_as(page, look)
            page.screenshot(path=folder / name / f"{look}.png", full_page=True)
        page.pdf(path=folder / name / "printed.pdf", prefer_css_page_size=True, print_background=True)


def screenshot(browser: Browser, report: Path, picture: Path) -> None:
    """The top of a report, as the README shows it."""
    with measure.opened(browser, report) as (page, _):
        measure.seen_as(page, README)
        page.screenshot(path=picture, clip={"x": 0, "y": 0, "width": README.width, "height": HEIGHT})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.pages", description=__doc__)
    parser.add_argument("--screenshot", type=Path, metavar="PNG", help="the README's picture instead")
    parser.add_argument("given", nargs="*", help="a folder and names of pages; with --screenshot: a report")
    asked = parser.parse_args()
    with chromium.started() as browser, tempfile.TemporaryDirectory() as scratch:
        if asked.screenshot:
            report = Path(asked.given[0]).resolve() if asked.given else written("report-worse", Path(scratch))
            screenshot(browser, report, asked.screenshot)
            return
        folder, *names = asked.given or [parser.error("name the folder to write to")]
        for name in names or PAGES:
            pictures(browser, name, Path(folder).resolve())


if __name__ == "__main__":
    main()

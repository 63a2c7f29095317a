"""A page in the browser, at the widths and in the looks that its readers have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page

SCRIPT = Path(__file__).with_name("measure.js").read_text(encoding="utf-8")
PAPER = 695  # CSS pixels of A4 between the margins of the style sheet


@dataclass(frozen=True)
class Look:
    width: int
    scheme: Literal["light", "dark"] = "light"
    media: Literal["screen", "print"] = "screen"

    def __str__(self) -> str:
        return "print" if self.media == "print" else f"{self.width}-{self.scheme}"


LOOKS = [Look(width, scheme) for width in (400, 800, 1400) for scheme in ("light", "dark")]  # type: ignore[arg-type]
LOOKS += [Look(1200), Look(PAPER, media="print")]
MEASURED = [look for look in LOOKS if look.scheme == "light"] + [Look(800, "dark")]  # a colour moves nothing


@contextmanager
def opened(browser: Browser, file: Path) -> Iterator[tuple[Page, list[str]]]:
    """The page and, as they come, its faults that are no matter of looks: requests to the outside, errors.

    The browser has one window, in which one page follows the other: for each of its own it would start a process.
    """
    said: list[str] = []
    page = browser.contexts[0].pages[0] if browser.contexts else browser.new_context().new_page()
    heard: dict[Any, Any] = {
        "request": lambda request: said.append(f"asks for {request.url}") if outside(request.url) else None,
        "console": lambda message: said.append(message.text) if message.type == "error" else None,
        "pageerror": lambda error: said.append(str(error)),
    }
    for event, hear in heard.items():
        page.on(event, hear)
    try:
        seen_as(page, Look(1280))
        page.goto(file.as_uri())
        yield page, said
    finally:
        for event, hear in heard.items():
            page.remove_listener(event, hear)


def outside(address: str) -> bool:
    return not address.startswith(("file:", "data:"))


def seen_as(page: Page, look: Look) -> None:
    page.set_viewport_size({"width": look.width, "height": 900})
    page.emulate_media(media=look.media, color_scheme=look.scheme)


def faults(page: Page) -> list[str]:
    found: Any = page.evaluate(SCRIPT)
    return [str(fault) for fault in found]


def unfold(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")

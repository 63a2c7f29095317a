"""`docs/first-day.md` as its readers have it: its steps, the rows of its tables, and what it says is shown."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.projects import TOP
from tests.workflows.act import Ran

PAGE = (TOP / "docs" / "first-day.md").read_text(encoding="utf-8")
SHOWN = re.compile(r"(?<!\*)\*([^*]+)\*(?!\*)")  # in italics: words that GitHub shows


def step(number: int) -> str:
    """A step's text, its lines joined as they are read; tables keep their lines."""
    found = re.search(rf"^## {number}\. .*?(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"the page has no step {number}"
    return re.sub(r"(?<=[^\n|])\n(?=[^\n|])", " ", found[0])


def tables(text: str) -> list[dict[str, str]]:
    """Of each table, the rows: from the name in the first column to the cells behind it."""
    found = []
    for table in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
        found.append({first.strip("`"): " | ".join(rest) for first, *rest in rows})
    return found


def shown(says: str) -> list[str]:
    return SHOWN.findall(says)


def agrees(says: str, ran: Ran) -> None:
    """A run's result is green or red as the page says, and what it says is shown stands in the log."""
    assert ("✓" in says) is (ran.status == 0), f"the page says: {says}\n{ran.log}"
    for words in shown(says):
        assert words in ran.log, f"the page says that one sees “{words}”:\n{ran.log}"


def started_by(event: str) -> dict[str, str]:
    """The workflows that an event starts, by the names that GitHub shows, and the time of day at which a clock does."""
    found = {}
    for file in sorted(Path(TOP, ".github", "workflows").glob("*.yml")):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        on = content[True]  # YAML reads the key `on` as true
        if event in on:
            minute, hour = on[event][0]["cron"].split()[:2] if event == "schedule" else ("0", "0")
            found[content["name"]] = f"{int(hour):02}:{int(minute):02}"
    return found

"""Documents, settings and suites are written in plain English: no dialect, and numbers with their zero."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.test_docs import CODE, TOP, ids, removed, tracked

# Each of these has a plain word: again, anyone who, fix, next to, significantly, data cutoff, recorded.
DIALECT = re.compile(r"\b(?:anew|whoever|mend(?:s|ed|ing)?|beside|certainly|the clock|on paper)\b", re.IGNORECASE)
NUMBER = re.compile(r"(?<![\w.*:)\]}/-])[+−]?\.\d")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


# In a project of its own they hold the names and values of its table.
A_PROJECTS = ("params.yaml", "data/expectations/*.yaml", "data/*.md", "docs/model-card.md")


def written() -> list[Path]:
    own = set(tracked(*A_PROJECTS)) if removed("src/flights") else set()
    texts = tracked("*.md", "params.yaml", "data/expectations/*.yaml", "tests/example.yaml")
    return [*(path for path in texts if path not in own), TOP / "src" / "mainline" / "config" / "schema.py"]


def prose(path: Path) -> str:
    """The text of a page without its code, which keeps the names that it has."""
    text = path.read_text(encoding="utf-8")
    return CODE.sub("", text) if path.suffix == ".md" else text


@pytest.mark.parametrize("path", written(), ids=ids)
def test_a_text_has_no_dialect(path: Path) -> None:
    # The name of an input on GitHub's page is quoted as it stands there.
    found = re.sub(r"\*[^*\n]+\*", "", prose(path))
    assert [match.group() for match in DIALECT.finditer(found)] == []


@pytest.mark.parametrize("path", written(), ids=ids)
def test_a_number_below_one_begins_with_its_zero(path: Path) -> None:
    assert [line for line in path.read_text(encoding="utf-8").splitlines() if NUMBER.search(line)] == []

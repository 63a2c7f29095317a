"""Which files of a pull request change what judges it: the comment names them above the report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

FOLDERS = (".github/", "data/expectations/", "src/mainline/", "pipelines/")
SUITES = re.compile(r"models/[^/]+/expectations/")
PARAMS = re.compile(r"(?:models/[^/]+/)?params\.yaml")  # of each model
FILES = ("Makefile",)  # what the workflows call
EXTENSIONS = re.compile(r"src/(?:.+/)?extensions(?:\.py$|/)")  # a project's own gates and metrics
# Of params.yaml: thresholds, what they are measured with, and the modules that add to both.
SECTIONS = {"gates", "compare", "evaluate", "extensions"}
KEY = re.compile(r"([A-Za-z_]\w*):(?: |$)")
HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@ ?(.*)")
# YAML syntax that lets a line change another part of the file: anchors, merge keys, open quotes, documents.
FAR_REACHING = re.compile(r"(?:^|[\s:,\[{-])[&*]\w|<<|^[+-]?(?:---|\.\.\.|%)")


def changed(files: Iterable[Mapping[str, Any]]) -> list[str]:
    """The changed files that affect the verdict, from GitHub's list.

    A `params.yaml` is among them if its patch changes the thresholds, or if that cannot be ruled out.
    """
    found = []
    for file in files:
        names = [str(file["filename"]), str(file.get("previous_filename") or "")]
        if any(judges(name) for name in names):
            found.append(names[0])
        elif any(map(PARAMS.fullmatch, names)) and (names[1] or touches_gates(file.get("patch"))):
            found.append(next(name for name in names if PARAMS.fullmatch(name)))
    return found


def judges(name: str) -> bool:
    """Whether a file judges models, whatever changes in it."""
    return name.startswith(FOLDERS) or name in FILES or bool(EXTENSIONS.match(name) or SUITES.match(name))


def touches_gates(patch: str | None) -> bool:
    """Whether a patch of `params.yaml` changes the gates, or how they are measured; in doubt, it does.

    A hunk's heading names the section in which it begins, its own lines every section that begins later.
    """
    if not patch:  # too large to be shown, or binary
        return True
    section = None
    for line in patch.split("\n"):
        hunk = HUNK.match(line)
        if hunk:
            key = KEY.match(hunk[2])
            section = key[1] if key else ("" if hunk[1] == "1" else None)
            continue
        mark, text = line[:1], line[1:]
        before, key = section, KEY.match(text)
        section = key[1] if key else section
        if mark in ("+", "-") and _may_change_gates(text, before, section):
            return True
    return False


def _may_change_gates(text: str, before: str | None, section: str | None) -> bool:
    content = text.partition(" #")[0]
    if not content.strip() or content.startswith("#"):
        return before is None or before in SECTIONS
    if section is None or section in SECTIONS or before in SECTIONS:
        return True
    if not text.startswith(" ") and not KEY.match(text):
        return True
    unclosed = any(content.count(mark) % 2 for mark in "\"'") or content.count("{") != content.count("}")
    return unclosed or bool(FAR_REACHING.search(content)) or content.count("[") != content.count("]")

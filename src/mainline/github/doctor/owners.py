"""Whether changes of the gates need a review by their code owners."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from mainline.github.client import GitHubError
from mainline.github.doctor.check import Check, Finding, Target

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
# A change of these changes how good a model must be, or whether it is checked at all.
GATES = {
    "params.yaml": "params.yaml",
    "data/expectations": "data/expectations/suite.yaml",
    ".github/workflows": ".github/workflows/review.yml",
}
GLOBS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def code_owners(target: Target) -> Finding:
    """Whether the file on the default branch is valid for GitHub, and names owners for the gates."""
    try:
        errors = target.github.get("codeowners/errors")["errors"]
    except GitHubError as error:
        if error.code != 404:
            raise
        return Finding(
            "off", f"no {PLACES[0]} on {target.branch}: changes of the gates need no review", "create and merge it"
        )
    if errors:
        first = errors[0]
        more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
        hint = first.get("suggestion") or "name a person or team with write access"
        line = f"{first['path']}:{first['line']}: {first['kind']}{more}"
        return Finding("off", line, f"{hint}: {target.page}/edit/{target.branch}/{first['path']}")
    place, text = on_branch(target)
    unowned = without_owner(text)
    if unowned:
        by_hand = f"add an owner (@name) after them: {target.page}/edit/{target.branch}/{place}"
        return Finding("off", f"changes need no review: {', '.join(unowned)}", by_hand)
    return Finding("on", "the gates have code owners")


def on_branch(target: Target) -> tuple[str, str]:
    """The path and text of the file that GitHub uses, on the default branch."""
    for place in PLACES:
        try:
            return place, base64.b64decode(target.github.get(f"contents/{place}")["content"]).decode()
        except GitHubError as error:
            if error.code != 404:
                raise
    return PLACES[0], ""


def offline(root: Path) -> Finding:
    place = next((place for place in PLACES if (root / place).is_file()), None)
    if place is None:
        return Finding("off", f"no {PLACES[0]}: changes of the gates need no review", "create it")
    unowned = without_owner((root / place).read_text(encoding="utf-8"))
    if unowned:
        return Finding(
            "off", f"changes need no review: {', '.join(unowned)}", f"add an owner (@name) after them: {place}"
        )
    return Finding("unseen", "the gates have code owners; whether GitHub accepts them is not checked")


def without_owner(text: str) -> list[str]:
    """The gates without an owner: the last pattern that covers a path decides, also one without an owner."""
    lines = [line.partition("#")[0].split() for line in text.splitlines()]
    unowned = []
    for gate, path in GATES.items():
        owned = [any("@" in word for word in words[1:]) for words in lines if words and covers(words[0], path)]
        if not owned or not owned[-1]:
            unowned.append(gate)
    return unowned


def covers(pattern: str, path: str) -> bool:
    """Whether a pattern of CODEOWNERS matches a file: as in .gitignore, without negation."""
    body = pattern.strip("/")
    translated = "".join(GLOBS.get(part, re.escape(part)) for part in re.split(r"(\*\*/|\*\*|\*|\?)", body))
    anywhere = "" if "/" in pattern.rstrip("/") else "(?:.*/)?"
    below = "/.*" if pattern.endswith("/") else "" if body.endswith("/*") else "(?:/.*)?"
    return re.fullmatch(anywhere + translated + below, path) is not None


CHECKS = (Check("code owners", code_owners, offline=offline),)

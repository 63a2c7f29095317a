"""Whether somebody must look at a change of what decides over models."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from mainline.github.client import GitHubError
from mainline.github.doctor.check import Check, Finding, Ground

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
# Whoever changes these changes what a model must be worth, or whether it is asked.
GATES = {
    "params.yaml": "params.yaml",
    "data/expectations": "data/expectations/suite.yaml",
    ".github/workflows": ".github/workflows/review.yml",
}
GLOBS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def code_owners(ground: Ground) -> Finding:
    """Whether GitHub understands the file of the default branch, and the gates have somebody in it."""
    try:
        errors = ground.github.get("codeowners/errors")["errors"]
    except GitHubError as error:
        if error.code != 404:
            raise
        return Finding("off", f"no {PLACES[0]} on {ground.branch}: nobody must look at the gates", "write and merge it")
    if errors:
        first = errors[0]
        more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
        hint = first.get("suggestion") or "name a person or team with write access"
        line = f"{first['path']}:{first['line']}: {first['kind']}{more}"
        return Finding("off", line, f"{hint}: {ground.page}/edit/{ground.branch}/{first['path']}")
    place, text = on_branch(ground)
    alone = unguarded(text)
    if alone:
        by_hand = f"put @somebody behind them: {ground.page}/edit/{ground.branch}/{place}"
        return Finding("off", f"nobody must look at changes of {', '.join(alone)}", by_hand)
    return Finding("on", "the gates have their owners")


def on_branch(ground: Ground) -> tuple[str, str]:
    """The file that counts, by GitHub's order of places, as it is on the default branch."""
    for place in PLACES:
        try:
            return place, base64.b64decode(ground.github.get(f"contents/{place}")["content"]).decode()
        except GitHubError as error:
            if error.code != 404:
                raise
    return PLACES[0], ""


def offline(root: Path) -> Finding:
    place = next((place for place in PLACES if (root / place).is_file()), None)
    if place is None:
        return Finding("off", f"no {PLACES[0]}: nobody must look at the gates", "write it")
    alone = unguarded((root / place).read_text(encoding="utf-8"))
    if alone:
        return Finding(
            "off", f"nobody must look at changes of {', '.join(alone)}", f"put @somebody behind them: {place}"
        )
    return Finding("unseen", "the gates have owners; whether GitHub knows them is not seen")


def unguarded(text: str) -> list[str]:
    """Those of the gates that nobody owns: the last pattern that covers a path counts, also one without an owner."""
    lines = [line.partition("#")[0].split() for line in text.splitlines()]
    alone = []
    for gate, path in GATES.items():
        owned = [any("@" in word for word in words[1:]) for words in lines if words and covers(words[0], path)]
        if not owned or not owned[-1]:
            alone.append(gate)
    return alone


def covers(pattern: str, path: str) -> bool:
    """Whether a pattern of CODEOWNERS is about a file: as in .gitignore, without its negation."""
    body = pattern.strip("/")
    translated = "".join(GLOBS.get(part, re.escape(part)) for part in re.split(r"(\*\*/|\*\*|\*|\?)", body))
    anywhere = "" if "/" in pattern.rstrip("/") else "(?:.*/)?"
    below = "/.*" if pattern.endswith("/") else "" if body.endswith("/*") else "(?:/.*)?"
    return re.fullmatch(anywhere + translated + below, path) is not None


CHECKS = (Check("code owners", code_owners, offline=offline),)

"""The rules of the default branch, kept in `.github/rulesets/main.json` in the form that GitHub imports and exports.

Why they are as they are: the checks must have run on the branch's tip (strict), because two models that are each no
worse than main need not be so together; they count only from GitHub Actions itself (integration 15368); approvals are
asked for by code owners alone, for what they own; and who administers the repository (role 5) may pass by a rule on a
pull request, never by a push, because whoever is alone has nobody to approve.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mainline.errors import ConfigurationError
from mainline.github.client import GitHub
from mainline.github.doctor.check import Check, Finding, Ground

FILE = ".github/rulesets/main.json"
WITHOUT = {
    "pull_request": "commits need no pull request",
    "deletion": "it can be deleted",
    "non_fast_forward": "a force push can rewrite it",
    "require_code_owner_review": "code owners need not review",
    "dismiss_stale_reviews_on_push": "an approval outlives the commits it was given for",
    "strict_required_status_checks_policy": "a check may be older than its tip",
}

LENIENT = ("do_not_enforce_on_create",)  # off is stricter


def wanted(root: Path) -> dict[str, Any]:
    """The file's content; raises ConfigurationError where it is missing or no ruleset."""
    try:
        found: dict[str, Any] = json.loads((root / FILE).read_text(encoding="utf-8"))
        found["name"], found["rules"][0]["type"]
    except FileNotFoundError:
        raise ConfigurationError(f"{FILE} is not here: it says what protects the default branch") from None
    except (ValueError, LookupError, TypeError) as error:
        raise ConfigurationError(f"{FILE} is no ruleset as GitHub exports it: {error!r}") from None
    return found


def branch(ground: Ground) -> Finding:
    """Whether what applies to the branch, from whichever rulesets, is at least what the file asks for."""
    ruleset = wanted(ground.root)
    there = list(ground.github.pages(f"rules/branches/{ground.branch_path}"))
    lacking = list(dict.fromkeys(lack for rule in ruleset["rules"] for lack in lacks(rule, there)))
    if not lacking:
        return Finding("on", f"{ground.branch} is protected as {FILE} says")
    return Finding(
        "off",
        f"{ground.branch}: {'; '.join(lacking)}",
        f"“Import a ruleset” at {ground.page}/settings/rules, with {FILE}",
        lambda: store(ground.github, ruleset),
    )


def lacks(rule: dict[str, Any], there: list[dict[str, Any]]) -> Iterator[str]:
    """What of a rule no rule that is there gives, in words."""
    same = [one.get("parameters") or {} for one in there if one["type"] == rule["type"]]
    parameters = rule.get("parameters") or {}
    if rule["type"] == "required_status_checks":
        have = {check["context"] for one in same for check in one.get("required_status_checks", [])}
        missing = [check["context"] for check in parameters["required_status_checks"] if check["context"] not in have]
        if missing:
            yield f"not required to pass: {', '.join(missing)}"
            return
    elif not same:
        yield WITHOUT.get(rule["type"], f"no rule {rule['type']}")
        return
    for name, value in parameters.items():
        if name not in LENIENT and not any(gives(one.get(name), value) for one in same):
            yield WITHOUT.get(name, f"{name} is not {json.dumps(value)}")


def gives(have: Any, want: Any) -> bool:
    """Whether a parameter is at least as strict: what is asked for is on, a number no lower, a choice no wider."""
    if isinstance(want, bool):
        return bool(have) or not want
    if isinstance(want, int):
        return (have or 0) >= want
    if isinstance(want, list) and all(isinstance(one, str) for one in want):
        return have is not None and set(have) <= set(want)
    return True  # required checks are compared by name, and what is left has no order


def store(github: GitHub, ruleset: dict[str, Any]) -> None:
    """Make the file's ruleset, or bring the one of its name up to it."""
    known = [one for one in github.pages("rulesets", includes_parents="false") if one["name"] == ruleset["name"]]
    if known:
        github.put(f"rulesets/{known[0]['id']}", ruleset)
    else:
        github.post("rulesets", ruleset)


def offline(root: Path) -> Finding:
    return Finding("unseen", f"not seen; {FILE} asks for {len(wanted(root)['rules'])} rules")


CHECKS = (Check("branch rules", branch, offline=offline),)

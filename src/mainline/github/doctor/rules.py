"""The rules of the default branch, stored in `.github/rulesets/main.json` as GitHub imports and exports them.

Why they are as they are: the checks must have run on the branch's newest commit (strict), because two changes that are
each no worse than main may be worse together. Only checks by GitHub Actions itself count (integration 15368). Approvals
are needed from code owners, for the files that they own. Administrators (role 5) may bypass a rule on a pull request,
never by a push, because a single maintainer has nobody to approve.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mainline.errors import ConfigurationError
from mainline.github.client import GitHub, GitHubError
from mainline.github.doctor.check import Check, Finding, Target
from mainline.runtime.models import FOLDER, PARAMS

FILE = ".github/rulesets/main.json"
WITHOUT = {
    "pull_request": "commits need no pull request",
    "deletion": "it can be deleted",
    "non_fast_forward": "a force push can rewrite it",
    "require_code_owner_review": "code owners need not review",
    "dismiss_stale_reviews_on_push": "an approval stays valid after new commits",
    "strict_required_status_checks_policy": "a check may be older than the branch",
}

# The name of a job with a matrix. The doctor needs no package, so it has no YAML parser.
MATRIX = re.compile(r"^    name: (.*\$\{\{ *matrix\..*)$", re.MULTILINE)
OF_ONE, OF_ALL = "review", "verdict"  # of review.yml: the check of a repository with one model, and of several
VARIABLE = "MAINLINE_SEVERAL"  # the repository's: its workflows ask which models a run is about
LENIENT = ("do_not_enforce_on_create",)  # off is stricter


def wanted(root: Path) -> dict[str, Any]:
    """The file's content; raises ConfigurationError where it is missing or no ruleset."""
    try:
        found: dict[str, Any] = json.loads((root / FILE).read_text(encoding="utf-8"))
        found["name"], found["rules"][0]["type"]
        if several(root):
            found["rules"] = [of_several(rule) for rule in found["rules"]]
    except FileNotFoundError:
        raise ConfigurationError(f"{FILE} does not exist: it defines the protection of the default branch") from None
    except (ValueError, LookupError, TypeError) as error:
        raise ConfigurationError(f"{FILE} is not a ruleset as GitHub exports it: {error!r}") from None
    return found


def several(root: Path) -> bool:
    """Whether a checkout has models below `models/`."""
    return any(root.glob(f"{FOLDER}/*/{PARAMS}"))


def of_several(rule: dict[str, Any]) -> dict[str, Any]:
    """The rule with the check that stands for all models, where it names that of the model at the top."""
    parameters = dict(rule.get("parameters") or {})
    checks = parameters.get("required_status_checks")
    if checks:
        named = [{**one, "context": OF_ALL if one["context"] == OF_ONE else one["context"]} for one in checks]
        return {**rule, "parameters": {**parameters, "required_status_checks": named}}
    return rule


def branch(target: Target) -> Finding:
    """Whether the rules that apply to the branch, from any ruleset, are at least as strict as the file."""
    ruleset = wanted(target.root)
    there = list(target.github.pages(f"rules/branches/{target.branch_path}"))
    missing = list(dict.fromkeys(lack for rule in ruleset["rules"] for lack in missing_from(rule, there)))
    single = of_a_matrix(target.root, there)
    if single:
        missing.append(f"waits for jobs of single versions, which not every run has: {', '.join(single)}")
    if not missing:
        return Finding("on", f"{target.branch} is protected as {FILE} says")
    return Finding(
        "off",
        f"{target.branch}: {'; '.join(missing)}",
        f"“Import a ruleset” at {target.page}/settings/rules, with {FILE}",
        lambda: store(target.github, ruleset),
    )


def of_a_matrix(root: Path, there: list[dict[str, Any]]) -> list[str]:
    """The required checks that are a job with one value of its matrix: where no run has it, a merge waits for ever."""
    texts = [path.read_text(encoding="utf-8") for path in root.glob(".github/workflows/*.y*ml")]
    names = [re.split(r"\$\{\{.*?\}\}", name) for text in texts for name in MATRIX.findall(text)]
    # A name that is one expression and nothing else could be any check's.
    patterns = [re.compile(".+".join(map(re.escape, parts))) for parts in names if any(parts)]
    checks = [one for rule in there for one in (rule.get("parameters") or {}).get("required_status_checks", [])]
    return sorted({one["context"] for one in checks if any(each.fullmatch(one["context"]) for each in patterns)})


def missing_from(rule: dict[str, Any], there: list[dict[str, Any]]) -> Iterator[str]:
    """What a rule requires and no existing rule does, in words."""
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
    """Whether a parameter is at least as strict: required and on, a number not lower, a choice not wider."""
    if isinstance(want, bool):
        return bool(have) or not want
    if isinstance(want, int):
        return (have or 0) >= want
    if isinstance(want, list) and all(isinstance(one, str) for one in want):
        return have is not None and set(have) <= set(want)
    return True  # required checks are compared by name; other types have no order


def store(github: GitHub, ruleset: dict[str, Any]) -> None:
    """Create the file's ruleset, or update the one with its name."""
    known = [one for one in github.pages("rulesets", includes_parents="false") if one["name"] == ruleset["name"]]
    if known:
        github.put(f"rulesets/{known[0]['id']}", ruleset)
    else:
        github.post("rulesets", ruleset)


def offline(root: Path) -> Finding:
    return Finding("unseen", f"not checked; {FILE} has {len(wanted(root)['rules'])} rules")


ABSENT = (
    "no rules for a private repository on this plan (GitHub Pro, Team or Enterprise have them): nothing keeps a red "
    "pull request from being merged, but the release compares again and refuses a worse model"
)


def asked_for_all(target: Target) -> Finding:
    """Whether the workflows of a repository with several models ask for each."""
    if not several(target.root):
        return Finding("on", "the repository has one model")
    try:
        value = str(target.github.get(f"actions/variables/{VARIABLE}")["value"])
    except GitHubError as error:
        if error.code != 404 or not target.is_owner:
            raise
        value = ""
    if value:
        return Finding("on", f"each model has jobs of its own ({VARIABLE})")
    return Finding(
        "off",
        f"{VARIABLE} is not set: review is red, and release is about one model",
        f"“New repository variable” at {target.page}/settings/variables/actions: {VARIABLE} = true",
        lambda: target.github.post("actions/variables", {"name": VARIABLE, "value": "true"}),
    )


CHECKS = (
    Check("branch rules", branch, offline=offline, absent=ABSENT),
    Check("several models", asked_for_all),
)

"""Who must look at which files, and whether weaknesses are found and can be told."""

from __future__ import annotations

from pathlib import Path

from mainline.doctor.finding import NOT_SHOWN, Check, Finding, Ground
from mainline.github import GitHubError

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")


def code_owners(ground: Ground) -> Finding:
    try:
        errors = ground.github.get("codeowners/errors")["errors"]
    except GitHubError as error:
        if error.code != 404:
            raise
        return Finding("off", f"no {PLACES[0]} on {ground.branch}: nobody must look at the gates", "write and merge it")
    if not errors:
        return Finding("on", "every line of CODEOWNERS has its owner")
    first = errors[0]
    more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
    line = f"{first['path']}:{first['line']}: {first['kind']}{more}"
    hint = first.get("suggestion") or "name a person or team with write access"
    return Finding("off", line, f"{hint}: {ground.page}/edit/{ground.branch}/{first['path']}")


def offline(root: Path) -> Finding:
    """Whether there is a file, and every pattern in it has somebody."""
    file = next((root / place for place in PLACES if (root / place).is_file()), None)
    if file is None:
        return Finding("off", f"no {PLACES[0]}: nobody must look at the gates", "write it")
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        words = line.partition("#")[0].split()
        if words and not any("@" in word for word in words[1:]):
            return Finding("off", f"{file.relative_to(root)}:{number}: {words[0]} has no owner", "name one: @somebody")
    return Finding("unseen", "every line has an owner; whether GitHub knows them is not seen")


def reporting(ground: Ground) -> Finding:
    if not ground.public:
        return Finding("on", "a private repository has no strangers to report")
    if ground.github.get("private-vulnerability-reporting")["enabled"]:
        return Finding("on", "a stranger can report a weakness in private")
    return Finding(
        "off",
        "a stranger can report a weakness in public only",
        f"“Private vulnerability reporting” at {ground.page}/settings/security_analysis",
        lambda: ground.github.put("private-vulnerability-reporting"),
    )


def alerts(ground: Ground) -> Finding:
    try:
        ground.github.get("vulnerability-alerts")
    except GitHubError as error:
        if error.code != 404 or not ground.is_owner:
            raise
        return Finding(
            "off",
            "nobody is told of a weak dependency",
            f"“Dependabot alerts” at {ground.page}/settings/security_analysis",
            lambda: ground.github.put("vulnerability-alerts"),
        )
    return Finding("on", "a weak dependency is told")


def secrets(ground: Ground) -> Finding:
    now = ground.github.get("").get("security_and_analysis")
    names = ("secret_scanning", "secret_scanning_push_protection")
    if not now:
        return Finding("unseen", NOT_SHOWN)
    off = [name for name in names if (now.get(name) or {}).get("status") != "enabled"]
    if not off:
        return Finding("on", "a secret in a push is refused")
    change = {"security_and_analysis": {name: {"status": "enabled"} for name in off}}
    return Finding(
        "off",
        "a secret that is pushed stays",
        f"“Secret scanning” at {ground.page}/settings/security_analysis",
        (lambda: ground.github.patch("", change)) if ground.public else None,  # elsewhere it is bought
    )


CHECKS = (
    Check("code owners", code_owners, offline=offline),
    Check("weaknesses reported", reporting, necessary=False),
    Check("dependencies watched", alerts, necessary=False),
    Check("secrets watched", secrets, necessary=False),
)

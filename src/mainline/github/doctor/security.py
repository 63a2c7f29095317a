"""Whether weaknesses are found, and can be told."""

from __future__ import annotations

from mainline.github.client import GitHubError
from mainline.github.doctor.check import NOT_SHOWN, Check, Finding, Ground


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
    Check("weaknesses reported", reporting, necessary=False),
    Check("dependencies watched", alerts, necessary=False),
    Check("secrets watched", secrets, necessary=False),
)

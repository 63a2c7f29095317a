"""Whether vulnerabilities are found, and can be reported."""

from __future__ import annotations

from mainline.github.client import GitHubError
from mainline.github.comment import cml_program
from mainline.github.doctor.check import NOT_SHOWN, Check, Finding, Target


def graph(target: Target) -> Finding:
    """Whether GitHub knows the dependencies: off in new repositories, and without it no new one is reviewed."""
    try:
        target.github.get("dependency-graph/sbom")
    except GitHubError as error:
        if error.code != 404 or not (target.public or target.is_owner):
            raise
        return Finding(
            "off",
            "off: security.yml does not review new dependencies",
            f"“Dependency graph” at {target.page}/settings/security_analysis",
            # The same switch in GitHub's API: it turns on both.
            lambda: target.github.put("vulnerability-alerts"),
        )
    return Finding("on", "GitHub knows the dependencies")


def reporting(target: Target) -> Finding:
    if not target.public:
        return Finding("on", "not needed in a private repository")
    if target.github.get("private-vulnerability-reporting")["enabled"]:
        return Finding("on", "anyone can report a vulnerability in private")
    return Finding(
        "off",
        "vulnerabilities can be reported in public only",
        f"“Private vulnerability reporting” at {target.page}/settings/security_analysis",
        lambda: target.github.put("private-vulnerability-reporting"),
    )


def alerts(target: Target) -> Finding:
    try:
        target.github.get("vulnerability-alerts")
    except GitHubError as error:
        if error.code != 404 or not target.is_owner:
            raise
        return Finding(
            "off",
            "no alert about vulnerable dependencies",
            f"“Dependabot alerts” at {target.page}/settings/security_analysis",
            lambda: target.github.put("vulnerability-alerts"),
        )
    return Finding("on", "GitHub alerts about vulnerable dependencies")


def cml(target: Target) -> Finding:
    """Which program of CML may run with a token that writes. Comments are posted either way."""
    try:
        target.github.get(f"actions/variables/{cml_program.DIGEST}")
    except GitHubError as error:
        if error.code != 404 or not target.is_owner:
            raise
        return Finding("on", f"{cml_program.VERSION} from its source, if all of its files have the known SHA-256")
    return Finding("on", f"only the program of {cml_program.DIGEST} posts comments")


def secrets(target: Target) -> Finding:
    now = target.github.get("").get("security_and_analysis")
    names = ("secret_scanning", "secret_scanning_push_protection")
    if not now:
        return Finding("unseen", NOT_SHOWN)
    off = [name for name in names if (now.get(name) or {}).get("status") != "enabled"]
    if not off:
        return Finding("on", "GitHub refuses a push with a secret")
    change = {"security_and_analysis": {name: {"status": "enabled"} for name in off}}
    return Finding(
        "off",
        "a secret in a push is not detected",
        f"“Secret scanning” at {target.page}/settings/security_analysis",
        (lambda: target.github.patch("", change)) if target.public else None,  # private repositories need a paid plan
    )


GRAPH = Check("dependency graph", graph)
CHECKS = (
    Check("vulnerability reports", reporting, necessary=False),
    Check("dependency alerts", alerts, necessary=False),
    Check("secret scanning", secrets, necessary=False),
    Check("CML", cml, necessary=False),
)

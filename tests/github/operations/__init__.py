"""What the double can answer, a module a part of the API; importing it registers them all."""

from tests.github.operations import actions, checks, deployments, issues, pulls, repos, rules

__all__ = ["actions", "checks", "deployments", "issues", "pulls", "repos", "rules"]

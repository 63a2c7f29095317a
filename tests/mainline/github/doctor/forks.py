"""A fork as its owner finds it on the first day: on GitHub's side the double, on this side a checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mainline.github.client import GitHub
from mainline.github.doctor.check import Target
from tests.bounds import HANG
from tests.github.double import GitHubDouble
from tests.github.state import Repository

TOP = Path(__file__).resolve().parents[4]
RULESET = ".github/rulesets/main.json"
WORKFLOW = """\
on: pull_request
jobs:
  review:
    steps:
      - uses: actions/checkout@0000000000000000000000000000000000000000 # v1
      - uses: somebody/setup-thing@1111111111111111111111111111111111111111 # v1
      - uses: ./.github/actions/setup
"""


@dataclass
class Fork:
    """A repository whose every setting is as a fork begins with, and its checkout."""

    github: GitHubDouble
    repository: Repository
    root: Path
    token: str

    @classmethod
    def begin(cls, github: GitHubDouble, root: Path, name: str = "team/model") -> Fork:
        repository = github.repository(name, fork_of=github.repository("upstream/model"))
        fork = cls(github, repository, root, github.token("admin", "team"))
        fork.write(".github/workflows/review.yml", WORKFLOW)
        fork.write(".github/CODEOWNERS", "* @team\n")
        fork.write(RULESET, (TOP / RULESET).read_text(encoding="utf-8"))
        repository.commit("heads/main", {".github/CODEOWNERS": b"* @team\n"}, "The fork")
        repository.workflow(".github/workflows/review.yml", "review")
        repository.workflow(".github/workflows/monitor.yml", "monitor", "disabled_fork")
        return fork

    @property
    def target(self) -> Target:
        """The repository as the owner's token sees it now."""
        return Target(GitHub(self.github.api, self.token, self.repository.full_name), self.root)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def doctor(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The verb in a process of its own, without a site's packages: it needs none."""
        given = {"GITHUB_API_URL": self.github.api, "GITHUB_REPOSITORY": self.repository.full_name}
        return doctor(self.root, *arguments, **{**given, "GITHUB_TOKEN": self.token, **variables})


def doctor(root: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    git = Path(shutil.which("git") or "git").parent
    # Of this machine's environment nothing but git: no gh that is signed in, no token.
    environment = {"PATH": str(git), "HOME": str(root), "PYTHONPATH": str(TOP / "src"), "LANG": "C.UTF-8", **variables}
    environment["GH_CONFIG_DIR"] = os.fspath(root)
    return subprocess.run(
        [sys.executable, "-S", "-m", "mainline", "doctor", *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )

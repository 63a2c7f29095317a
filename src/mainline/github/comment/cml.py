"""CML's command line, which posts the comment.

It gets an environment of its own, so that it neither reads the runner's variables nor reads or changes git's settings
on the machine (CML writes `safe.directory = *` into them).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mainline.github.comment.cml_program import FOLDER, program

SECONDS = 90.0
FIRST_PAGE = 30  # comments that CML reads: it never asks for the next page
PASSED_ON = (
    "PATH",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "NODE_EXTRA_CA_CERTS",
)


@dataclass(frozen=True)
class Cml:
    """`server` is what CML derives the API's address from; it has no option for another."""

    executable: str
    server: str
    repository: str
    token: str

    @classmethod
    def found(
        cls, api: str, repository: str, token: str, environment: Mapping[str, str], folder: Path = FOLDER
    ) -> tuple[Cml | None, str]:
        """CML if it can be used, or None and the reason; it is downloaded where it is not in the folder."""
        server = environment.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/")
        if api != api_of(server):
            return None, f"CML would use {api_of(server)}, but the API is at {api}"
        executable, why = program(environment, folder)
        return (cls(str(executable), server, repository, token), "") if executable else (None, why)

    def comment(self, body: str, number: int, title: str, sha: str, scratch: Path) -> str | None:
        """Create or update the comment with this title; the error, or None."""
        report = scratch / "comment.md"
        report.write_text(body, encoding="utf-8")
        call = [self.executable, "comment", "create", "--driver=github", f"--repo={self.server}/{self.repository}"]
        call += ["--publish=false", f"--watermark-title={title}", f"--target=pr/{number}", "--update", str(report)]
        variables = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        variables |= {
            "HOME": str(scratch),
            "GIT_CONFIG_GLOBAL": str(scratch / "gitconfig"),
            "GITHUB_REPOSITORY": self.repository,
            "GITHUB_SHA": sha,  # goes into the watermark
            "REPO_TOKEN": self.token,
            "ITERATIVE_DO_NOT_TRACK": "1",
        }
        try:
            done = subprocess.run(
                call, cwd=scratch, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=SECONDS, check=False, errors="replace",
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"CML did not finish in {SECONDS:.0f} s"
        except OSError as error:
            return f"CML did not start: {error}"
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
            return f"CML ended with status {done.returncode}: {last.replace(self.token, '***')[:300]}"
        return None


def api_of(server: str) -> str:
    """The address of the API that CML uses for a repository on this server."""
    return "https://api.github.com" if server == "https://github.com" else f"{server}/api/v3"

"""The clone of the demo: its own files, its own state, and the commands called there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mainline.errors import ConfigurationError, ExternalError
from mainline.runtime import git
from mainline.runtime.parent import die_with_parent, ending_with_parent

# Variables that point to other machines, or to the state of the checkout.
FOREIGN = ("GITHUB_", "GH_", "MLFLOW_TRACKING_", "MAINLINE_", "GIT_")
KEPT = ("MAINLINE_ENGINE", "MAINLINE_BASE")
END_SECONDS = 60
SETTINGS = {
    "user.name": "Mainline demo",
    "user.email": "demo@mainline.invalid",
    "commit.gpgsign": "false",
    "core.hooksPath": "/dev/null",
}


@dataclass(frozen=True)
class Said:
    """The exit status and the output of a command."""

    status: int
    out: str
    err: str

    @property
    def why(self) -> str:
        """The reason of a failure: the last message of the command, at most the first lines of two paragraphs."""
        _, there, last = f"\n{self.err}".rpartition("\nmainline: ")
        if not there:
            return (self.err or self.out).strip()[-300:] or "nothing"
        first, _, rest = last.partition("\n")
        return " ".join([first, *rest.strip().splitlines()[:1]])

    def line(self, *starts: str) -> str:
        """The first line of the output that begins with one of `starts`, else the first line."""
        lines = [line.strip() for line in self.out.splitlines() if line.strip()]
        return next((line for line in lines if line.startswith(starts)), lines[0] if lines else "")


@dataclass
class Scratch:
    """`variables` are set for every command; `log` gets all output."""

    root: Path
    log: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def state(self) -> Path:
        return self.root / ".mainline"

    def call(self, *words: str, check: tuple[int, ...] = (0,)) -> Said:
        """Call a command of the clone's own code; raises ExternalError if its status is not in `check`."""
        command = ending_with_parent([sys.executable, "-m", "mainline", *words])
        # In its own session: an interrupt of the demo reaches it only once, from here.
        with subprocess.Popen(
            command, cwd=self.root, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL, text=True, errors="replace", start_new_session=True, preexec_fn=die_with_parent,
        ) as process:  # fmt: skip
            try:
                out, err = process.communicate()
            except BaseException:
                ended(process)
                raise
        result = Said(process.returncode, out, err)
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ mainline {' '.join(words)}\n{err}{out}(exit {result.status})\n\n")
        if result.status not in check:
            raise ExternalError(
                f"`mainline {words[0]}` ended with status {result.status}, see {self.log}: {result.why}"
            )
        return result

    def environment(self) -> dict[str, str]:
        given = {
            name: value for name, value in os.environ.items() if name in KEPT or not name.startswith(FOREIGN)
        } | self.variables
        return {**given, "PYTHONPATH": os.pathsep.join([str(self.root / "src"), str(self.root), *outside(given)])}

    def git(self, *words: str) -> str:
        """Raises ExternalError with the message of git."""
        return run_git(self.root, *words)

    def commit(self, why: str) -> None:
        self.git("commit", "--quiet", "--all", "--message", why)


def outside(given: Mapping[str, str]) -> list[str]:
    """The import path of Mainline, if it is not part of the project, such as in a test."""
    return [path for path in given.get("PYTHONPATH", "").split(os.pathsep) if path]


def cloned(root: Path, folder: Path) -> Scratch:
    """A new clone of the checkout's commit below `folder`, as its branch `main`, without remotes."""
    commit = git.commit_of(root, "HEAD") if git.is_top(root) else None
    if commit is None:
        raise ConfigurationError("the demo runs in a clone: this folder is not the top of a git checkout with a commit")
    checkout = folder / "checkout"
    shutil.rmtree(checkout, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    run_git(folder, "clone", "--quiet", "--no-checkout", "--local", str(root), str(checkout))
    run_git(checkout, "remote", "remove", "origin")
    for name, value in SETTINGS.items():
        run_git(checkout, "config", name, value)
    run_git(checkout, "checkout", "--quiet", "-B", "main", commit)
    for branch in (git.git(checkout, "for-each-ref", "--format=%(refname:short)", "refs/heads") or "").split():
        if branch != "main":
            run_git(checkout, "branch", "--quiet", "-D", branch)
    log = folder / "log.txt"
    log.write_text("", encoding="utf-8")
    return Scratch(checkout, log)


def run_git(root: Path, *words: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", *words], cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ExternalError(f"git {words[0]} failed in {root}: {(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()


def ended(process: subprocess.Popen[str]) -> None:
    """Interrupt the process so that it can clean up; kill it if that takes too long."""
    until = time.monotonic() + END_SECONDS
    process.send_signal(signal.SIGINT)
    try:
        process.wait(until - time.monotonic())
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

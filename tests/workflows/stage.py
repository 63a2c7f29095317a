"""The shop of `tests/projects.py` with this repository's workflows in it, on a stage of its own.

Runs share this environment instead of installing one: what a test pays for is the run.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests import warm
from tests.pipelines.shops import LEAN
from tests.projects import TOP, Project
from tests.workflows import events
from tests.workflows.act import Ran, Rehearsal

COPIED = (".github", "Makefile", "uv.lock", "pyproject.toml")
# Each job checks out hundreds of small files: on a disk, writing them takes more than all else that git does.
MEMORY, ENOUGH = Path("/dev/shm"), 1 << 30


def environment() -> str:
    """Where runs find their programs."""
    return str(Path(warm.python()).parents[1])


class Stage:
    """A checkout to commit in, and the rehearsal that its events are sent to."""

    def __init__(self, folder: Path, *also: str) -> None:
        """`also` names what else of this repository the shop holds."""
        self.shop = Project(folder / "shop", with_git=False)
        self.shop.edit("params.yaml", *LEAN)
        self.shop.edit(".gitignore", ("reports/", "reports/\n.venv/"))
        for name in (*COPIED, *also):
            if (TOP / name).is_dir():
                shutil.copytree(TOP / name, self.shop.root / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(TOP / name, self.shop.root / name)
        self.shop.init()
        self.shop.commit("The shop")
        in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH
        # Kept, since it is removed with this.
        self.folder = tempfile.TemporaryDirectory(
            prefix="mainline-stage-", dir=MEMORY if in_memory else folder, ignore_cleanup_errors=True
        )
        self.rehearsal = Rehearsal(Path(self.folder.name), self.shop.root)

    @property
    def origin(self) -> events.Origin:
        return self.rehearsal.origin

    def branch(self, name: str) -> Project:
        """The checkout on a new branch from main."""
        self.shop.git("checkout", "--quiet", "--force", "-B", name, "main")
        self.shop.git("clean", "--quiet", "--force", "-d")
        return self.shop

    def pull(self, *, message: str = "A change", number: int = 7, **details: Any) -> events.Event:
        """Commit what lies in the checkout and open (or update) a pull request of it."""
        head = self.shop.commit(message)
        self.origin.receive(self.shop.root, head, f"refs/pull/{number}/head")
        branch = self.shop.git("rev-parse", "--abbrev-ref", "HEAD")
        return events.pull_request(self.origin, head, number=number, branch=branch, **details)

    def push(self, message: str = "A change") -> events.Event:
        """Commit what lies in the checkout, if anything, and push its branch."""
        if self.shop.git("status", "--porcelain"):
            self.shop.commit(message)
        branch = self.shop.git("rev-parse", "--abbrev-ref", "HEAD")
        before = self.origin.fetch(self.shop.root, branch)
        return events.push(self.origin, branch, before, message)

    def review(self, event: events.Event, run: str | None = None) -> Ran:
        return self.rehearsal.run(event, job="review", run=run, REHEARSAL_ENVIRONMENT=environment())

    @property
    def cached(self) -> list[str]:
        """Scope and key of every cache that is kept."""
        kept = (self.rehearsal.folder / "cache").glob("*/*/*.tar")
        return sorted(f"{path.parent.parent.name} {path.stem}".replace("%2F", "/") for path in kept)
